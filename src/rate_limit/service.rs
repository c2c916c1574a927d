//! The service that the layer makes.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{RateLimitLayer, RateLimiter, grants::Grants, held::Held, layer::Core, subject::Asked};
use crate::{head::RequestHead, request_key::AsyncKey, wire::body::ResponseBody};

/// A service with limits in front of it. Made by [`RateLimitLayer`]; see the [module docs](super).
///
/// It is ready when the inner service is. A request that is refused does not reach that one.
#[derive(Clone)]
pub struct RateLimit<S> {
    inner: S,
    core: Arc<Core>,
}

impl<S> RateLimit<S> {
    pub(super) fn new(inner: S, core: Arc<Core>) -> Self {
        Self { inner, core }
    }

    /// The layer that makes such services: [`RateLimitLayer::new`].
    #[must_use]
    pub fn layer(limiter: impl Into<RateLimiter>) -> RateLimitLayer {
        RateLimitLayer::new(limiter)
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

impl<S, Q, R> Service<Request<Q>> for RateLimit<S>
where
    S: Service<Request<Q>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    R: Body + 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let mut grants = Grants::default();
        let head = RequestHead::of(&request);
        let state = match self.core.ask(&mut grants, &head) {
            Asked::Passed if !self.core.is_delayed(&grants) => {
                let held = self
                    .core
                    .goes_along
                    .then(|| Held::called(Arc::clone(&self.core), grants));
                let future = self.inner.call(request);
                State::Called { future, held }
            }
            Asked::Refused(refusing) => {
                let refusal = self.core.refusal(grants, refusing);
                State::Refused {
                    response: Some(self.core.refuse(&head, refusal)),
                }
            }
            Asked::Passed => self.later(request, grants, None),
            Asked::Wait(key) => self.later(request, grants, Some(key)),
        };
        ResponseFuture { state }
    }
}

impl<S> RateLimit<S> {
    /// The service that was readied does the call, when it is time.
    fn later<Q, R>(
        &mut self,
        request: Request<Q>,
        grants: Grants,
        key: Option<BoxFuture<'static, AsyncKey>>,
    ) -> State<S::Future, R, S::Error>
    where
        S: Service<Request<Q>, Response = Response<R>> + Clone + Send + 'static,
        S::Future: Send,
        Q: Send + 'static,
        R: Body + 'static,
    {
        let held = Held::waiting(Arc::clone(&self.core), grants);
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        State::Later {
            future: Box::pin(answer(inner, request, held, key)),
        }
    }
}

/// All that a request may have to wait for: keys, its turn, the response.
async fn answer<S, Q, R>(
    mut inner: S,
    request: Request<Q>,
    mut held: Held,
    mut key: Option<BoxFuture<'static, AsyncKey>>,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<Q>, Response = Response<R>>,
    R: Body,
{
    let core = Arc::clone(held.core());
    while let Some(waiting) = key.take() {
        let found = waiting.await;
        let head = RequestHead::of(&request);
        match core.go_on(&mut held.grants, &head, &found) {
            Asked::Passed => {}
            Asked::Wait(next) => key = Some(next),
            Asked::Refused(refusing) => {
                let refusal = core.refusal(mem::take(&mut held.grants), refusing);
                return Ok(core.refuse(&head, refusal));
            }
        }
    }
    held.turn().await;
    held.call();
    let response = inner.call(request).await?;
    Ok(held.finish(response))
}

pin_project! {
    /// The future of [`RateLimit`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, R, E> {
        #[pin]
        state: State<F, R, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, E> {
        Called { #[pin] future: F, held: Option<Held> },
        Refused { response: Option<Response<ResponseBody<R>>> },
        Later { future: BoxFuture<'static, Result<Response<ResponseBody<R>>, E>> },
    }
}

const READY_ONCE: &str = "a future is not polled again once it is ready";

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Called { future, held } => {
                let answer = ready!(future.poll(cx));
                let held = held.take();
                let response = answer?;
                Poll::Ready(Ok(match held {
                    Some(held) => held.finish(response),
                    None => response.map(ResponseBody::passed),
                }))
            }
            StateProjection::Refused { response } => {
                Poll::Ready(Ok(response.take().expect(READY_ONCE)))
            }
            StateProjection::Later { future } => future.as_mut().poll(cx),
        }
    }
}

impl<S> fmt::Debug for RateLimit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl<F, R, E> fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
