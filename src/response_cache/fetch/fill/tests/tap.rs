//! A body that gives what the test lets through.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};

use crate::{
    error::BoxError,
    response_cache::fetch::fill::state::Source,
    sync::{Mutex, lock},
};

#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    frames: VecDeque<Flow>,
    waker: Option<Waker>,
    polls: usize,
    /// Whether the body says that it is over as soon as it is.
    knows_its_end: bool,
    panics_at_its_end: bool,
    length: Option<u64>,
}

enum Flow {
    Frame(Frame<Bytes>),
    Error(&'static str),
    Panic,
    End,
}

impl Tap {
    /// One that says how long the body is, and that it is over as soon as it is.
    pub(super) fn of_length(length: u64) -> Self {
        let tap = Self::default();
        lock(&tap.0).length = Some(length);
        tap.knows_its_end()
    }

    pub(super) fn knows_its_end(self) -> Self {
        lock(&self.0).knows_its_end = true;
        self
    }

    pub(super) fn panics_at_its_end(self) -> Self {
        lock(&self.0).panics_at_its_end = true;
        self
    }

    pub(super) fn source(&self) -> Source {
        Box::pin(self.clone())
    }

    pub(super) fn polls(&self) -> usize {
        lock(&self.0).polls
    }

    pub(super) fn data(&self, data: &'static str) {
        self.bytes(Bytes::from_static(data.as_bytes()));
    }

    pub(super) fn bytes(&self, data: Bytes) {
        self.flow(Flow::Frame(Frame::data(data)));
    }

    pub(super) fn trailers(&self) {
        let trailers: HeaderMap = [
            ("x-sum".parse().expect("a name"), HeaderValue::from(1)),
            ("set-cookie".parse().expect("a name"), HeaderValue::from(1)),
        ]
        .into_iter()
        .collect();
        self.flow(Flow::Frame(Frame::trailers(trailers)));
    }

    pub(super) fn error(&self, error: &'static str) {
        self.flow(Flow::Error(error));
    }

    pub(super) fn panic(&self) {
        self.flow(Flow::Panic);
    }

    pub(super) fn end(&self) {
        self.flow(Flow::End);
    }

    fn flow(&self, flow: Flow) {
        let mut state = lock(&self.0);
        state.frames.push_back(flow);
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Body for Tap {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = lock(&self.0);
        state.polls += 1;
        Poll::Ready(match state.frames.pop_front() {
            Some(Flow::Frame(frame)) => Some(Ok(frame)),
            Some(Flow::Error(error)) => Some(Err(error.into())),
            Some(Flow::End) => None,
            Some(Flow::Panic) => {
                drop(state);
                panic!("on purpose");
            }
            None => {
                state.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        let state = lock(&self.0);
        let ended = matches!(state.frames.front(), Some(Flow::End));
        let panics = ended && state.panics_at_its_end;
        let ended = ended && state.knows_its_end;
        drop(state);
        assert!(!panics, "on purpose");
        ended
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0)
            .length
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
