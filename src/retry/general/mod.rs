//! Retries of what is no service: a query, a file on a network, a call of another crate.

#[cfg(test)]
mod tests;

use std::{borrow::Borrow, error::Error, fmt, future::Future, pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};

use super::{Backoff, Failure, GaveUp, RetryBudget, RetryError};
use crate::{
    classify::AttemptTimeout,
    clock::{Clock, Moment},
    error::BoxError,
};

/// How often, how long, and on what errors [`retry`] tries.
///
/// By default: four attempts, with waits from [`Backoff::default`] between them, after errors that
/// [`Failure::of`] calls transient; without a deadline, a timeout and a budget. Clones share the budget.
///
/// ```
/// use std::time::Duration;
/// use tower_keep::{retry::{Attempts, Backoff, RetryBudget}, seconds};
///
/// let attempts = Attempts::new()
///     .at_most(3)
///     .backoff(Backoff::exponential().base(Duration::from_millis(20)))
///     .timeout(Duration::from_millis(500))
///     .deadline(seconds(2))
///     .budget(RetryBudget::default());
/// # let _ = attempts;
/// ```
#[derive(Clone)]
pub struct Attempts {
    at_most: u32,
    backoff: Backoff,
    timeout: Option<Duration>,
    deadline: Option<Duration>,
    budget: Option<RetryBudget>,
    classify: Option<Classifier>,
    clock: Clock,
}

