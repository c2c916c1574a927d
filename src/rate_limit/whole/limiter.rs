//! governor's limiter, and what can be said of its decisions.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};

use super::time::Time;
use crate::{
    clock::Clock,
    stats::{Counters, Metric},
};

/// A century: governor counts nanoseconds in 64 bits, and would overflow after five.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A [`Quota`] of which it takes more than a century until all of it is back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a burst of {burst} at one per {interval:?} takes more than a century until it is back")]
pub struct InvalidQuota {
    burst: u32,
    interval: Duration,
}

/// What was decided on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It costs nothing.
    Free,
    Admitted(Left),
    /// For how long, and what is left for smaller requests.
    Refused(Duration, Left),
    /// It costs more than the whole quota.
    Never,
}

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) remaining: u64,
    /// Until all of it is back. governor does not tell on admission; then it is rounded up to whole intervals.
    pub(super) reset: Duration,
}

#[derive(Debug)]
pub(super) struct Limiter {
    limiter: RateLimiter<NotKeyed, InMemoryState, Time, StateInformationMiddleware>,
    quota: Quota,
    time: Time,
    counts: Counters,
}

/// What a [`ServiceLimitLayer`](super::ServiceLimitLayer) has counted since it was made, all clones together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceLimitStats {
    /// Requests that were let in.
    pub admitted: u64,
    /// Requests that were refused.
    pub refused: u64,
}

/// What is counted, in the order of the table.
const OUTCOMES: [&str; 2] = ["admitted", "refused"];

fn metric(index: usize) -> Metric {
    const NAME: &str = "tower_keep_service_limit_requests_total";
    const WHAT: &str = "Requests that limits of whole services have decided about, by outcome";
    Metric::new(NAME, WHAT).label("outcome", OUTCOMES[index])
}

impl Limiter {
    pub(super) fn new(quota: Quota, clock: Clock) -> Result<Self, InvalidQuota> {
        let (burst, interval) = (quota.burst_size().get(), interval_of(&quota));
        if interval.as_nanos() * u128::from(burst) > LONGEST.as_nanos() {
            return Err(InvalidQuota { burst, interval });
        }
        Ok(Self::of_valid(quota, clock))
    }

    fn of_valid(quota: Quota, clock: Clock) -> Self {
        let time = Time(clock);
        let limiter = RateLimiter::direct_with_clock(quota, time.clone());
        Self {
            limiter: limiter.with_middleware(),
            quota,
            time,
            counts: Counters::new(OUTCOMES.len(), metric),
        }
    }

    pub(super) fn stats(&self) -> ServiceLimitStats {
        let counts = self.counts.snapshot();
        ServiceLimitStats {
            admitted: counts[0],
            refused: counts[1],
        }
    }

    /// The same quota, all of it, by another clock.
    pub(super) fn with_clock(&self, clock: Clock) -> Self {
        Self::of_valid(self.quota, clock)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.time.0
    }

    pub(super) fn quota(&self) -> u64 {
        self.quota.burst_size().get().into()
    }

    /// Until a quota that is used up is back.
    pub(super) fn window(&self) -> Duration {
        self.intervals(self.quota.burst_size().get())
    }

    /// Charges the cost, or refuses and charges nothing.
    pub(super) fn decide(&self, cost: u32) -> Decision {
        let decision = self.check(cost);
        let refused = matches!(decision, Decision::Refused(..) | Decision::Never);
        self.counts.add(usize::from(refused));
        decision
    }

    fn check(&self, cost: u32) -> Decision {
        let Some(cost) = NonZeroU32::new(cost) else {
            return Decision::Free;
        };
        // governor multiplies before it compares, and a cost may be anything.
        if cost > self.quota.burst_size() {
            return Decision::Never;
        }
        match self.limiter.check_n(cost) {
            Ok(Ok(state)) => {
                Decision::Admitted(self.left_on_admission(state.remaining_burst_capacity()))
            }
            Ok(Err(refused)) => {
                let wait = refused.wait_time_from(self.time.now());
                Decision::Refused(wait, self.left_on_refusal(wait, cost))
            }
            Err(_) => Decision::Never,
        }
    }

    fn left_on_admission(&self, remaining: u32) -> Left {
        let used = self.quota.burst_size().get().saturating_sub(remaining);
        Left {
            remaining: remaining.into(),
            reset: self.intervals(used),
        }
    }

    /// When the wait is over all but the cost is still to come back.
    fn left_on_refusal(&self, wait: Duration, cost: NonZeroU32) -> Left {
        let rest = self.quota.burst_size().get() - cost.get();
        let reset = wait + self.intervals(rest);
        let back = self.window().saturating_sub(reset);
        let whole = back.as_nanos() / interval_of(&self.quota).as_nanos();
        Left {
            remaining: u64::try_from(whole).unwrap_or(u64::MAX),
            reset,
        }
    }

    fn intervals(&self, count: u32) -> Duration {
        interval_of(&self.quota) * count
    }
}

/// Until one more is back. governor takes an interval of nothing, which a quota per second of more than 10^9 has, for
/// a nanosecond.
fn interval_of(quota: &Quota) -> Duration {
    quota.replenish_interval().max(Duration::from_nanos(1))
}

#[cfg(test)]
mod tests;
