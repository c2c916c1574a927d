//! The body of a response that is either the inner service's or a refusal.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::body::in_one_piece;

pin_project! {
    /// The body of the responses of a layer that may answer itself: the inner service's, or its own, of a refusal for
    /// example.
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B> {
        Passed { #[pin] body: B, watch: Option<Box<dyn Watch>> },
        Refused { rest: Bytes },
    }
}

/// Sees what is sent; dropped when the body has ended, or is dropped itself.
pub(crate) trait Watch: Send + Sync {
    fn sent(&mut self, bytes: u64);
}

impl<B> ResponseBody<B> {
    pub(crate) fn passed(body: B) -> Self {
        Self {
            kind: Kind::Passed { body, watch: None },
        }
    }

    #[cfg(feature = "rate-limit")]
    pub(crate) fn watched(body: B, watch: Box<dyn Watch>) -> Self {
        let watch = Some(watch);
        Self {
            kind: Kind::Passed { body, watch },
        }
    }

    pub(crate) fn refused(body: Bytes) -> Self {
        Self {
            kind: Kind::Refused { rest: body },
        }
    }
}

/// An empty body, which layers that refuse requests answer with.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::refused(Bytes::new())
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Passed { mut body, watch } => {
                let frame = ready!(body.as_mut().poll_frame(cx));
                let frame = frame.map(|frame| frame.map(in_one_piece));
                watched(watch, frame.as_ref());
                // Who has been told so asks no more.
                if body.is_end_stream() {
                    *watch = None;
                }
                Poll::Ready(frame)
            }
            KindProj::Refused { rest } => {
                let all = std::mem::take(rest);
                Poll::Ready((!all.is_empty()).then(|| Ok(Frame::data(all))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Passed { body, .. } => body.is_end_stream(),
            Kind::Refused { rest } => rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Passed { body, .. } => body.size_hint(),
            Kind::Refused { rest } => SizeHint::with_exact(rest.len() as u64),
        }
    }
}

fn watched<E>(watch: &mut Option<Box<dyn Watch>>, frame: Option<&Result<Frame<Bytes>, E>>) {
    match frame {
        Some(Ok(frame)) => {
            if let (Some(watch), Some(data)) = (watch, frame.data_ref()) {
                watch.sent(data.len() as u64);
            }
        }
        Some(Err(_)) | None => *watch = None,
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Passed { .. } => "ResponseBody(passed)",
            Kind::Refused { .. } => "ResponseBody(refused)",
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http_body_util::{BodyExt, Full};

    use super::*;

    #[tokio::test]
    async fn a_refusal_is_one_frame_whose_size_is_known() {
        let mut body = ResponseBody::<Full<Bytes>>::refused(Bytes::from_static(b"no"));
        assert_eq!(body.size_hint().exact(), Some(2));
        assert!(!body.is_end_stream());
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "no");
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn the_inner_body_passes_with_its_size_and_trailers() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", "0".parse().unwrap());
        let inner = Full::new(&b"data"[..]).with_trailers(std::future::ready(Some(Ok(trailers))));
        let body = ResponseBody::passed(inner);
        let collected = body.collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(collected.to_bytes(), "data");
        let sized = ResponseBody::passed(Full::new(&b"data"[..]));
        assert_eq!(sized.size_hint().exact(), Some(4));
    }
}
