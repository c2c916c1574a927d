//! The sessions of a shard: found by key, in the order of their last activity, and in the order of their ends.

use std::sync::Arc;

use super::{
    super::super::{id::SessionKey, record::Record, time::Timestamp},
    ends::Ends,
    index::{self, Index, NONE},
    order::Order,
};

/// A session.
pub(super) struct Slot {
    pub(super) key: SessionKey,
    pub(super) record: Arc<Record>,
    pub(super) version: u64,
    pub(super) seen: Timestamp,
    /// When it is over: [`NEVER`], perhaps.
    pub(super) ends: Timestamp,
    /// In bytes, with all that is kept for it.
    pub(super) weight: usize,
    /// Whose last activity was before its own.
    pub(super) before: u32,
    /// Whose was after it.
    pub(super) after: u32,
    /// Its place among [`Ends`].
    pub(super) due: u32,
}

/// The end of what does not end.
pub(super) const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

impl Slot {
    pub(super) fn class(&self) -> Class {
        Class::of(&self.record)
    }
}

/// What is evicted first, and what after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nobody's: notes of moves too.
    Anonymous,
    LoggedIn,
}

impl Class {
    pub(super) fn of(record: &Record) -> Self {
        match record.user() {
            Some(_) => Self::LoggedIn,
            None => Self::Anonymous,
        }
    }
}

/// A table is enlarged by a quarter when it is full, and cut to that when less than five eighths of it are taken.
const LEAST_TAKEN: (usize, usize) = (5, 8);

/// The bytes that a session takes in the tables of this module at most: at the least load, and during the growth of
/// one shard's tables among eight.
pub(super) const BYTES_EACH: usize = {
    let tables = size_of::<Slot>() + Ends::BYTES_EACH;
    tables * 7 / 4 + index::BYTES_EACH
};

/// What a shard's tables take with few sessions.
pub(super) const LEAST_BYTES: usize =
    FEWEST * (size_of::<Slot>() + Ends::BYTES_EACH) + index::FEWEST * size_of::<index::Place>();

const FEWEST: usize = 4;

/// Makes room for one more.
pub(super) fn grow<T>(table: &mut Vec<T>) {
    if table.len() == table.capacity() {
        table.reserve_exact((table.len() / 4).max(FEWEST));
    }
}

/// Gives back room that is not used.
pub(super) fn shrink<T>(table: &mut Vec<T>) {
    if table.capacity() > FEWEST && table.len() * LEAST_TAKEN.1 < table.capacity() * LEAST_TAKEN.0 {
        table.shrink_to((table.len() * 5 / 4).max(FEWEST));
    }
}

#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    index: Index,
    anonymous: Order,
    logged_in: Order,
    ends: Ends,
}

impl Slots {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    #[inline]
    pub(super) fn find(&self, key: &SessionKey) -> Option<u32> {
        self.index.find(key, |slot| self.at(slot).key == *key)
    }

    #[inline]
    pub(super) fn at(&self, slot: u32) -> &Slot {
        &self.slots[slot as usize]
    }

    /// When one of them may be over at the earliest.
    pub(super) fn next_due(&self) -> Timestamp {
        self.ends.first().map_or(NEVER, |(due, _)| due)
    }

    /// Puts in one that is active now, under a key that there is none of.
    pub(super) fn insert(&mut self, slot: Slot) -> u32 {
        grow(&mut self.slots);
        let at = u32::try_from(self.slots.len()).unwrap_or(NONE);
        assert!(
            at < NONE,
            "so many sessions take more than the memory of any machine"
        );
        self.index.insert(&slot.key, at);
        self.slots.push(slot);
        self.link(at);
        at
    }

    pub(super) fn remove(&mut self, at: u32) -> Slot {
        self.unlink(at);
        self.ends.remove(&mut self.slots, at);
        self.index.remove(&self.slots[at as usize].key, at);
        let removed = self.slots.swap_remove(at as usize);
        self.fill(at);
        shrink(&mut self.slots);
        removed
    }

    /// The last slot stands at the place `at` now, if that was not the last one.
    fn fill(&mut self, at: u32) {
        let Some(moved) = self.slots.get(at as usize) else {
            return;
        };
        let from = u32::try_from(self.slots.len()).unwrap_or(NONE);
        let class = moved.class();
        self.index.moved(&moved.key, from, at);
        self.ends.moved(moved.due, at);
        let (order, slots) = self.order(class);
        order.moved(slots, at);
    }

    /// Changes one that is active now.
    pub(super) fn change(&mut self, at: u32, change: impl FnOnce(&mut Slot)) -> &Slot {
        self.unlink(at);
        change(&mut self.slots[at as usize]);
        self.link(at);
        self.at(at)
    }

    fn link(&mut self, at: u32) {
        let (order, slots) = self.order(self.at(at).class());
        order.push(slots, at);
        self.ends.set(&mut self.slots, at);
    }

    fn unlink(&mut self, at: u32) {
        let (order, slots) = self.order(self.at(at).class());
        order.take(slots, at);
    }

    fn order(&mut self, class: Class) -> (&mut Order, &mut [Slot]) {
        let order = match class {
            Class::Anonymous => &mut self.anonymous,
            Class::LoggedIn => &mut self.logged_in,
        };
        (order, &mut self.slots)
    }

    /// The least recently active one of a class, this key excepted.
    pub(super) fn oldest(&self, class: Class, except: Option<&SessionKey>) -> Option<u32> {
        let order = match class {
            Class::Anonymous => &self.anonymous,
            Class::LoggedIn => &self.logged_in,
        };
        let first = order.first()?;
        if except != Some(&self.at(first).key) {
            return Some(first);
        }
        Some(self.at(first).after).filter(|next| *next != NONE)
    }

    /// One that is over, if there is one and it is found in so many steps.
    pub(super) fn over(&mut self, now: Timestamp, steps: &mut usize) -> Option<u32> {
        while *steps > 0 {
            let (due, at) = self.ends.first()?;
            if due > now {
                return None;
            }
            *steps -= 1;
            if self.at(at).ends <= now {
                return Some(at);
            }
            self.ends.postpone(&mut self.slots, at);
        }
        None
    }
}
