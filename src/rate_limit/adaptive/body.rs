//! The body of a response, in flight until its end.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::shared::Permit;
use crate::wire::body::ResponseBody;

pin_project! {
    /// The body of a response of [`AdaptiveConcurrency`](super::AdaptiveConcurrency): the inner service's, which
    /// holds its place until it ends or is dropped, or a refusal's.
    pub struct AdaptiveBody<B> {
        #[pin]
        body: ResponseBody<B>,
        permit: Option<Permit>,
    }
}

impl<B> AdaptiveBody<B> {
    pub(super) fn refused(body: Bytes) -> Self {
        Self {
            body: ResponseBody::refused(body),
            permit: None,
        }
    }
}

impl<B: Body> AdaptiveBody<B> {
    /// A body that has ended already may never be polled, and lie about for long.
    pub(super) fn counted(body: B, permit: Option<Permit>) -> Self {
        let permit = permit.filter(|_| !body.is_end_stream());
        Self {
            body: ResponseBody::passed(body),
            permit,
        }
    }
}

/// An empty body, which layers that refuse requests answer with.
impl<B> Default for AdaptiveBody<B> {
    fn default() -> Self {
        Self::refused(Bytes::new())
    }
}

impl<B: Body> Body for AdaptiveBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            *this.permit = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> fmt::Debug for AdaptiveBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveBody")
            .field("body", &self.body)
            .field("in_flight", &self.permit.is_some())
            .finish()
    }
}
