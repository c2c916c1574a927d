//! A counter that starts again at each multiple of the window.

use super::{Verdict, Wait};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FixedWindow {
    n: u64,
    window: u64,
}

/// The end of the window that is counted, so that only its first request divides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    end: u64,
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
        } else if cost <= self.n.saturating_sub(used(count, now)) {
            Verdict::Admitted { delay: 0 }
        } else {
            Verdict::Refused(Wait::For(count.end - now))
        }
    }

    #[inline]
    pub(super) fn charge(&self, count: &mut Count, now: u64, cost: u64) {
        // A window that has begun is not left again for an earlier one.
        if now >= count.end {
            *count = Count {
                end: (now - now % self.window).saturating_add(self.window),
                used: 0,
            };
        }
        count.used = count.used.saturating_add(cost);
    }

    /// In the window of the charge; afterwards it counts no more.
    pub(super) fn refund(&self, count: &mut Count, charged_at: u64, now: u64, cost: u64) {
        let start = count.end.saturating_sub(self.window);
        if now < count.end && charged_at >= start {
            count.used = count.used.saturating_sub(cost);
        }
    }

    pub(super) fn remaining(&self, count: &Count, now: u64) -> u64 {
        self.n.saturating_sub(used(count, now))
    }

    pub(super) fn reset(&self, count: &Count, now: u64) -> u64 {
        if used(count, now) == 0 {
            0
        } else {
            count.end - now
        }
    }

    /// Of a window that is the same.
    pub(super) fn adopt(&self, old: &Self, count: &Count) -> Option<Count> {
        (self.window == old.window).then(|| Count {
            end: count.end,
            used: count.used.min(self.n),
        })
    }

    pub(super) const fn quota(&self) -> u64 {
        self.n
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }
}

#[inline]
fn used(count: &Count, now: u64) -> u64 {
    if now < count.end { count.used } else { 0 }
}
