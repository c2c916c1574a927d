//! What a request asks of a cache (RFC 9111 5.2.1, 5.4; RFC 8246).

use http::StatusCode;
use tower_keep::{ResponseCacheLayer, response_cache::Refusal};

use super::{
    cases::{Fields, answering, caching},
    support::{Cache, request},
};

/// Whether a GET with these fields is answered from store, so many seconds after a response with this
/// Cache-Control.
async fn serves(response: &str, age: u64, fields: Fields<'_>) -> bool {
    serves_with(response, age, fields, |layer| layer).await
}

async fn serves_with(
    response: &str,
    age: u64,
    fields: Fields<'_>,
    set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
) -> bool {
    let cache = Cache::with(answering(200, &[("cache-control", response)]), set);
    cache.get(&[]).await;
    cache.advance(age);
    cache.get(fields).await;
    cache.origin.calls() == 1
}

#[tokio::test]
async fn the_directives_of_a_request_are_honoured() {
    // (Cache-Control of the response, its age, Cache-Control of the request, from store)
    for (response, age, asked, from_store) in [
        ("max-age=60", 30, "max-age=30", true),
        ("max-age=60", 30, "max-age=29", false),
        ("max-age=60", 30, "MAX-AGE=29", false),
        ("max-age=60", 30, "max-age=0", false),
        ("max-age=60", 30, "max-age=junk", false),
        ("max-age=60", 30, "max-age=-1", false),
        ("max-age=60", 30, "max-age=4294967297", true),
        ("max-age=60", 60, "max-age=100", false),
        ("max-age=60", 30, "foo=\"max-age=0\"", true),
        ("max-age=60", 30, "min-fresh=30", true),
        ("max-age=60", 30, "min-fresh=31", false),
        ("max-age=60", 30, "min-fresh=99999999999999999999", false),
        ("max-age=60", 30, "max-age=30, min-fresh=31", false),
        ("max-age=60", 30, "no-cache", false),
        ("max-age=60", 30, "No-Cache", false),
        ("max-age=60", 30, "max-age=60, no-cache", false),
        ("max-age=60", 30, "foo=\"no-cache\"", true),
        ("max-age=60", 30, "max-stale", true),
        ("max-age=60", 90, "max-stale", true),
        ("max-age=60", 90, "Max-Stale", true),
        ("max-age=60", 90, "max-stale=30", true),
        ("max-age=60", 90, "max-stale=29", false),
        ("max-age=60", 90, "max-stale=99999999999", true),
        ("max-age=60", 90, "max-stale=junk", false),
        ("max-age=60", 90, "max-stale=-1", false),
        ("max-age=60", 90, "max-stale, no-cache", false),
        ("max-age=60", 90, "max-stale=100, max-age=10", false),
        ("max-age=60", 90, "foo=\"max-stale\"", false),
        ("max-age=60", 90, "", false),
    ] {
        let found = serves(response, age, &[("cache-control", asked)]).await;
        assert_eq!(
            found, from_store,
            "{response}, {age} s old, asked {asked:?}"
        );
    }
    let lines: Fields<'_> = &[("cache-control", "foo"), ("cache-control", "no-cache")];
    assert!(!serves("max-age=60", 30, lines).await, "the second line");
}

#[tokio::test]
async fn nothing_stale_is_served_where_the_response_forbids_it() {
    for (response, asked) in [
        ("max-age=60", ""),
        ("max-age=60, must-revalidate", "max-stale"),
        ("max-age=60, Must-Revalidate", "max-stale=1000"),
        ("max-age=60, proxy-revalidate", "max-stale"),
        ("s-maxage=60", "max-stale"),
        ("s-maxage=60, max-age=1000", "max-stale"),
        ("max-age=60, no-cache", "max-stale"),
        ("max-age=60, must-revalidate", ""),
    ] {
        let found = serves(response, 90, &[("cache-control", asked)]).await;
        assert!(!found, "{response}, asked {asked:?}");
    }
}

#[tokio::test]
async fn no_cache_of_a_response_is_not_lifted_by_max_stale_or_freshness() {
    for asked in ["", "max-stale", "max-age=1000"] {
        assert!(
            !serves("no-cache, max-age=60", 1, &[("cache-control", asked)]).await,
            "{asked}"
        );
    }
}

#[tokio::test]
async fn directives_of_requests_can_be_switched_off() {
    let ignoring = |response, age, asked| {
        let fields = [("cache-control", asked)];
        async move {
            serves_with(
                response,
                age,
                &fields,
                ResponseCacheLayer::ignore_request_directives,
            )
            .await
        }
    };
    for asked in ["no-cache", "max-age=0", "min-fresh=100"] {
        assert!(ignoring("max-age=60", 30, asked).await, "{asked}");
    }
    assert!(!ignoring("max-age=60", 90, "max-stale").await);
    let pragma: Fields<'_> = &[("pragma", "no-cache")];
    let set = ResponseCacheLayer::ignore_request_directives;
    assert!(serves_with("max-age=60", 30, pragma, set).await, "Pragma");
}

