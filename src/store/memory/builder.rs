use std::{fmt, marker::PhantomData, num::NonZero, thread::available_parallelism};

use super::{MemoryStore, slot::overhead};
use crate::store::{BuildError, Stored};

const MIB: usize = 1 << 20;
const DEFAULT_CAPACITY: usize = 64 * MIB;
const DEFAULT_MAX_ENTRY: usize = 2 * MIB;
const DEFAULT_ESTIMATED_ENTRY: usize = 8 * 1024;

/// The heaviest entry takes at most this part of its shard, so that one write never empties a shard. It is
/// also what makes the entry fit: `quick_cache` silently refuses what is heavier than the
/// [share](super::slot::HOT) of a shard that is for useful values.
const ENTRIES_PER_SHARD: usize = 4;

const SHARDS_PER_CORE: usize = 4;
const MOST_SHARDS: usize = 64;

/// `quick_cache` remembers evicted keys, half as many as the entries it is told to expect, and a memory
/// takes a slot. With at least this much per entry they cost no more than 4 % of the capacity.
const LEAST_ESTIMATE: usize = 1024;

/// Settings of a [`MemoryStore`], see [`MemoryStore::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct MemoryStoreBuilder<V> {
    capacity: usize,
    max_entry: Option<usize>,
    estimated_entry: usize,
    values: PhantomData<fn() -> V>,
}

impl<V: Stored> MemoryStoreBuilder<V> {
    pub(super) fn new() -> Self {
        Self {
            capacity: DEFAULT_CAPACITY,
            max_entry: None,
            estimated_entry: DEFAULT_ESTIMATED_ENTRY,
            values: PhantomData,
        }
    }

    /// The most that the store may weigh, in bytes: the values and their share of the tables. 64 MiB unless
    /// set. It must be a little more than four times `max_entry`.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes;
        self
    }

    /// The heaviest value that is admitted, in bytes of its [weight](Stored::weight). 2 MiB unless set, or
    /// what fits a capacity that is too small for that.
    ///
    /// The store is divided into shards, each with its own lock and its own part of the capacity, of at least
    /// four such values: the larger they are, the fewer shards there can be for the cores to share.
    pub fn max_entry(mut self, bytes: usize) -> Self {
        self.max_entry = Some(bytes);
        self
    }

    /// What a value will weigh on average, as a guess, in bytes. 8 KiB unless set. A few times too much or
    /// too little does no harm; less than 1 KiB counts as that.
    pub fn estimated_entry(mut self, bytes: usize) -> Self {
        self.estimated_entry = bytes;
        self
    }

    /// The store. Nothing is allocated in advance but its locks.
    ///
    /// # Errors
    /// When the capacity is less than what takes four of the heaviest values, or a size is zero.
    pub fn build(self) -> Result<MemoryStore<V>, BuildError> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Ok(MemoryStore::planned(&self.plan(cores)?))
    }

    pub(super) fn plan(&self, cores: usize) -> Result<Plan, BuildError> {
        let fitting = (self.capacity / ENTRIES_PER_SHARD).saturating_sub(overhead::<V>());
        let max_entry = self
            .max_entry
            .unwrap_or(DEFAULT_MAX_ENTRY.min(fitting.max(1)));
        if max_entry == 0 {
            return Err(BuildError::MaxEntryIsZero);
        }
        if self.estimated_entry == 0 {
            return Err(BuildError::EstimatedEntryIsZero);
        }
        let shard_needed = max_entry
            .saturating_add(overhead::<V>())
            .saturating_mul(ENTRIES_PER_SHARD);
        if fitting == 0 {
            return Err(BuildError::CapacityForNothing {
                capacity: self.capacity,
                capacity_needed: overhead::<V>()
                    .saturating_add(1)
                    .saturating_mul(ENTRIES_PER_SHARD),
            });
        }
        if max_entry > fitting {
            return Err(BuildError::CapacityTooSmall {
                capacity: self.capacity,
                max_entry,
                capacity_needed: shard_needed,
                max_entry_fitting: fitting,
            });
        }
        let shards = shards(self.capacity / shard_needed, cores);
        let estimate = self
            .estimated_entry
            .max(LEAST_ESTIMATE)
            .saturating_add(overhead::<V>());
        Ok(Plan {
            shards,
            // Otherwise `quick_cache` rounds every shard up, and the sum is more than was asked for.
            capacity: self.capacity - self.capacity % shards,
            max_entry,
            estimated_items: self.capacity / estimate,
        })
    }
}

/// What the settings come to on a machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) shards: usize,
    pub(super) capacity: usize,
    pub(super) max_entry: usize,
    pub(super) estimated_items: usize,
}

/// As many shards as the cores can use, but no more than `fitting`. A power of two, as `quick_cache` would
/// round up to one.
fn shards(fitting: usize, cores: usize) -> usize {
    let wanted = cores
        .saturating_mul(SHARDS_PER_CORE)
        .clamp(1, MOST_SHARDS)
        .next_power_of_two();
    let fitting = 1 << fitting.max(1).ilog2();
    wanted.min(fitting)
}

impl<V> fmt::Debug for MemoryStoreBuilder<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("capacity", &self.capacity)
            .field("max_entry", &self.max_entry)
            .field("estimated_entry", &self.estimated_entry)
            .finish()
    }
}
