//! Which sessions end next: a heap.
//!
//! A session that becomes active ends later than before. That is not noted at once, which would cost every request
//! some steps in the heap, but when its turn comes.

use super::{
    super::super::time::Timestamp,
    index::NONE,
    slots::{NEVER, Slot, grow, shrink},
};

/// Slots by when they are due, which is not after their end. Those that never end are not among them.
#[derive(Default)]
pub(super) struct Ends(Vec<(Timestamp, u32)>);

impl Ends {
    /// The bytes of one, where all of the table is taken.
    pub(super) const BYTES_EACH: usize = size_of::<(Timestamp, u32)>();

    pub(super) fn first(&self) -> Option<(Timestamp, u32)> {
        self.0.first().copied()
    }

    /// Notes when a slot ends, unless it is due before that anyway.
    pub(super) fn set(&mut self, slots: &mut [Slot], at: u32) {
        let Slot { ends, due, .. } = slots[at as usize];
        if due == NONE {
            if ends != NEVER {
                self.insert(slots, ends, at);
            }
        } else if ends < self.0[due as usize].0 {
            self.0[due as usize].0 = ends;
            self.rise(slots, due as usize);
        }
    }

    fn insert(&mut self, slots: &mut [Slot], ends: Timestamp, at: u32) {
        grow(&mut self.0);
        self.0.push((ends, at));
        self.rise(slots, self.0.len() - 1);
    }

    /// Notes that a slot which is due ends later, or never.
    pub(super) fn postpone(&mut self, slots: &mut [Slot], at: u32) {
        let Slot { ends, due, .. } = slots[at as usize];
        if ends == NEVER {
            self.remove(slots, at);
        } else if due != NONE {
            self.0[due as usize].0 = ends;
            self.sink(slots, due as usize);
        }
    }

    pub(super) fn remove(&mut self, slots: &mut [Slot], at: u32) {
        let due = slots[at as usize].due;
        if due == NONE {
            return;
        }
        slots[at as usize].due = NONE;
        let place = due as usize;
        self.0.swap_remove(place);
        if place < self.0.len() {
            let place = self.rise(slots, place);
            self.sink(slots, place);
        }
        shrink(&mut self.0);
    }

    /// The slot with this place stands at `at` now.
    pub(super) fn moved(&mut self, due: u32, at: u32) {
        if due != NONE {
            self.0[due as usize].1 = at;
        }
    }

    /// Lets one rise to where nothing above it is due later.
    fn rise(&mut self, slots: &mut [Slot], mut place: usize) -> usize {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.0[above].0 <= self.0[place].0 {
                break;
            }
            self.0.swap(above, place);
            self.note(slots, place);
            place = above;
        }
        self.note(slots, place);
        place
    }

    /// Lets one sink to where nothing below it is due earlier.
    fn sink(&mut self, slots: &mut [Slot], mut place: usize) {
        loop {
            let below = 2 * place + 1..(2 * place + 3).min(self.0.len());
            let Some(least) = below.min_by_key(|below| self.0[*below].0) else {
                break;
            };
            if self.0[place].0 <= self.0[least].0 {
                break;
            }
            self.0.swap(place, least);
            self.note(slots, place);
            place = least;
        }
        self.note(slots, place);
    }

    /// Tells the slot at a place which place that is. There are no more of them than slots, whose numbers fit.
    fn note(&self, slots: &mut [Slot], place: usize) {
        let at = self.0[place].1;
        slots[at as usize].due = u32::try_from(place).unwrap_or(NONE);
    }
}
