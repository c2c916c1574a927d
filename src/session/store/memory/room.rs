//! What the sessions take, and how much that may be.

use super::{super::super::record::Record, InvalidCapacity, shards, slots, told, users};
use crate::sync::{AtomicU64, Ordering};

/// Without a word from anybody: room for some ninety thousand small sessions.
const CAPACITY: usize = 64 << 20;
/// For the smallest capacity the tables of few sessions must not be most of it.
const LEAST_CAPACITY: usize = 64 << 10;
/// A shard for so many bytes, between [`FEWEST_SHARDS`] and [`MOST_SHARDS`] of them.
const SHARD: usize = 256 << 10;
/// [`slots::BYTES_EACH`] counts on it.
const FEWEST_SHARDS: usize = 8;
/// More than threads that are likely to use the store at one moment.
const MOST_SHARDS: usize = 64;
/// So many shards for each part of the index of users.
const SHARDS_PER_PART: usize = 4;
/// The largest session is such a part of the capacity.
const LARGEST: usize = 16;

/// The counts of two `Arc`s.
const COUNTS: usize = 4 * size_of::<usize>();

/// How a capacity is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) capacity: usize,
    /// A power of two.
    pub(super) shards: usize,
    pub(super) parts: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self::of(CAPACITY)
    }
}

impl Plan {
    pub(super) fn new(capacity: usize) -> Result<Self, InvalidCapacity> {
        if capacity < LEAST_CAPACITY {
            return Err(InvalidCapacity {
                capacity,
                least: LEAST_CAPACITY,
            });
        }
        Ok(Self::of(capacity))
    }

    /// Of a capacity that is not too small.
    fn of(capacity: usize) -> Self {
        let wanted = (capacity / SHARD).clamp(FEWEST_SHARDS, MOST_SHARDS);
        let shards = 1 << wanted.ilog2();
        Self {
            capacity,
            shards,
            parts: shards / SHARDS_PER_PART,
        }
    }

    /// What the tables take where there are hardly any sessions.
    const fn fixed(&self) -> usize {
        self.shards * shards::LEAST_BYTES + self.parts * users::LEAST_BYTES + told::BYTES
    }

    pub(super) const fn largest(&self) -> usize {
        self.capacity / LARGEST
    }
}

/// What a session takes, its place in all tables included. Tables have free places; what counts is the most that a
/// session can take by that.
pub(super) fn weigh(record: &Record) -> usize {
    let in_list = record.user().map_or(0, |user| {
        // The index may still have the name of an earlier record.
        users::BYTES_EACH + user.name().len() + user.tenant().map_or(0, str::len) + COUNTS
    });
    record.weight() + slots::BYTES_EACH + in_list
}

/// The bytes of all sessions together, and of those that are over but not told of.
pub(super) struct Room {
    taken: AtomicU64,
    most: u64,
}

impl Room {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            taken: AtomicU64::new(0),
            most: plan.capacity.saturating_sub(plan.fixed()) as u64,
        }
    }

    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Takes so many bytes, if there are so many.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                let more = taken.checked_add(bytes as u64)?;
                (more <= self.most).then_some(more)
            });
        taken.is_ok()
    }

    /// What was taken as `before` bytes is to be `after`.
    pub(super) fn exchange(&self, before: usize, after: usize) -> bool {
        if after > before {
            return self.take(after - before);
        }
        self.give_back(before - after);
        true
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
}
