//! Token bucket and leaky bucket as a meter: the generic cell rate algorithm (ITU-T I.371, annex A) makes the decisions
//! of both.
//!
//! A bucket of B tokens gets one back every T and admits a cost that it has the tokens for. A meter leaks one unit
//! every T and admits a cost that it has the room for, its capacity being B. The room of the one is the tokens of the
//! other, and both are `B - (TAT - now) / T`: all there is to keep is the theoretical arrival time, at which the bucket
//! is full again, the meter empty.

use super::{
    Verdict, Wait,
    exact::{Exact, Interval},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gcra {
    interval: Interval,
    /// The time that the whole burst takes.
    tolerance: Exact,
    burst: u64,
}

impl Gcra {
    /// One unit every `period_ns / n` nanoseconds, `burst` at once; none where one of them is 0 or the times are too
    /// long or too fine to count with.
    pub(crate) fn new(n: u64, period_ns: u64, burst: u64) -> Option<Self> {
        let interval = Interval::new(n, period_ns)?;
        let longest = interval.times(burst.checked_add(1)?);
        let counts = burst > 0 && longest <= Exact::whole(u64::MAX / 8);
        counts.then(|| Self {
            interval,
            tolerance: interval.times(burst),
            burst,
        })
    }

    #[inline]
    pub(super) fn check(&self, tat: &Exact, now: u64, cost: u64) -> Verdict {
        if cost > self.burst {
            return Verdict::Refused(Wait::Never);
        }
        let charged = self.charged(*tat, now, cost);
        let latest = self.interval.plus(Exact::whole(now), self.tolerance);
        if charged <= latest {
            Verdict::Admitted { delay: 0 }
        } else {
            Verdict::Refused(Wait::For(self.interval.minus(charged, latest).ceil()))
        }
    }

    #[inline]
    pub(super) fn charge(&self, tat: &mut Exact, now: u64, cost: u64) {
        *tat = self.charged(*tat, now, cost);
    }

    #[inline]
    fn charged(&self, tat: Exact, now: u64, cost: u64) -> Exact {
        self.interval
            .plus(tat.max(Exact::whole(now)), self.interval.times(cost))
    }

    /// The tokens go back, whenever they were taken, and never make the bucket more than full.
    pub(super) fn refund(&self, tat: &mut Exact, now: u64, cost: u64) {
        let full = Exact::whole(now).min(*tat);
        *tat = self
            .interval
            .minus(*tat, self.interval.times(cost))
            .max(full);
    }

    pub(super) fn remaining(&self, tat: &Exact, now: u64) -> u64 {
        let room = self.interval.minus(self.tolerance, self.level(*tat, now));
        self.interval.count(room)
    }

    pub(super) fn reset(&self, tat: &Exact, now: u64) -> u64 {
        self.level(*tat, now).ceil()
    }

    /// The same number of tokens, and the same fraction of the next one, is missing.
    pub(super) fn adopt(&self, old: &Self, tat: &Exact, now: u64) -> Exact {
        let level = self
            .interval
            .convert(&old.interval, old.level(*tat, now), self.burst);
        self.interval.plus(Exact::whole(now), level)
    }

    pub(super) const fn quota(&self) -> u64 {
        self.burst
    }

    pub(super) const fn window(&self) -> u64 {
        self.tolerance.ceil()
    }

    pub(super) const fn interval(&self) -> &Interval {
        &self.interval
    }

    /// The time until the bucket is full.
    fn level(&self, tat: Exact, now: u64) -> Exact {
        self.interval.minus(tat, Exact::whole(now))
    }
}
