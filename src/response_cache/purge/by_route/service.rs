//! The service that the layer makes, and its future.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    layer::{InvalidateLayer, Shared},
    rule::Due,
};
use crate::response_cache::Purger;

/// A service whose requests invalidate what they change. Made by [`InvalidateLayer`].
#[derive(Clone)]
pub struct Invalidate<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Invalidate<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// A layer without any rules: [`InvalidateLayer::new`].
    #[must_use]
    pub fn layer(purger: Purger) -> InvalidateLayer {
        InvalidateLayer::new(purger)
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

impl<S, Q, R> Service<Request<Q>> for Invalidate<S>
where
    S: Service<Request<Q>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = InvalidateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let pending = self.shared.of_request(&parts);
        InvalidateFuture {
            inner: self.inner.call(Request::from_parts(parts, body)),
            pending,
        }
    }
}

/// What a request invalidates. Dropped before its outcome is known, it takes effect: the request may have.
pub(super) struct Pending {
    shared: Arc<Shared>,
    dues: Vec<Due>,
    settled: bool,
}

impl Pending {
    pub(super) fn new(shared: Arc<Shared>, dues: Vec<Due>) -> Self {
        Self {
            shared,
            dues,
            settled: false,
        }
    }

    fn settle(&mut self, status: Option<StatusCode>) {
        self.settled = true;
        self.shared.apply(&self.dues, status);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(None);
        }
    }
}

pin_project! {
    /// The future of [`Invalidate`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InvalidateFuture<F> {
        #[pin]
        inner: F,
        pending: Option<Pending>,
    }
}

impl<F, R, E> Future for InvalidateFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Whoever catches a panic may answer before it drops this.
        let mut pending = this.pending.take();
        let Poll::Ready(result) = this.inner.poll(cx) else {
            *this.pending = pending;
            return Poll::Pending;
        };
        if let Some(pending) = &mut pending {
            pending.settle(result.as_ref().ok().map(Response::status));
        }
        Poll::Ready(result)
    }
}

impl<S> fmt::Debug for Invalidate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidate").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for InvalidateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidateFuture").finish_non_exhaustive()
    }
}
