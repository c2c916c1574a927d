//! The retries of the window. They are few, and counted under a lock, so that nobody spends what another one has.

use super::{
    BudgetCounts,
    arithmetic::{RING, slot, spending},
};

pub(super) struct Withdrawals {
    /// The latest step that was seen. Callers read their clock before they have the lock: their time may be behind.
    now: u64,
    /// A step, and the retries in it.
    slots: [(u64, u64); RING],
    counts: BudgetCounts,
}

impl Default for Withdrawals {
    fn default() -> Self {
        Self {
            now: 0,
            slots: [(0, 0); RING],
            counts: BudgetCounts::default(),
        }
    }
}

impl Withdrawals {
    /// The step of a caller whose clock says so.
    pub(super) fn latest(&self, tick: u64) -> u64 {
        self.now.max(tick)
    }

    /// The time goes on to this step, if it is later; returns the step.
    pub(super) fn move_to(&mut self, tick: u64) -> u64 {
        self.now = self.latest(tick);
        self.now
    }

    /// How many retries count in this step.
    pub(super) fn live(&self, tick: u64) -> u64 {
        let spending = spending(tick);
        let live = self.slots.iter().filter(|(at, _)| spending.contains(at));
        live.map(|(_, count)| count).sum()
    }

    /// Somebody wanted a retry, now.
    pub(super) fn note(&mut self, allowed: bool) {
        if !allowed {
            self.counts.refused += 1;
            return;
        }
        self.counts.withdrawn += 1;
        let (at, count) = &mut self.slots[slot(self.now)];
        if *at != self.now {
            (*at, *count) = (self.now, 0);
        }
        *count += 1;
    }

    pub(super) fn counts(&self) -> BudgetCounts {
        self.counts
    }
}
