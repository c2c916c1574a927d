//! The bodies of the cache's responses.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{error::BoxError, response_cache::fetch::fill::Reader};

pin_project! {
    /// The body of the cache's responses: from store, or the inner service's, perhaps on its way into the
    /// store.
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B> {
        // What is rare lies apart: a response is moved several times on its way out.
        Stored { next: Option<Bytes>, rest: Option<Box<Further>> },
        // What a HEAD or a 304 has: it says nothing of how long the content is.
        Absent,
        Passed { #[pin] body: Plain<B> },
        // Shared with others, or about to be stored.
        Growing { body: Reader },
    }
}

/// What comes after the first part of a stored body.
struct Further {
    parts: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Further {
    fn next(&mut self) -> Option<Frame<Bytes>> {
        let part = self.parts.pop_front().map(Frame::data);
        part.or_else(|| self.trailers.take().map(Frame::trailers))
    }

    fn is_over(&self) -> bool {
        self.parts.is_empty() && self.trailers.is_none()
    }
}

/// An empty body, which layers that refuse requests answer with.
impl<B> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn empty() -> Self {
        Self::full(Bytes::new(), None)
    }

    /// No body where the head may speak of the content that there would be (RFC 9110 8.6).
    pub(crate) fn absent() -> Self {
        Self { kind: Kind::Absent }
    }

    pub(crate) fn full(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        let next = (!data.is_empty()).then_some(data);
        let rest = trailers.map(|trailers| {
            Box::new(Further {
                parts: VecDeque::new(),
                trailers: Some(trailers),
            })
        });
        Self {
            kind: Kind::Stored { next, rest },
        }
    }

    pub(crate) fn parts(parts: VecDeque<Bytes>) -> Self {
        Self {
            kind: Kind::Stored {
                next: None,
                rest: Some(Box::new(Further {
                    parts,
                    trailers: None,
                })),
            },
        }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self {
            kind: Kind::Passed {
                body: Plain::new(body),
            },
        }
    }

    pub(crate) fn growing(body: Reader) -> Self {
        Self {
            kind: Kind::Growing { body },
        }
    }
}

impl<B> Body for ResponseBody<B>
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
        match self.project().kind.project() {
            KindProj::Stored { next, rest } => {
                let further = || rest.as_mut().and_then(|rest| rest.next());
                let frame = next.take().map(Frame::data).or_else(further);
                Poll::Ready(frame.map(Ok))
            }
            KindProj::Absent => Poll::Ready(None),
            KindProj::Passed { body } => body.poll_frame(cx),
            KindProj::Growing { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Stored { next, rest } => {
                next.is_none() && rest.as_ref().is_none_or(|rest| rest.is_over())
            }
            Kind::Absent => true,
            Kind::Passed { body } => body.is_end_stream(),
            Kind::Growing { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Stored { next, rest } => SizeHint::with_exact(
                next.iter()
                    .chain(rest.iter().flat_map(|rest| &rest.parts))
                    .map(|chunk| chunk.len() as u64)
                    .sum(),
            ),
            // Not 0: a server that writes Content-Length from this would write a wrong one.
            Kind::Absent => SizeHint::new(),
            Kind::Passed { body } => body.size_hint(),
            Kind::Growing { body } => body.size_hint(),
        }
    }
}

pin_project! {
    /// The inner service's body, its data in one piece each and its errors boxed.
    pub(crate) struct Plain<B> {
        #[pin]
        body: B,
    }
}

impl<B> Plain<B> {
    pub(crate) fn new(body: B) -> Self {
        Self { body }
    }
}

impl<B> Body for Plain<B>
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
        let frame = self.project().body.poll_frame(cx);
        frame.map_ok(into_bytes).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The frame with its data in one piece, without a copy if it is that already.
pub(crate) fn into_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Stored { .. } => "ResponseBody(stored)",
            Kind::Absent => "ResponseBody(absent)",
            Kind::Passed { .. } => "ResponseBody(passed)",
            Kind::Growing { .. } => "ResponseBody(growing)",
        })
    }
}
