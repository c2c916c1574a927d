//! The count of this window and that of the one before, which fades as this one passes.

use super::{Verdict, Wait, exact::narrow};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlidingWindow {
    n: u64,
    window: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    start: u64,
    previous: u64,
    current: u64,
}

impl SlidingWindow {
    /// A window of 0 counts as 1 microsecond.
    pub(crate) fn new(n: u64, window: u64) -> Self {
        Self {
            n,
            window: window.max(1),
        }
    }

    #[inline]
    pub(super) fn check(&self, counts: &Counts, now: u64, cost: u64) -> Verdict {
        if cost > self.n {
            return Verdict::Refused(Wait::Never);
        }
        let counts = self.at(counts, now);
        if self.fits(&counts, now, cost) {
            Verdict::Admitted { delay: 0 }
        } else {
            Verdict::Refused(Wait::For(self.opens(&counts, cost) - now))
        }
    }

    #[inline]
    pub(super) fn charge(&self, counts: &mut Counts, now: u64, cost: u64) {
        *counts = self.at(counts, now);
        counts.current = counts.current.saturating_add(cost);
    }

    /// When the window that is counted began: an earlier charge counts as of then.
    #[inline]
    pub(super) fn latest(counts: &Counts) -> u64 {
        counts.start
    }

    /// In the window of the charge, as long as it counts.
    pub(super) fn refund(&self, counts: &mut Counts, charged_at: u64, now: u64, cost: u64) {
        *counts = self.at(counts, now);
        if charged_at >= counts.start {
            counts.current = counts.current.saturating_sub(cost);
        } else if charged_at >= counts.start.saturating_sub(self.window) {
            counts.previous = counts.previous.saturating_sub(cost);
        }
    }

    pub(super) fn remaining(&self, counts: &Counts, now: u64) -> u64 {
        let counts = self.at(counts, now);
        let fading = u128::from(counts.previous) * u128::from(self.left(&counts, now));
        let estimate = fading.div_ceil(u128::from(self.window)) + u128::from(counts.current);
        self.n.saturating_sub(narrow(estimate))
    }

    pub(super) fn reset(&self, counts: &Counts, now: u64) -> u64 {
        let counts = self.at(counts, now);
        let windows = match (counts.previous, counts.current) {
            (0, 0) => return 0,
            (_, 0) => 1,
            _ => 2,
        };
        counts
            .start
            .saturating_add(self.window.saturating_mul(windows))
            .saturating_sub(now)
    }

    /// Of a window that is the same. What the limit has no room for is taken from the past first.
    pub(super) fn adopt(&self, old: &Self, counts: &Counts, now: u64) -> Option<Counts> {
        if self.window != old.window {
            return None;
        }
        let mut counts = self.at(counts, now);
        counts.current = counts.current.min(self.n);
        let room = u128::from(self.n - counts.current) * u128::from(self.window);
        let most = narrow(room / u128::from(self.left(&counts, now)));
        counts.previous = counts.previous.min(most);
        Some(counts)
    }

    pub(super) const fn quota(&self) -> u64 {
        self.n
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    /// The counts as they stand now. A `now` before the window that has begun counts as its start.
    #[inline]
    fn at(&self, counts: &Counts, now: u64) -> Counts {
        let passed = now.saturating_sub(counts.start);
        if passed < self.window {
            *counts
        } else if passed - self.window < self.window {
            Counts {
                start: counts.start + self.window,
                previous: counts.current,
                current: 0,
            }
        } else {
            Counts {
                start: now - now % self.window,
                previous: 0,
                current: 0,
            }
        }
    }

    /// What is left of this window, and so of the weight of the previous one: more than 0.
    #[inline]
    fn left(&self, counts: &Counts, now: u64) -> u64 {
        self.window - now.saturating_sub(counts.start)
    }

    /// `previous * left / window + current + cost <= n`, without the division.
    #[inline]
    fn fits(&self, counts: &Counts, now: u64, cost: u64) -> bool {
        let Some(room) = self
            .n
            .checked_sub(cost)
            .and_then(|room| room.checked_sub(counts.current))
        else {
            return false;
        };
        let fading = u128::from(counts.previous) * u128::from(self.left(counts, now));
        fading <= u128::from(room) * u128::from(self.window)
    }

    /// The moment from which a cost that is refused now fits: in this window as the previous one fades, or in the next
    /// as this one does, or with the one after.
    fn opens(&self, counts: &Counts, cost: u64) -> u64 {
        let room = self.n - cost;
        let (start, fading, room) = match room.checked_sub(counts.current) {
            Some(room) => (counts.start, counts.previous, room),
            None => (
                counts.start.saturating_add(self.window),
                counts.current,
                room,
            ),
        };
        start.saturating_add(self.faded(fading, room))
    }

    /// How far into a window the fading count leaves that much room.
    fn faded(&self, fading: u64, room: u64) -> u64 {
        let left = (u128::from(room) * u128::from(self.window)).checked_div(u128::from(fading));
        self.window.saturating_sub(left.map_or(u64::MAX, narrow))
    }
}
