//! What counts, and as what.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use http::{Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    BoxError,
    circuit_breaker::{CircuitBreakerLayer, Outcome, Verdict},
};

use crate::support::{BAD, GOOD, Stage, begin, request};

#[tokio::test]
async fn errors_and_5xx_are_failures_and_keep_what_they_are() {
    let stage = Stage::new();
    assert_eq!(stage.ask("/", Err("reset")).await.unwrap_err(), "reset");
    let response = stage.ask("/", BAD).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(stage.state(), "open");
}

#[tokio::test]
async fn what_clients_get_wrong_is_no_failure() {
    let stage = Stage::new();
    stage
        .ask_all([Ok(StatusCode::NOT_FOUND), Ok(StatusCode::TOO_MANY_REQUESTS)])
        .await;
    assert_eq!(stage.state(), "closed");
    assert_eq!(stage.layer.stats().totals.successes, 2);
}

#[tokio::test]
async fn a_closure_decides_what_counts() {
    let judge = |outcome: &Outcome<'_>| match outcome.response() {
        Some(head) if head.status() == StatusCode::NOT_FOUND => Verdict::Failure,
        Some(head) if head.status() == StatusCode::NOT_IMPLEMENTED => Verdict::Ignored,
        _ => match outcome.error::<&'static str>() {
            Some(&"nothing there") => Verdict::Success,
            _ => Verdict::of(outcome),
        },
    };
    let stage = Stage::with(|layer| layer.judge(judge));
    stage.ask_all([Ok(StatusCode::NOT_IMPLEMENTED); 3]).await;
    assert_eq!(stage.layer.breaker().status().calls, 0);
    assert_eq!(stage.layer.stats().totals.uncounted, 3);
    stage.ask_all([Err("nothing there")]).await;
    assert_eq!(stage.layer.stats().totals.successes, 1);
    stage
        .ask_all([Ok(StatusCode::NOT_FOUND), Err("gone")])
        .await;
    assert_eq!(stage.state(), "open");
}

#[tokio::test]
async fn grpc_says_in_the_head_that_it_failed() {
    let layer = CircuitBreakerLayer::new();
    let inner = service_fn(async |_: Request<()>| {
        let response = Response::builder().header("grpc-status", "14");
        Ok::<_, BoxError>(response.body(String::new())?)
    });
    layer.layer(inner).oneshot(Request::new(())).await.unwrap();
    assert_eq!(layer.stats().totals.failures, 1);
}

#[tokio::test]
async fn outcomes_of_requests_from_before_do_not_count() {
    let stage = Stage::new();
    stage.inner.answer(BAD);
    let mut service = stage.service();
    let late = [(); 2].map(|()| service.call(request("/")));
    stage.ask_all([BAD; 2]).await;
    stage.layer.breaker().reset();
    for late in late {
        assert_eq!(late.await.unwrap().status(), 500);
    }
    assert_eq!(
        (stage.state(), stage.layer.breaker().status().calls),
        ("closed", 0)
    );
    assert_eq!(stage.layer.stats().totals.late, 2);
    stage.ask_all([GOOD]).await;
    assert_eq!(stage.layer.breaker().status().calls, 1);
}

#[test]
fn a_panic_does_not_count() {
    let layer = CircuitBreakerLayer::new();
    let mut service = layer.layer(service_fn(panics));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        drop(begin(pin!(service.call(Request::new(())))));
    }));
    assert!(polled.is_err());
    let totals = layer.stats().totals;
    assert_eq!((totals.uncounted, totals.failures), (1, 0));
}

async fn panics(_: Request<()>) -> Result<Response<String>, BoxError> {
    panic!("in the future")
}
