//! Circuits of keys.

use http::{Request, header::HOST};
use tower::ServiceExt;
use tower_keep::{
    circuit_breaker::{BreakerState, CircuitBreakerLayer, CircuitOpen, HostKey, PathKey, from_fn},
    seconds,
};

use crate::support::{BAD, GOOD, Stage, layer};

fn open_of(layer: &CircuitBreakerLayer) -> Vec<String> {
    let breakers = layer.breakers().into_iter();
    let open = breakers.filter(|breaker| breaker.state() == BreakerState::Open);
    let mut names: Vec<_> = open.map(|breaker| breaker.name().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_key_has_a_circuit_of_its_own() {
    let stage = Stage::with(|layer| layer.key(PathKey));
    for _ in 0..2 {
        stage.ask("/a", BAD).await.unwrap();
        stage.ask("/b", GOOD).await.unwrap();
    }
    let refused = stage.ask("/a", GOOD).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(
        refused.extensions().get::<CircuitOpen>().unwrap().name(),
        "/a"
    );
    assert_eq!(stage.ask("/b", GOOD).await.unwrap().status(), 200);
    assert_eq!(open_of(&stage.layer), ["/a"]);
    assert_eq!(stage.layer.stats().keys, 2);
    assert_eq!(stage.layer.stats().totals.refused, 1);
}

#[tokio::test]
async fn a_circuit_is_found_and_forced_by_its_key() {
    let stage = Stage::with(|layer| layer.key(PathKey));
    stage.layer.breaker_of("/a").unwrap().force_open();
    assert_eq!(stage.ask("/a", GOOD).await.unwrap().status(), 503);
    assert_eq!(stage.ask("/b", GOOD).await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_without_a_key_share_one() {
    let tenant = |head: &tower_keep::circuit_breaker::RequestHead<'_>| {
        let tenant = head.uri().path().strip_prefix("/tenants/")?;
        Some(tenant.to_owned())
    };
    let stage = Stage::with(|layer| layer.key(from_fn(tenant)));
    stage.ask_all([BAD; 2]).await;
    assert_eq!(stage.ask("/other", GOOD).await.unwrap().status(), 503);
    assert_eq!(stage.ask("/tenants/a", GOOD).await.unwrap().status(), 200);
    assert_eq!(stage.layer.breaker().state(), BreakerState::Open);
}

#[tokio::test]
async fn newcomers_do_not_push_out_a_circuit_that_is_open() {
    let stage = Stage::with(|layer| layer.key(PathKey).max_keys(2));
    for _ in 0..2 {
        stage.ask("/down", BAD).await.unwrap();
    }
    for number in 0..100 {
        stage.ask(&format!("/{number}"), GOOD).await.unwrap();
    }
    assert_eq!(stage.ask("/down", GOOD).await.unwrap().status(), 503);
    let stats = stage.layer.stats();
    assert_eq!((stats.keys, stats.forgotten, stats.overflowed), (2, 99, 0));
    assert_eq!((stats.totals.successes, stats.totals.failures), (100, 2));
}

#[tokio::test]
async fn without_room_newcomers_share_the_circuit_of_those_without_a_key() {
    let stage = Stage::with(|layer| layer.key(PathKey).max_keys(1));
    for _ in 0..2 {
        stage.ask("/down", BAD).await.unwrap();
    }
    for path in ["/a", "/b"] {
        stage.ask(path, BAD).await.unwrap();
    }
    assert_eq!(stage.ask("/c", GOOD).await.unwrap().status(), 503);
    assert_eq!(stage.layer.stats().overflowed, 3);
    assert!(stage.layer.breaker_of("/d").is_none());
    stage.time.advance(seconds(10));
    assert_eq!(stage.ask("/c", GOOD).await.unwrap().status(), 200);
}

#[tokio::test]
async fn hosts_are_those_of_the_uri_or_the_field_whatever_their_letters() {
    let time = tower_keep::test_util::ManualClock::new();
    let layer = layer(&time).key(HostKey);
    let service = tower::Layer::layer(&layer, crate::support::Told::new());
    let ask = async |uri: &str, host: Option<&str>| {
        let mut request = Request::get(uri).body(()).unwrap();
        if let Some(host) = host {
            request.headers_mut().insert(HOST, host.parse().unwrap());
        }
        service.clone().oneshot(request).await.unwrap().status()
    };
    layer
        .breaker_of(("a.example", 443_u16))
        .unwrap()
        .force_open();
    layer.breaker_of("b.example").unwrap().force_open();
    assert_eq!(ask("https://a.example/x", None).await, 503);
    assert_eq!(ask("https://user@A.Example:443/y", None).await, 503);
    assert_eq!(ask("http://a.example/", None).await, 200);
    assert_eq!(ask("https://a.example:8443/", None).await, 200);
    assert_eq!(ask("/", Some("B.example")).await, 503);
    assert_eq!(ask("/", Some("c.example")).await, 200);
    assert_eq!(ask("/", Some("not a host")).await, 200);
    assert_eq!(ask("/", None).await, 200);
    assert_eq!(layer.breaker().status().totals.successes, 2, "no key");
}
