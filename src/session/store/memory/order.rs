//! A list in the order of the last activity, through the slots themselves.

use super::{index::NONE, slots::Slot};

/// From the one that was not active for the longest time. One that becomes active goes to the end.
pub(super) struct Order {
    first: u32,
    last: u32,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
        }
    }
}

impl Order {
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    pub(super) fn push(&mut self, slots: &mut [Slot], at: u32) {
        let slot = &mut slots[at as usize];
        (slot.before, slot.after) = (self.last, NONE);
        self.join(slots, self.last, at);
        self.last = at;
    }

    pub(super) fn take(&mut self, slots: &mut [Slot], at: u32) {
        let Slot { before, after, .. } = slots[at as usize];
        self.join(slots, before, after);
        if after == NONE {
            self.last = before;
        }
    }

    /// What is at `at` stood elsewhere before.
    pub(super) fn moved(&mut self, slots: &mut [Slot], at: u32) {
        let Slot { before, after, .. } = slots[at as usize];
        self.join(slots, before, at);
        self.join(slots, at, after);
        if after == NONE {
            self.last = at;
        }
    }

    /// `after` comes after `before`; where there is none of one, the other is at that end.
    fn join(&mut self, slots: &mut [Slot], before: u32, after: u32) {
        match slots.get_mut(before as usize) {
            Some(slot) if before != NONE => slot.after = after,
            _ => self.first = after,
        }
        if after != NONE {
            slots[after as usize].before = before;
        }
    }
}
