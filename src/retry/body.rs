//! The body of a request, which may be sent more than once.

use std::{
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{
    body::{before, in_one_piece},
    error::BoxError,
};

pin_project! {
    /// The body of one attempt: what the client sends, as it comes.
    ///
    /// What has been sent is kept, up to a cap, so that another attempt can begin with that and go on with the rest. A
    /// body beyond the cap streams on, and the request is not retried any more. Trailers are kept as well.
    pub struct ReplayBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B> {
        // Nothing is kept: there will be no other attempt.
        Once { #[pin] body: B },
        Empty,
        Kept { reading: Reading<B> },
    }
}

/// What attempts have in common: one of them reads the client's body at a time.
pub(super) struct Recording<B>(Arc<Mutex<Recorded<B>>>);

struct Recorded<B> {
    /// The rest; none while an attempt reads it, and when it has ended.
    rest: Option<Pin<Box<B>>>,
    frames: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    /// How much more may be kept.
    room: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is more to come.
    Open,
    /// All of it is kept.
    Ended,
    /// It was more than may be kept, or the client has failed: there is no other attempt.
    Lost,
}

/// One attempt at reading.
struct Reading<B> {
    recording: Recording<B>,
    rest: Option<Pin<Box<B>>>,
    /// The frames of the recording that this attempt has had.
    read: usize,
    trailers_read: bool,
}

impl<B> ReplayBody<B> {
    pub(super) fn once(body: B) -> Self {
        Self {
            kind: Kind::Once { body },
        }
    }

    pub(super) fn empty() -> Self {
        Self { kind: Kind::Empty }
    }
}

impl<B> Recording<B> {
    /// Keeps so many bytes at most.
    pub(super) fn of(body: B, room: usize) -> Self {
        Self(Arc::new(Mutex::new(Recorded {
            rest: Some(Box::pin(body)),
            frames: Vec::new(),
            trailers: None,
            room,
            state: State::Open,
        })))
    }

    /// The body of the next attempt. The one before must be over, or have read all of it.
    pub(super) fn replay(&self) -> ReplayBody<B> {
        let mut recorded = self.lock();
        // What has ended must not be asked again: streams may panic then.
        let open = recorded.state == State::Open;
        let rest = if open { recorded.rest.take() } else { None };
        drop(recorded);
        let reading = Reading {
            recording: Self(Arc::clone(&self.0)),
            rest,
            read: 0,
            trailers_read: false,
        };
        ReplayBody {
            kind: Kind::Kept { reading },
        }
    }

    /// Whether the whole body has been read. An answer before that is one to the head alone.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().state == State::Ended
    }

    /// Whether another attempt could send the same body: what there was is kept, and the rest is at hand.
    pub(super) fn can_replay(&self) -> bool {
        let recorded = self.lock();
        match recorded.state {
            State::Ended => true,
            State::Open => recorded.rest.is_some(),
            State::Lost => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recorded<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Recorded<B> {
    fn keep(&mut self, data: &Bytes) {
        // Empty frames, of which HTTP/2 may have any number, would fill the memory within any limit of bytes.
        if self.state == State::Lost || data.is_empty() {
            return;
        }
        match self.room.checked_sub(data.len()) {
            Some(room) => {
                self.room = room;
                self.frames.push(data.clone());
            }
            None => self.lose(),
        }
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.frames = Vec::new();
        self.trailers = None;
    }

    fn end(&mut self) {
        if self.state == State::Open {
            self.state = State::Ended;
        }
    }
}

impl<B> Reading<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(frame) = self.replayed() {
            return Poll::Ready(Some(Ok(frame)));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let frame = ready!(rest.as_mut().poll_frame(cx));
        Poll::Ready(self.read(frame))
    }

    /// What an earlier attempt has read already.
    fn replayed(&mut self) -> Option<Frame<Bytes>> {
        let recorded = self.recording.lock();
        if let Some(data) = recorded.frames.get(self.read) {
            self.read += 1;
            return Some(Frame::data(data.clone()));
        }
        if mem::replace(&mut self.trailers_read, true) {
            return None;
        }
        let trailers = recorded.trailers.clone();
        self.trailers_read = trailers.is_some();
        trailers.map(Frame::trailers)
    }

    /// What the client's body had next.
    fn read(
        &mut self,
        frame: Option<Result<Frame<B::Data>, B::Error>>,
    ) -> Option<Result<Frame<Bytes>, BoxError>> {
        let mut recorded = self.recording.lock();
        let frame = match frame {
            None => {
                recorded.end();
                None
            }
            Some(Err(error)) => {
                recorded.lose();
                return Some(Err(error.into()));
            }
            Some(Ok(frame)) => {
                let frame = in_one_piece(frame);
                if let Some(data) = frame.data_ref() {
                    recorded.keep(data);
                    self.read = recorded.frames.len();
                } else if let Some(trailers) = frame.trailers_ref() {
                    recorded.trailers = Some(trailers.clone());
                    self.trailers_read = true;
                    // Nothing follows them, and hyper's HTTP/1.1 does not ask.
                    recorded.end();
                }
                Some(Ok(frame))
            }
        };
        // Who counts never asks for the end.
        if self.rest.as_ref().is_some_and(Body::is_end_stream) {
            recorded.end();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        let recorded = self.recording.lock();
        let had = self.read >= recorded.frames.len()
            && (self.trailers_read || recorded.trailers.is_none());
        had && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let recorded = self.recording.lock();
        let kept = recorded.frames.iter().skip(self.read);
        let kept: u64 = kept.map(|data| data.len() as u64).sum();
        let rest = self.rest.as_ref().map(Body::size_hint);
        let rest = rest.unwrap_or_else(|| {
            // HTTP/1.1 has no trailers behind a length that is known.
            if recorded.trailers.is_some() {
                SizeHint::default()
            } else {
                SizeHint::with_exact(0)
            }
        });
        before(kept, &rest)
    }
}

/// The rest goes back, for the next attempt.
impl<B> Drop for Reading<B> {
    fn drop(&mut self) {
        self.recording.lock().rest = self.rest.take();
    }
}

impl<B> Body for ReplayBody<B>
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
            KindProjection::Empty => Poll::Ready(None),
            KindProjection::Kept { reading } => reading.poll_frame(cx),
            KindProjection::Once { body } => {
                let frame = ready!(body.poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map(in_one_piece).map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Kept { reading } => reading.is_end_stream(),
            Kind::Once { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Kept { reading } => reading.size_hint(),
            Kind::Once { body } => body.size_hint(),
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Once { .. } => "ReplayBody(once)",
            Kind::Empty => "ReplayBody(empty)",
            Kind::Kept { .. } => "ReplayBody(kept)",
        })
    }
}
