//! The store in this process's memory.

use crate::clock::Clock;

/// A bounded store in the memory of this process. Clones are the same store.
#[derive(Clone, Debug)]
pub struct MemorySessions {
    clock: Clock,
}

/// A capacity that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a capacity of {capacity} bytes is too small for sessions: it takes at least {least} bytes"
)]
pub struct InvalidCapacity {
    capacity: usize,
    least: usize,
}
