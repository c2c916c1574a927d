//! The service that the layer makes.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    exchange::{Core, Exchange},
    layer::CookieSessionLayer,
};
use crate::session::transport::Keys;

/// A service whose requests have a session in a cookie. Made by [`CookieSessionLayer`]; see the [module docs](super).
///
/// It is ready when the inner service is.
#[derive(Clone, Debug)]
pub struct CookieSessions<S> {
    inner: S,
    core: Arc<Core>,
}

impl<S> CookieSessions<S> {
    pub(super) fn new(inner: S, core: Arc<Core>) -> Self {
        Self { inner, core }
    }

    /// The layer that makes such services: [`CookieSessionLayer::new`].
    #[must_use]
    pub fn layer(keys: Keys) -> CookieSessionLayer {
        CookieSessionLayer::new(keys)
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

impl<S, Q, R> Service<Request<Q>> for CookieSessions<S>
where
    S: Service<Request<Q>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = CookieResponseFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let exchange = Exchange::of(&self.core, &mut request);
        let inner = self.inner.call(request);
        CookieResponseFuture { inner, exchange }
    }
}

pin_project! {
    /// The future of [`CookieSessions`].
    #[must_use = "futures do nothing unless polled"]
    pub struct CookieResponseFuture<F> {
        #[pin]
        inner: F,
        exchange: Arc<Exchange>,
    }
}

impl<F, R, E> Future for CookieResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        this.exchange.finish(response.headers_mut());
        Poll::Ready(Ok(response))
    }
}

impl<F> fmt::Debug for CookieResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieResponseFuture")
            .finish_non_exhaustive()
    }
}
