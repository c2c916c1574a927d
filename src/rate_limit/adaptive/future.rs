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

use super::{body::AdaptiveBody, shared::Permit};

pin_project! {
    /// The future of [`AdaptiveConcurrency`](super::AdaptiveConcurrency). Dropping it gives its place back.
    pub struct AdaptiveFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F> {
        Admitted { #[pin] inner: F, permit: Option<Permit> },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F> AdaptiveFuture<F> {
    pub(super) fn admitted(inner: F, permit: Permit) -> Self {
        let permit = Some(permit);
        Self {
            kind: Kind::Admitted { inner, permit },
        }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        let response = Some(response);
        Self {
            kind: Kind::Refused { response },
        }
    }
}

impl<F, R, E> Future for AdaptiveFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: 'static,
    R: Body,
{
    type Output = Result<Response<AdaptiveBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Admitted { inner, permit } => {
                let result = ready!(inner.poll(cx));
                let permit = permit.take();
                if let Some(permit) = &permit {
                    permit.learn(&result);
                }
                let counted = |body| AdaptiveBody::counted(body, permit);
                Poll::Ready(result.map(|response| response.map(counted)))
            }
            KindProj::Refused { response } => {
                let response = response
                    .take()
                    .expect("a future is not polled after its end");
                Poll::Ready(Ok(response.map(AdaptiveBody::refused)))
            }
        }
    }
}

impl<F> fmt::Debug for AdaptiveFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Admitted { .. } => "AdaptiveFuture(admitted)",
            Kind::Refused { .. } => "AdaptiveFuture(refused)",
        })
    }
}
