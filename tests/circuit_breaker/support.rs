//! A service that does what it is told, behind a circuit, and a clock that is moved by hand.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_keep::{
    circuit_breaker::{BreakerSettings, CircuitBreaker, CircuitBreakerLayer, ResponseBody},
    seconds,
    test_util::ManualClock,
};

pub(crate) type Answer = Result<StatusCode, &'static str>;
pub(crate) type Passed = Response<ResponseBody<Full<Bytes>>>;

pub(crate) const GOOD: Answer = Ok(StatusCode::OK);
pub(crate) const BAD: Answer = Ok(StatusCode::INTERNAL_SERVER_ERROR);

/// Opens when both of two calls have failed, for ten seconds, with two probes.
pub(crate) fn settings(time: &ManualClock) -> BreakerSettings {
    BreakerSettings::new()
        .last_calls(2)
        .minimum_calls(2)
        .failure_rate(1.0)
        .wait(seconds(10))
        .probes(2)
        .clock(time.clock())
}

pub(crate) fn layer(time: &ManualClock) -> CircuitBreakerLayer {
    CircuitBreakerLayer::with(settings(time)).expect("these settings can be")
}

/// A service that answers what it is told, each time until it is told something else.
#[derive(Clone)]
pub(crate) struct Told(Arc<Mutex<State>>);

struct State {
    answer: Answer,
    calls: usize,
    /// Polls that are pending before the answer.
    pending: usize,
    ready: Poll<Result<(), &'static str>>,
    asked_ready: usize,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            answer: GOOD,
            calls: 0,
            pending: 0,
            ready: Poll::Ready(Ok(())),
            asked_ready: 0,
        })))
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.0.lock().unwrap().answer = answer;
    }

    pub(crate) fn pending(&self, polls: usize) {
        self.0.lock().unwrap().pending = polls;
    }

    pub(crate) fn ready(&self, ready: Poll<Result<(), &'static str>>) {
        self.0.lock().unwrap().ready = ready;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    pub(crate) fn asked_ready(&self) -> usize {
        self.0.lock().unwrap().asked_ready
    }
}

impl<B> Service<Request<B>> for Told {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        let mut state = self.0.lock().unwrap();
        state.asked_ready += 1;
        state.ready
    }

    fn call(&mut self, _: Request<B>) -> Answering {
        let mut state = self.0.lock().unwrap();
        state.calls += 1;
        Answering {
            answer: state.answer,
            pending: state.pending,
        }
    }
}

pub(crate) struct Answering {
    answer: Answer,
    pending: usize,
}

impl Future for Answering {
    type Output = Result<Response<Full<Bytes>>, &'static str>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending > 0 {
            self.pending -= 1;
            return Poll::Pending;
        }
        Poll::Ready(self.answer.map(|status| {
            let mut response = Response::new(Full::from("text"));
            *response.status_mut() = status;
            response
        }))
    }
}

/// A service behind a circuit.
pub(crate) struct Stage {
    pub(crate) time: ManualClock,
    pub(crate) layer: CircuitBreakerLayer,
    pub(crate) inner: Told,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|layer| layer)
    }

    pub(crate) fn with(set: impl FnOnce(CircuitBreakerLayer) -> CircuitBreakerLayer) -> Self {
        let time = ManualClock::new();
        let layer = set(layer(&time));
        Self {
            time,
            layer,
            inner: Told::new(),
        }
    }

    pub(crate) fn service(&self) -> CircuitBreaker<Told> {
        self.layer.layer(self.inner.clone())
    }

    /// A request to this path that is answered so, if it gets there.
    pub(crate) async fn ask(&self, path: &str, answer: Answer) -> Result<Passed, &'static str> {
        self.inner.answer(answer);
        self.service().oneshot(request(path)).await
    }

    /// Requests that are answered so; what became of the last one.
    pub(crate) async fn ask_all<const N: usize>(&self, answers: [Answer; N]) {
        for answer in answers {
            drop(self.ask("/", answer).await);
        }
    }

    /// The name of what the circuit of the whole service is.
    pub(crate) fn state(&self) -> &'static str {
        self.layer.breaker().state().name()
    }
}

pub(crate) fn request(path: &str) -> Request<()> {
    Request::get(path).body(()).expect("tests have good paths")
}

/// Polls it once.
pub(crate) fn begin<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
