//! An inner service that is not ready, or never will be.

use std::task::{Context, Poll, Waker};

use http::Request;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer};
use tower_keep::{
    circuit_breaker::{CircuitBreaker, CircuitOpen, PathKey},
    seconds,
};

use crate::support::{BAD, GOOD, Stage, Told, request};

fn poll_ready(service: &mut CircuitBreaker<Told>) -> Poll<Result<(), &'static str>> {
    Service::<Request<()>>::poll_ready(service, &mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn an_error_of_readiness_is_passed_on_and_counts_as_a_failure() {
    let stage = Stage::new();
    stage.inner.ready(Poll::Ready(Err("closed")));
    for _ in 0..2 {
        assert_eq!(poll_ready(&mut stage.service()), Poll::Ready(Err("closed")));
    }
    assert_eq!(stage.state(), "open");
    stage.time.advance(seconds(10));
    for _ in 0..2 {
        assert_eq!(poll_ready(&mut stage.service()), Poll::Ready(Err("closed")));
    }
    assert_eq!(stage.state(), "open", "they were the probes");
}

#[tokio::test]
async fn while_it_is_open_nobody_waits_for_the_inner_service() {
    let stage = Stage::new();
    stage.ask_all([BAD; 2]).await;
    stage.inner.ready(Poll::Pending);
    let asked = stage.inner.asked_ready();
    let mut service = stage.service();
    assert!(poll_ready(&mut service).is_ready());
    assert_eq!(service.call(request("/")).await.unwrap().status(), 503);
    assert_eq!(stage.inner.asked_ready(), asked);
    stage.time.advance(seconds(10));
    assert!(poll_ready(&mut stage.service()).is_pending());
    assert_eq!(stage.inner.asked_ready(), asked + 1, "a probe asks");
}

#[tokio::test]
async fn who_was_told_to_be_ready_while_it_was_open_does_not_reach_a_service_that_was_not_asked() {
    let stage = Stage::new();
    stage.ask_all([BAD; 2]).await;
    let mut service = stage.service();
    assert!(poll_ready(&mut service).is_ready());
    stage.time.advance(seconds(10));
    let refused = service.call(request("/")).await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.extensions().get::<CircuitOpen>().is_some());
    assert_eq!(stage.inner.calls(), 2);
    stage.inner.answer(GOOD);
    for _ in 0..2 {
        let ready = ServiceExt::<Request<()>>::ready(&mut service)
            .await
            .unwrap();
        let response = ready.call(request("/")).await;
        assert_eq!(response.unwrap().status(), 200, "no probe was lost");
    }
    assert_eq!(stage.state(), "closed");
}

#[tokio::test]
async fn with_keys_an_error_of_readiness_is_one_of_requests_without_a_key() {
    let stage = Stage::with(|layer| layer.key(PathKey));
    stage.inner.ready(Poll::Ready(Err("closed")));
    assert!(poll_ready(&mut stage.service()).is_ready());
    assert_eq!(stage.layer.breaker().status().failures, 1);
}

#[tokio::test]
async fn it_calls_the_service_that_it_has_readied() {
    let stage = Stage::new();
    let inner = ConcurrencyLimitLayer::new(1).layer(stage.inner.clone());
    let mut service = stage.layer.layer(inner);
    let ready = ServiceExt::<Request<()>>::ready(&mut service)
        .await
        .unwrap();
    let mut clone = ready.clone();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(
        Service::<Request<()>>::poll_ready(&mut clone, &mut cx).is_pending(),
        "a clone is not ready"
    );
    assert_eq!(ready.call(request("/")).await.unwrap().status(), 200);
}
