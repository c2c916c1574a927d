//! Why nothing stored was of use, as the counters and `Cache-Status` say it.

use http::{StatusCode, header};
use tower_keep::{
    response_cache::{ResponseCacheLayer, Rule, Stats},
    seconds,
    store::MemoryStore,
};

use crate::support::{Asked, Cache, Got, Origin, request, respond};

const HERE: &str = "http://origin.test/here";

fn cache() -> Cache {
    Cache::with(Origin::with(&[("cache-control", "max-age=60")]), |layer| {
        layer.keep(seconds(0))
    })
}

async fn get(cache: &Cache, uri: &str) -> Got {
    cache.get(&[(":uri", uri)]).await
}

fn only(stats: &Stats, rule: Rule) -> bool {
    stats.misses().get(&rule) == Some(&1)
}

#[tokio::test]
async fn what_was_never_asked_for_was_never_seen() {
    let cache = cache();
    let got = get(&cache, HERE).await;
    assert!(only(&cache.layer.stats(), Rule::NothingStored));
    let status = got.header("cache-status").expect("it has one");
    assert!(
        status.starts_with("tower-keep; fwd=uri-miss; fwd-status=200"),
        "{status}"
    );
    assert!(!status.contains("detail"), "{status}");
}

#[tokio::test]
async fn what_is_past_all_use_has_expired() {
    let cache = cache();
    get(&cache, HERE).await;
    cache.advance(61);
    let got = get(&cache, HERE).await;
    let stats = cache.layer.stats();
    assert!(only(&stats, Rule::Expired), "{:?}", stats.misses());
    let status = got.header("cache-status").expect("it has one");
    assert!(
        status.contains("fwd=uri-miss") && status.contains("detail=expired"),
        "{status}"
    );
}

#[tokio::test]
async fn what_made_room_was_evicted() {
    let origin = Origin::new(|_: &Asked| {
        respond(
            StatusCode::OK,
            &[("cache-control", "max-age=60")],
            &"x".repeat(4000),
        )
    });
    let store = MemoryStore::builder().capacity(64 << 10).max_entry(8 << 10);
    let layer = ResponseCacheLayer::with_store(store.build().expect("room for some"));
    let cache = Cache::with(origin, |default| {
        drop(default);
        layer
    });
    get(&cache, HERE).await;
    for number in 0..100 {
        get(&cache, &format!("http://origin.test/{number}")).await;
    }
    let got = get(&cache, HERE).await;
    let stats = cache.layer.stats();
    assert!(only(&stats, Rule::Evicted), "{:?}", stats.misses());
    let status = got.header("cache-status").expect("it has one");
    assert!(status.contains("detail=evicted"), "{status}");
}

#[tokio::test]
async fn what_was_invalidated_says_by_what() {
    let cache = cache();
    get(&cache, HERE).await;
    cache.send(request("PUT", &[(":uri", HERE)])).await;
    let got = get(&cache, HERE).await;
    let stats = cache.layer.stats();
    assert!(
        only(&stats, Rule::InvalidatedByWrite),
        "{:?}",
        stats.misses()
    );
    let status = got.header("cache-status").expect("it has one");
    assert!(status.contains("detail=invalidated-write"), "{status}");
    // What it was is told once: since then something else has been stored.
    assert!(get(&cache, HERE).await.is_hit());
}

#[tokio::test]
async fn another_variant_is_a_miss_of_its_own_kind() {
    let fields = &[("cache-control", "max-age=60"), ("vary", "accept")];
    let cache = Cache::new(Origin::with(fields));
    for accept in ["a", "b"] {
        cache.get(&[(header::ACCEPT.as_str(), accept)]).await;
    }
    assert!(only(&cache.layer.stats(), Rule::VaryMismatch));
    assert!(only(&cache.layer.stats(), Rule::NothingStored));
}

#[tokio::test]
async fn the_hit_rate_is_that_of_what_was_looked_up() {
    let cache = cache();
    let rate = || cache.layer.stats().hit_rate();
    assert_eq!(rate(), None);
    cache.send(request("PUT", &[(":uri", HERE)])).await;
    assert_eq!(rate(), None, "nothing was looked up for a write");
    get(&cache, HERE).await;
    assert_eq!(rate(), Some(0.0));
    for _ in 0..3 {
        get(&cache, HERE).await;
    }
    assert_eq!(rate(), Some(0.75));
}
