//! The rules under tower's own layer.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::retry::{
    Attempt, GaveUp, Reason, RetryBudget, RetryLayer, RetryOutcome, RetryPolicy, Verdict,
};

use self::Step::{Fails, Says};
use crate::support::{self, Body, layer};

const MS: Duration = Duration::from_millis(1);

/// What an attempt comes to.
#[derive(Clone, Copy)]
enum Step {
    Says(u16, &'static [(&'static str, &'static str)]),
    Fails(ErrorKind),
}

const UNAVAILABLE: Step = Says(503, &[]);
const RESET: Step = Fails(ErrorKind::ConnectionReset);

#[derive(Clone)]
struct Origin {
    steps: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<(Duration, HeaderMap)>>>,
}

impl Origin {
    fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    fn service(
        &self,
    ) -> impl Service<
        Request<Body>,
        Response = Response<Body>,
        Error = io::Error,
        Future = impl Future<Output = io::Result<Response<Body>>> + use<>,
    > + Clone
    + use<> {
        let (origin, start) = (self.clone(), tokio::time::Instant::now());
        service_fn(move |request: Request<Body>| {
            let seen = (start.elapsed(), request.headers().clone());
            origin.seen.lock().unwrap().push(seen);
            let step = origin.steps.lock().unwrap().pop_front();
            async move {
                let (status, fields) = match step {
                    None => (200, &[][..]),
                    Some(Says(status, fields)) => (status, fields),
                    Some(Fails(kind)) => return Err(kind.into()),
                };
                let mut response = Response::new(Full::<Bytes>::default());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                for (name, value) in fields {
                    let value = value.parse().unwrap();
                    response.headers_mut().insert(*name, value);
                }
                Ok(response)
            }
        })
    }

    fn attempts(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn began(&self) -> Vec<Duration> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(at, _)| *at).collect()
    }
}

async fn send(
    layer: &RetryLayer,
    origin: &Origin,
    request: Request<Body>,
) -> io::Result<Response<Body>> {
    let theirs = tower::retry::RetryLayer::new(layer.tower_policy());
    theirs.layer(origin.service()).oneshot(request).await
}

async fn get(layer: &RetryLayer, origin: &Origin) -> Response<Body> {
    send(layer, origin, support::request("GET")).await.unwrap()
}

fn outcome(response: &Response<Body>) -> &RetryOutcome {
    response.extensions().get().unwrap()
}

#[tokio::test(start_paused = true)]
async fn four_attempts_are_made_with_waits_that_double() {
    let origin = Origin::of([UNAVAILABLE; 9]);
    let response = get(&layer(), &origin).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        origin.began(),
        [0, 100, 300, 700].map(Duration::from_millis)
    );
    let reason = Reason::Status(StatusCode::SERVICE_UNAVAILABLE);
    let outcome = outcome(&response);
    assert_eq!(
        (outcome.attempts(), outcome.reasons()),
        (4, &[reason; 4][..])
    );
    assert_eq!(outcome.gave_up(), Some(GaveUp::Attempts));
    assert_eq!(outcome.waited(), MS * 700);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_succeeds_is_told_and_counted() {
    let layer = layer();
    let response = get(&layer, &Origin::of([RESET])).await;
    assert_eq!(
        (outcome(&response).attempts(), outcome(&response).gave_up()),
        (2, None)
    );
    let stats = layer.stats();
    assert_eq!(stats.retried, [("transient", 1)]);
    assert_eq!(stats.succeeded_after, [("after-1", 1)]);
    let response = get(&layer, &Origin::of([])).await;
    assert_eq!(response.extensions().get::<RetryOutcome>(), None);
}

