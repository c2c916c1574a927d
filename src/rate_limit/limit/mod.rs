//! How much is allowed in how long.

mod builder;
mod error;
mod quota;
mod set;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

pub(super) use self::set::Count;
pub use self::{
    builder::{Concurrency, LeakyBucket, LeakyQueue, LimitBuilder, TokenBucket, Window},
    error::InvalidLimit,
    set::Limits,
};
use super::algorithm::Algorithm;

/// One limit: an algorithm, its numbers, and a name for fields and counters.
///
/// Rates are said as one says them, and [`build`](LimitBuilder::build) refuses those that cannot be:
///
/// ```
/// use tower_keep::{hours, minutes, seconds, rate_limit::Limit};
///
/// # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
/// let bursts = Limit::token_bucket(100).per(minutes(1)).burst(20).name("burst").build()?;
/// let hourly = Limit::sliding_window(1_000).per(hours(1)).name("hourly").build()?;
/// let logins = Limit::sliding_log(5).per(minutes(15)).build()?;
/// let paced = Limit::leaky_queue(1).per(seconds(2)).waiting(30).build()?;
/// let uploads = Limit::concurrency(4).build()?;
///
/// assert!(Limit::token_bucket(100).build().is_err(), "per what?");
/// # let _ = (bursts, hourly, logins, paced, uploads);
/// # Ok(())
/// # }
/// ```
///
/// What each of them admits at worst is in the [module docs](super#algorithms).
#[derive(Clone)]
pub struct Limit {
    name: Arc<str>,
    pub(super) algorithm: Algorithm,
    /// The body of a refusal by this limit alone, prepared.
    pub(super) problem: Bytes,
}

impl Limit {
    /// At most `quota` in each window of a fixed grid of time, which begins with 1970 (UTC). Around the border of
    /// two windows twice as much can pass in one window's time.
    pub fn fixed_window(quota: u64) -> LimitBuilder<Window> {
        LimitBuilder::new(quota, Window::fixed())
    }

    /// At most about `quota` in any window of time: the window before counts by the share of it that the window of
    /// time still covers.
    pub fn sliding_window(quota: u64) -> LimitBuilder<Window> {
        LimitBuilder::new(quota, Window::sliding())
    }

    /// At most `quota` in any window of time, exactly. It remembers the time of each request: 16 bytes each, up to
    /// the quota, for each key.
    pub fn sliding_log(quota: u64) -> LimitBuilder<Window> {
        LimitBuilder::new(quota, Window::log())
    }

    /// So many tokens come back in the time given by [`per`](LimitBuilder::per), one after the other, into a bucket
    /// that holds as many, or [`burst`](LimitBuilder::burst). A request takes one, or its cost.
    pub fn token_bucket(tokens: u64) -> LimitBuilder<TokenBucket> {
        LimitBuilder::new(tokens, TokenBucket::default())
    }

    /// So much drains in the time given by [`per`](LimitBuilder::per) from a bucket that holds as much, or
    /// [`capacity`](LimitBuilder::capacity). A request that would overflow it is refused: it decides as the
    /// [token bucket](Self::token_bucket) does.
    pub fn leaky_bucket(drained: u64) -> LimitBuilder<LeakyBucket> {
        LimitBuilder::new(drained, LeakyBucket::default())
    }

    /// So many pass in the time given by [`per`](LimitBuilder::per), at equal distances; up to
    /// [`waiting`](LimitBuilder::waiting) requests wait for their turn.
    pub fn leaky_queue(released: u64) -> LimitBuilder<LeakyQueue> {
        LimitBuilder::new(released, LeakyQueue::default())
    }

    /// At most so many at the same time: from the call to the end of the response's body. Each counts as one, whatever
    /// it costs.
    pub fn concurrency(requests: u64) -> LimitBuilder<Concurrency> {
        LimitBuilder::new(requests, Concurrency::default())
    }

    /// The name for fields and counters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The most that can be admitted at once.
    #[must_use]
    pub fn quota(&self) -> u64 {
        self.algorithm.quota()
    }

    /// The time in which the whole quota comes back; zero for a [concurrency](Self::concurrency) limit.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_micros(self.algorithm.window())
    }

    /// What `cost` is for this limit.
    pub(super) fn amount(&self, cost: u64) -> u64 {
        if self.counts_in_flight() { 1 } else { cost }
    }

    pub(super) fn counts_in_flight(&self) -> bool {
        matches!(self.algorithm, Algorithm::InFlight(_))
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish()
    }
}

#[cfg(test)]
mod tests;
