//! Targeted fields such as CDN-Cache-Control (RFC 9213).

use http::HeaderName;
use tower_keep::ResponseCacheLayer;

use super::{
    cases::{
        Fields, answering, asked_twice, asks_again_at, caching, date, is_reused, is_reused_with,
    },
    support::Cache,
};

/// A table of `CDN-Cache-Control`, Cache-Control and the second at which the origin is asked again.
async fn check(cases: &[(&str, &str, u64)]) {
    for (targeted, beside, again) in cases {
        let fields = [("cdn-cache-control", *targeted), ("cache-control", *beside)];
        let found = asks_again_at(&caching(&fields), &[0, 9, 10, 59, 60]).await;
        assert_eq!(found, Some(*again), "{targeted} beside {beside}");
    }
}

#[tokio::test]
async fn a_valid_field_replaces_cache_control() {
    check(&[
        ("max-age=10", "", 10),
        ("max-age=10", "max-age=60", 10),
        ("max-age=60", "max-age=10", 60),
        ("max-age=10", "no-store", 10),
        ("max-age=10", "private", 10),
        ("max-age=10", "s-maxage=60", 10),
        ("s-maxage=10, max-age=60", "", 10),
        ("max-age=10;foo=bar, x=(1 2)", "", 10),
        ("max-age=60, max-age=10", "", 10),
        ("no-store", "max-age=60", 0),
        ("private", "public, max-age=60", 0),
        ("no-cache", "max-age=60", 0),
        ("max-age=0", "max-age=60", 0),
        ("max-age=-60", "max-age=60", 0),
        // Nothing in it gives a lifetime.
        ("public", "max-age=60", 0),
        ("x", "max-age=60", 0),
    ])
    .await;
    let lines: Fields<'_> = &[
        ("cdn-cache-control", "public"),
        ("cdn-cache-control", "max-age=10"),
    ];
    assert_eq!(asks_again_at(&caching(lines), &[9, 10]).await, Some(10));
}

#[tokio::test]
async fn a_valid_field_replaces_expires() {
    let in_30 = date(30);
    for (targeted, expires, again) in [
        ("max-age=10", in_30.as_str(), 10),
        ("max-age=60", in_30.as_str(), 60),
        ("max-age=60", "0", 60),
        ("public", in_30.as_str(), 0),
        ("must-revalidate", in_30.as_str(), 0),
    ] {
        let fields = [("cdn-cache-control", targeted), ("expires", expires)];
        let found = asks_again_at(&caching(&fields), &[0, 9, 10, 59, 60]).await;
        assert_eq!(found, Some(again), "{targeted}, Expires {expires}");
    }
}

#[tokio::test]
async fn a_field_that_is_empty_or_no_dictionary_is_ignored() {
    for value in [
        "",
        " ",
        "max-age=60,",
        ",max-age=60",
        "max-age = 60",
        "max-age=60 no-store",
        "Max-Age=60, No-Store",
        "max-age=60; no-store; =",
        "no-store, &",
        "no-store=\"unterminated",
        "\"no-store\"",
        "no-store, max-age=",
        "max-age=99999999999999999999",
        "no-store, caf\u{e9}",
    ] {
        for (beside, again) in [("max-age=10", 10), ("no-store, max-age=60", 0)] {
            let fields: Fields<'_> = &[("cdn-cache-control", value), ("cache-control", beside)];
            let found = asks_again_at(&caching(fields), &[0, 9, 10]).await;
            assert_eq!(found, Some(again), "{value:?} beside {beside}");
        }
    }
    let soon = date(10);
    let fields = [("cdn-cache-control", "&"), ("expires", soon.as_str())];
    assert_eq!(
        asks_again_at(&caching(&fields), &[0, 9, 10]).await,
        Some(10)
    );
}

#[tokio::test]
async fn one_broken_line_makes_the_whole_field_ignored() {
    let fields: Fields<'_> = &[
        ("cdn-cache-control", "max-age=60"),
        ("cdn-cache-control", "&"),
        ("cache-control", "max-age=10"),
    ];
    assert_eq!(asks_again_at(&caching(fields), &[9, 10]).await, Some(10));
}

#[tokio::test]
async fn the_first_valid_field_of_the_list_counts_and_others_mean_nothing() {
    let names = ["acme-cache-control", "cdn-cache-control"].map(HeaderName::from_static);
    for (acme, cdn, again) in [
        ("max-age=10", "max-age=20", 10),
        ("no-store", "max-age=20", 0),
        ("max-age=10", "no-store", 10),
        ("&", "max-age=20", 20),
        ("", "max-age=20", 20),
        ("&", "&", 30),
        ("", "", 30),
    ] {
        let fields: Fields<'_> = &[
            ("cdn-cache-control", cdn),
            ("acme-cache-control", acme),
            ("cache-control", "max-age=30"),
            ("other-cache-control", "no-store"),
            ("surrogate-control", "no-store"),
        ];
        let cache = Cache::with(answering(200, fields), |layer| {
            layer.targeted_fields(names.clone())
        });
        let found = asks_again_at(&cache, &[0, 9, 10, 19, 20, 29, 30]).await;
        assert_eq!(found, Some(again), "{acme:?}, then {cdn:?}");
    }
}

#[tokio::test]
async fn with_an_empty_list_only_cache_control_counts() {
    let fields: Fields<'_> = &[
        ("cdn-cache-control", "no-store"),
        ("cache-control", "max-age=60"),
    ];
    assert!(!is_reused(200, fields).await);
    let none = |layer: ResponseCacheLayer| layer.targeted_fields([]);
    assert!(is_reused_with(200, fields, none).await);
}

#[tokio::test]
async fn all_fields_reach_the_client_from_the_origin_and_from_store() {
    let fields: Fields<'_> = &[
        ("cdn-cache-control", "max-age=60;x"),
        ("acme-cache-control", "no-store"),
        ("cache-control", "max-age=5"),
        ("expires", "0"),
    ];
    let cache = caching(fields);
    let miss = cache.get(&[]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    for (name, value) in fields {
        assert_eq!(miss.header(name), Some(*value), "{name}");
        assert_eq!(hit.header(name), Some(*value), "{name}");
    }
}

#[tokio::test]
async fn permission_for_authorization_is_looked_for_in_the_targeted_field() {
    let basic: Fields<'_> = &[("authorization", "Basic xyz")];
    for (targeted, beside, calls) in [
        ("max-age=60", "public, max-age=60", 2),
        ("max-age=60, public", "no-store", 1),
        ("max-age=60, public=?0", "public", 2),
        ("max-age=60, must-revalidate", "max-age=60", 1),
    ] {
        let fields: Fields<'_> = &[("cdn-cache-control", targeted), ("cache-control", beside)];
        let found = asked_twice(&caching(fields), basic, basic).await;
        assert_eq!(found, calls, "{targeted} beside {beside}");
    }
}

#[tokio::test]
async fn heuristics_are_looked_at_with_the_directives_of_the_targeted_field() {
    let modified = date(-1000);
    let modified = ("last-modified", modified.as_str());
    let fresh = [
        modified,
        ("cdn-cache-control", "public"),
        ("cache-control", "max-age=0"),
    ];
    assert!(is_reused(418, &fresh).await);
    let stale = [
        modified,
        ("cdn-cache-control", "max-age=0"),
        ("cache-control", "max-age=60"),
    ];
    assert!(!is_reused(200, &stale).await);
}
