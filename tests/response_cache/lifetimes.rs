//! Lifetimes that the handler or the layer gives.

use std::time::Duration;

use http::StatusCode;
use tower_keep::{ResponseCacheLayer, response_cache::CachePolicy};

use super::{
    cases::{Fields, answering, asked_twice, asks_again_at, date, is_reused_with},
    support::{Cache, Origin, respond},
};

/// A cache whose origin's responses carry a policy.
fn with_policy(policy: CachePolicy, fields: &'static [(&'static str, &'static str)]) -> Cache {
    Cache::new(Origin::new(move |_| {
        let mut response = respond(StatusCode::OK, fields, "");
        response.extensions_mut().insert(policy.clone());
        response
    }))
}

#[tokio::test]
async fn the_handlers_lifetime_wins_over_the_fields() {
    let ttl = CachePolicy::new().ttl(Duration::from_secs(30));
    for (fields, again) in [
        (&[][..], Some(30)),
        (&[("cache-control", "max-age=60, s-maxage=90")], Some(30)),
        (&[("cache-control", "max-age=10")], Some(30)),
        (&[("cache-control", "max-age=0")], Some(30)),
        (&[("expires", "0")], Some(30)),
        (&[("age", "20")], Some(10)),
        (&[("cdn-cache-control", "max-age=60")], Some(30)),
        // It loosens nothing that forbids to store, and no-cache stays no-cache.
        (&[("cache-control", "no-store")], Some(0)),
        (&[("cache-control", "private")], Some(0)),
        (&[("cache-control", "no-cache"), ("etag", "\"a\"")], Some(0)),
        (&[("cdn-cache-control", "no-store")], Some(0)),
        (&[("set-cookie", "a=b")], Some(0)),
        (&[("vary", "*")], Some(0)),
    ] {
        let cache = with_policy(ttl.clone(), fields);
        let found = asks_again_at(&cache, &[0, 9, 10, 29, 30, 60]).await;
        assert_eq!(found, again, "{fields:?}");
        let shown = cache.get(&[]).await;
        for (name, value) in fields.iter().filter(|(name, _)| *name != "age") {
            assert_eq!(
                shown.header(name),
                Some(*value),
                "clients see what the origin sent"
            );
        }
    }
}

#[tokio::test]
async fn the_handler_can_forbid_to_store() {
    for policy in [
        CachePolicy::new().do_not_store(),
        CachePolicy::new()
            .ttl(Duration::from_secs(60))
            .do_not_store(),
    ] {
        let cache = with_policy(policy, &[("cache-control", "public, max-age=60")]);
        assert_eq!(asked_twice(&cache, &[], &[]).await, 2);
    }
    let silent = with_policy(CachePolicy::new(), &[("cache-control", "max-age=60")]);
    assert_eq!(
        asked_twice(&silent, &[], &[]).await,
        1,
        "a policy that says nothing"
    );
}

#[tokio::test]
async fn default_lifetimes_are_by_status_and_yield_to_what_the_response_says() {
    let minute = Duration::from_secs(60);
    let set = move |layer: ResponseCacheLayer| {
        layer
            .default_ttl(minute)
            .default_ttl_for(StatusCode::NOT_FOUND, Duration::from_secs(5))
            .default_ttl_for(StatusCode::NOT_FOUND, Duration::from_secs(10))
            .default_ttl_for(StatusCode::FORBIDDEN, Duration::from_secs(10))
            .default_ttl_for(StatusCode::MOVED_PERMANENTLY, Duration::ZERO)
    };
    let modified = date(-1_000_000);
    for (status, fields, again) in [
        (200, &[][..], Some(60)),
        (404, &[], Some(10)),
        (403, &[], Some(10)),
        (301, &[], Some(0)),
        (410, &[], Some(0)),
        (500, &[], Some(0)),
        (200, &[("cache-control", "max-age=10")], Some(10)),
        (404, &[("cache-control", "max-age=60")], Some(60)),
        (200, &[("cache-control", "max-age=0")], Some(0)),
        (200, &[("cache-control", "no-store")], Some(0)),
        (200, &[("cache-control", "private")], Some(0)),
        (200, &[("cache-control", "no-cache")], Some(0)),
        (200, &[("expires", "0")], Some(0)),
        (200, &[("last-modified", &modified)], Some(60)),
        (200, &[("age", "50")], Some(10)),
    ] {
        let fields: Fields<'_> = fields;
        let cache = Cache::with(answering(status, fields), set);
        let found = asks_again_at(&cache, &[0, 9, 10, 59, 60]).await;
        assert_eq!(found, again, "{status} {fields:?}");
    }
}

#[tokio::test]
async fn a_default_lifetime_is_for_successes_and_redirects_only() {
    let set = |layer: tower_keep::ResponseCacheLayer| {
        layer.default_ttl(std::time::Duration::from_secs(60))
    };
    for status in 200..=599 {
        let expected = [200, 203, 204, 300, 301, 308].contains(&status);
        assert_eq!(is_reused_with(status, &[], set).await, expected, "{status}");
    }
}
