//! The lock and the atomics of what threads share: the standard library's or, in unit tests under `--cfg shuttle`,
//! those of a scheduler which tries one interleaving after the other.

#[cfg(all(not(all(test, shuttle)), feature = "response-cache"))]
pub(crate) use std::sync::atomic::AtomicBool;
#[cfg(all(
    not(all(test, shuttle)),
    any(
        feature = "circuit-breaker",
        feature = "response-cache",
        feature = "retry",
        feature = "session"
    )
))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(all(test, shuttle)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(all(test, shuttle, feature = "response-cache"))]
pub(crate) use shuttle::sync::atomic::AtomicBool;
#[cfg(all(
    test,
    shuttle,
    any(
        feature = "circuit-breaker",
        feature = "response-cache",
        feature = "retry",
        feature = "session"
    )
))]
pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
#[cfg(all(test, shuttle))]
pub(crate) use shuttle::sync::{Mutex, MutexGuard};

/// Locks it, also after a panic of who held it: what is behind these locks is whole between two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
