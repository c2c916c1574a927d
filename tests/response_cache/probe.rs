//! What the tests of several topics need beside `support`: an origin that follows conditions, bodies made
//! of frames, and futures driven by hand.

use std::{
    collections::VecDeque,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tower_keep::{BoxError, test_util::ManualClock};

use crate::support::{Asked, Origin, respond};

/// All lines of a field, in their order.
pub(crate) fn lines(headers: &HeaderMap, name: &str) -> Vec<String> {
    let lines = headers.get_all(name).iter();
    lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect()
}

/// Whether one of the request's conditions has this text.
pub(crate) fn asks_about(request: &Asked, text: &str) -> bool {
    ["if-none-match", "if-modified-since"]
        .iter()
        .flat_map(|name| lines(request.headers(), name))
        .any(|line| line.contains(text))
}

type Step = dyn FnOnce(&Asked) -> Response<Full<Bytes>> + Send;

/// An origin that answers one request after the other by a step of its own; one request too many is a 599.
pub(crate) fn script(steps: Vec<Box<Step>>) -> Origin {
    let steps = Mutex::new(VecDeque::from(steps));
    let over = || respond(StatusCode::from_u16(599).unwrap(), &[], "too many requests");
    Origin::new(move |request| {
        let step = steps.lock().unwrap().pop_front();
        step.map_or_else(over, |step| step(request))
    })
}

/// A step that answers so, whatever is asked.
pub(crate) fn say(
    status: u16,
    fields: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> Box<Step> {
    Box::new(move |_| respond(StatusCode::from_u16(status).unwrap(), fields, body))
}

/// A body that yields these frames and then ends, breaks off or waits for ever.
#[derive(Default)]
pub(crate) struct Frames {
    pub(crate) frames: VecDeque<Frame<Bytes>>,
    pub(crate) then: Then,
    /// What it says of its length; nothing by default.
    pub(crate) exact: Option<u64>,
    /// How many frames were taken, the end not counted.
    pub(crate) taken: Arc<Mutex<usize>>,
    /// Whether it was asked for more after the last frame.
    pub(crate) asked_for_end: Arc<Mutex<bool>>,
}

#[derive(Default, PartialEq)]
pub(crate) enum Then {
    #[default]
    End,
    Break,
    Wait,
}

impl Frames {
    pub(crate) fn of(parts: &[&'static str]) -> Self {
        let data = parts.iter().map(|part| Frame::data(Bytes::from(*part)));
        Self {
            frames: data.collect(),
            ..Self::default()
        }
    }

    pub(crate) fn trailers(mut self, name: &'static str, value: &'static str) -> Self {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, value.parse().unwrap());
        self.frames.push_back(Frame::trailers(trailers));
        self
    }

    pub(crate) fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }

    pub(crate) fn exact(mut self, length: u64) -> Self {
        self.exact = Some(length);
        self
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Some(frame) = this.frames.pop_front() {
            *this.taken.lock().unwrap() += 1;
            return Poll::Ready(Some(Ok(frame)));
        }
        *this.asked_for_end.lock().unwrap() = true;
        match this.then {
            Then::End => Poll::Ready(None),
            Then::Wait => Poll::Pending,
            Then::Break => {
                this.then = Then::End;
                Poll::Ready(Some(Err("the connection broke".into())))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.exact
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Polls a future to its end, moving the clock by `step` whenever it waits.
pub(crate) async fn drive<F: Future>(clock: &ManualClock, step: Duration, future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Some(output) = future.as_mut().now_or_never() {
            return output;
        }
        tokio::task::yield_now().await;
        clock.advance(step);
    }
    panic!("it waits for something that is not the clock");
}

/// Lets what runs in the background go on for a while.
pub(crate) async fn rest(clock: &ManualClock, step: Duration) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
        clock.advance(step);
    }
    tokio::task::yield_now().await;
}
