//! Where the session with a key stands: a hash table with linear probing. The keys are hashes already.

use super::super::super::id::SessionKey;

/// Of the places of the table, as many at most are taken.
const FULLEST: (usize, usize) = (3, 4);
/// A table of which less is taken is halved.
const EMPTIEST: (usize, usize) = (3, 16);
/// As many places as there are at least.
pub(super) const FEWEST: usize = 8;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// The bytes that a session takes here at most: its place, at the least load.
pub(super) const BYTES_EACH: usize = size_of::<Place>() * EMPTIEST.1 / EMPTIEST.0 + 1;

#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Where the place would be if it were free, and most of what tells keys apart.
    tag: u32,
    slot: u32,
}

const EMPTY: Place = Place { tag: 0, slot: NONE };

#[derive(Default)]
pub(super) struct Index {
    /// None, or a power of two of them.
    places: Box<[Place]>,
    len: usize,
}

/// Bytes that have no part in the choice of the shard.
fn tag(key: &SessionKey) -> u32 {
    let [_, _, _, _, a, b, c, d, ..] = *key.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl Index {
    /// The slot of this key, of which `is` knows whether a slot is the one.
    #[inline]
    pub(super) fn find(&self, key: &SessionKey, is: impl Fn(u32) -> bool) -> Option<u32> {
        let place = self.search(tag(key), is)?;
        Some(self.places[place].slot)
    }

    #[inline]
    fn search(&self, tag: u32, is: impl Fn(u32) -> bool) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        let mut place = self.home(tag);
        loop {
            let found = self.places[place];
            if found.slot == NONE {
                return None;
            }
            if found.tag == tag && is(found.slot) {
                return Some(place);
            }
            place = self.next(place);
        }
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.places.len() - 1)
    }

    #[inline]
    fn next(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    /// Puts in a slot whose key is not there.
    pub(super) fn insert(&mut self, key: &SessionKey, slot: u32) {
        if (self.len + 1) * FULLEST.1 > self.places.len() * FULLEST.0 {
            self.resize((self.places.len() * 2).max(FEWEST));
        }
        self.put(Place {
            tag: tag(key),
            slot,
        });
        self.len += 1;
    }

    fn put(&mut self, new: Place) {
        let mut place = self.home(new.tag);
        while self.places[place].slot != NONE {
            place = self.next(place);
        }
        self.places[place] = new;
    }

    fn resize(&mut self, places: usize) {
        let empty = vec![EMPTY; places].into_boxed_slice();
        let before = std::mem::replace(&mut self.places, empty);
        for place in before.iter().filter(|place| place.slot != NONE) {
            self.put(*place);
        }
    }

    /// The slot of this key is another one from now on.
    pub(super) fn moved(&mut self, key: &SessionKey, from: u32, to: u32) {
        if let Some(place) = self.search(tag(key), |slot| slot == from) {
            self.places[place].slot = to;
        }
    }

    /// Takes out a slot, and closes the gap for those that stand behind it because their own place was taken (Knuth,
    /// The Art of Computer Programming, volume 3, algorithm 6.4 R).
    pub(super) fn remove(&mut self, key: &SessionKey, slot: u32) {
        let Some(mut gap) = self.search(tag(key), |found| found == slot) else {
            return;
        };
        let mut place = self.next(gap);
        while self.places[place].slot != NONE {
            let home = self.home(self.places[place].tag);
            if self.distance(home, place) >= self.distance(gap, place) {
                self.places[gap] = self.places[place];
                gap = place;
            }
            place = self.next(place);
        }
        self.places[gap] = EMPTY;
        self.len -= 1;
        let places = self.places.len();
        if places > FEWEST && self.len * EMPTIEST.1 < places * EMPTIEST.0 {
            self.resize(places / 2);
        }
    }

    /// How many steps on.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.places.len() - 1)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Few homes, and equal tags: collisions that run over the end of the table.
    fn key(number: u8) -> SessionKey {
        let mut bytes = [0xFF; 32];
        bytes[4] -= number % 3;
        bytes[31] = number;
        SessionKey::from_bytes(bytes)
    }

    proptest! {
        #[test]
        fn it_finds_what_a_map_finds(steps in prop::collection::vec((any::<bool>(), 0u8..60), 0..300)) {
            let (mut index, mut model) = (Index::default(), HashMap::new());
            for (put, number) in steps {
                let (key, slot) = (key(number), u32::from(number));
                if put && model.insert(number, slot).is_none() {
                    index.insert(&key, slot);
                } else if !put && model.remove(&number).is_some() {
                    index.remove(&key, slot);
                }
                for number in 0..60 {
                    let found = index.find(&self::key(number), |slot| slot == u32::from(number));
                    prop_assert_eq!(found, model.get(&number).copied());
                }
                let bytes = index.places.len() * size_of::<Place>();
                prop_assert!(bytes <= (model.len() * BYTES_EACH).max(FEWEST * size_of::<Place>()));
            }
        }
    }
}
