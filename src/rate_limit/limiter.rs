//! Decisions about keys that are at hand, and the handle to what has been decided.

use std::{convert::Infallible, fmt, future::Future, sync::Arc, time::Duration};

use super::{
    admission::Admission,
    decision::{Refusal, Standings},
    key::{Fingerprints, KeyWriter, LimitKey},
    limit::{Count, Limits},
    stats::Stats,
    table::{Asked, Charge, Lefts, Refused, Table, Verdict},
    time::{Timeline, micros},
};
use crate::{clock::Clock, stats::top::Top};

/// So many of the keys that are refused most are counted.
const TOP_KEYS: usize = 32;

/// So many keys are remembered if nothing else is said: with one limit, in less than 16 MiB.
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

pub(super) struct Core {
    pub(super) limits: Limits,
    pub(super) time: Timeline,
    pub(super) keys: Fingerprints,
    pub(super) top: Top,
    table: Table,
    max_keys: usize,
}

impl RateLimiter {
    /// A limiter for a hundred thousand keys.
    #[must_use]
    pub fn new(limits: impl Into<Limits>) -> Self {
        Self::with(&limits.into(), MAX_KEYS, Clock::fast())
    }

    fn with(limits: &Limits, max_keys: usize, clock: Clock) -> Self {
        let core = Core {
            limits: limits.recounted(),
            time: Timeline::new(clock),
            keys: Fingerprints::default(),
            top: Top::new(TOP_KEYS),
            table: Table::new(max_keys),
            max_keys,
        };
        Self {
            core: Arc::new(core),
        }
    }

    /// A new limiter with the same limits that remembers up to so many keys.
    ///
    /// When all are remembered, those come first to be forgotten whose limits are back in full, then those that have
    /// used the least of them. Keys that are being limited, blocked or in flight are not forgotten: if there is no
    /// other in reach, newcomers share their limits (see [`Stats::overflowed`]).
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
        let asked = self.core.asked(&self.core.limits, 0);
        let peeked = self.core.table.peek(self.core.keys.of_key(key), asked);
        let standings = Standings::new(peeked.limits, peeked.left);
        (standings, peeked.blocked_until.saturating_sub(asked.now))
    }

    /// Gives a key its full quota, and lifts its [block](Self::block). Requests in flight still count as such.
    pub fn reset(&self, key: impl LimitKey) {
        let fingerprint = self.core.keys.of_key(&key);
        self.core.table.reset(fingerprint, self.core.time.now());
    }

    /// Refuses all requests of a key for so long, whatever they cost.
    pub fn block(&self, key: impl LimitKey, time: Duration) {
        let asked = self.core.asked(&self.core.limits, 0);
        let until = asked.now.saturating_add(micros(time));
        let fingerprint = self.core.keys.of_key(&key);
        self.core.table.block(fingerprint, asked, until);
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = &self.core;
        Stats::new(&core.limits, core.table.counts(), core.top.snapshot())
    }

    /// The most bytes that the keys take, the entries of [sliding logs](Limit::sliding_log) apart.
    #[must_use]
    pub fn memory_bound(&self) -> usize {
        Table::most_bytes(self.core.max_keys, &self.core.limits)
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Core {
    fn asked<'a>(&self, limits: &'a Limits, cost: u64) -> Asked<'a> {
        Asked {
            limits,
            cost,
            now: self.time.now(),
        }
    }

    /// Decides, and counts what was decided; what an admitted request is charged.
    #[inline]
    pub(super) fn decide(
        &self,
        asking: Asking<'_>,
        left: Option<&mut Lefts>,
    ) -> Result<Charge, Refused> {
        let Asking {
            fingerprint,
            limits,
            cost,
            shadow,
        } = asking;
        let now = self.time.now();
        let asked = Asked { limits, cost, now };
        let ruling = self.table.decide(fingerprint, asked, left);
        match ruling.verdict {
            Verdict::Admitted { delay } => {
                self.count_admitted(limits, delay);
                Ok(Charge {
                    fingerprint,
                    cost,
                    at: now,
                    delay,
                    shared: ruling.shared,
                })
            }
            Verdict::Refused(refused) => {
                count_refused(limits, refused, shadow);
                Err(refused)
            }
        }
    }

    /// The table has counted it, for all limits together.
    #[inline]
    fn count_admitted(&self, limits: &Limits, delay: u64) {
        if limits.is(&self.limits) {
            limits.publish(Count::Admitted);
        } else {
            limits.count(Count::Admitted);
        }
        if delay > 0 {
            limits.count(Count::Delayed);
        }
    }

    /// One more refusal of this key.
    pub(super) fn refused<E>(
        &self,
        fingerprint: u64,
        write: impl FnOnce(&mut KeyWriter<'_>) -> Result<(), E>,
    ) {
        self.top.hit(fingerprint, 1, || self.keys.label(write));
    }

    pub(super) fn refund(&self, charge: Charge) {
        self.table.refund(charge, self.time.now());
    }

    pub(super) fn release(&self, charge: Charge) {
        self.table.release(charge, self.time.now());
    }

    pub(super) fn settle(&self, limits: &Limits, charge: Charge, cost: u64) {
        let asked = self.asked(limits, cost);
        self.table.settle(charge, asked);
    }

    /// The moment of its turn.
    pub(super) async fn turn(&self, charge: Charge) {
        if charge.delay > 0 {
            let turn = self.time.moment(charge.at.saturating_add(charge.delay));
            self.time.clock().sleep_until(turn).await;
        }
    }
}

/// A request of this key, under these limits.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) fingerprint: u64,
    pub(super) limits: &'a Limits,
    pub(super) cost: u64,
    /// Nobody is refused, whatever the verdict.
    pub(super) shadow: bool,
}

fn count_refused(limits: &Limits, refused: Refused, shadow: bool) {
    if refused.violated == 0 {
        limits.count(Count::Blocked);
    }
    for limit in (0..u8::BITS as usize).filter(|at| refused.violated >> at & 1 == 1) {
        limits.count(if shadow {
            Count::Shadowed(limit)
        } else {
            Count::Refused(limit)
        });
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
