//! A counter that starts again at each multiple of the window.

use super::{Verdict, Wait};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FixedWindow {
    n: u64,
    window: u64,
}

/// The window that is counted, so that only its first request divides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    start: u64,
    used: u64,
}

impl FixedWindow {
    /// A window of 0 counts as 1 microsecond.
    pub(crate) fn new(n: u64, window: u64) -> Self {
        Self {
            n,
            window: window.max(1),
        }
    }

    #[inline]
    pub(super) fn check(&self, count: &Count, now: u64, cost: u64) -> Verdict {
        if cost > self.n {
            Verdict::Refused(Wait::Never)
        } else if cost <= self.remaining(count, now) {
            Verdict::Admitted { delay: 0 }
        } else {
            Verdict::Refused(Wait::For(self.end(count) - now))
        }
    }

    #[inline]
    pub(super) fn charge(&self, count: &mut Count, now: u64, cost: u64) {
        if !self.counts(count, now) {
            let start = now - now % self.window;
            *count = Count { start, used: 0 };
        }
        count.used = count.used.saturating_add(cost);
    }

    /// When the window that is counted began: an earlier charge counts as of then.
    #[inline]
    pub(super) fn latest(count: &Count) -> u64 {
        count.start
    }

    /// In the window of the charge; afterwards it counts no more.
    pub(super) fn refund(count: &mut Count, charged_at: u64, cost: u64) {
        if charged_at >= count.start {
            count.used = count.used.saturating_sub(cost);
        }
    }

    #[inline]
    pub(super) fn remaining(&self, count: &Count, now: u64) -> u64 {
        self.n.saturating_sub(self.used(count, now))
    }

    pub(super) fn reset(&self, count: &Count, now: u64) -> u64 {
        if self.used(count, now) == 0 {
            0
        } else {
            self.end(count) - now
        }
    }

    pub(super) const fn quota(&self) -> u64 {
        self.n
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    /// Whether the window has not passed. One that has begun is not left again for an earlier one.
    #[inline]
    fn counts(&self, count: &Count, now: u64) -> bool {
        now.saturating_sub(count.start) < self.window
    }

    #[inline]
    fn used(&self, count: &Count, now: u64) -> u64 {
        if self.counts(count, now) {
            count.used
        } else {
            0
        }
    }

    #[inline]
    fn end(&self, count: &Count) -> u64 {
        count.start.saturating_add(self.window)
    }
}
