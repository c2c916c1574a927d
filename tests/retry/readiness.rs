//! Services that are not ready.

use std::{
    collections::VecDeque,
    future::{Ready, ready},
    io,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_keep::retry::{GaveUp, ReplayBody, RetryOutcome};

use crate::support::{Body, layer, request};

/// Ready as it is told, and its calls fail.
#[derive(Clone, Default)]
struct Unready {
    readiness: Arc<Mutex<VecDeque<Poll<io::Result<()>>>>>,
    calls: Arc<Mutex<usize>>,
}

impl Unready {
    fn of(readiness: impl IntoIterator<Item = Poll<io::Result<()>>>) -> Self {
        let readiness = Arc::new(Mutex::new(readiness.into_iter().collect()));
        Self {
            readiness,
            ..Self::default()
        }
    }
}

impl Service<Request<ReplayBody<Body>>> for Unready {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let next = self.readiness.lock().unwrap().pop_front();
        next.unwrap_or(Poll::Ready(Ok(())))
    }

    fn call(&mut self, _: Request<ReplayBody<Body>>) -> Self::Future {
        *self.calls.lock().unwrap() += 1;
        let mut response = Response::new(Full::default());
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        ready(Ok(response))
    }
}

#[tokio::test(start_paused = true)]
async fn if_the_service_is_not_ready_in_time_the_earlier_answer_is_returned() {
    let service = Unready::of([Poll::Ready(Ok(())), Poll::Pending]);
    let retrying = layer().layer(service.clone());
    let response = retrying.oneshot(request("GET")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(*service.calls.lock().unwrap(), 1);
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!(outcome.gave_up(), Some(GaveUp::NotReady));
}

/// Its readiness is not its clones'.
struct Single {
    ready: bool,
}

impl Clone for Single {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<ReplayBody<Body>>> for Single {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<ReplayBody<Body>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without readiness");
        ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_made_by_the_service_that_is_ready() {
    let client = layer().layer(Single { ready: false });
    client.oneshot(request("GET")).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_is_a_failed_attempt() {
    let reset = || Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
    let service = Unready::of([Poll::Ready(Ok(())), reset(), Poll::Ready(Ok(()))]);
    let retrying = layer().retries(2).layer(service.clone());
    let response = retrying.oneshot(request("GET")).await.unwrap();
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!(outcome.attempts(), 3);
    assert_eq!(*service.calls.lock().unwrap(), 2);
    let service = Unready::of([Poll::Ready(Ok(())), reset(), reset(), reset()]);
    let error = layer().layer(service).oneshot(request("GET")).await;
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}
