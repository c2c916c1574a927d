use std::fmt;

use crate::error::BoxError;

/// Why a store gave no answer.
///
/// After an error of [`Store::update`](super::Store::update) it is unknown whether the change took place.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct StoreError {
    kind: Kind,
    source: Option<BoxError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Timeout,
    Unavailable,
}

impl StoreError {
    /// The store did not answer in time.
    #[must_use]
    pub fn timeout() -> Self {
        Self {
            kind: Kind::Timeout,
            source: None,
        }
    }

    /// The store could not be asked, or answered nothing of use.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self {
            kind: Kind::Unavailable,
            source: Some(source.into()),
        }
    }

    /// Whether the store did not answer in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::Timeout
    }

    /// Whether the store could not be asked, or answered nothing of use.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == Kind::Unavailable
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the store did not answer in time",
            Self::Unavailable => "the store is unavailable",
        })
    }
}

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

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_store_error_tells_its_kind_and_keeps_its_source() {
        let error = StoreError::unavailable("connection refused");
        assert!(error.is_unavailable() && !error.is_timeout());
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
        assert_eq!(error.to_string(), "the store is unavailable");
        let error = StoreError::timeout();
        assert!(error.is_timeout() && !error.is_unavailable() && error.source().is_none());
    }
}
