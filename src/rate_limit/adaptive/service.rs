//! The service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    body::AdaptiveBody,
    future::AdaptiveFuture,
    shared::{AdaptiveStats, Shared},
};

/// The service of [`AdaptiveConcurrencyLayer`](super::AdaptiveConcurrencyLayer). See the docs there.
///
/// It is ready when the inner service is: the limit refuses rather than lets wait.
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrency<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> AdaptiveConcurrency<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// What the limit is at and has done, in all services of the layer.
    #[must_use]
    pub fn stats(&self) -> AdaptiveStats {
        self.shared.stats()
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the limit.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for AdaptiveConcurrency<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body,
{
    type Response = Response<AdaptiveBody<R>>;
    type Error = S::Error;
    type Future = AdaptiveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.shared.admit() {
            Ok(permit) => AdaptiveFuture::admitted(self.inner.call(request), permit),
            Err(overloaded) => AdaptiveFuture::refused(overloaded.response(request.headers())),
        }
    }
}