type Classifier = Arc<dyn Fn(&(dyn Error + 'static)) -> Failure + Send + Sync>;

impl Attempts {
    /// Four attempts, see the type's documentation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            at_most: 4,
            backoff: Backoff::default(),
            timeout: None,
            deadline: None,
            budget: None,
            classify: None,
            clock: Clock::default(),
        }
    }

    /// How many attempts there are at most, the first included; by default four. One is always made.
    #[must_use]
    pub const fn at_most(mut self, attempts: u32) -> Self {
        self.at_most = attempts;
        self
    }

    /// How long to wait between attempts.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long one attempt may take; by default as long as it likes. One that takes longer is dropped, and failed with
    /// [`AttemptTimeout`].
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long everything may take together, attempts and waits; by default there is no such limit. The last attempt is
    /// cut off then, and a wait that would go beyond is not begun.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// What retries are paid from; by default they are free. Give all that ask the same server clones of one budget.
    #[must_use]
    pub fn budget(mut self, budget: RetryBudget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// What is thought of an error, instead of [`Failure::of`].
    ///
    /// ```
    /// use std::io;
    /// use tower_keep::retry::{Attempts, Failure};
    ///
    /// let attempts = Attempts::new().classify(|error| match error.downcast_ref::<io::Error>() {
    ///     Some(error) if error.kind() == io::ErrorKind::ResourceBusy => Failure::Transient,
    ///     _ => Failure::of(error),
    /// });
    /// # let _ = attempts;
    /// ```
    #[must_use]
    pub fn classify(
        mut self,
        classify: impl Fn(&(dyn Error + 'static)) -> Failure + Send + Sync + 'static,
    ) -> Self {
        self.classify = Some(Arc::new(classify));
        self
    }

    /// Where time comes from; by default [`Clock::system`].
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    fn failure(&self, error: &(dyn Error + 'static)) -> Failure {
        match &self.classify {
            Some(classify) => classify(error),
            None => Failure::of(error),
        }
    }
}

/// [`Attempts::new`].
impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts")
            .field("at_most", &self.at_most)
            .field("backoff", &self.backoff)
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// Calls it until it succeeds, as often as the attempts say. Dropping the future ends it, in a wait too.
///
/// Each attempt should be harmless if another one went through before it: who gets a timeout does not know what became
/// of the request.
///
/// ```
/// use std::{cell::Cell, io};
/// use tower_keep::retry::{Attempts, RetryError, retry};
/// # use tower_keep::Clock;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), RetryError> {
/// let calls = Cell::new(0);
/// let fetch = || async {
///     calls.set(calls.get() + 1);
///     match calls.get() {
///         1 | 2 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
///         _ => Ok("a row"),
///     }
/// };
/// let attempts = Attempts::new();
/// # let attempts = attempts.clock(Clock::tokio());
/// assert_eq!(retry(attempts, fetch).await?, "a row");
/// assert_eq!(calls.get(), 3);
/// # Ok(())
/// # }
/// ```
///
/// Errors are judged after they were made a [`BoxError`]. Error types of their own, and boxed ones, stay what they are.
///
/// # Errors
/// If the last attempt failed, be it the first: [`RetryError`], which has that attempt's error as its source.
///
/// # Panics
/// Outside of a tokio runtime whose timers are enabled, unless the clock is one moved by hand.
pub async fn retry<T, E, F>(
    attempts: impl Borrow<Attempts>,
    mut attempt: impl FnMut() -> F,
) -> Result<T, RetryError>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    let mut run = Run::begin(attempts.borrow());
    loop {
        match run.limited(attempt()).await {
            Ok(value) => return Ok(value),
            Err(error) => {
                let wait = run.wait_after(error)?;
                run.clock.sleep(wait).await;
            }
        }
    }
}

/// One call of [`retry`].
struct Run<'a> {
    settings: &'a Attempts,
    clock: &'a Clock,
    deadline: Option<Moment>,
    /// Attempts that were begun.
    attempts: u32,
    previous_wait: Duration,
    waited: Duration,
}

impl<'a> Run<'a> {
    fn begin(settings: &'a Attempts) -> Self {
        let clock = &settings.clock;
        if let Some(budget) = &settings.budget {
            budget.deposit(clock.now());
        }
        Self {
            settings,
            clock,
            deadline: settings.deadline.map(|deadline| clock.now() + deadline),
            attempts: 0,
            previous_wait: Duration::ZERO,
            waited: Duration::ZERO,
        }
    }

    /// The attempt, for as long as it may take.
    async fn limited<T, E: Into<BoxError>>(
        &mut self,
        attempt: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BoxError> {
        self.attempts = self.attempts.saturating_add(1);
        let Some(limit) = self.limit() else {
            return attempt.await.map_err(Into::into);
        };
        match select(pin!(attempt), self.clock.sleep(limit)).await {
            Either::Left((result, _)) => result.map_err(Into::into),
            Either::Right(_) => Err(AttemptTimeout::after(limit).into()),
        }
    }

    fn limit(&self) -> Option<Duration> {
        let left = self
            .deadline
            .map(|deadline| deadline.duration_since(self.clock.now()));
        self.settings.timeout.into_iter().chain(left).min()
    }

    /// How long to wait before another attempt, or why there is none.
    fn wait_after(&mut self, error: BoxError) -> Result<Duration, RetryError> {
        let failure = self.settings.failure(&*error);
        let retry = self.attempts - 1;
        let wait = self.settings.backoff.draw(retry, self.previous_wait);
        if let Some(reason) = self.end(failure, wait) {
            let (attempts, waited) = (self.attempts, self.waited);
            return Err(RetryError::new(reason, attempts, waited, failure, error));
        }
        self.previous_wait = wait;
        self.waited = self.waited.saturating_add(wait);
        Ok(wait)
    }

    /// Why there is no further attempt. The budget is asked last: it is debited only for what is done.
    fn end(&self, failure: Failure, wait: Duration) -> Option<GaveUp> {
        let now = self.clock.now();
        if !failure.is_transient() {
            Some(GaveUp::Permanent)
        } else if self.attempts >= self.settings.at_most {
            Some(GaveUp::Attempts)
        } else if self.deadline.is_some_and(|deadline| now + wait >= deadline) {
            Some(GaveUp::Deadline)
        } else if self.is_refused(now) {
            Some(GaveUp::Budget)
        } else {
            None
        }
    }

    fn is_refused(&self, now: Moment) -> bool {
        let budget = self.settings.budget.as_ref();
        budget.is_some_and(|budget| !budget.withdraw(now))
    }
}
