//! What goes on behind the answers: when it begins, and that it ends.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tower::{Layer, ServiceExt};
use tower_keep::{
    response_cache::{ResponseCacheLayer, Rule},
    test_util::{FakeRemoteStore, ManualClock},
};

use crate::{
    probe::{drive, rest},
    stage::{Act, Show, failures, page, reply, told, turns},
    support::request,
};

#[tokio::test]
async fn refreshes_are_counted_apart() {
    let show = Show::new(vec![page("1"), reply(503, &[], ""), page("2")]);
    show.get(&[]).await;
    show.advance(65);
    for _ in 0..2 {
        show.get(&[]).await;
        show.quiet().await;
    }
    show.get(&[]).await;
    let stats = show.layer.stats();
    assert_eq!(stats.refreshed, 2);
    assert_eq!(stats.hits[&Rule::StaleWhileRevalidate], 2);
    assert_eq!(stats.hits[&Rule::Fresh], 1);
    assert_eq!(stats.forwarded.values().sum::<u64>(), 1, "{stats:?}");
    assert_eq!(stats.stored, 2);
}

#[tokio::test]
async fn what_is_in_use_is_refreshed_early_if_that_is_wanted() {
    let fields = [("cache-control", "max-age=100")];
    let acts = || (0..3).map(|_| reply(200, &fields, "1")).collect();
    let show = Show::with(acts(), |layer| layer.early_refresh(50));
    show.get(&[]).await;
    show.advance(49);
    show.get(&[]).await;
    turns().await;
    assert_eq!(show.origin.calls(), 1, "not in the first half");
    show.advance(26);
    turns().await;
    assert_eq!(show.origin.calls(), 1, "nobody has asked");
    let got = show.get(&[]).await;
    assert_eq!((told(&got), got.age()), ((200, true, "1"), Some(75)));
    show.quiet().await;
    assert_eq!(show.origin.calls(), 2);
    assert_eq!(show.get(&[]).await.age(), Some(0));

    let show = Show::new(acts());
    show.get(&[]).await;
    show.advance(99);
    assert_eq!(told(&show.get(&[]).await), (200, true, "1"));
    turns().await;
    assert_eq!(show.origin.calls(), 1, "it is off by default");
}

#[tokio::test]
async fn an_early_refresh_that_fails_harms_nothing_fresh() {
    for (name, failure) in failures() {
        let fields = [("cache-control", "max-age=100")];
        let acts = vec![reply(200, &fields, "1"), failure];
        let show = Show::with(acts, |layer| layer.early_refresh(50));
        show.get(&[]).await;
        show.advance(90);
        show.get(&[]).await;
        show.quiet().await;
        assert_eq!(told(&show.get(&[]).await), (200, true, "1"), "{name}");
        show.quiet().await;
    }
}

#[tokio::test]
async fn shutdown_ends_refreshes_and_lets_none_begin() {
    let go = Arc::new(Notify::new());
    let held = Act::Wait(Arc::clone(&go), Box::new(page("never")));
    let show = Show::new(vec![page("1"), held, page("2")]);
    show.get(&[]).await;
    show.advance(65);
    show.get(&[]).await;
    turns().await;
    assert_eq!(Arc::strong_count(&go), 2, "it is under way");
    let background = show.layer.background();
    let mut ending = Box::pin(background.shutdown());
    assert!(ending.as_mut().now_or_never().is_none());
    turns().await;
    assert!(ending.now_or_never().is_some(), "it waits for no refresh");
    assert_eq!(Arc::strong_count(&go), 1, "it was dropped");
    assert!(show.layer.background().is_empty());
    let validated = show.get(&[]).await;
    assert_eq!(told(&validated), (200, false, "2"));
    let says = validated.header("cache-status").unwrap();
    assert!(
        says.starts_with("tower-keep; fwd=stale; fwd-status=200"),
        "{says}"
    );
    assert!(!says.contains("detail"), "{says}");
    assert_eq!(show.origin.calls(), 3);
    assert_eq!(
        told(&show.get(&[]).await),
        (200, true, "2"),
        "it still caches"
    );
    // A second one has nothing to do.
    show.layer.background().shutdown().await;
}

