//! The breakers of keys: bounded, in shards that are locked for moments.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{
    breaker::{Breaker, BreakerState, Totals},
    sync::{Mutex, lock},
};

/// More shards than threads that are likely to look something up at one moment.
const MOST_SHARDS: usize = 16;
/// In a smaller shard a full one beside empty ones would be too likely.
const LEAST_KEYS: usize = 64;
/// How many breakers are looked at for one that can be given up for a newcomer.
const LOOKED_AT: usize = 16;

pub(super) struct Table {
    shards: Box<[Mutex<Shard>]>,
}

/// Counts of the table itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) keys: u64,
    pub(super) forgotten: u64,
    pub(super) overflowed: u64,
    /// What all breakers have seen, those that are forgotten too.
    pub(super) totals: Totals,
}

#[derive(Default)]
struct Shard {
    slots: Vec<Slot>,
    /// Where the breaker of a fingerprint is among the slots.
    places: HashMap<u64, usize, RandomState>,
    /// Where the search for room goes on.
    hand: usize,
    capacity: usize,
    counts: Counts,
}

struct Slot {
    fingerprint: u64,
    breaker: Breaker,
    /// Since the hand has passed.
    used: bool,
}

impl Table {
    /// For so many keys at most, in the sum of its shards rounded up.
    pub(super) fn new(max_keys: usize) -> Self {
        let max_keys = max_keys.max(1);
        let shards = 1 << (max_keys / LEAST_KEYS).clamp(1, MOST_SHARDS).ilog2();
        let shard = |_| {
            Mutex::new(Shard {
                capacity: max_keys.div_ceil(shards),
                ..Shard::default()
            })
        };
        Self {
            shards: (0..shards).map(shard).collect(),
        }
    }

    fn shard(&self, fingerprint: u64) -> &Mutex<Shard> {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are enough")]
        let index = fingerprint as usize & (self.shards.len() - 1);
        &self.shards[index]
    }

    /// The breaker of a key, made if there is none. None if there is no room, as no other one can be given up.
    pub(super) fn get(&self, fingerprint: u64, make: impl FnOnce() -> Breaker) -> Option<Breaker> {
        lock(self.shard(fingerprint)).get(fingerprint, make)
    }

    pub(super) fn breakers(&self) -> Vec<Breaker> {
        let all = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            let breakers = shard.slots.iter().map(|slot| slot.breaker.clone());
            breakers.collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(all).collect()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for shard in &self.shards {
            let shard = lock(shard);
            sum.keys += shard.slots.len() as u64;
            sum.forgotten += shard.counts.forgotten;
            sum.overflowed += shard.counts.overflowed;
            sum.totals.add(&shard.counts.totals);
            for slot in &shard.slots {
                sum.totals.add(&slot.breaker.totals());
            }
        }
        sum
    }
}

impl Shard {
    fn get(&mut self, fingerprint: u64, make: impl FnOnce() -> Breaker) -> Option<Breaker> {
        if let Some(&place) = self.places.get(&fingerprint) {
            let slot = &mut self.slots[place];
            slot.used = true;
            return Some(slot.breaker.clone());
        }
        let breaker = make();
        let slot = Slot {
            fingerprint,
            breaker: breaker.clone(),
            used: true,
        };
        if self.slots.len() < self.capacity {
            self.places.insert(fingerprint, self.slots.len());
            self.slots.push(slot);
            return Some(breaker);
        }
        let Some(place) = self.room() else {
            self.counts.overflowed += 1;
            return None;
        };
        let before = std::mem::replace(&mut self.slots[place], slot);
        self.places.remove(&before.fingerprint);
        self.places.insert(fingerprint, place);
        self.counts.forgotten += 1;
        self.counts.totals.add(&before.breaker.totals());
        Some(breaker)
    }

    /// A breaker that can be given up: one that is closed, if possible one that was not used lately. What is open, or
    /// was forced, is kept, or newcomers would open it.
    fn room(&mut self) -> Option<usize> {
        let mut used = None;
        for _ in 0..LOOKED_AT.min(self.slots.len()) {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[place];
            if slot.breaker.state() != BreakerState::Closed {
                continue;
            }
            if !std::mem::take(&mut slot.used) {
                return Some(place);
            }
            used = used.or(Some(place));
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::breaker::BreakerSettings;

    fn common() -> Breaker {
        Breaker::new("common", BreakerSettings::new()).unwrap()
    }

    fn get(table: &Table, fingerprint: u64) -> Option<Breaker> {
        table.get(fingerprint, || {
            common().sibling(fingerprint.to_string().into())
        })
    }

    #[test]
    fn a_key_keeps_its_breaker() {
        let table = Table::new(1000);
        get(&table, 7).unwrap().force_open();
        assert_eq!(get(&table, 7).unwrap().state(), BreakerState::ForcedOpen);
        assert_eq!(get(&table, 8).unwrap().state(), BreakerState::Closed);
        assert_eq!(table.counts().keys, 2);
        assert_eq!(table.breakers().len(), 2);
    }

    #[test]
    fn those_that_are_not_used_make_room() {
        let table = Table::new(3);
        for key in 0..3 {
            get(&table, key);
        }
        get(&table, 3);
        // The hand has taken their marks from all of them: only 1 is used after that.
        get(&table, 1);
        get(&table, 4);
        let mut names: Vec<_> = table
            .breakers()
            .iter()
            .map(|b| b.name().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["1", "3", "4"]);
        assert_eq!((table.counts().keys, table.counts().forgotten), (3, 2));
    }

    #[test]
    fn what_is_not_closed_is_kept_and_newcomers_find_no_room() {
        let table = Table::new(2);
        get(&table, 0).unwrap().force_open();
        get(&table, 1).unwrap().disable();
        assert!(get(&table, 2).is_none());
        assert_eq!(get(&table, 0).unwrap().state(), BreakerState::ForcedOpen);
        get(&table, 1).unwrap().reset();
        assert!(get(&table, 2).is_some());
        assert_eq!(
            (table.counts().forgotten, table.counts().overflowed),
            (1, 1)
        );
    }

    #[test]
    fn there_are_never_more_than_there_may_be_and_nothing_seen_is_lost() {
        let table = Table::new(200);
        for key in 0..10_000 {
            get(&table, key).unwrap().try_acquire().unwrap().success();
        }
        let counts = table.counts();
        assert_eq!(counts.keys, 200);
        assert_eq!(counts.forgotten, 9_800);
        assert_eq!(counts.totals.successes, 10_000);
    }
}
