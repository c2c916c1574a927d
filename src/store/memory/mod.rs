//! The store in this process's memory.

use std::{
    fmt,
    future::{Future, ready},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

mod builder;
mod slot;
#[cfg(test)]
mod tests;

pub use self::builder::MemoryStoreBuilder;
use self::{
    builder::Plan,
    slot::{Displaced, Slots},
};
use super::{Change, Lookup, Store, StoreError, Stored, Updated};
use crate::{
    key::Key,
    ledger::{Departure, Ledger},
};

/// Locks of writers. Two keys that share one wait for each other for the length of a closure.
const STRIPES: u64 = 128;

/// A bounded store in the memory of this process. Clones are the same store.
///
/// * It is weighed in bytes: each value's own [weight](Stored::weight) and its share of the tables. The sum
///   stays within the capacity.
/// * What is used seldom makes room for what is new (by the algorithm of [`quick_cache`]: a value read only
///   once does not displace those read often).
/// * A value heavier than `max_entry` is refused and counted, and what stood under its key is removed.
///   A value that is not refused is stored, whatever else there is.
/// * Nothing expires by itself: `retain` of a [`Change::Put`] is not looked at.
/// * Readers wait for no writer's closure; writers of one key wait for each other.
///
/// ```
/// # use tower_keep::store::{BuildError, MemoryStore, Stored};
/// # fn f<V: Stored>() -> Result<(), BuildError> {
/// let store: MemoryStore<V> = MemoryStore::builder()
///     .capacity(256 << 20)
///     .max_entry(8 << 20)
///     .build()?;
/// # Ok(()) }
/// ```
pub struct MemoryStore<V: Stored> {
    shared: Arc<Shared<V>>,
}

struct Shared<V: Stored> {
    slots: Slots<V>,
    /// Held while a value is read, changed and written, never by readers.
    writers: Box<[Mutex<()>]>,
    capacity: usize,
    max_entry: usize,
    evicted: AtomicU64,
    refused: AtomicU64,
    ledger: Ledger,
}

/// What a [`MemoryStore`] holds and has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStats {
    /// Values in the store.
    pub entries: usize,
    /// Their weight in bytes, the store's own tables included.
    pub weight: usize,
    /// The most that the weight can be, in bytes.
    pub capacity: usize,
    /// The heaviest value that is admitted, in bytes.
    pub max_entry: usize,
    /// Values that had to make room for others.
    pub evicted: u64,
    /// Values that were heavier than `max_entry`.
    pub refused: u64,
}

impl<V: Stored> MemoryStore<V> {
    /// A store of 64 MiB for values of up to 2 MiB.
    ///
    /// # Panics
    /// When a `V` itself, without what it points to, takes megabytes.
    #[must_use]
    pub fn new() -> Self {
        Self::builder()
            .build()
            .expect("the default capacity is 32 times the default `max_entry`")
    }

    /// Sets how much may be stored.
    pub fn builder() -> MemoryStoreBuilder<V> {
        MemoryStoreBuilder::new()
    }

