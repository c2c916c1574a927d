//! The table under a [`MemoryStore`](super::MemoryStore): `quick_cache`, keyed by fingerprint.

use std::hash::{BuildHasher, Hasher};

use quick_cache::{Lifecycle, OptionsBuilder, Weighter, sync::Cache};
use smallvec::SmallVec;

use super::builder::Plan;
use crate::{key::Key, store::Stored};

/// The share of a shard that `quick_cache` keeps for values that proved useful, and at the same time the
/// largest weight that it admits into the shard. This is its default, said here because we rely on it.
pub(super) const HOT: f64 = 0.97;

/// What `quick_cache` keeps for a slot beside the key, the value and its weight: the links of its lists, the
/// marks of its algorithm and padding.
const LINKS: usize = 16;

/// What a bucket of its hash table takes, index and control byte, at the average load: 5 bytes, 7 to 14
/// sixteenths of them in use.
const BUCKET: usize = 8;

/// The bytes that the table takes for one value of type `V`.
///
/// Both the slab of slots and the hash table grow by doubling, so a value's share lies between one slot and
/// two; this is the middle. For a pointer-sized `V` it is off by at most 28 bytes either way, which is 6 %
/// of a value of 400 bytes.
pub(super) const fn overhead<V>() -> usize {
    let slot = size_of::<u64>() + size_of::<Held<V>>() + LINKS;
    slot + slot / 2 + BUCKET
}

/// A value and what it weighs, overhead included. The weight is taken once: the cache's sums must not depend
/// on what a foreign [`Stored::weight`] answers the second time, nor eviction on reading the value.
#[derive(Clone)]
struct Held<V> {
    value: V,
    weight: u64,
}

pub(super) struct Slots<V: Stored> {
    cache: Cache<u64, Held<V>, ByWeight, Identity, Collect>,
}

impl<V: Stored> Slots<V> {
    pub(super) fn new(plan: &Plan) -> Self {
        let options = OptionsBuilder::new()
            .shards(plan.shards)
            .weight_capacity(plan.capacity as u64)
            .estimated_items_capacity(plan.estimated_items)
            .hot_allocation(HOT)
            .build()
            .expect("both mandatory options are set");
        Self {
            cache: Cache::with_options(options, ByWeight, Identity, Collect),
        }
    }

    /// The value under `key`, as a read that keeps it from eviction.
    pub(super) fn get(&self, key: &Key) -> Option<V> {
        let held = self.cache.get(&key.fingerprint())?;
        (held.value.key() == key.as_bytes()).then_some(held.value)
    }

    /// The value under `key`, as a look that counts for nothing.
    pub(super) fn peek(&self, key: &Key) -> Option<V> {
        let held = self.cache.peek(&key.fingerprint())?;
        (held.value.key() == key.as_bytes()).then_some(held.value)
    }

    /// Whatever value has this fingerprint.
    pub(super) fn peek_any(&self, fingerprint: u64) -> Option<V> {
        Some(self.cache.peek(&fingerprint)?.value)
    }

    /// Stores the value, which must not be heavier than the plan admits.
    ///
    /// Returned is what had to go, for the caller to drop outside of every lock.
    pub(super) fn put(&self, fingerprint: u64, value: V) -> Displaced<V> {
        let weight = (value.weight() + overhead::<V>()) as u64;
        let held = Held { value, weight };
        let mut displaced = Displaced::default();
        self.cache
            .insert_with_lifecycle(fingerprint, held.clone(), &mut displaced);
        // Room is made *before* a new value enters, but *after* one has taken the place of another (or of
        // the memory of an evicted one): then it can itself be the one that goes. As a new one it stays.
        if !self.cache.contains_key(&fingerprint) {
            self.cache
                .insert_with_lifecycle(fingerprint, held, &mut displaced);
        }
        displaced
    }

    pub(super) fn remove(&self, fingerprint: u64) -> Option<V> {
        let (_, held) = self.cache.remove(&fingerprint)?;
        Some(held.value)
    }

    pub(super) fn fingerprints(&self) -> impl Iterator<Item = u64> {
        self.cache.iter().map(|(fingerprint, _)| fingerprint)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (u64, V)> {
        self.cache
            .iter()
            .map(|(fingerprint, held)| (fingerprint, held.value))
    }

    /// What the shards can weigh together.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> u64 {
        self.cache.capacity()
    }

    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }

    pub(super) fn weight(&self) -> usize {
        usize::try_from(self.cache.weight()).unwrap_or(usize::MAX)
    }
}

/// Values that left the table in one write. `quick_cache` hands them over under the lock of a shard; they
/// are kept until that is released, because freeing megabytes under it would stop its readers.
pub(super) struct Displaced<V>(SmallVec<[(u64, V); 2]>);

impl<V> Displaced<V> {
    pub(super) fn add(&mut self, fingerprint: u64, value: V) {
        self.0.push((fingerprint, value));
    }

    /// Under which fingerprints they stood, other than this.
    pub(super) fn of_others(&self, fingerprint: u64) -> impl Iterator<Item = u64> {
        let of = self.0.iter().map(|(of, _)| *of);
        of.filter(move |of| *of != fingerprint)
    }
}

impl<V> Default for Displaced<V> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

#[derive(Clone)]
struct Collect;

impl<V> Lifecycle<u64, Held<V>> for Collect {
    type RequestState = Displaced<V>;

    fn on_evict(&self, displaced: &mut Displaced<V>, fingerprint: u64, held: Held<V>) {
        displaced.add(fingerprint, held.value);
    }
}

#[derive(Clone)]
struct ByWeight;

impl<V> Weighter<u64, Held<V>> for ByWeight {
    fn weight(&self, _: &u64, held: &Held<V>) -> u64 {
        held.weight
    }
}

/// Fingerprints are hashes already, under a seed that nobody outside knows.
#[derive(Clone, Copy, Default)]
struct Identity;

impl BuildHasher for Identity {
    type Hasher = Fingerprint;

    fn build_hasher(&self) -> Fingerprint {
        Fingerprint(0)
    }
}

struct Fingerprint(u64);

impl Hasher for Fingerprint {
    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    /// Not called for a `u64`; right for anything else all the same.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
