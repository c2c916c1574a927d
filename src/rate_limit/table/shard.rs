//! A part of the table, under one lock.

use hashbrown::HashTable;

use super::{Asked, Charge, Peeked, Ruling, TableCounts, Verdict, slot::Slot};
use crate::rate_limit::{algorithm::State, limit::Limits};

/// How many slots are looked at for one that can be given to a newcomer. The next newcomer looks at the next ones.
const LOOKED_AT: usize = 16;

pub(super) struct Shard {
    slots: Vec<Slot>,
    /// The places of the slots, by fingerprint.
    index: HashTable<u32>,
    capacity: usize,
    /// Where the search for room goes on.
    hand: usize,
    /// Who came when all were being limited. They share one slot, rather than going free.
    overflow: Option<Box<Slot>>,
    forgotten: u64,
    overflowed: u64,
}

/// Where a newcomer can go.
#[derive(Clone, Copy)]
enum Place {
    /// There is room.
    Free,
    /// That of another one, which loses nothing by it if it is `idle`.
    Of { slot: usize, idle: bool },
    /// All that were looked at are being limited.
    Nowhere,
}

impl Shard {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: Vec::new(),
            index: HashTable::new(),
            capacity: capacity.min(u32::MAX as usize),
            hand: 0,
            overflow: None,
            forgotten: 0,
            overflowed: 0,
        }
    }

    /// Slots double until they are as many as they may be, and both halves are there for a moment. So does the index,
    /// once more than it would have to, for the places of who has gone.
    pub(super) fn most_bytes(capacity: usize, limits: &Limits) -> usize {
        let spilled = match limits.iter().len() {
            1 => 0,
            many => many.next_power_of_two() * size_of::<State>(),
        };
        let slots = (capacity + capacity / 2) * size_of::<Slot>();
        let buckets = (capacity * 8).div_ceil(7).next_power_of_two().max(8);
        let index = 3 * buckets * (size_of::<u32>() + 1);
        slots + index + (capacity + 1) * spilled + size_of::<Slot>()
    }

    #[inline]
    fn find(&mut self, fingerprint: u64) -> Option<&mut Slot> {
        let slots = &self.slots;
        let same = |at: &u32| slots[*at as usize].fingerprint == fingerprint;
        let at = *self.index.find(fingerprint, same)?;
        self.slots.get_mut(at as usize)
    }

    #[inline]
    pub(super) fn decide(&mut self, fingerprint: u64, asked: Asked<'_>) -> Ruling {
        match self.find(fingerprint) {
            Some(slot) => slot.decide(asked),
            None => self.decide_for_newcomer(fingerprint, asked),
        }
    }

    /// What is refused, or costs nothing, takes no room.
    #[inline(never)]
    fn decide_for_newcomer(&mut self, fingerprint: u64, asked: Asked<'_>) -> Ruling {
        let place = self.place(asked.now);
        if let Place::Nowhere = place {
            self.overflowed += 1;
            let ruling = self.overflow(asked).decide(asked);
            return Ruling {
                shared: true,
                ..ruling
            };
        }
        let mut slot = Slot::new(fingerprint, asked.limits, asked.now);
        let ruling = slot.decide(asked);
        if matches!(ruling.verdict, Verdict::Admitted { .. }) && !slot.is_idle(asked.now) {
            self.put(slot, place);
        }
        ruling
    }

    fn place(&mut self, now: u64) -> Place {
        if self.slots.len() < self.capacity {
            return Place::Free;
        }
        let mut least = None;
        for _ in 0..LOOKED_AT.min(self.slots.len()) {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &self.slots[self.hand];
            if slot.is_idle(now) {
                return Place::Of {
                    slot: self.hand,
                    idle: true,
                };
            }
            if let Some(used) = slot.used(now)
                && least.is_none_or(|(_, least)| used < least)
            {
                least = Some((self.hand, used));
            }
        }
        match least {
            Some((slot, _)) => Place::Of { slot, idle: false },
            None => Place::Nowhere,
        }
    }

    fn put(&mut self, slot: Slot, place: Place) {
        let fingerprint = slot.fingerprint;
        let at = match place {
            Place::Of { slot: old, idle } => {
                self.forgotten += u64::from(!idle);
                self.unlist(old);
                self.slots[old] = slot;
                old
            }
            Place::Free | Place::Nowhere => self.push(slot),
        };
        let slots = &self.slots;
        let at = u32::try_from(at).expect("a shard has fewer slots than 2^32");
        self.index
            .insert_unique(fingerprint, at, |at| slots[*at as usize].fingerprint);
    }

    fn push(&mut self, slot: Slot) -> usize {
        let len = self.slots.len();
        if len == self.slots.capacity() {
            let more = len.max(4).min(self.capacity - len);
            self.slots.reserve_exact(more);
        }
        self.slots.push(slot);
        len
    }

    fn unlist(&mut self, slot: usize) {
        let fingerprint = self.slots[slot].fingerprint;
        let entry = self
            .index
            .find_entry(fingerprint, |at| *at as usize == slot);
        if let Ok(entry) = entry {
            entry.remove();
        }
    }

    fn overflow(&mut self, asked: Asked<'_>) -> &mut Slot {
        self.overflow
            .get_or_insert_with(|| Box::new(Slot::new(0, asked.limits, asked.now)))
    }

    /// The slot that was charged, if it is still there.
    fn charged(&mut self, charge: Charge) -> Option<&mut Slot> {
        if charge.shared {
            self.overflow.as_deref_mut()
        } else {
            self.find(charge.fingerprint)
        }
    }

    pub(super) fn peek(&mut self, fingerprint: u64, asked: Asked<'_>) -> Peeked {
        match self.find(fingerprint) {
            Some(slot) => slot.peek(asked.now),
            None => Slot::new(fingerprint, asked.limits, asked.now).peek(asked.now),
        }
    }

    pub(super) fn refund(&mut self, charge: Charge, now: u64) {
        if let Some(slot) = self.charged(charge) {
            slot.refund(charge, now);
        }
    }

    pub(super) fn release(&mut self, charge: Charge, now: u64) {
        if let Some(slot) = self.charged(charge) {
            slot.release(charge, now);
        }
    }

    /// A request that cost nothing so far may have left no slot, and others may have taken its place.
    pub(super) fn settle(&mut self, charge: Charge, asked: Asked<'_>) {
        if let Some(slot) = self.charged(charge) {
            slot.settle(charge, asked);
        } else if asked.cost > charge.cost {
            let mut slot = Slot::new(charge.fingerprint, asked.limits, asked.now);
            slot.settle(charge, asked);
            match self.place(asked.now) {
                Place::Nowhere => self.overflow(asked).settle(charge, asked),
                place => self.put(slot, place),
            }
        }
    }

    pub(super) fn reset(&mut self, fingerprint: u64, now: u64) {
        if let Some(slot) = self.find(fingerprint) {
            slot.reset(now);
        }
    }

    /// Makes room for it, also at the cost of who is being limited: this one is to be refused by name.
    pub(super) fn block(&mut self, fingerprint: u64, asked: Asked<'_>, until: u64) {
        if let Some(slot) = self.find(fingerprint) {
            slot.block(until);
            return;
        }
        let place = match self.place(asked.now) {
            Place::Nowhere => Place::Of {
                slot: self.hand,
                idle: false,
            },
            place => place,
        };
        let mut slot = Slot::new(fingerprint, asked.limits, asked.now);
        slot.block(until);
        self.put(slot, place);
    }

    pub(super) fn counts(&self) -> TableCounts {
        TableCounts {
            keys: self.slots.len() as u64,
            forgotten: self.forgotten,
            overflowed: self.overflowed,
        }
    }
}
