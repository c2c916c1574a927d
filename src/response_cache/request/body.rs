//! The bodies of the requests that the cache sends.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{error::BoxError, response_cache::answer::body::into_bytes};

pin_project! {
    /// The body of the requests that the inner service gets: the client's own, perhaps with a first part
    /// that the cache has read already, or none (a validation, a refresh).
    pub struct RequestBody<B> {
        read: VecDeque<Frame<Bytes>>,
        failed: Option<BoxError>,
        #[pin]
        rest: Rest<B>,
    }
}

pin_project! {
    #[project = RestProj]
    enum Rest<B> {
        Nothing,
        Client { #[pin] body: B },
        // One that was pinned to be read in part cannot be moved any more.
        Begun { body: Pin<Box<B>> },
    }
}

impl<B> Default for RequestBody<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B> RequestBody<B> {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            read: VecDeque::new(),
            failed: None,
            rest: Rest::Nothing,
        }
    }

    pub(crate) fn client(body: B) -> Self {
        Self {
            rest: Rest::Client { body },
            ..Self::empty()
        }
    }

    /// What was read of the client's body, with the error that ended it.
    pub(crate) fn replayed(read: VecDeque<Frame<Bytes>>, failed: Option<BoxError>) -> Self {
        Self {
            read,
            failed,
            rest: Rest::Nothing,
        }
    }

    /// What was read of the client's body, and what was not.
    pub(crate) fn resumed(read: VecDeque<Frame<Bytes>>, body: Pin<Box<B>>) -> Self {
        Self {
            read,
            failed: None,
            rest: Rest::Begun { body },
        }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.project();
        if let Some(read) = this.read.pop_front() {
            return Poll::Ready(Some(Ok(read)));
        }
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = match this.rest.project() {
            RestProj::Nothing => Poll::Ready(None),
            RestProj::Client { body } => body.poll_frame(cx),
            RestProj::Begun { body } => body.as_mut().poll_frame(cx),
        };
        frame.map_ok(into_bytes).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.failed.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self
            .read
            .iter()
            .filter_map(Frame::data_ref)
            .map(|data| data.len() as u64)
            .sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        // A body that failed has no length to promise.
        if let (Some(upper), None) = (rest.upper(), &self.failed) {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

impl<B: Body> Rest<B> {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Client { body } => body.is_end_stream(),
            Self::Begun { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Client { body } => body.size_hint(),
            Self::Begun { body } => body.size_hint(),
        }
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("read", &self.read.len())
            .finish_non_exhaustive()
    }
}
