//! Decisions about keys that are at hand, and the handle to what has been decided.

use std::{convert::Infallible, fmt, future::Future, sync::Arc, time::Duration};

use super::{
    admission::Admission,
    core::{Asking, Core},
    decision::{Refusal, Standings},
    limit::Limits,
    stats::Stats,
    table::Lefts,
};
use crate::{clock::Clock, request_key::LimitKey};

/// So many keys are remembered if nothing else is said: with one limit, in 8 MiB.
const MAX_KEYS: usize = 100_000;

/// Decides about keys: for jobs, for services that do not speak HTTP, for parts of a handler's work, and as the handle
/// to what a [`RateLimitLayer`](super::RateLimitLayer) decides.
///
/// Clones share their keys and their counters.
///
/// ```
/// use tower_keep::{minutes, rate_limit::{Limit, RateLimiter}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mails = RateLimiter::new(Limit::token_bucket(3).per(minutes(1)).build()?);
/// for _ in 0..3 {
///     mails.check("ada@example.org")?;
/// }
/// let refused = mails.check("ada@example.org").unwrap_err();
/// assert!(refused.retry_after().unwrap() <= minutes(1) / 3);
/// mails.check("grace@example.org")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RateLimiter {
    core: Arc<Core>,
}

impl RateLimiter {
    /// A limiter for a hundred thousand keys.
    #[must_use]
    pub fn new(limits: impl Into<Limits>) -> Self {
        Self::with(&limits.into(), MAX_KEYS, Clock::fast())
    }

    fn with(limits: &Limits, max_keys: usize, clock: Clock) -> Self {
        Self {
            core: Arc::new(Core::new(limits, max_keys, clock)),
        }
    }

    /// A new limiter with the same limits that remembers up to so many keys.
    ///
    /// When all are remembered, those come first to be forgotten whose limits are back in full, then those that have
    /// used the least of them. Keys that are being limited, blocked or in flight are not forgotten in favour of
    /// newcomers: if there is no other in reach, these share their limits (see [`Stats::overflowed`]).
    #[must_use]
    pub fn max_keys(self, keys: usize) -> Self {
        Self::with(&self.core.limits, keys, self.core.time.clock().clone())
    }

    /// A new limiter with the same limits that goes by this clock: for tests, or [`Clock::system`].
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self::with(&self.core.limits, self.core.max_keys, clock)
    }

    /// Whether a request of this key is admitted now, with a cost of one. It is charged then.
    ///
    /// # Errors
    /// If it is refused. That changes nothing.
    pub fn check(&self, key: impl LimitKey) -> Result<Admission, Refusal> {
        self.check_cost(key, 1)
    }

    /// The same with another cost. What costs nothing is admitted, unless the key is blocked or a limit of concurrency
    /// refuses it.
    ///
    /// # Errors
    /// If it is refused. That changes nothing.
    pub fn check_cost(&self, key: impl LimitKey, cost: u64) -> Result<Admission, Refusal> {
        self.check_under(&self.core.limits, key, cost)
    }

    /// The same under other limits than those of the limiter: those of a plan. What the key has used so far counts.
    ///
    /// # Errors
    /// If it is refused. That changes nothing.
    pub fn check_under(
        &self,
        limits: &Limits,
        key: impl LimitKey,
        cost: u64,
    ) -> Result<Admission, Refusal> {
        let fingerprint = self.core.keys.of_key(&key);
        let mut left = Lefts::new();
        let request = Asking {
            fingerprint,
            limits,
            cost,
            shadow: false,
        };
        match self.core.decide(request, Some(&mut left)) {
            Ok(charge) => {
                let standings = Standings::new(limits.clone(), left);
                Ok(Admission::new(Arc::clone(&self.core), charge, standings))
            }
            Err(refused) => {
                self.core.refused(fingerprint, |writer| {
                    key.write(writer);
                    Ok::<(), Infallible>(())
                });
                Err(Refusal::new(limits.clone(), refused, left))
            }
        }
    }

    /// The same as [`check`](Self::check), and waits for the turn that a [leaky queue](super::Limit::leaky_queue) gives. Who
    /// drops the future gives its place back.
    ///
    /// # Errors
    /// If it is refused, at once.
    pub fn acquire<K: LimitKey>(
        &self,
        key: K,
    ) -> impl Future<Output = Result<Admission, Refusal>> + Send + use<'_, K> {
        let turn = self.check(key).map(Admission::turn);
        async move { Ok(turn?.await) }
    }

    /// What is left of the limits of a key: of those under which it was last decided. That changes nothing.
    #[must_use]
    pub fn peek(&self, key: impl LimitKey) -> Standings {
        let (standings, _) = self.look(&key);
        standings
    }

    /// How much longer a key is [blocked](Self::block); `None` if it is not.
    #[must_use]
    pub fn blocked_for(&self, key: impl LimitKey) -> Option<Duration> {
        let (_, blocked) = self.look(&key);
        (blocked > 0).then(|| Duration::from_micros(blocked))
    }

    /// What is left, and for how many microseconds it is blocked.
    fn look(&self, key: &impl LimitKey) -> (Standings, u64) {
        let now = self.core.time.now();
        let peeked = self.core.peek(key, now);
        let standings = Standings::new(peeked.limits, peeked.left);
        (standings, peeked.blocked_until.saturating_sub(now))
    }

    /// Gives a key its full quota, and lifts its [block](Self::block). Requests in flight still count as such.
    pub fn reset(&self, key: impl LimitKey) {
        self.core.reset(&key);
    }

    /// Gives back so much of what a key was charged last, as far as that still counts. What an
    /// [`Admission`] has charged is better given back by itself.
    pub fn refund(&self, key: impl LimitKey, cost: u64) {
        self.core.restore(&key, cost);
    }

    /// Refuses all requests of a key for so long, whatever they cost. It is remembered in place of a key that is not
    /// blocked and has no requests in flight, also of one that is being limited; `false` if there is none, and nothing
    /// is blocked then.
    pub fn block(&self, key: impl LimitKey, time: Duration) -> bool {
        self.core.block(&key, time)
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// The most bytes that the keys take under the limits of this limiter, while it makes room for more; about half of
    /// that when it is full. Keys with [plans](super::RateLimitLayer::plan) may take more, if these are of more limits,
    /// or have longer [logs](super::Limit::sliding_log).
    #[must_use]
    pub fn memory_bound(&self) -> usize {
        self.core.memory_bound()
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl<L: Into<Limits>> From<L> for RateLimiter {
    fn from(limits: L) -> Self {
        Self::new(limits)
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("limits", &self.core.limits)
            .field("max_keys", &self.core.max_keys)
            .finish_non_exhaustive()
    }
}