    fn planned(plan: &Plan) -> Self {
        let shared = Shared {
            slots: Slots::new(plan),
            writers: (0..STRIPES).map(|_| Mutex::default()).collect(),
            capacity: plan.capacity,
            max_entry: plan.max_entry,
            evicted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            ledger: Ledger::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The most that the store can weigh, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// The heaviest value that is admitted, in bytes of its own [weight](Stored::weight).
    #[must_use]
    pub fn max_entry(&self) -> usize {
        self.shared.max_entry
    }

    /// What the store holds and has done. Each shard is asked in turn, so the figures may be a few writes
    /// apart.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        let shared = &*self.shared;
        MemoryStats {
            entries: shared.slots.len(),
            weight: shared.slots.weight(),
            capacity: shared.capacity,
            max_entry: shared.max_entry,
            evicted: shared.evicted.load(Ordering::Relaxed),
            refused: shared.refused.load(Ordering::Relaxed),
        }
    }

    /// Removes every value that is there when the call begins. An update under way at that time either has
    /// its result removed or sees that its value is gone.
    pub fn clear(&self) {
        for fingerprint in self.shared.slots.fingerprints() {
            let turn = self.shared.turn(fingerprint);
            let removed = self.shared.slots.remove(fingerprint);
            drop(turn);
            drop(removed);
        }
    }

    /// Calls `f` with every value that is there all the while, in no order; those that come or go meanwhile
    /// may be left out. No lock is held during the call.
    pub fn for_each(&self, mut f: impl FnMut(&V)) {
        self.shared.slots.all().for_each(|(_, value)| f(&value));
    }

    /// [`Store::update`], at once.
    fn change<F>(&self, key: &Key, mut change: F) -> Updated
    where
        F: FnMut(Option<&V>) -> Change<V>,
    {
        let shared = &*self.shared;
        // Freeing a large value takes its time: both are dropped after the lock.
        let (current, displaced);
        let turn = shared.turn(key.fingerprint());
        current = shared.slots.peek(key);
        let (updated, out) = match change(current.as_ref()) {
            Change::Put { value, .. } => shared.put(key, value),
            Change::Remove if current.is_some() => (Updated::Removed, shared.remove(key)),
            Change::Remove | Change::Keep => (Updated::Kept, Displaced::default()),
        };
        displaced = out;
        drop(turn);
        shared.count_evicted(key, &displaced);
        updated
    }
}

impl<V: Stored> Shared<V> {
    /// The right to write under this fingerprint. Nothing is left half done by a closure that panics, so
    /// poison means nothing.
    fn turn(&self, fingerprint: u64) -> impl Sized + use<'_, V> {
        let stripe = &self.writers[(fingerprint % STRIPES) as usize];
        stripe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: &Key, value: V) -> (Updated, Displaced<V>) {
        if value.weight() > self.max_entry {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let mut displaced = self.remove(key);
            displaced.add(key.fingerprint(), value);
            return (Updated::Refused, displaced);
        }
        (Updated::Stored, self.slots.put(key.fingerprint(), value))
    }

    fn remove(&self, key: &Key) -> Displaced<V> {
        let mut displaced = Displaced::default();
        if let Some(value) = self.slots.remove(key.fingerprint()) {
            displaced.add(key.fingerprint(), value);
        }
        displaced
    }

    /// Removes what stands there by now, if `is_dead` says so.
    fn remove_if(&self, fingerprint: u64, is_dead: &mut dyn FnMut(&V) -> bool) {
        let turn = self.turn(fingerprint);
        let current = self.slots.peek_any(fingerprint);
        let removed = match current.as_ref().is_some_and(is_dead) {
            true => self.slots.remove(fingerprint),
            false => None,
        };
        drop(turn);
        drop((current, removed));
    }

    /// Counts what was displaced by another key's value; a value replaced by its successor is no eviction.
    fn count_evicted(&self, key: &Key, displaced: &Displaced<V>) {
        for fingerprint in displaced.of_others(key.fingerprint()) {
            self.evicted.fetch_add(1, Ordering::Relaxed);
            let departures = self.ledger.departures();
            departures.note(fingerprint, Departure::Evicted);
        }
    }
}

impl<V: Stored> Store<V> for MemoryStore<V> {
    fn max_entry(&self) -> usize {
        Self::max_entry(self)
    }

    fn ledger(&self) -> Ledger {
        self.shared.ledger.clone()
    }

    fn sweep(&self, is_dead: &mut dyn FnMut(&V) -> bool) -> usize {
        let shared = &*self.shared;
        let mut seen = 0;
        for (fingerprint, value) in shared.slots.all() {
            seen += 1;
            if is_dead(&value) {
                shared.remove_if(fingerprint, is_dead);
            }
        }
        seen
    }

    fn lookup(&self, key: &Key) -> Lookup<V> {
        self.shared
            .slots
            .get(key)
            .map_or(Lookup::Absent, Lookup::Found)
    }

    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<V>, StoreError>> + Send {
        ready(Ok(self.shared.slots.get(key)))
    }

    fn update_now<F>(&self, key: &Key, change: F) -> Option<Result<Updated, StoreError>>
    where
        F: FnMut(Option<&V>) -> Change<V> + Send,
    {
        Some(Ok(self.change(key, change)))
    }

    async fn update<F>(&self, key: &Key, change: F) -> Result<Updated, StoreError>
    where
        F: FnMut(Option<&V>) -> Change<V> + Send,
    {
        Ok(self.change(key, change))
    }
}

impl<V: Stored> Clone for MemoryStore<V> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<V: Stored> Default for MemoryStore<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Stored> fmt::Debug for MemoryStore<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
