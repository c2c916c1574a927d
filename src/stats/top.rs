//! The keys that are hit most, in bounded memory.

mod sketch;

use std::collections::HashMap;

use self::sketch::Sketch;
use super::counters::{STRIPES, stripe};
use crate::sync::{Mutex, lock};

/// How many keys are followed where nothing else is said.
pub(crate) const DEFAULT_CAPACITY: usize = 32;

/// The keys that are hit most. However many there are, it follows a bounded number of them (in each stripe),
/// by [Space-Saving](Sketch).
///
/// Each thread writes to a stripe of its own, under a lock that is held for some ten nanoseconds: who counts does
/// not wait for another core unless there are more threads than stripes. Reading merges the stripes.
#[derive(Debug)]
pub(crate) struct Top([Stripe; STRIPES]);

/// Two cache lines, which processors fetch together, of its own: threads do not write beside one another.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe(Mutex<Sketch>);

/// A key that is among those that are hit most, and how often it was.
///
/// Who follows many keys in little memory cannot count all of them exactly. The key was hit `count` times at most,
/// and `count - at_most_too_many` times at least; the more a key stands out, the closer are the two. (Space-Saving;
/// Metwally, Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data streams", 2005.)
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopKey {
    /// What the key is called.
    pub label: Box<str>,
    /// The sum of its hits' weights, or more by [`at_most_too_many`](Self::at_most_too_many); never less.
    pub count: u64,
    /// By how much the count may be too high.
    pub at_most_too_many: u64,
}

impl Top {
    /// Follows so many keys, one at least: whichever gets more than one part in `capacity` of all weight is among
    /// them.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(std::array::from_fn(|_| {
            Stripe(Mutex::new(Sketch::new(capacity)))
        }))
    }

    /// Counts a hit of this weight on the key with this fingerprint. `label` is called, under the lock, if the key is
    /// not followed already.
    pub(crate) fn hit(&self, fingerprint: u64, weight: u64, label: impl FnOnce() -> Box<str>) {
        lock(&self.0[stripe()].0).hit(fingerprint, weight, label);
    }

    /// The keys that are followed, most hits first: `capacity` per stripe at most.
    pub(crate) fn snapshot(&self) -> Vec<TopKey> {
        let mut merged = Merged::default();
        for stripe in &self.0 {
            merged.add(&lock(&stripe.0));
        }
        merged.sorted()
    }
}

impl Default for Top {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}

/// What several sketches say together.
#[derive(Default)]
struct Merged {
    keys: HashMap<u64, TopKey>,
    /// What keys have been hit with at most that none of them follows.
    floor: u64,
}

impl Merged {
    fn add(&mut self, sketch: &Sketch) {
        let before = self.floor;
        self.floor = before.saturating_add(sketch.floor());
        for key in self.keys.values_mut() {
            key.count = key.count.saturating_add(sketch.floor());
            key.at_most_too_many = key.at_most_too_many.saturating_add(sketch.floor());
        }
        for counter in sketch.counters() {
            // What it has in the others is at most their floor, and in this one at least what it counts.
            let key = self.keys.entry(counter.fingerprint);
            let key = key.or_insert_with(|| TopKey {
                label: counter.label.clone(),
                count: self.floor,
                at_most_too_many: self.floor,
            });
            key.count = (key.count - sketch.floor()).saturating_add(counter.count);
            key.at_most_too_many =
                (key.at_most_too_many - sketch.floor()).saturating_add(counter.error);
        }
    }

    fn sorted(self) -> Vec<TopKey> {
        let mut keys: Vec<TopKey> = self.keys.into_values().collect();
        // Among equal counts, those that are surer first, and then in an order that is always the same.
        keys.sort_by(|one, other| {
            let counts = other.count.cmp(&one.count);
            let errors = one.at_most_too_many.cmp(&other.at_most_too_many);
            counts
                .then(errors)
                .then_with(|| one.label.cmp(&other.label))
        });
        keys
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label(key: u64) -> Box<str> {
        key.to_string().into()
    }

    #[test]
    fn keys_come_with_the_most_hits_first() {
        let top = Top::default();
        for (key, weight) in [(1, 2), (2, 7), (3, 2), (1, 1)] {
            top.hit(key, weight, || label(key));
        }
        let keys = top.snapshot();
        let counts: Vec<_> = keys.iter().map(|key| (&*key.label, key.count)).collect();
        assert_eq!(counts, [("2", 7), ("1", 3), ("3", 2)]);
        assert!(keys.iter().all(|key| key.at_most_too_many == 0));
    }

    #[test]
    fn threads_lose_no_hit() {
        let top = Top::new(2);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..1000).for_each(|_| top.hit(1, 1, || label(1))));
            }
        });
        assert_eq!(top.snapshot()[0].count, 16_000);
    }

    #[test]
    fn a_hundred_thousand_keys_take_the_room_of_a_few() {
        let top = Top::new(4);
        for key in 0..100_000 {
            top.hit(key, 1, || Box::from(""));
        }
        assert_eq!(top.snapshot().len(), 4);
    }

    #[test]
    fn sketches_that_overflowed_are_merged_without_a_panic() {
        let mut sketches = [Sketch::new(1), Sketch::new(1)];
        let mut merged = Merged::default();
        for sketch in &mut sketches {
            sketch.hit(1, u64::MAX, || label(1));
            merged.add(sketch);
        }
        assert_eq!(merged.sorted()[0].count, u64::MAX);
    }

    proptest! {
        #[test]
        fn what_merged_sketches_say_is_true_of_exact_counts(
            capacity in 1usize..6,
            hits in prop::collection::vec((0usize..3, 0u64..20, 1u64..6), 0..300),
        ) {
            let mut sketches = [(); 3].map(|()| Sketch::new(capacity));
            let mut exact: HashMap<u64, u64> = HashMap::new();
            for (sketch, key, weight) in &hits {
                sketches[*sketch].hit(*key, *weight, || label(*key));
                *exact.entry(*key).or_default() += weight;
            }
            let mut merged = Merged::default();
            sketches.iter().for_each(|sketch| merged.add(sketch));
            let (total, floor) = (exact.values().sum::<u64>(), merged.floor);
            let found = merged.sorted();
            prop_assert!(found.is_sorted_by(|one, other| one.count >= other.count));
            for (key, hits) in exact {
                match found.iter().find(|found| found.label == label(key)) {
                    Some(key) => {
                        prop_assert!(hits <= key.count && key.count <= hits + key.at_most_too_many);
                    }
                    None => prop_assert!(hits <= floor && hits <= total / capacity as u64),
                }
            }
        }
    }
}
