//! The body of a response that has passed a limiter.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::held::Held;

pin_project! {
    /// The inner service's body, or that of a refusal.
    pub struct RateLimitBody<R> {
        #[pin]
        inner: Inner<R>,
    }
}

pin_project! {
    #[project = InnerProjection]
    enum Inner<R> {
        Theirs { #[pin] body: R, sending: Option<Sending> },
        Refusal { bytes: Option<Bytes> },
    }
}

/// What is held until the body ends.
struct Sending {
    held: Box<Held>,
    sent: u64,
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.held.sent(self.sent);
    }
}

impl<R> RateLimitBody<R> {
    pub(super) fn theirs(body: R, held: Option<Box<Held>>) -> Self {
        let sending = held.map(|held| Sending { held, sent: 0 });
        Self {
            inner: Inner::Theirs { body, sending },
        }
    }

    pub(super) fn refusal(bytes: Bytes) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self {
            inner: Inner::Refusal { bytes },
        }
    }
}

impl<R: Body<Data = Bytes>> Body for RateLimitBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match self.project().inner.project() {
            InnerProjection::Refusal { bytes } => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            InnerProjection::Theirs { body, sending } => {
                let frame = ready!(body.poll_frame(cx));
                match (&frame, &mut *sending) {
                    (Some(Ok(frame)), Some(sending)) => {
                        let bytes = frame.data_ref().map_or(0, Bytes::len);
                        sending.sent = sending.sent.saturating_add(bytes as u64);
                    }
                    (None | Some(Err(_)), _) => *sending = None,
                    (Some(Ok(_)), None) => {}
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Refusal { bytes } => bytes.is_none(),
            Inner::Theirs { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Refusal { bytes } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Inner::Theirs { body, .. } => body.size_hint(),
        }
    }
}

impl<R> fmt::Debug for RateLimitBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitBody").finish_non_exhaustive()
    }
}
