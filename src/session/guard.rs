//! What stands in front of a service and lets some requests pass.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::refusal::{SessionRefusal, answer};
use crate::wire::body::ResponseBody;

pin_project! {
    /// The future of [`Csrf`](super::Csrf) and [`SessionRequired`](super::SessionRequired).
    #[must_use = "futures do nothing unless polled"]
    pub struct GuardFuture<F, R, E> {
        #[pin]
        state: State<F, R, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, R, E> {
        Called { #[pin] future: F },
        Asking { future: BoxFuture<'static, Result<Response<ResponseBody<R>>, E>> },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F, R, E> GuardFuture<F, R, E> {
    pub(super) fn called(future: F) -> Self {
        Self {
            state: State::Called { future },
        }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
            },
        }
    }

    /// Calls the service if that comes to nothing else.
    pub(super) fn asking<S, Q>(
        inner: S,
        request: Request<Q>,
        asked: impl Future<Output = Result<(), Response<Bytes>>> + Send + 'static,
    ) -> Self
    where
        S: Service<Request<Q>, Response = Response<R>, Error = E, Future = F> + Send + 'static,
        F: Future<Output = Result<Response<R>, E>> + Send,
        Q: Send + 'static,
        R: 'static,
    {
        let future = Box::pin(admitted(inner, request, asked));
        Self {
            state: State::Asking { future },
        }
    }
}

async fn admitted<S, Q, R>(
    mut inner: S,
    request: Request<Q>,
    asked: impl Future<Output = Result<(), Response<Bytes>>>,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<Q>, Response = Response<R>>,
{
    match asked.await {
        Ok(()) => Ok(inner.call(request).await?.map(ResponseBody::passed)),
        Err(refused) => Ok(refused.map(ResponseBody::refused)),
    }
}

impl<F, R, E> Future for GuardFuture<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Called { future } => {
                let response = ready!(future.poll(cx))?;
                Poll::Ready(Ok(response.map(ResponseBody::passed)))
            }
            StateProjection::Asking { future } => future.as_mut().poll(cx),
            StateProjection::Refused { response } => {
                let response = response.take();
                let response = response.expect("a future is not polled again once it is ready");
                Poll::Ready(Ok(response.map(ResponseBody::refused)))
            }
        }
    }
}

impl<F, R, E> fmt::Debug for GuardFuture<F, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardFuture").finish_non_exhaustive()
    }
}

/// The layers stand in the wrong order, or one is missing: whoever is let through then is not guarded.
pub(super) fn without_session_layer() -> Response<Bytes> {
    tracing::error!("a layer that needs sessions has no SessionLayer around it");
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let text = "no session layer is around the one that needs sessions";
    answer(status, text, SessionRefusal::NoSessionLayer)
}
