//! The future of a response.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::core::Held;
use crate::{head::Outcome, wire::body::ResponseBody};

pin_project! {
    /// The future of [`CircuitBreaker`](super::CircuitBreaker). Dropping it leaves no outcome.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F> {
        Called { #[pin] inner: F, held: Option<Held> },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn called(inner: F, held: Held) -> Self {
        let held = Some(held);
        Self {
            kind: Kind::Called { inner, held },
        }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        let response = Some(response);
        Self {
            kind: Kind::Refused { response },
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: 'static,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Called { inner, held } => {
                let result = ready!(inner.poll(cx));
                if let Some(held) = held.take() {
                    held.end(&Outcome::of(&result));
                }
                Poll::Ready(result.map(|response| response.map(ResponseBody::passed)))
            }
            KindProj::Refused { response } => {
                let response = response
                    .take()
                    .expect("a future is not polled after its end");
                Poll::Ready(Ok(response.map(ResponseBody::refused)))
            }
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Called { .. } => "ResponseFuture(called)",
            Kind::Refused { .. } => "ResponseFuture(refused)",
        })
    }
}
