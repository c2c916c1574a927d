//! Slots by fingerprint: a hash table with linear probing over tags of a byte each, so that a look-up touches the cache
//! line of the slot, one of tags, and little else.

use super::slot::Slot;

/// So many places there are for four slots: a search that finds something looks at three tags on average.
const PLACES_FOR_FOUR: usize = 5;
/// As many places as there are at first.
const FIRST: usize = 8;

/// Up to `capacity` slots. What is full is not a question here: who puts in more than that finds no end.
#[derive(Default)]
pub(super) struct Places {
    /// A slot stands at the place that its fingerprint points to, or else at the first one after that which was free.
    places: Box<[Option<Slot>]>,
    /// Of each place: [`EMPTY`], or some bits of the slot's fingerprint.
    tags: Box<[u8]>,
    len: usize,
}

const EMPTY: u8 = 0;

/// Bits that have no part in the choice of the shard or of the place.
#[inline]
fn tag(fingerprint: u64) -> u8 {
    let [.., tag, _, _] = fingerprint.to_be_bytes();
    tag | 1
}

impl Places {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many places there are, taken or not.
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// The slot at a place.
    pub(super) fn at(&self, place: usize) -> Option<&Slot> {
        self.places.get(place)?.as_ref()
    }

    /// The most places for so many slots.
    pub(super) fn most(slots: usize) -> usize {
        (slots * PLACES_FOR_FOUR).div_ceil(4).max(FIRST)
    }

    /// The most bytes for so many slots.
    pub(super) fn most_bytes(slots: usize) -> usize {
        Self::most(slots) * (size_of::<Option<Slot>>() + size_of::<u8>())
    }

    #[inline]
    pub(super) fn find(&mut self, fingerprint: u64) -> Option<&mut Slot> {
        let place = self.search(fingerprint)?;
        self.places[place].as_mut()
    }

    #[inline]
    fn search(&self, fingerprint: u64) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let (mut place, tag) = (self.home(fingerprint), tag(fingerprint));
        loop {
            match self.tags[place] {
                EMPTY => return None,
                found if found == tag && self.is_at(place, fingerprint) => return Some(place),
                _ => place = self.next(place),
            }
        }
    }

    #[inline]
    fn is_at(&self, place: usize, fingerprint: u64) -> bool {
        let slot = self.places[place].as_ref();
        slot.is_some_and(|slot| slot.fingerprint == fingerprint)
    }

    /// By the upper bits: those of one shard have the lower ones in common.
    #[inline]
    fn home(&self, fingerprint: u64) -> usize {
        let scaled = u128::from(fingerprint) * self.places.len() as u128;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "less than there are places"
        )]
        let home = (scaled >> u64::BITS) as usize;
        home
    }

    #[inline]
    fn next(&self, place: usize) -> usize {
        if place + 1 == self.places.len() {
            0
        } else {
            place + 1
        }
    }

    /// One more slot, of a fingerprint that there is none of, among `capacity` at most.
    pub(super) fn insert(&mut self, slot: Slot, capacity: usize) {
        if Self::most(self.len + 1) > self.places.len() {
            self.grow(capacity);
        }
        self.put(slot);
    }

    fn grow(&mut self, capacity: usize) {
        let doubled = (self.places.len() * 2).max(FIRST);
        let places = doubled.min(Self::most(capacity.max(self.len + 1)));
        let empty = (0..places).map(|_| None).collect();
        let before = std::mem::replace(&mut self.places, empty);
        self.tags = vec![EMPTY; places].into();
        self.len = 0;
        for slot in before.into_iter().flatten() {
            self.put(slot);
        }
    }

    fn put(&mut self, slot: Slot) {
        let mut place = self.home(slot.fingerprint);
        while self.tags[place] != EMPTY {
            place = self.next(place);
        }
        self.tags[place] = tag(slot.fingerprint);
        self.places[place] = Some(slot);
        self.len += 1;
    }

    /// Takes out a slot, and closes the gap for those that stand behind it because their own place was taken (Knuth,
    /// The Art of Computer Programming, volume 3, algorithm 6.4 R).
    pub(super) fn remove(&mut self, place: usize) {
        if self.places[place].take().is_none() {
            return;
        }
        self.tags[place] = EMPTY;
        self.len -= 1;
        let (mut gap, mut place) = (place, self.next(place));
        while let Some(slot) = &self.places[place] {
            let home = self.home(slot.fingerprint);
            if self.distance(home, place) >= self.distance(gap, place) {
                self.places.swap(gap, place);
                self.tags.swap(gap, place);
                gap = place;
            }
            place = self.next(place);
        }
    }

    /// How many steps on.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from {
            to - from
        } else {
            to + self.places.len() - from
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{duration::minutes, rate_limit::Limit};

    /// Few homes, and all of them near the end of the table: collisions that run over it.
    fn fingerprint(number: u64) -> u64 {
        u64::MAX - (number % 3) * (u64::MAX / 8) - number
    }

    proptest! {
        #[test]
        fn it_holds_what_a_set_holds(
            steps in prop::collection::vec((any::<bool>(), 0u64..40), 0..200),
        ) {
            let limits = Limit::fixed_window(1).per(minutes(1)).build().unwrap().into();
            let (mut places, mut model) = (Places::default(), HashSet::new());
            for (put, number) in steps {
                let fingerprint = fingerprint(number);
                if !put {
                    if let Some(place) = places.search(fingerprint) {
                        places.remove(place);
                    }
                    model.remove(&fingerprint);
                } else if model.insert(fingerprint) {
                    places.insert(Slot::new(fingerprint, &limits, 0), 40);
                }
                prop_assert_eq!(places.len(), model.len());
                for number in 0..40 {
                    let fingerprint = self::fingerprint(number);
                    let found = places.find(fingerprint).map(|slot| slot.fingerprint);
                    prop_assert_eq!(found, model.get(&fingerprint).copied());
                }
            }
            prop_assert!(places.places() <= Places::most(40));
        }
    }
}
