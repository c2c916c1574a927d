//! The layer and its settings.

use std::sync::Arc;

use governor::Quota;
use tower_layer::Layer;

use super::{
    limiter::{InvalidQuota, Limiter, ServiceLimitStats},
    service::ServiceLimit,
    shared::Shared,
};
use crate::{
    clock::Clock,
    head::RequestHead,
    rate_limit::wire::{fields::RateLimitHeaders, refusal::RefusalBody},
};

/// Limits the rate of all requests to a service together, whoever sends them.
///
/// A request beyond the limit is answered with 429, `Retry-After` and a [`ServiceLimited`](super::ServiceLimited) in
/// the extensions (gRPC: `RESOURCE_EXHAUSTED`), and the inner service does not see it. The layer, its clones and their
/// services count together, also where the clones have other settings. It protects the service, not clients from each
/// other: one of them can use all of it.
///
/// ```
/// use std::num::NonZeroU32;
///
/// use axum::{Router, routing::get};
/// use governor::Quota;
/// use tower_keep::rate_limit::{ServiceLimitLayer, whole::InvalidQuota};
///
/// # fn main() -> Result<(), InvalidQuota> {
/// let quota = Quota::per_second(NonZeroU32::new(500).unwrap());
/// let app: Router = Router::new()
///     .route("/", get(|| async { "hello" }))
///     .layer(ServiceLimitLayer::new(quota)?);
/// # let _ = app;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ServiceLimitLayer {
    shared: Arc<Shared>,
}

impl ServiceLimitLayer {
    /// A limit of the name `service`, of which each request takes one.
    ///
    /// # Errors
    /// If it takes more than a century until the whole quota is back.
    pub fn new(quota: Quota) -> Result<Self, InvalidQuota> {
        let limiter = Limiter::new(quota, Clock::system())?;
        Ok(Self {
            shared: Arc::new(Shared::new(limiter)),
        })
    }

    /// The limit's name in fields and refusals.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.with(|shared| shared.name = Arc::from(name))
    }

    /// How much of the quota a request takes, from its head. What costs nothing is let in; what costs more than the
    /// whole quota never is.
    ///
    /// ```
    /// # use std::num::NonZeroU32;
    /// # use governor::Quota;
    /// use http::Method;
    /// use tower_keep::rate_limit::{ServiceLimitLayer, whole::InvalidQuota};
    ///
    /// # fn main() -> Result<(), InvalidQuota> {
    /// # let quota = Quota::per_second(NonZeroU32::new(500).unwrap());
    /// let layer = ServiceLimitLayer::new(quota)?
    ///     .cost(|head| if *head.method() == Method::POST { 10 } else { 1 });
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn cost(self, cost: impl Fn(&RequestHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.with(|shared| shared.cost = Some(Arc::new(cost)))
    }

    /// In which fields responses say what is left. They have none for requests that cost nothing or too much: what is
    /// left is known by taking some.
    #[must_use]
    pub fn headers(self, headers: RateLimitHeaders) -> Self {
        self.with(|shared| shared.headers = headers)
    }

    /// What the body of a refusal says.
    #[must_use]
    pub fn refusal_body(self, body: RefusalBody) -> Self {
        self.with(|shared| shared.body = body)
    }

    /// The counts so far. With the feature `metrics`, `tower_keep_service_limit_requests_total` has them too.
    #[must_use]
    pub fn stats(&self) -> ServiceLimitStats {
        self.shared.limiter.stats()
    }

    /// The clock to count by, in place of the system's. The quota is full then, and clones from before are on their
    /// own.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.with(|shared| shared.limiter = Arc::new(shared.limiter.with_clock(clock)))
    }

    fn with(mut self, set: impl FnOnce(&mut Shared)) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        set(shared);
        shared.prepare();
        self
    }
}

impl<S> Layer<S> for ServiceLimitLayer {
    type Service = ServiceLimit<S>;

    fn layer(&self, inner: S) -> ServiceLimit<S> {
        ServiceLimit::new(inner, Arc::clone(&self.shared))
    }
}
