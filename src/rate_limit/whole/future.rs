//! The future of a response.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use pin_project_lite::pin_project;

use super::shared::Admission;
use crate::wire::body::ResponseBody;

pin_project! {
    /// The future of [`ServiceLimit`](super::ServiceLimit).
    pub struct ServiceLimitFuture<F> {
        #[pin]
        kind: Kind<F>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F> {
        Admitted { #[pin] inner: F, said: Option<Admission> },
        Refused { response: Option<Response<Bytes>> },
    }
}

impl<F> ServiceLimitFuture<F> {
    pub(super) fn admitted(inner: F, said: Option<Admission>) -> Self {
        Self {
            kind: Kind::Admitted { inner, said },
        }
    }

    pub(super) fn refused(response: Response<Bytes>) -> Self {
        let response = Some(response);
        Self {
            kind: Kind::Refused { response },
        }
    }
}

impl<F, R, E> Future for ServiceLimitFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Admitted { inner, said } => {
                let mut result = ready!(inner.poll(cx));
                if let (Ok(response), Some(said)) = (&mut result, said) {
                    said.write(response.headers_mut());
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

impl<F> fmt::Debug for ServiceLimitFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Admitted { .. } => "ServiceLimitFuture(admitted)",
            Kind::Refused { .. } => "ServiceLimitFuture(refused)",
        })
    }
}
