//! The layer and its settings.

use std::sync::Arc;

use tower_layer::Layer;

use super::{
    outcome::{Judging, Verdict},
    service::AdaptiveConcurrency,
    settings::{Aimd, Algorithm, Bounds, Gradient, InvalidSetting},
    shared::{AdaptiveStats, Shared},
    state::State,
};
use crate::{clock::Clock, head::Outcome};

/// Limits the requests in flight to what the service can work on, which it finds out by itself.
///
/// A request beyond the limit is answered with 503, `Retry-After: 1` and an [`Overloaded`](super::Overloaded) in the
/// extensions (gRPC: `UNAVAILABLE`), and the inner service does not see it. The layer, its clones and their services
/// share one limit; each setting begins anew, so set everything before the layer is cloned.
///
/// It looks at latency until the head of a response. Long polling, whose heads take long without any load, wants a
/// layer of its own or [`judge`](Self::judge), which can leave it out; streams without an end (server-sent events,
/// web sockets) hold a place as long as they last.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_keep::rate_limit::adaptive::{AdaptiveConcurrencyLayer, InvalidSetting};
///
/// # fn main() -> Result<(), InvalidSetting> {
/// let adaptive = AdaptiveConcurrencyLayer::new().limits(50, 10, 500)?;
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(adaptive.clone());
/// assert_eq!(adaptive.stats().limit, 50);
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrencyLayer {
    algorithm: Algorithm,
    bounds: Bounds,
    judging: Judging,
    clock: Clock,
    shared: Arc<Shared>,
}

impl AdaptiveConcurrencyLayer {
    /// A limit by [`Gradient`] that begins at 20 and stays between 5 and 1000.
    #[must_use]
    pub fn new() -> Self {
        let algorithm = Algorithm::Gradient(Gradient::new());
        let bounds = Bounds::DEFAULT;
        let judging = Judging::new(Verdict::of);
        let clock = Clock::system();
        let shared = Shared::new(
            State::new(algorithm, bounds),
            clock.clone(),
            judging.clone(),
        );
        Self {
            algorithm,
            bounds,
            judging,
            clock,
            shared: Arc::new(shared),
        }
    }

    /// Finds the limit by additive increase and multiplicative decrease.
    #[must_use]
    pub fn aimd(mut self, aimd: Aimd) -> Self {
        self.algorithm = Algorithm::Aimd(aimd);
        self.anew()
    }

    /// Finds the limit by the gradient of latency, with settings of its own.
    #[must_use]
    pub fn gradient(mut self, gradient: Gradient) -> Self {
        self.algorithm = Algorithm::Gradient(gradient);
        self.anew()
    }

    /// The first limit, the least and the greatest, in requests in flight.
    ///
    /// # Errors
    /// If the least is 0, or the first is not between it and the greatest.
    pub fn limits(mut self, initial: u32, min: u32, max: u32) -> Result<Self, InvalidSetting> {
        self.bounds = Bounds::new(initial, min, max)?;
        Ok(self.anew())
    }

    /// What outcomes say; [`Verdict::of`] where nothing is set.
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_keep::rate_limit::adaptive::{AdaptiveConcurrencyLayer, Verdict};
    ///
    /// let layer = AdaptiveConcurrencyLayer::new().judge(|outcome| match outcome.response() {
    ///     Some(head) if head.status() == StatusCode::ACCEPTED => Verdict::Ignored,
    ///     _ => Verdict::of(outcome),
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn judge(
        mut self,
        judge: impl Fn(&Outcome<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.judging = Judging::new(judge);
        self.anew()
    }

    /// The clock by which latencies are taken, in place of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self.anew()
    }

    /// What the limit is at and has done, in all services of this layer and its clones.
    #[must_use]
    pub fn stats(&self) -> AdaptiveStats {
        self.shared.stats()
    }

    fn anew(mut self) -> Self {
        let state = State::new(self.algorithm, self.bounds);
        let shared = Shared::new(state, self.clock.clone(), self.judging.clone());
        self.shared = Arc::new(shared);
        self
    }
}

impl Default for AdaptiveConcurrencyLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for AdaptiveConcurrencyLayer {
    type Service = AdaptiveConcurrency<S>;

    fn layer(&self, inner: S) -> AdaptiveConcurrency<S> {
        AdaptiveConcurrency::new(inner, Arc::clone(&self.shared))
    }
}
