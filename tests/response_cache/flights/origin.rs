//! An origin whose calls the test answers one by one.

use std::{
    collections::VecDeque,
    mem::take,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Request, Response, request::Parts};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};
use tower::Service;
use tower_keep::response_cache::RequestBody;

use crate::cases::Fields;

/// Fresh for a minute.
pub(crate) const FRESH: Fields<'static> = &[("cache-control", "max-age=60")];

/// Not to be stored.
pub(crate) const NO_STORE: Fields<'static> = &[("cache-control", "no-store")];

/// The piece of a body at which it panics.
const PANIC: Bytes = Bytes::from_static(b"panic");

/// The origin's own error, which is for the request that met it alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the origin broke off")]
pub(crate) struct Broke;

/// A body that comes through a channel.
pub(crate) struct Flow {
    frames: UnboundedReceiver<Result<Frame<Bytes>, Broke>>,
    exact: Option<u64>,
}

impl Body for Flow {
    type Data = Bytes;
    type Error = Broke;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broke>>> {
        let polled = self.frames.poll_recv(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            assert_ne!(frame.data_ref(), Some(&PANIC), "the body panics");
        }
        polled
    }

    fn size_hint(&self) -> SizeHint {
        self.exact
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The other end of a [`Flow`]; dropped, the body is over.
pub(crate) struct Feed(UnboundedSender<Result<Frame<Bytes>, Broke>>);

impl Feed {
    pub(crate) fn data(&self, data: impl Into<Bytes>) {
        let _ = self.0.send(Ok(Frame::data(data.into())));
    }

    pub(crate) fn trailers(&self, name: &'static str, value: &'static str) {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, value.parse().unwrap());
        let _ = self.0.send(Ok(Frame::trailers(trailers)));
    }

    pub(crate) fn fail(&self) {
        let _ = self.0.send(Err(Broke));
    }

    /// Whoever asks for the next piece meets a panic.
    pub(crate) fn panic(&self) {
        self.data(PANIC);
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_left(&self) -> bool {
        self.0.is_closed()
    }
}

/// A call that waits for the test's answer.
pub(crate) struct Call {
    pub(crate) parts: Parts,
    turn: oneshot::Sender<Turn>,
}

enum Turn {
    Answer(Response<Flow>),
    Fail,
    Panic,
}

impl Call {
    /// Answers, and ends the body at once.
    pub(crate) fn reply(self, status: u16, fields: Fields<'_>, text: &'static str) {
        self.start(status, fields, None).data(text);
    }

    /// Answers 200; the body is fed later.
    pub(crate) fn begin(self, fields: Fields<'_>) -> Feed {
        self.start(200, fields, None)
    }

    pub(crate) fn start(self, status: u16, fields: Fields<'_>, exact: Option<u64>) -> Feed {
        let (sender, frames) = unbounded_channel();
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let response = response.body(Flow { frames, exact }).unwrap();
        let _ = self.turn.send(Turn::Answer(response));
        Feed(sender)
    }

    pub(crate) fn fail(self) {
        let _ = self.turn.send(Turn::Fail);
    }

    pub(crate) fn panic(self) {
        let _ = self.turn.send(Turn::Panic);
    }

    pub(crate) fn is_left(&self) -> bool {
        self.turn.is_closed()
    }
}

/// An origin whose calls wait until the test answers them.
#[derive(Clone, Default)]
pub(crate) struct Gate {
    shared: Arc<Mutex<Calls>>,
    /// Whether this clone has been asked for its readiness, and made the asker wait.
    rested: bool,
}

#[derive(Default)]
struct Calls {
    waiting: VecDeque<Call>,
    count: usize,
    /// How often its readiness is yet to be an error.
    unready: usize,
}

impl Gate {
    /// How many calls there have been.
    pub(crate) fn calls(&self) -> usize {
        self.shared.lock().unwrap().count
    }

    /// The call that has waited longest.
    #[track_caller]
    pub(crate) fn next(&self) -> Call {
        let call = self.shared.lock().unwrap().waiting.pop_front();
        call.expect("the origin is asked")
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        take(&mut self.shared.lock().unwrap().waiting).into()
    }

    /// Its readiness is an error so many times, each after a turn for others.
    pub(crate) fn unready(&self, times: usize) {
        self.shared.lock().unwrap().unready = times;
    }

    pub(crate) fn unready_left(&self) -> usize {
        self.shared.lock().unwrap().unready
    }
}

impl Service<Request<RequestBody<Full<Bytes>>>> for Gate {
    type Response = Response<Flow>;
    type Error = Broke;
    type Future = BoxFuture<'static, Result<Response<Flow>, Broke>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        let mut calls = self.shared.lock().unwrap();
        let Some(left) = calls.unready.checked_sub(1) else {
            return Poll::Ready(Ok(()));
        };
        self.rested = !self.rested;
        if self.rested {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        calls.unready = left;
        Poll::Ready(Err(Broke))
    }

    fn call(&mut self, request: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        let (turn, answer) = oneshot::channel();
        let (parts, _) = request.into_parts();
        let mut calls = self.shared.lock().unwrap();
        calls.count += 1;
        calls.waiting.push_back(Call { parts, turn });
        let answer = answer.map(|turn| match turn.expect("the test answers each call") {
            Turn::Answer(response) => Ok(response),
            Turn::Fail => Err(Broke),
            Turn::Panic => panic!("the origin panics"),
        });
        answer.boxed()
    }
}
