//! Space-Saving, the algorithm: pure, for one thread.

use std::collections::HashMap;

/// Counts keys in bounded memory: Space-Saving, by Metwally, Agrawal and El Abbadi ("Efficient computation of
/// frequent and top-k elements in data streams", 2005), with weights.
///
/// A new key takes the counter of the key that counts least, and its count too: what it may have of that is the
/// counter's error. So no count is too small, and a key that got more than one part in `capacity` of all weight has
/// a counter.
#[derive(Debug)]
pub(super) struct Sketch {
    capacity: usize,
    counters: Vec<Counter>,
    /// The number of a key's counter.
    numbers: HashMap<u64, usize, foldhash::fast::RandomState>,
    /// The counters' numbers; none counts less than the one at its parent's place.
    heap: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct Counter {
    pub(super) fingerprint: u64,
    pub(super) label: Box<str>,
    pub(super) count: u64,
    /// How much of the count is perhaps not this key's.
    pub(super) error: u64,
    /// Its place in the heap.
    place: usize,
}

impl Sketch {
    /// A sketch of so many keys, one at least.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            counters: Vec::new(),
            numbers: HashMap::default(),
            heap: Vec::new(),
        }
    }

    /// Adds the weight to the key's count, if it has a counter.
    pub(super) fn hit_again(&mut self, fingerprint: u64, weight: u64) -> bool {
        let Some(number) = self.numbers.get(&fingerprint) else {
            return false;
        };
        let counter = &mut self.counters[*number];
        counter.count = counter.count.saturating_add(weight);
        let place = counter.place;
        self.sink(place);
        true
    }

    /// Adds the weight to the key's count; the label is for a key that has no counter yet.
    pub(super) fn hit(&mut self, fingerprint: u64, weight: u64, label: Box<str>) {
        if self.hit_again(fingerprint, weight) {
            return;
        }
        if self.counters.len() < self.capacity {
            self.add(fingerprint, weight, label);
        } else {
            self.replace_least(fingerprint, weight, label);
        }
    }

    /// What a key without a counter has been hit with at most.
    pub(super) fn floor(&self) -> u64 {
        if self.counters.len() < self.capacity {
            0
        } else {
            self.count_at(0)
        }
    }

    pub(super) fn counters(&self) -> &[Counter] {
        &self.counters
    }

    fn add(&mut self, fingerprint: u64, count: u64, label: Box<str>) {
        let number = self.counters.len();
        self.numbers.insert(fingerprint, number);
        self.heap.push(number);
        self.counters.push(Counter {
            fingerprint,
            label,
            count,
            error: 0,
            place: number,
        });
        self.rise(number);
    }

    fn replace_least(&mut self, fingerprint: u64, weight: u64, label: Box<str>) {
        let number = self.heap[0];
        let counter = &mut self.counters[number];
        self.numbers.remove(&counter.fingerprint);
        self.numbers.insert(fingerprint, number);
        counter.fingerprint = fingerprint;
        counter.label = label;
        counter.error = counter.count;
        counter.count = counter.count.saturating_add(weight);
        self.sink(0);
    }

    fn count_at(&self, place: usize) -> u64 {
        self.counters[self.heap[place]].count
    }

    /// Moves a counter that may count less than its parent up.
    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.count_at(place) < self.count_at((place - 1) / 2) {
            self.swap(place, (place - 1) / 2);
            place = (place - 1) / 2;
        }
    }

    /// Moves a counter that may count more than its children down.
    fn sink(&mut self, mut place: usize) {
        loop {
            let children = 2 * place + 1..self.heap.len().min(2 * place + 3);
            let Some(least) = children.min_by_key(|child| self.count_at(*child)) else {
                return;
            };
            if self.count_at(place) <= self.count_at(least) {
                return;
            }
            self.swap(place, least);
            place = least;
        }
    }

    fn swap(&mut self, one: usize, other: usize) {
        self.heap.swap(one, other);
        for place in [one, other] {
            self.counters[self.heap[place]].place = place;
        }
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
    fn a_newcomer_takes_over_the_least_count_as_its_error() {
        let mut sketch = Sketch::new(2);
        for (key, weight) in [(1, 5), (2, 3), (3, 1)] {
            sketch.hit(key, weight, label(key));
        }
        let mut left: Vec<_> = sketch.counters().iter().collect();
        left.sort_by_key(|counter| counter.fingerprint);
        let left: Vec<_> = left
            .iter()
            .map(|counter| (&*counter.label, counter.count, counter.error))
            .collect();
        assert_eq!(left, [("1", 5, 0), ("3", 4, 3)]);
    }

    #[test]
    fn a_label_is_made_only_when_its_key_enters() {
        let mut sketch = Sketch::new(2);
        sketch.hit(1, 1, label(1));
        assert!(sketch.hit_again(1, 1));
        assert!(!sketch.hit_again(2, 1));
    }

    #[test]
    fn counts_do_not_overflow() {
        let mut sketch = Sketch::new(0);
        sketch.hit(1, u64::MAX, label(1));
        sketch.hit(1, 1, label(1));
        sketch.hit(2, 1, label(2));
        assert_eq!(sketch.counters()[0].count, u64::MAX);
    }

    proptest! {
        #[test]
        fn what_the_sketch_says_is_true_of_exact_counts(
            capacity in 1usize..8,
            hits in prop::collection::vec((0u64..20, 1u64..6), 0..200),
        ) {
            let mut sketch = Sketch::new(capacity);
            let mut exact: HashMap<u64, u64> = HashMap::new();
            for (key, weight) in &hits {
                sketch.hit(*key, *weight, label(*key));
                *exact.entry(*key).or_default() += weight;
            }
            for counter in sketch.counters() {
                let hits = exact[&counter.fingerprint];
                prop_assert_eq!(&counter.label, &label(counter.fingerprint));
                prop_assert!(hits <= counter.count && counter.count <= hits + counter.error);
                prop_assert!(counter.error <= sketch.floor());
            }
            let total: u64 = exact.values().sum();
            let counted: u64 = sketch.counters().iter().map(|counter| counter.count).sum();
            prop_assert_eq!(counted, total);
            prop_assert!(sketch.floor() <= total / capacity as u64);
            for (key, hits) in exact {
                prop_assert!(sketch.numbers.contains_key(&key) || hits <= sketch.floor());
            }
        }
    }
}