#[tokio::test(start_paused = true)]
async fn a_post_is_retried_if_it_was_not_processed_or_says_that_it_may_be() {
    let attempts = async |step: Step, policy: Option<RetryPolicy>| {
        let origin = Origin::of([step]);
        let mut request = support::request("POST");
        policy.map(|policy| request.extensions_mut().insert(policy));
        let _ended = send(&layer(), &origin, request).await;
        origin.attempts()
    };
    let idempotent = Some(RetryPolicy::new().idempotent());
    assert_eq!(attempts(UNAVAILABLE, None).await, 1);
    assert_eq!(attempts(RESET, None).await, 1);
    assert_eq!(attempts(UNAVAILABLE, idempotent).await, 2);
    assert_eq!(attempts(Fails(ErrorKind::ConnectionRefused), None).await, 2);
    let off = Some(RetryPolicy::off());
    assert_eq!(attempts(Fails(ErrorKind::ConnectionRefused), off).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_says_how_often() {
    let origin = Origin::of([UNAVAILABLE; 9]);
    let mut request = support::request("GET");
    let policy = RetryPolicy::new().retries(1);
    request.extensions_mut().insert(policy);
    send(&layer(), &origin, request).await.unwrap();
    assert_eq!(origin.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_to_up_to_its_cap() {
    let origin = Origin::of([Says(503, &[("retry-after", "3")])]);
    get(&layer(), &origin).await;
    assert_eq!(origin.began(), [0, 3].map(Duration::from_secs));
    let origin = Origin::of([Says(503, &[("retry-after", "11")])]);
    let response = get(&layer(), &origin).await;
    assert_eq!(outcome(&response).gave_up(), Some(GaveUp::RetryAfter));
    assert_eq!(origin.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_that_of_the_layer() {
    let budget = RetryBudget::new(Duration::from_secs(10), 0, 0.5).unwrap();
    let layer = layer().budget(budget);
    let mut attempts = 0;
    for _ in 0..10 {
        let origin = Origin::of([UNAVAILABLE; 9]);
        let response = get(&layer, &origin).await;
        attempts += origin.attempts();
        assert_eq!(outcome(&response).gave_up(), Some(GaveUp::Budget));
    }
    // One retry for two requests.
    assert_eq!(attempts, 15);
    assert_eq!(layer.budget_handle().unwrap().counts().withdrawn, 5);
}

#[tokio::test(start_paused = true)]
async fn calls_of_grpc_are_judged_by_what_the_head_says() {
    let call = || {
        let mut request = support::request("POST");
        let kind = "application/grpc".parse().unwrap();
        request.headers_mut().insert("content-type", kind);
        let policy = RetryPolicy::new().idempotent();
        request.extensions_mut().insert(policy);
        request
    };
    let pushed = |fields| Origin::of([Says(200, fields)]);
    let origin = pushed(&[("grpc-status", "14"), ("grpc-retry-pushback-ms", "250")]);
    let response = send(&layer(), &origin, call()).await.unwrap();
    assert_eq!(outcome(&response).reasons(), [Reason::Grpc(14)]);
    assert_eq!(origin.began(), [Duration::ZERO, MS * 250]);
    let origin = pushed(&[("grpc-status", "14"), ("grpc-retry-pushback-ms", "-1")]);
    send(&layer(), &origin, call()).await.unwrap();
    assert_eq!(origin.attempts(), 1);
    let origin = pushed(&[("grpc-status", "3")]);
    send(&layer(), &origin, call()).await.unwrap();
    assert_eq!(origin.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_numbered() {
    let origin = Origin::of([RESET, RESET]);
    get(&layer().number_attempts(), &origin).await;
    let seen = origin.seen.lock().unwrap();
    let numbers = seen.iter().map(|(_, headers)| headers.get("x-attempt"));
    let numbers: Vec<_> = numbers
        .map(|number| number.map(|n| n.to_str().unwrap()))
        .collect();
    assert_eq!(numbers, [None, Some("2"), Some("3")]);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_ones_own_takes_the_place_of_the_rules() {
    let own = RetryLayer::classify(|attempt: &Attempt<'_, io::Error>| match attempt.result {
        Ok(answer) if answer.status() == 418 => Verdict::RetryAlways(Reason::Custom),
        _ => Verdict::Final,
    });
    let own = own.clock(tower_keep::Clock::tokio());
    let origin = Origin::of([Says(418, &[]), UNAVAILABLE]);
    let theirs = tower::retry::RetryLayer::new(own.tower_policy());
    let service = theirs.layer(origin.service());
    let response = service.oneshot(support::request("POST")).await.unwrap();
    assert_eq!((response.status().as_u16(), origin.attempts()), (503, 2));
}
