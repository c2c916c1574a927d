//! The service.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{core::Core, future::ResponseFuture, layer::CircuitBreakerLayer, refusal};
use crate::{
    head::{Outcome, RequestHead},
    wire::body::ResponseBody,
};

/// A service behind a circuit breaker. Made by [`CircuitBreakerLayer`]; see the [module docs](super).
///
/// It is ready when the inner service is, or when it would refuse whatever comes. An inner service that fails to become
/// ready is a failure, and the error is passed on.
#[derive(Debug)]
pub struct CircuitBreaker<S> {
    inner: S,
    core: Arc<Core>,
    /// Said to be ready without the inner service: whatever comes is refused.
    refusing: bool,
}

impl<S> CircuitBreaker<S> {
    pub(super) fn new(inner: S, core: Arc<Core>) -> Self {
        Self {
            inner,
            core,
            refusing: false,
        }
    }

    /// The layer that makes such services: [`CircuitBreakerLayer::new`].
    #[must_use]
    pub fn layer() -> CircuitBreakerLayer {
        CircuitBreakerLayer::new()
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

/// A clone of the inner service is not ready because the original is.
impl<S: Clone> Clone for CircuitBreaker<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.core))
    }
}

impl<S, B, R> Service<Request<B>> for CircuitBreaker<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.refusing = self.core.refuses_all();
        if self.refusing {
            return Poll::Ready(Ok(()));
        }
        let ready = ready!(self.inner.poll_ready(cx));
        if let Err(error) = &ready {
            self.core.not_ready(&Outcome::failed(error));
        }
        Poll::Ready(ready)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let admitted = if std::mem::take(&mut self.refusing) {
            Err(self.core.refuse())
        } else {
            self.core.admit(&RequestHead::of(&request))
        };
        match admitted {
            Ok(held) => ResponseFuture::called(self.inner.call(request), held),
            Err(open) => ResponseFuture::refused(refusal::response(open, request.headers())),
        }
    }
}
