//! A service that answers by a script, and remembers what it was asked.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use tower_keep::{
    Clock,
    retry::{Backoff, Classify, Jitter, ReplayBody, RetryBody, RetryLayer},
};

/// What the service does with one attempt.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Status(u16),
    /// The same with a field.
    With(u16, &'static str, &'static str),
    /// Answers without having read the body.
    Early(u16),
    Fails(io::ErrorKind),
    /// Answers after so long.
    After(Duration, u16),
}

/// One attempt, as the service has seen it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) headers: HeaderMap,
    /// None if it was not read.
    pub(crate) body: Option<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

#[derive(Clone)]
pub(crate) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    begun: Arc<AtomicUsize>,
    started: tokio::time::Instant,
}

impl Script {
    /// The steps in this order, and after them 200.
    pub(crate) fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            seen: Arc::default(),
            begun: Arc::default(),
            started: tokio::time::Instant::now(),
        }
    }

    pub(crate) fn attempts(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The same, with those whose request has not been read.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// The times between attempts.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        let seen = self.seen.lock().unwrap();
        seen.windows(2).map(|two| two[1].at - two[0].at).collect()
    }

    pub(crate) fn seen<T>(&self, read: impl FnMut(&Seen) -> T) -> Vec<T> {
        self.seen.lock().unwrap().iter().map(read).collect()
    }
}

type Answer = Result<Response<Full<Bytes>>, io::Error>;

impl<B> Service<Request<ReplayBody<B>>> for Script
where
    ReplayBody<B>: http_body::Body<Data = Bytes, Error = tower_keep::BoxError>,
    B: Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> Self::Future {
        self.begun.fetch_add(1, Ordering::Relaxed);
        let step = self.steps.lock().unwrap().pop_front();
        let step = step.unwrap_or(Step::Status(200));
        let (seen, at) = (Arc::clone(&self.seen), self.started.elapsed());
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let mut attempt = Seen {
                at,
                headers: head.headers,
                body: None,
                trailers: None,
            };
            if !matches!(step, Step::Early(_))
                && let Ok(body) = body.collect().await
            {
                attempt.trailers = body.trailers().cloned();
                attempt.body = Some(body.to_bytes());
            }
            seen.lock().unwrap().push(attempt);
            answer(step).await
        })
    }
}

async fn answer(step: Step) -> Answer {
    let status = |status: u16| {
        let mut response = Response::new(Full::from("said"));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    match step {
        Step::Status(code) | Step::Early(code) => Ok(status(code)),
        Step::Fails(kind) => Err(kind.into()),
        Step::With(code, name, value) => {
            let mut response = status(code);
            response.headers_mut().insert(name, value.parse().unwrap());
            Ok(response)
        }
        Step::After(time, code) => {
            tokio::time::sleep(time).await;
            Ok(status(code))
        }
    }
}

/// The defaults without jitter, by tokio's time.
pub(crate) fn layer() -> RetryLayer {
    RetryLayer::new()
        .backoff(Backoff::exponential().jitter(Jitter::None))
        .clock(Clock::tokio())
}

pub(crate) type Body = Full<Bytes>;

pub(crate) fn request(method: &str) -> Request<Body> {
    let body = if matches!(method, "POST" | "PUT" | "PATCH") {
        Full::from("sent")
    } else {
        Full::default()
    };
    Request::builder().method(method).body(body).unwrap()
}

/// What a client gets.
pub(crate) async fn send<C, B>(
    layer: &RetryLayer<C>,
    script: &Script,
    request: Request<B>,
) -> io::Result<Response<RetryBody<Body>>>
where
    C: Classify<io::Error> + Clone,
    B: http_body::Body + Send + 'static,
    B::Error: Into<tower_keep::BoxError>,
    B::Data: Send,
    ReplayBody<B>: http_body::Body<Data = Bytes, Error = tower_keep::BoxError>,
{
    layer.layer(script.clone()).oneshot(request).await
}
