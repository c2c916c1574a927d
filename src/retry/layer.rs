//! The layer and its settings.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Method, Uri};
use tower_layer::Layer;

use super::{
    Backoff, Retry, RetryBudget,
    classifier::{Attempt, Classify, Transient, TransientBoxed},
    core::Core,
    hedge::{Hedge, Plan},
    judge::Verdict,
    stats::Stats,
};
use crate::clock::Clock;

/// So many retries follow the first attempt.
const RETRIES: u32 = 3;
/// A server may ask for a wait of so long.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(10);
/// So many bytes of a body are kept.
const REPLAY: usize = 64 << 10;

/// Retries requests whose failure may pass. See the [module docs](super).
///
/// Clones share the budget and the counters.
#[derive(Clone, Debug)]
pub struct RetryLayer<C = Transient> {
    core: Arc<Core<C>>,
}

impl Default for RetryLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryLayer {
    /// Three retries of what may be repeated, with full jitter from 100 ms on, within the default
    /// [budget](RetryBudget).
    #[must_use]
    pub fn new() -> Self {
        Self::with(Transient)
    }

    /// The same for a service whose error is a [`BoxError`](crate::BoxError).
    #[must_use]
    pub fn boxed_errors() -> RetryLayer<TransientBoxed> {
        RetryLayer::with(TransientBoxed)
    }

    /// Asks this closure which attempts are to be followed by another one, in place of the
    /// [default](Transient).
    ///
    /// ```
    /// use std::io;
    ///
    /// use tower_keep::retry::{Attempt, Reason, RetryLayer, Verdict};
    ///
    /// let layer = RetryLayer::classify(|attempt: &Attempt<'_, io::Error>| match attempt.result {
    ///     Ok(answer) if answer.status() == 503 => Verdict::Retry(Reason::Status(answer.status())),
    ///     _ => Verdict::Final,
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn classify<F, E>(classifier: F) -> RetryLayer<F>
    where
        F: Fn(&Attempt<'_, E>) -> Verdict + Send + Sync + 'static,
    {
        RetryLayer::with(classifier)
    }
}

impl<C> RetryLayer<C> {
    fn with(classifier: C) -> Self {
        let core = Core {
            classifier,
            retries: RETRIES,
            backoff: Backoff::exponential(),
            budget: Some(RetryBudget::default()),
            most_retry_after: MOST_RETRY_AFTER,
            replay: REPLAY,
            attempt_timeout: None,
            deadline: None,
            idempotent: None,
            numbered: false,
            hedge: None,
            clock: Clock::fast(),
            counts: Arc::default(),
        };
        Self {
            core: Arc::new(core),
        }
    }

    #[cfg(feature = "tower")]
    pub(super) fn core(&self) -> Arc<Core<C>> {
        Arc::clone(&self.core)
    }

    /// What has been counted so far, all clones together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.counts.snapshot()
    }

    /// The budget, to look at its level or to share it with another layer.
    #[must_use]
    pub fn budget_handle(&self) -> Option<&RetryBudget> {
        self.core.budget.as_ref()
    }
}

/// # Settings
impl<C: Clone> RetryLayer<C> {
    /// So many retries at most, after the first attempt: 3 if this is not said.
    #[must_use]
    pub fn retries(self, retries: u32) -> Self {
        self.set(|core| core.retries = retries)
    }

    /// How long to wait before retries.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        self.set(|core| core.backoff = backoff)
    }

    /// How many retries there may be for how many requests.
    #[must_use]
    pub fn budget(self, budget: RetryBudget) -> Self {
        self.set(|core| core.budget = Some(budget))
    }

    /// Retries however many there are: where all requests fail, that multiplies them by the
    /// [number of attempts](Self::retries).
    #[must_use]
    pub fn danger_without_budget(self) -> Self {
        self.set(|core| core.budget = None)
    }

    /// How long an attempt may take until the head of its response is there. It is retried then, or answered with 504.
    #[must_use]
    pub fn attempt_timeout(self, time: Duration) -> Self {
        self.set(|core| core.attempt_timeout = Some(time))
    }

    /// How long all may take together: attempts, waits, and the body of the response. When it passes the answer is 504,
    /// or the body ends with an error.
    #[must_use]
    pub fn deadline(self, time: Duration) -> Self {
        self.set(|core| core.deadline = Some(time))
    }

    /// The longest wait that a server may ask for by `Retry-After`, 10 seconds if this is not said. If it asks for
    /// more, its response is returned.
    #[must_use]
    pub fn max_retry_after(self, time: Duration) -> Self {
        self.set(|core| core.most_retry_after = time)
    }

    /// How many bytes of a request's body are kept for another attempt, 64 KiB if this is not said. A longer one
    /// streams as ever, and is not retried.
    #[must_use]
    pub fn max_replay(self, bytes: usize) -> Self {
        self.set(|core| core.replay = bytes)
    }

    /// Which requests may be processed twice although their method does not say so (RFC 9110, section 9.2.2). A
    /// [`RetryPolicy`](super::RetryPolicy) of the request wins over that.
    #[must_use]
    pub fn idempotent(
        self,
        rule: impl Fn(&Method, &Uri, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|core| core.idempotent = Some(Arc::new(rule)))
    }

    /// Makes a second attempt beside a first one that takes long. See the [module docs](super#hedging).
    #[must_use]
    pub fn hedge(self, hedge: Hedge) -> Self {
        self.set(|core| core.hedge = Some(Plan::of(hedge)))
    }

    /// Tells the server the number of each attempt: `x-attempt: 2` is the first retry.
    #[must_use]
    pub fn number_attempts(self) -> Self {
        self.set(|core| core.numbered = true)
    }

    /// The clock: for tests.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|core| core.clock = clock)
    }

    fn set(mut self, set: impl FnOnce(&mut Core<C>)) -> Self {
        set(Arc::make_mut(&mut self.core));
        self
    }
}

impl<S, C> Layer<S> for RetryLayer<C> {
    type Service = Retry<S, C>;

    fn layer(&self, inner: S) -> Retry<S, C> {
        Retry::new(inner, Arc::clone(&self.core))
    }
}

impl<E, C: Classify<E>> Classify<E> for Core<C> {
    fn classify(&self, attempt: &Attempt<'_, E>) -> Verdict {
        self.classifier.classify(attempt)
    }
}
