//! How much may be retried: a share of what is asked for.
//!
//! Retries multiply the load on who is overloaded: an origin that fails everything, and is asked up to four times by
//! each of its clients, gets four times its load when it can bear it least. With a budget it gets a fifth more.

mod arithmetic;
mod deposits;
mod error;
#[cfg(test)]
mod tests;
mod withdrawals;

use std::{fmt, sync::Arc, time::Duration};

pub use self::error::InvalidBudget;
use self::{arithmetic::Arithmetic, deposits::Deposits, withdrawals::Withdrawals};
use crate::{
    clock::Moment,
    sync::{Mutex, lock},
};

/// How much may be retried, over a sliding window: a share of the requests, and a few per second for those who ask
/// seldom. Clones share it.
///
/// Each request [`deposit`](Self::deposit)s, and each retry [`withdraw`](Self::withdraw)s or is not made. The
/// arithmetic is that of Finagle's `RetryBudget`: a deposit is worth 1000, a retry costs `1000 / ratio` (rounded down),
/// and the reserve is worth `min_per_second` retries for each second of the window. So 100 requests at once allow 120
/// retries by default.
///
/// In every span of time that is as long as the window, no more retries are allowed than the reserve and the requests
/// of that very span pay for. For the window moves in steps, 32 over its length: a deposit counts for 31 or 32 of
/// them and a retry for 32 or 33, so that up to 6 % less may be allowed than would be right.
///
/// A deposit takes no lock. Time is the caller's: the moments are readings of one [`Clock`](crate::Clock).
///
/// ```
/// use tower_keep::{Clock, retry::RetryBudget, seconds};
///
/// # fn main() -> Result<(), tower_keep::retry::InvalidBudget> {
/// // 30 % of the requests of ten seconds, and one retry per second.
/// let budget = RetryBudget::new(seconds(10), 1, 0.3)?;
/// let now = Clock::system().now();
/// for _request in 0..100 {
///     budget.deposit(now);
/// }
/// assert_eq!(budget.balance(now), 40);
/// assert!(budget.withdraw(now));
/// assert_eq!(budget.balance(now), 39);
/// assert_eq!(budget.balance(now + seconds(9)), 39);
/// assert_eq!(budget.balance(now + seconds(11)), 10);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<Shared>);

struct Shared {
    arithmetic: Arithmetic,
    deposits: Deposits,
    withdrawals: Mutex<Withdrawals>,
}

/// What a [`RetryBudget`] was asked for since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetCounts {
    /// Retries that it allowed.
    pub withdrawn: u64,
    /// Retries that it did not allow.
    pub refused: u64,
}

impl RetryBudget {
    /// A budget of `ratio` retries per request, and `min_per_second` retries per second beyond that, over a window of
    /// `ttl`. With a ratio of 0 there are only the latter.
    ///
    /// # Errors
    /// If `ttl` is not from 1 to 60 seconds, or `ratio` is neither 0 nor from a millionth to 10.
    pub fn new(ttl: Duration, min_per_second: u32, ratio: f64) -> Result<Self, InvalidBudget> {
        Arithmetic::new(ttl, min_per_second, ratio).map(Self::with)
    }

    fn with(arithmetic: Arithmetic) -> Self {
        Self(Arc::new(Shared {
            arithmetic,
            deposits: Deposits::default(),
            withdrawals: Mutex::default(),
        }))
    }

    /// Counts a request: its first attempt, not its retries.
    #[inline]
    pub fn deposit(&self, now: Moment) {
        self.0.deposits.add(self.0.arithmetic.tick(now));
    }

    /// Takes one retry out of the budget, or says that there is none. That is one step: of two callers who want the
    /// last one, one gets it.
    #[must_use = "no retry may be made unless it is allowed"]
    pub fn withdraw(&self, now: Moment) -> bool {
        let mut withdrawals = lock(&self.0.withdrawals);
        let tick = withdrawals.move_to(self.0.arithmetic.tick(now));
        let allowed = self.0.retries(&withdrawals, tick) > 0;
        withdrawals.note(allowed);
        allowed
    }

    /// How many retries there are in it.
    #[must_use]
    pub fn balance(&self, now: Moment) -> u64 {
        let withdrawals = lock(&self.0.withdrawals);
        let tick = withdrawals.latest(self.0.arithmetic.tick(now));
        self.0.retries(&withdrawals, tick)
    }

    /// What it was asked for since it was made.
    #[must_use]
    pub fn counts(&self) -> BudgetCounts {
        lock(&self.0.withdrawals).counts()
    }
}

impl Shared {
    fn retries(&self, withdrawals: &Withdrawals, tick: u64) -> u64 {
        let withdrawn = withdrawals.live(tick);
        self.arithmetic.retries(self.deposits.live(tick), withdrawn)
    }
}

/// 20 % of the requests of 10 seconds, and 10 retries per second.
impl Default for RetryBudget {
    fn default() -> Self {
        Self::with(Arithmetic::DEFAULT)
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("arithmetic", &self.0.arithmetic)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