#[tokio::test]
async fn shutdown_is_for_all_clones_of_a_layer() {
    let show = Show::new(vec![page("1"), page("2")]);
    show.get(&[]).await;
    show.layer.clone().background().shutdown().await;
    show.advance(65);
    let got = show
        .layer
        .clone()
        .layer(show.origin.clone())
        .oneshot(request("GET", &[]));
    let body = got.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "2");
}

#[tokio::test]
async fn after_shutdown_what_is_fresh_is_served_without_asking() {
    let fields = [("cache-control", "max-age=100")];
    let acts = vec![reply(200, &fields, "1"), reply(200, &fields, "2")];
    let show = Show::with(acts, |layer| layer.early_refresh(50));
    show.get(&[]).await;
    show.layer.background().shutdown().await;
    show.advance(90);
    assert_eq!(told(&show.get(&[]).await), (200, true, "1"));
    assert_eq!(show.origin.calls(), 1);
}

/// There is no runtime here.
#[test]
fn without_a_runtime_stale_waits_for_its_validation_and_fresh_for_nothing() {
    let show = Show::new(vec![page("1"), page("2")]);
    let get = |show: &Show| show.get(&[]).now_or_never().unwrap();
    get(&show);
    show.advance(65);
    assert_eq!(told(&get(&show)), (200, false, "2"));

    let fields = [("cache-control", "max-age=100")];
    let acts = vec![reply(200, &fields, "1"), reply(200, &fields, "2")];
    let show = Show::with(acts, |layer| layer.early_refresh(50));
    get(&show);
    show.advance(90);
    assert_eq!(told(&get(&show)), (200, true, "1"));
}

const STEP: Duration = Duration::from_millis(10);

/// A cache whose store takes a step for each round trip.
fn remote(acts: Vec<Act>) -> (Show, ResponseCacheLayer) {
    let clock = ManualClock::new();
    let store = FakeRemoteStore::new(clock.clock()).latency(STEP);
    let layer = || ResponseCacheLayer::with_store(store.clone()).clock(clock.clock());
    (Show::of(acts, layer(), clock.clone()), layer())
}

#[tokio::test]
async fn what_is_stored_far_away_is_refreshed_behind_too() {
    let (show, _) = remote(vec![page("1"), page("2")]);
    drive(&show.clock, STEP, show.get(&[])).await;
    rest(&show.clock, STEP).await;
    show.advance(65);
    let stale = drive(&show.clock, STEP, show.get(&[])).await;
    assert_eq!(told(&stale), (200, true, "1"));
    rest(&show.clock, STEP).await;
    assert!(show.layer.background().is_empty());
    let anew = drive(&show.clock, STEP, show.get(&[])).await;
    assert_eq!((told(&anew), anew.age()), ((200, true, "2"), Some(0)));
    assert_eq!(show.origin.calls(), 2);
}

#[tokio::test]
async fn shutdown_waits_until_what_is_being_written_is_written() {
    let (show, other) = remote(vec![page("1")]);
    let mut asking = Box::pin(show.get(&[]));
    assert!(asking.as_mut().now_or_never().is_none(), "it is looked up");
    show.clock.advance(STEP);
    assert_eq!(asking.as_mut().now_or_never().unwrap().body, "1");
    let background = show.layer.background();
    assert_eq!(background.len(), 1, "it is being written");
    let mut ending = Box::pin(background.shutdown());
    turns().await;
    assert!(ending.as_mut().now_or_never().is_none());
    drive(&show.clock, STEP, ending).await;
    assert!(background.is_empty());
    let again = Show::of(vec![], other, show.clock.clone());
    let stored = drive(&show.clock, STEP, again.get(&[])).await;
    assert_eq!(told(&stored), (200, true, "1"));
}
