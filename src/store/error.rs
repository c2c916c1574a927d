/// Settings of a [`MemoryStoreBuilder`](super::MemoryStoreBuilder) that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The capacity is too small for an entry of even one byte.
    #[error(
        "a capacity of {capacity} bytes is too small for any entry: it takes at least {capacity_needed} bytes"
    )]
    CapacityForNothing {
        /// The capacity that was set, in bytes.
        capacity: usize,
        /// The smallest capacity for entries of one byte.
        capacity_needed: usize,
    },
    /// The capacity is too small for the largest entry to be admitted without emptying the store.
    #[error(
        "a capacity of {capacity} bytes is too small for entries of {max_entry} bytes: \
         it takes a capacity of {capacity_needed} bytes, or a `max_entry` of at most {max_entry_fitting} bytes"
    )]
    CapacityTooSmall {
        /// The capacity that was set, in bytes.
        capacity: usize,
        /// The largest entry that was asked for, in bytes.
        max_entry: usize,
        /// The smallest capacity for entries of that size.
        capacity_needed: usize,
        /// The largest entry for that capacity.
        max_entry_fitting: usize,
    },
    /// `max_entry` is zero, with which nothing can be stored.
    #[error("a `max_entry` of 0 bytes would store nothing: set 1 or more")]
    MaxEntryIsZero,
    /// `estimated_entry` is zero.
    #[error("an `estimated_entry` of 0 bytes is no estimate: set 1 or more")]
    EstimatedEntryIsZero,
}
