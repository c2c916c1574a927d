//! What bounds the memory that users of a cache can make it take.

use http::StatusCode;
use tower_keep::{response_cache::ResponseCacheLayer, store::MemoryStore};

use crate::support::{Asked, Cache, Got, Origin, request, respond};

/// An origin that answers with as many bytes as the query says.
fn sized() -> Origin {
    Origin::new(|request: &Asked| {
        let size = request.uri().query().unwrap().parse().unwrap();
        let body = "x".repeat(size);
        respond(StatusCode::OK, &[("cache-control", "max-age=60")], &body)
    })
}

async fn get(cache: &Cache, path: &str, size: usize) -> Got {
    let uri = format!("http://origin.test/{path}?{size}");
    let answer = cache.send(request("GET", &[(":uri", &uri)])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body.len(), size, "the client gets everything");
    answer
}

#[tokio::test]
async fn a_body_of_the_longest_length_is_stored_and_a_longer_one_only_passed() {
    let cache = Cache::with(sized(), |layer| layer.max_body(1000));
    for (size, stored) in [(0, true), (1000, true), (1001, false), (100_000, false)] {
        get(&cache, "", size).await;
        assert_eq!(get(&cache, "", size).await.is_hit(), stored, "{size}");
    }
}

#[tokio::test]
async fn a_limit_of_nothing_stores_empty_bodies_only() {
    let cache = Cache::with(sized(), |layer| layer.max_body(0));
    for (size, stored) in [(0, true), (1, false)] {
        get(&cache, "", size).await;
        assert_eq!(get(&cache, "", size).await.is_hit(), stored, "{size}");
    }
}

#[tokio::test]
async fn what_the_store_does_not_admit_is_passed() {
    let store = MemoryStore::builder()
        .capacity(1 << 20)
        .max_entry(64 << 10)
        .build()
        .unwrap();
    let kept = store.clone();
    let cache = Cache::with(sized(), |_| ResponseCacheLayer::with_store(store));
    for (size, stored) in [(16 << 10, true), (64 << 10, false), (1 << 20, false)] {
        get(&cache, "", size).await;
        assert_eq!(get(&cache, "", size).await.is_hit(), stored, "{size}");
    }
    assert_eq!(kept.stats().entries, 1);
}

/// A head can be as heavy as a body.
#[tokio::test]
async fn a_head_counts_towards_the_size_of_an_entry() {
    let store = MemoryStore::builder()
        .capacity(1 << 20)
        .max_entry(64 << 10)
        .build()
        .unwrap();
    let kept = store.clone();
    let origin = Origin::new(|_| {
        let heavy = "h".repeat(70_000);
        let fields = [("cache-control", "max-age=60"), ("x-heavy", &heavy)];
        respond(StatusCode::OK, &fields, "small")
    });
    let cache = Cache::with(origin, |_| ResponseCacheLayer::with_store(store));
    for _ in 0..2 {
        let answer = cache.get(&[]).await;
        assert_eq!((answer.is_hit(), answer.body.as_str()), (false, "small"));
    }
    assert_eq!(cache.origin.calls(), 2);
    assert_eq!(kept.stats().entries, 0);
    assert!(cache.layer.stats().refused > 0);
}

#[tokio::test]
async fn the_whole_weighs_no_more_than_its_capacity() {
    let store = MemoryStore::builder()
        .capacity(1 << 20)
        .max_entry(32 << 10)
        .build()
        .unwrap();
    let kept = store.clone();
    let cache = Cache::with(sized(), |_| ResponseCacheLayer::with_store(store));
    for n in 0..600 {
        let size = [10, 3000, 9000][n % 3];
        get(&cache, &n.to_string(), size).await;
        let stats = kept.stats();
        assert!(stats.weight <= 1 << 20, "{stats:?}");
    }
    let stats = kept.stats();
    assert!(
        stats.evicted > 0 && stats.weight > 1 << 19,
        "it was filled: {stats:?}"
    );
}

/// An origin that varies on what the client sends.
fn varying() -> Origin {
    Origin::new(|request: &Asked| {
        let fields = [("cache-control", "max-age=60"), ("vary", "accept")];
        let accept = request.headers()["accept"].to_str().unwrap();
        respond(StatusCode::OK, &fields, accept)
    })
}

async fn is_hit(cache: &Cache, accept: &str) -> bool {
    let answer = cache.get(&[("accept", accept)]).await;
    assert_eq!(answer.body, accept, "never another variant");
    answer.is_hit()
}

#[tokio::test]
async fn the_variant_stored_first_makes_room_for_one_too_many() {
    for max in [1, 2, 5] {
        let cache = Cache::with(varying(), |layer| layer.max_variants(max));
        let names: Vec<String> = (0..=max).map(|n| format!("v{n}")).collect();
        for name in &names {
            assert!(!is_hit(&cache, name).await);
        }
        for name in &names[1..] {
            assert!(is_hit(&cache, name).await, "{name} of {max}");
        }
        assert!(!is_hit(&cache, "v0").await, "{max}");
    }
}

#[tokio::test]
async fn thirty_two_variants_are_kept_by_default() {
    let cache = Cache::new(varying());
    for n in 0..33 {
        is_hit(&cache, &n.to_string()).await;
    }
    for n in 1..33 {
        assert!(is_hit(&cache, &n.to_string()).await, "{n}");
    }
    assert!(!is_hit(&cache, "0").await);
}

#[tokio::test]
async fn at_least_one_variant_is_kept() {
    let cache = Cache::with(varying(), |layer| layer.max_variants(0));
    is_hit(&cache, "a").await;
    assert!(is_hit(&cache, "a").await);
}

#[tokio::test]
async fn variants_that_made_room_are_gone_from_the_store() {
    let store = MemoryStore::new();
    let kept = store.clone();
    let cache = Cache::with(varying(), |_| {
        ResponseCacheLayer::with_store(store).max_variants(3)
    });
    for n in 0..50 {
        is_hit(&cache, &n.to_string()).await;
    }
    // The variants, and the list of them.
    assert_eq!(kept.stats().entries, 4);
}

/// A response that names very many fields, or itself differs by them, cannot fill the list.
#[tokio::test]
async fn a_vary_without_end_is_not_stored() {
    let names: Vec<String> = (0..500).map(|n| format!("x-{n}")).collect();
    let vary = names.join(", ");
    let origin = Origin::new(move |_| {
        let fields = [("cache-control", "max-age=60"), ("vary", vary.as_str())];
        respond(StatusCode::OK, &fields, "")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    assert!(!cache.get(&[]).await.is_hit());
}
