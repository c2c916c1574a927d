//! The body of a response, and of the one that stands in for a response that did not come.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::outcome::TimedOut;
use crate::{
    body::{self, in_one_piece},
    clock::Sleep,
    error::BoxError,
};

pin_project! {
    /// The inner service's body, up to the deadline; empty where a response did not come in time.
    pub struct RetryBody<R> {
        #[pin]
        inner: Inner<R>,
        // Frames that were looked at before.
        peeked: VecDeque<Result<Frame<Bytes>, BoxError>>,
        deadline: Option<Sleep>,
    }
}

pin_project! {
    #[project = InnerProjection]
    enum Inner<R> {
        None,
        Theirs { #[pin] body: R },
        // One whose frames may be looked at.
        Boxed { body: Pin<Box<R>> },
    }
}

impl<R> RetryBody<R> {
    #[inline]
    pub(super) fn passed(body: R) -> Self {
        Self::of(Inner::Theirs { body })
    }

    /// A body that can be [peeked](Self::peek) into.
    pub(super) fn peekable(body: R) -> Self {
        Self::of(Inner::Boxed {
            body: Box::pin(body),
        })
    }

    fn of(inner: Inner<R>) -> Self {
        Self {
            inner,
            peeked: VecDeque::new(),
            deadline: None,
        }
    }

    fn rest(&self) -> Option<&R> {
        match &self.inner {
            Inner::None => None,
            Inner::Theirs { body } => Some(body),
            Inner::Boxed { body } => Some(body),
        }
    }

    pub(super) fn until(mut self, deadline: Option<Sleep>) -> Self {
        self.deadline = deadline;
        self
    }
}

impl<R> RetryBody<R>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    /// The next frame, which stays there to be read, and so does an error; none at the end, and where nothing can be
    /// looked at.
    pub(super) async fn peek(&mut self) -> Option<&Frame<Bytes>> {
        let Inner::Boxed { body } = &mut self.inner else {
            return None;
        };
        let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await?;
        let frame = frame.map(in_one_piece).map_err(Into::into);
        self.peeked.push_back(frame);
        self.peeked.back()?.as_ref().ok()
    }
}

/// The response in place of one that did not come in time.
pub(super) fn timed_out<R>(reason: TimedOut) -> Response<RetryBody<R>> {
    let mut response = Response::new(RetryBody::of(Inner::None));
    *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
    response.extensions_mut().insert(reason);
    response
}

impl<R> Body for RetryBody<R>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        if let Some(frame) = this.peeked.pop_front() {
            return Poll::Ready(Some(frame));
        }
        let polled = match this.inner.as_mut().project() {
            InnerProjection::None => return Poll::Ready(None),
            InnerProjection::Theirs { body } => body.poll_frame(cx),
            InnerProjection::Boxed { body } => body.as_mut().poll_frame(cx),
        };
        if let Poll::Ready(frame) = polled {
            let frame = frame.map(|frame| frame.map(in_one_piece).map_err(Into::into));
            return Poll::Ready(frame);
        }
        let Some(deadline) = this.deadline else {
            return Poll::Pending;
        };
        ready!(Pin::new(deadline).poll(cx));
        this.inner.set(Inner::None);
        Poll::Ready(Some(Err(TimedOut { whole: true }.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.peeked.is_empty() && self.rest().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let peeked = self.peeked.iter().flatten().filter_map(Frame::data_ref);
        let peeked: u64 = peeked.map(|data| data.len() as u64).sum();
        let rest = self.rest().map(Body::size_hint);
        let rest = rest.unwrap_or_else(|| SizeHint::with_exact(0));
        body::before(peeked, &rest)
    }
}

impl<R> fmt::Debug for RetryBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBody").finish_non_exhaustive()
    }
}
