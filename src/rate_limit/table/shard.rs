//! A part of the table, under one lock.

use super::{
    Asked, Charge, Lefts, Peeked, Ruling, TableCounts, Verdict, places::Places, slot::Slot,
};
use crate::rate_limit::{
    algorithm::State,
    limit::{Count, Limits},
};

/// How many slots are looked at for one that can be given to a newcomer. The next newcomer looks at the next ones.
///
/// Slots and not places, or stretches with few slots would lose as many of them as those with many, while newcomers
/// come to both alike: stretches would grow that are full, and cost long searches, beside others that are empty.
const LOOKED_AT: usize = 16;

pub(super) struct Shard {
    slots: Places,
    capacity: usize,
    /// Where the search for room goes on.
    hand: usize,
    /// Who came when all were being limited. They share one slot, rather than going free.
    overflow: Option<Box<Slot>>,
    counts: TableCounts,
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
            slots: Places::default(),
            capacity,
            hand: 0,
            overflow: None,
            counts: TableCounts::default(),
        }
    }

    /// Places double until they are as many as there may be, and then the ones before are there for a moment too. Each
    /// slot may have states that it does not hold itself, and the one that is shared has them too.
    pub(super) fn most_bytes(capacity: usize, limits: &Limits) -> usize {
        let spilled = match limits.iter().len() {
            1 => 0,
            many => many * size_of::<State>(),
        };
        let held = limits.iter().map(|limit| limit.algorithm.most_bytes());
        let held = held.fold(spilled, usize::saturating_add);
        let places = Places::most_bytes(capacity);
        (capacity + 1)
            .saturating_mul(held)
            .saturating_add(places * 2 + size_of::<Slot>())
    }

    #[inline]
    pub(super) fn find(&mut self, fingerprint: u64) -> Option<&mut Slot> {
        self.slots.find(fingerprint)
    }

    #[inline]
    pub(super) fn decide(
        &mut self,
        fingerprint: u64,
        asked: Asked<'_>,
        left: Option<&mut Lefts>,
    ) -> Ruling {
        let ruling = match self.find(fingerprint) {
            Some(slot) => slot.decide(asked, left),
            None => self.decide_for_newcomer(fingerprint, asked, left),
        };
        self.count(ruling.verdict);
        ruling
    }

    #[inline]
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Admitted { delay } => {
                self.counts.admitted += 1;
                self.counts.delayed += u64::from(delay > 0);
            }
            Verdict::Refused(refused) => {
                self.counts.blocked += u64::from(refused.violated == 0);
            }
        }
    }

    /// What is refused, or costs nothing, takes no room.
    #[inline(never)]
    fn decide_for_newcomer(
        &mut self,
        fingerprint: u64,
        asked: Asked<'_>,
        left: Option<&mut Lefts>,
    ) -> Ruling {
        let place = self.place(asked.now);
        if let Place::Nowhere = place {
            self.counts.overflowed += 1;
            asked.limits.publish(Count::Overflowed);
            let ruling = self.overflow(asked).decide(asked, left);
            return Ruling {
                shared: true,
                ..ruling
            };
        }
        let mut slot = Slot::new(fingerprint, asked.limits, asked.now);
        let ruling = slot.decide(asked, left);
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
            let hand = self.next_taken();
            let Some(slot) = self.slots.at(hand) else {
                break;
            };
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

    /// The next place at which somebody stands.
    fn next_taken(&mut self) -> usize {
        let places = self.slots.places();
        let mut from_here = (1..=places).map(|step| (self.hand + step) % places);
        let taken = from_here.find(|at| self.slots.at(*at).is_some());
        self.hand = taken.unwrap_or(self.hand);
        self.hand
    }

    fn put(&mut self, slot: Slot, place: Place) {
        if let Place::Of { slot: old, idle } = place {
            if !idle {
                self.counts.forgotten += 1;
                slot.limits().publish(Count::Forgotten);
            }
            self.slots.remove(old);
        }
        self.slots.insert(slot, self.capacity);
    }

    fn overflow(&mut self, asked: Asked<'_>) -> &mut Slot {
        self.overflow
            .get_or_insert_with(|| Box::new(Slot::new(0, asked.limits, asked.now)))
    }

    /// The slot that was charged, if it is still there.
    pub(super) fn charged(&mut self, charge: Charge) -> Option<&mut Slot> {
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

    /// Makes room for it, also at the cost of who is being limited: this one is to be refused by name. Who is blocked
    /// as well, or has requests in flight, stays.
    pub(super) fn block(&mut self, fingerprint: u64, asked: Asked<'_>, until: u64) -> bool {
        if let Some(slot) = self.find(fingerprint) {
            slot.block(until);
            return true;
        }
        let place = match self.place(asked.now) {
            Place::Nowhere => self.any_not_in_use(asked.now),
            place => place,
        };
        if let Place::Nowhere = place {
            return false;
        }
        let mut slot = Slot::new(fingerprint, asked.limits, asked.now);
        slot.block(until);
        self.put(slot, place);
        true
    }

    fn any_not_in_use(&self, now: u64) -> Place {
        let mut places = 0..self.slots.places();
        let can_go = |at: &usize| self.slots.at(*at).is_some_and(|slot| !slot.is_in_use(now));
        places
            .find(can_go)
            .map_or(Place::Nowhere, |slot| Place::Of { slot, idle: false })
    }

    pub(super) fn counts(&self) -> TableCounts {
        TableCounts {
            keys: self.slots.len() as u64,
            ..self.counts
        }
    }
}
