//! Where values are kept: the [`Store`] trait, the [`MemoryStore`], and what a store may answer.
//!
//! A store maps a [`Key`] to a value that is typed and shared, never serialised: what lies in memory is
//! what a reader gets, one reference-counted clone away. A remote store brings its own codec at its edge.
//!
//! The trait has two sides. [`Store::lookup`] is synchronous and is all that a hit in memory costs; a store
//! that has to ask somebody answers [`Lookup::Remote`] and is asked again through the asynchronous
//! [`Store::get`]. All writes go through [`Store::update`], an atomic read-modify-write: inserting,
//! replacing only what is still there and removing are closures of it, so a writer can never undo the work
//! of a newer one. Where nothing has to be waited for, [`Store::update_now`] is its synchronous side.

use std::{future::Future, time::Duration};

use crate::{key::Key, ledger::Ledger};

mod erased;
mod error;
mod memory;
#[cfg(test)]
pub(crate) mod test_value;

pub(crate) use self::erased::BoxStore;
pub use self::error::BuildError;
pub use self::memory::{MemoryStats, MemoryStore, MemoryStoreBuilder};
pub use crate::error::StoreError;

/// A value that a [`Store`] can hold. Cloning it must be cheap (an `Arc` inside).
pub trait Stored: Clone + Send + Sync + 'static {
    /// The bytes of the key that the value was stored under, compared at each lookup: two keys with the
    /// same fingerprint never answer for one another.
    fn key(&self) -> &[u8];

    /// The memory that the value holds alive on the heap, in bytes: every buffer, every `Arc`'s counts. What
    /// the store adds for the slot is the store's to know.
    fn weight(&self) -> usize;
}

/// The answer of the synchronous side of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<V> {
    /// The value, at hand.
    Found(V),
    /// The store knows that it has no such value.
    Absent,
    /// The store has to ask elsewhere: call [`Store::get`].
    Remote,
}

/// What the closure of [`Store::update`] wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<V> {
    /// Leave things as they are.
    Keep,
    /// Store this value, in place of any other.
    Put {
        /// The value.
        value: V,
        /// How long the value can be of use: a store that expires by itself may drop it afterwards.
        retain: Duration,
    },
    /// Remove what is there.
    Remove,
}

/// What [`Store::update`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Updated {
    /// Nothing: the closure said [`Change::Keep`], or there was nothing to remove.
    Kept,
    /// The value was stored.
    Stored,
    /// The value is heavier than the store admits; what was there under its key is gone.
    Refused,
    /// What was there was removed.
    Removed,
}

/// A place for values of type `V`.
///
/// Implementations must make [`update`](Self::update) atomic for one key: what the closure is shown is
/// what its answer replaces. They may call it several times until that holds. The closure should be short
/// and must not call the store.
pub trait Store<V: Stored>: Send + Sync + 'static {
    /// Looks a value up without waiting for anything.
    fn lookup(&self, key: &Key) -> Lookup<V>;

    /// The heaviest value that [`update`](Self::update) admits, in bytes of [`Stored::weight`]. What is
    /// heavier need not be brought.
    fn max_entry(&self) -> usize {
        usize::MAX
    }

    /// What was invalidated of the values: one ledger for all who share the store, so that each of them learns
    /// what the others invalidate. By default a new one, for a store with a single user.
    fn ledger(&self) -> Ledger {
        Ledger::new()
    }

    /// Removes the values that `is_dead` says are of no more use, as far as the store can go through its values.
    /// Returns how many it went through; 0, as by default, if it cannot.
    fn sweep(&self, is_dead: &mut dyn FnMut(&V) -> bool) -> usize {
        let _ = is_dead;
        0
    }

    /// Looks a value up, waiting for a remote store where there is one.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<V>, StoreError>> + Send;

    /// Changes what stands under `key`, atomically, if that needs no waiting: the synchronous side of
    /// [`update`](Self::update). A store that has to ask somebody answers `None` and has not called the
    /// closure, as this method does unless it is overridden.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    fn update_now<F>(&self, key: &Key, change: F) -> Option<Result<Updated, StoreError>>
    where
        F: FnMut(Option<&V>) -> Change<V> + Send,
    {
        let _ = (key, change);
        None
    }

    /// Changes what stands under `key`, atomically. The [key](Stored::key) of a value that is put must be
    /// the bytes of `key`, or it will not be found.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time. Whether the change took place is then
    /// unknown.
    fn update<F>(
        &self,
        key: &Key,
        change: F,
    ) -> impl Future<Output = Result<Updated, StoreError>> + Send
    where
        F: FnMut(Option<&V>) -> Change<V> + Send;
}
