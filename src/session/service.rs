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
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    SessionLayer,
    begun::{Begun, to_the_end},
    core::Cores,
    error::SessionError,
    exchange::{Closing, Exchange, Line},
};
use crate::wire::body::ResponseBody;

/// A service whose requests have a session. Made by [`SessionLayer`]; see the [module docs](super).
///
/// It is ready when the inner service is.
#[derive(Clone, Debug)]
pub struct Sessions<S> {
    inner: S,
    cores: Cores,
}

impl<S> Sessions<S> {
    pub(super) fn new(inner: S, cores: Cores) -> Self {
        Self { inner, cores }
    }

    /// The layer that makes such services: [`SessionLayer::new`].
    #[must_use]
    pub fn layer() -> SessionLayer {
        SessionLayer::new()
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

impl<S, Q, R> Service<Request<Q>> for Sessions<S>
where
    S: Service<Request<Q>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    R: 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let core = self.cores.own();
        let exchange = Exchange::of(core, &mut request);
        let state = if core.identifies && exchange.has_captured() {
            let clone = self.inner.clone();
            let inner = mem::replace(&mut self.inner, clone);
            State::Identifying {
                future: Box::pin(identify(inner, request, Arc::clone(&exchange))),
            }
        } else {
            State::Called {
                future: self.inner.call(request),
            }
        };
        let exchange = Some(exchange);
        ResponseFuture { state, exchange }
    }
}

/// Calls the service once it is known who comes.
async fn identify<S, Q, R>(
    mut inner: S,
    mut request: Request<Q>,
    exchange: Arc<Exchange>,
) -> Result<Result<Response<R>, SessionError>, S::Error>
where
    S: Service<Request<Q>, Response = Response<R>>,
{
    match exchange.principal().await {
        Ok(Some(principal)) => {
            request.extensions_mut().insert(principal);
        }
        Ok(None) => {}
        Err(error) => return Ok(Err(error)),
    }
    inner.call(request).await.map(Ok)
}

pin_project! {
    /// The future of [`Sessions`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, R, E> {
        #[pin]
        state: State<F, R, E>,
        exchange: Option<Arc<Exchange>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, E> {
        Called { #[pin] future: F },
        Identifying { future: BoxFuture<'static, Result<Result<Response<R>, SessionError>, E>> },
        Settling { future: Begun<(Result<(), SessionError>, Line)>, response: Option<Response<R>> },
    }
}

const READY_ONCE: &str = "a future is not polled again once it is ready";

impl<F, R, E> Future for ResponseFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let response = match this.state.as_mut().project() {
                StateProjection::Called { future } => ready!(future.poll(cx))?,
                StateProjection::Identifying { future } => {
                    match ready!(future.as_mut().poll(cx))? {
                        Ok(response) => response,
                        Err(error) => {
                            let exchange = this.exchange.take().expect(READY_ONCE);
                            let refused = exchange.refuse(&error);
                            return Poll::Ready(Ok(refused.map(ResponseBody::refused)));
                        }
                    }
                }
                StateProjection::Settling { future, response } => {
                    let (saved, line) = ready!(Pin::new(future).poll(cx));
                    let response = response.take().expect(READY_ONCE);
                    let exchange = this.exchange.take().expect(READY_ONCE);
                    return Poll::Ready(Ok(exchange.finish(saved, line, response)));
                }
            };
            let exchange = this.exchange.as_ref().expect(READY_ONCE);
            let line = match exchange.close() {
                Closing::Untouched => None,
                Closing::Settled(line) => Some(line),
                Closing::Unsettled => {
                    let future = to_the_end(Arc::clone(exchange).settle());
                    let response = Some(response);
                    this.state.set(State::Settling { future, response });
                    continue;
                }
            };
            let exchange = this.exchange.take().expect(READY_ONCE);
            return Poll::Ready(Ok(match line {
                Some(line) => exchange.finish(Ok(()), line, response),
                None => response.map(ResponseBody::passed),
            }));
        }
    }
}

impl<F, R, E> fmt::Debug for ResponseFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