#[tokio::test]
async fn no_store_of_a_request_counts_even_if_its_other_directives_do_not() {
    let origin = answering(200, &[("cache-control", "max-age=60")]);
    let cache = Cache::with(origin, ResponseCacheLayer::ignore_request_directives);
    cache.get(&[("cache-control", "no-store")]).await;
    assert!(!cache.get(&[]).await.is_hit());
}

#[tokio::test]
async fn only_if_cached_gets_what_is_stored_or_a_504_and_never_the_origin() {
    for (age, asked, status) in [
        (None, "only-if-cached", 504),
        (None, "Only-If-Cached", 504),
        (Some(30), "only-if-cached", 200),
        (Some(30), "only-if-cached, max-age=10", 504),
        (Some(30), "only-if-cached, no-cache", 504),
        (Some(90), "only-if-cached", 504),
        (Some(90), "only-if-cached, max-stale", 200),
    ] {
        for ignoring in [false, true] {
            let cache = Cache::with(
                answering(200, &[("cache-control", "max-age=60")]),
                |layer| {
                    if ignoring {
                        layer.ignore_request_directives()
                    } else {
                        layer
                    }
                },
            );
            if let Some(age) = age {
                cache.get(&[]).await;
                cache.advance(age);
            }
            let before = cache.origin.calls();
            let got = cache.get(&[("cache-control", asked)]).await;
            assert_eq!(cache.origin.calls(), before, "{age:?}, {asked}, {ignoring}");
            if !ignoring {
                assert_eq!(got.status.as_u16(), status, "{age:?}, {asked}");
            }
            let refusal = got.extensions.get::<Refusal>();
            assert_eq!(
                refusal.copied(),
                (got.status == 504).then_some(Refusal::OnlyIfCached),
                "{age:?}, {asked}, {ignoring}"
            );
        }
    }
}

#[tokio::test]
async fn only_if_cached_counts_for_head_and_for_another_variant_too() {
    let cache = caching(&[("cache-control", "max-age=60"), ("vary", "foo")]);
    let only = ("cache-control", "only-if-cached");
    let head = cache.send(request("HEAD", &[only])).await;
    assert_eq!(head.status, StatusCode::GATEWAY_TIMEOUT);
    cache.get(&[("foo", "1")]).await;
    let other = cache.get(&[("foo", "2"), only]).await;
    assert_eq!(other.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(cache.origin.calls(), 1);
}

#[tokio::test]
async fn a_504_of_the_cache_is_not_stored() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    cache.get(&[("cache-control", "only-if-cached")]).await;
    let got = cache.get(&[]).await;
    assert_eq!((got.status, got.is_hit()), (StatusCode::OK, false));
}

#[tokio::test]
async fn pragma_of_a_request_counts_only_without_cache_control() {
    for (fields, from_store) in [
        (&[("pragma", "no-cache")][..], false),
        (&[("pragma", "No-Cache")], false),
        (&[("pragma", "foo, no-cache")], false),
        (&[("pragma", "foo"), ("pragma", "no-cache")], false),
        (&[("pragma", "foo")], true),
        (&[("pragma", "no-store")], true),
        (
            &[("pragma", "no-cache"), ("cache-control", "max-age=60")],
            true,
        ),
        (&[("pragma", "no-cache"), ("cache-control", "foo")], true),
        (&[("pragma", "foo"), ("cache-control", "no-cache")], false),
    ] {
        assert_eq!(
            serves("max-age=60", 30, fields).await,
            from_store,
            "{fields:?}"
        );
    }
    let ignoring = serves_with(
        "max-age=60",
        30,
        &[("pragma", "no-cache")],
        ResponseCacheLayer::ignore_pragma,
    );
    assert!(ignoring.await, "it is a setting");
}

#[tokio::test]
async fn pragma_of_a_response_means_nothing() {
    let soon = super::cases::date(60);
    for field in [("cache-control", "max-age=60"), ("expires", &soon)] {
        let fields = [("pragma", "no-cache"), field];
        assert!(super::cases::is_reused(200, &fields).await, "{field:?}");
    }
}

#[tokio::test]
async fn a_reload_does_not_validate_what_is_immutable_and_fresh() {
    for (response, age, asked, from_store) in [
        ("max-age=60, immutable", 30, "max-age=0", true),
        ("max-age=60, Immutable", 30, "max-age=0", true),
        ("max-age=60, immutable", 30, "max-age=10", true),
        ("max-age=60", 30, "max-age=0", false),
        ("max-age=60, foo=\"immutable\"", 30, "max-age=0", false),
        // Once stale it means nothing.
        ("max-age=60, immutable", 60, "max-age=0", false),
        ("max-age=60, immutable", 60, "", false),
        ("max-age=60, immutable", 90, "max-age=1000", false),
        ("immutable", 0, "", false),
        // It lifts nothing else.
        ("max-age=60, immutable, no-cache", 30, "max-age=0", false),
        ("max-age=60, immutable, no-store", 30, "max-age=0", false),
        ("max-age=60, immutable", 30, "min-fresh=31", false),
    ] {
        let found = serves(response, age, &[("cache-control", asked)]).await;
        assert_eq!(
            found, from_store,
            "{response}, {age} s old, asked {asked:?}"
        );
    }
}
