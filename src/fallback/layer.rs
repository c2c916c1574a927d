//! The layer and its settings.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Response, StatusCode};
use tower_layer::Layer;

use super::service::Fallback;
use crate::head::Outcome;

type Failed = dyn Fn(&Outcome<'_>) -> bool + Send + Sync;
type Make = dyn Fn(&Outcome<'_>) -> Response<Bytes> + Send + Sync;

/// Answers in place of a failure. See the [module docs](super).
#[derive(Clone, Debug)]
pub struct FallbackLayer<F = Respond> {
    fallback: F,
    when: When,
}

/// The fallback is a response that is made here.
#[derive(Clone)]
pub struct Respond(Arc<Make>);

/// The fallback is another service.
#[derive(Clone, Debug)]
pub struct To<F>(pub(super) F);

/// Which outcomes are failures.
#[derive(Clone, Default)]
pub(super) struct When(Option<Arc<Failed>>);

impl FallbackLayer {
    /// Always the same response.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::Response;
    /// use tower_keep::fallback::FallbackLayer;
    ///
    /// let empty = FallbackLayer::value(Response::new(Bytes::from_static(b"[]")));
    /// # let _ = empty;
    /// ```
    #[must_use]
    pub fn value(response: Response<Bytes>) -> Self {
        Self::from_fn(move |_| response.clone())
    }

    /// The response that is made from a failure.
    #[must_use]
    pub fn from_fn(make: impl Fn(&Outcome<'_>) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Self::new(Respond(Arc::new(make)))
    }
}

impl<F> FallbackLayer<To<F>> {
    /// The response of another service, which has the same types of response and error. It is made ready when it is
    /// needed.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use tower_keep::fallback::FallbackLayer;
    ///
    /// let stale: Router = Router::new().route("/", get(|| async { "yesterday's news" }));
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async { "today's news" }))
    ///     .layer(FallbackLayer::service(stale));
    /// # let _ = app;
    /// ```
    #[must_use]
    pub fn service(service: F) -> Self {
        Self::new(To(service))
    }
}

impl<F> FallbackLayer<F> {
    fn new(fallback: F) -> Self {
        Self {
            fallback,
            when: When::default(),
        }
    }

    /// Which outcomes are failures, in place of errors and 502, 503 and 504.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, StatusCode};
    /// use tower_keep::fallback::FallbackLayer;
    ///
    /// let default = FallbackLayer::value(Response::new(Bytes::from_static(b"{}")))
    ///     .when(|outcome| outcome.response().is_some_and(|head| head.status() == StatusCode::NOT_FOUND));
    /// # let _ = default;
    /// ```
    #[must_use]
    pub fn when(mut self, failed: impl Fn(&Outcome<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.when = When(Some(Arc::new(failed)));
        self
    }
}

impl Respond {
    pub(super) fn make(&self, outcome: &Outcome<'_>) -> Response<Bytes> {
        (self.0)(outcome)
    }
}

impl When {
    pub(super) fn is(&self, outcome: &Outcome<'_>) -> bool {
        if let Some(failed) = &self.0 {
            return failed(outcome);
        }
        let failed = |status| {
            matches!(
                status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            )
        };
        outcome.response().is_none_or(|head| failed(head.status()))
    }
}

impl<S, F: Clone> Layer<S> for FallbackLayer<F> {
    type Service = Fallback<S, F>;

    fn layer(&self, inner: S) -> Fallback<S, F> {
        Fallback::new(inner, self.fallback.clone(), self.when.clone())
    }
}

impl fmt::Debug for Respond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Respond").finish_non_exhaustive()
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "default",
            Some(_) => "closure",
        })
    }
}
