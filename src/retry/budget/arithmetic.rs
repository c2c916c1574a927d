//! What a budget is worth, as pure numbers.

use std::{ops::RangeInclusive, time::Duration};

use super::error::{InvalidBudget, Problem};
use crate::clock::Moment;

/// Steps in which the window moves over its length.
const STEPS: u64 = 32;

/// Slots of a ring of ticks: more than are live at once, and a power of two.
pub(super) const RING: usize = 64;

/// What one request is worth.
const DEPOSIT: u64 = 1000;

const SECOND: u128 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arithmetic {
    /// The length of a step, in nanoseconds.
    step: u64,
    /// What a request brings.
    deposit: u64,
    /// What a retry costs.
    cost: u64,
    /// What there is without any request.
    reserve: u64,
}

impl Arithmetic {
    /// 20 % and 10 per second, over 10 seconds.
    pub(super) const DEFAULT: Self = Self {
        step: 10_000_000_000 / STEPS,
        deposit: DEPOSIT,
        cost: 5 * DEPOSIT,
        reserve: 100 * 5 * DEPOSIT,
    };

    pub(super) fn new(
        ttl: Duration,
        min_per_second: u32,
        ratio: f64,
    ) -> Result<Self, InvalidBudget> {
        if !(Duration::from_secs(1)..=Duration::from_secs(60)).contains(&ttl) {
            return Err(InvalidBudget(Problem::Ttl));
        }
        let (deposit, cost) = worth(ratio).ok_or(InvalidBudget(Problem::Ratio))?;
        let retries = u128::from(min_per_second) * ttl.as_nanos() / SECOND;
        let saturated = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        Ok(Self {
            step: saturated(ttl.as_nanos().div_ceil(u128::from(STEPS))),
            deposit,
            cost,
            reserve: saturated(retries * u128::from(cost)),
        })
    }

    /// The step of the window that the moment is in.
    #[inline]
    pub(super) fn tick(&self, now: Moment) -> u64 {
        now.as_nanos() / self.step
    }

    /// How many retries are left of what was deposited and withdrawn within the window.
    pub(super) fn retries(&self, deposits: u64, withdrawals: u64) -> u64 {
        let paid_in = deposits.saturating_mul(self.deposit);
        let spent = withdrawals.saturating_mul(self.cost);
        paid_in.saturating_add(self.reserve).saturating_sub(spent) / self.cost
    }
}

/// What a request brings and what a retry costs, if the ratio makes sense.
fn worth(ratio: f64) -> Option<(u64, u64)> {
    if ratio == 0.0 {
        return Some((0, 1));
    }
    if !(1e-6..=10.0).contains(&ratio) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from a hundred to a billion"
    )]
    let cost = (1000.0 / ratio).floor() as u64;
    Some((DEPOSIT, cost))
}

/// The steps whose deposits count: those that began less than a window ago.
pub(super) fn paying(tick: u64) -> RangeInclusive<u64> {
    tick.saturating_sub(STEPS - 1)..=tick
}

/// The steps whose retries count: all that are less than a window ago, also in part.
pub(super) fn spending(tick: u64) -> RangeInclusive<u64> {
    tick.saturating_sub(STEPS)..=tick
}

/// Where a ring keeps the step.
#[inline]
pub(super) fn slot(tick: u64) -> usize {
    usize::try_from(tick % RING as u64).unwrap_or_default()
}
