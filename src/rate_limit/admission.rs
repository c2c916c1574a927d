//! What an admitted request holds.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use super::{core::Core, decision::Standings, table::Charge};

/// A request is admitted, and charged.
///
/// Dropping it ends what a limit of [concurrency](super::Limit::concurrency) counts as in flight. What was charged
/// otherwise stays charged, unless it is [refunded](Self::refund).
///
/// ```
/// use tower_keep::{minutes, rate_limit::{Limit, RateLimiter}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let failures = RateLimiter::new(Limit::sliding_log(5).per(minutes(15)).build()?);
/// // Reserved before the attempt, so that guesses made at the same time are counted too.
/// let attempt = failures.check("ada")?;
/// let password_is_right = true;
/// if password_is_right {
///     attempt.refund();
/// }
/// assert_eq!(failures.peek("ada").iter().next().unwrap().remaining, 5);
/// # Ok(())
/// # }
/// ```
pub struct Admission {
    core: Arc<Core>,
    charge: Charge,
    standings: Standings,
    held: Held,
}

/// What is given back when it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// All: its turn has not come.
    Waiting,
    /// Its place in flight.
    Running,
    /// Nothing any more.
    Refunded,
}

impl Admission {
    pub(super) fn new(core: Arc<Core>, charge: Charge, standings: Standings) -> Self {
        Self {
            core,
            charge,
            standings,
            held: Held::Running,
        }
    }

    /// How long to wait before going on: zero, but for a [leaky queue](super::Limit::leaky_queue).
    /// [`turn`](Self::turn) waits.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_micros(self.charge.delay)
    }

    /// Waits for the turn that a [leaky queue](super::Limit::leaky_queue) gives. Who drops the future gives its place
    /// back.
    pub fn turn(mut self) -> impl Future<Output = Self> + Send {
        // Before the first poll, which may never come.
        self.held = Held::Waiting;
        async move {
            self.core.turn(self.charge).await;
            self.held = Held::Running;
            self
        }
    }

    /// What is left of the limits, after this.
    #[must_use]
    pub fn standings(&self) -> &Standings {
        &self.standings
    }

    /// Gives back what was charged, as far as it still counts: in a window that is over nothing does. Into a bucket
    /// the tokens go back as far as there is room.
    pub fn refund(mut self) {
        self.held = Held::Refunded;
        self.core.refund(self.standings.limits(), self.charge, true);
    }

    /// Charges what it came to in the end in place of what it was admitted with. That may be more than is left: then
    /// the next ones wait until it is paid off.
    pub fn settle(self, cost: u64) {
        self.core.settle(self.standings.limits(), self.charge, cost);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let limits = self.standings.limits();
        match self.held {
            Held::Waiting => self.core.refund(limits, self.charge, false),
            Held::Running if limits.count_in_flight() => self.core.release(limits, self.charge),
            Held::Running | Held::Refunded => {}
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("delay", &self.delay())
            .field("standings", &self.standings)
            .finish_non_exhaustive()
    }
}
