//! Opening, probing, closing, forcing.

use std::sync::{Arc, Mutex};

use tower_keep::{
    circuit_breaker::{BreakerState, CircuitBreakerLayer},
    seconds,
    test_util::ManualClock,
};

use crate::support::{BAD, GOOD, Stage, settings};

#[tokio::test]
async fn it_opens_probes_and_closes() {
    let stage = Stage::new();
    stage.ask_all([GOOD, BAD]).await;
    assert_eq!(stage.state(), "closed");
    stage.ask_all([BAD]).await;
    assert_eq!(stage.state(), "open");
    stage.time.advance(seconds(9));
    stage.ask_all([GOOD; 5]).await;
    assert_eq!(stage.inner.calls(), 3, "it is left alone");
    stage.time.advance(seconds(1));
    stage.ask_all([GOOD]).await;
    assert_eq!(stage.state(), "half_open");
    stage.ask_all([BAD]).await;
    assert_eq!(
        stage.state(),
        "closed",
        "half of the probes is not all of them"
    );
    stage.ask_all([GOOD]).await;
    assert_eq!(stage.inner.calls(), 6);
}

#[tokio::test]
async fn probes_that_fail_open_it_again() {
    let stage = Stage::new();
    stage.ask_all([BAD; 2]).await;
    stage.time.advance(seconds(10));
    stage.ask_all([BAD; 2]).await;
    assert_eq!(stage.state(), "open");
    stage.time.advance(seconds(9));
    assert_eq!(stage.ask("/", GOOD).await.unwrap().status(), 503);
    assert_eq!(stage.layer.stats().totals.opened, 2);
}

#[tokio::test]
async fn clones_of_the_layer_and_all_services_share_one_circuit() {
    let stage = Stage::new();
    let clone = stage.layer.clone();
    stage.ask_all([BAD; 2]).await;
    assert_eq!(clone.breaker().state(), BreakerState::Open);
    clone.breaker().reset();
    stage.ask_all([GOOD]).await;
    assert_eq!(stage.inner.calls(), 3);
}

#[tokio::test]
async fn what_is_forced_by_hand_decides() {
    let stage = Stage::new();
    let breaker = stage.layer.breaker();
    breaker.force_open();
    assert_eq!(stage.ask("/", GOOD).await.unwrap().status(), 503);
    breaker.force_closed();
    stage.ask_all([BAD; 5]).await;
    assert_eq!(
        (stage.state(), breaker.status().failures),
        ("forced_closed", 2)
    );
    breaker.disable();
    stage.ask_all([BAD; 5]).await;
    assert_eq!((stage.state(), breaker.status().failures), ("disabled", 0));
    breaker.reset();
    stage.ask_all([BAD; 2]).await;
    assert_eq!(stage.state(), "open");
    assert_eq!(stage.inner.calls(), 12);
}

#[tokio::test]
async fn slow_heads_open_it() {
    let time = ManualClock::new();
    let settings = settings(&time).slow_calls(seconds(1), 1.0);
    let layer = CircuitBreakerLayer::with(settings).unwrap();
    let slow = tower::service_fn(|_: http::Request<()>| {
        time.advance(seconds(2));
        std::future::ready(Ok::<_, ()>(http::Response::new(String::new())))
    });
    let service = tower::Layer::layer(&layer, slow);
    for _ in 0..2 {
        let response = tower::ServiceExt::oneshot(service.clone(), http::Request::new(()));
        assert_eq!(response.await.unwrap().status(), 200);
    }
    assert_eq!(layer.breaker().state(), BreakerState::Open);
    let totals = layer.stats().totals;
    assert_eq!((totals.successes, totals.slow), (2, 2));
}

#[tokio::test]
async fn transitions_are_told_with_the_name_of_the_layer() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let time = ManualClock::new();
    let settings = settings(&time).on_transition(move |transition| {
        let (from, to) = (transition.from(), transition.to());
        let name = transition.name().to_owned();
        listener
            .lock()
            .unwrap()
            .push(format!("{name}: {from} to {to}"));
    });
    let layer = CircuitBreakerLayer::with(settings).unwrap().name("backend");
    let stage = Stage {
        layer,
        time,
        inner: crate::support::Told::new(),
    };
    stage.ask_all([BAD; 2]).await;
    stage.time.advance(seconds(10));
    stage.ask_all([GOOD; 2]).await;
    let expected = ["closed to open", "open to half_open", "half_open to closed"];
    let expected = expected.map(|change| format!("backend: {change}"));
    assert_eq!(*told.lock().unwrap(), expected);
}
