//! Purging one resource by its URI.

use http::{HeaderName, StatusCode};
use tower_keep::response_cache::{CacheKey, Purge, ResponseCacheLayer, Rule};

use super::{asking, assert_tells, given, here, purged, purged_uris, purged_with};
use crate::{
    cases::Fields,
    support::{Cache, Origin, respond},
};

const CAUSE: Rule = Rule::InvalidatedByUri;

fn url(url: &str) -> Purge {
    Purge::new().url(url.parse().unwrap())
}

async fn takes(purged: &str, uri: &str) -> bool {
    purged_uris(url(purged), CAUSE, &[uri]).await[0]
}

#[tokio::test]
async fn all_variants_of_a_resource_go() {
    let variants: [Fields<'_>; 3] = [
        &[("x-vary", "accept"), ("accept", "a")],
        &[("x-vary", "accept"), ("accept", "b")],
        &[("x-vary", "accept")],
    ];
    let other: Fields<'_> = &[("x-vary", "accept"), (":uri", "http://origin.test/other")];
    // What is asked for first is told why, the others find that one there.
    for first in variants {
        let cache = Cache::with(Origin::new(given), ResponseCacheLayer::outcome);
        for fields in variants.into_iter().chain([other]) {
            cache.send(asking(fields)).await;
        }
        cache.layer.purger().url(here());
        assert_tells(&cache.send(asking(first)).await, CAUSE, "first");
        for fields in variants.into_iter().filter(|fields| *fields != first) {
            assert!(!cache.send(asking(fields)).await.is_hit(), "{fields:?}");
        }
        assert!(cache.send(asking(other)).await.is_hit());
    }
}

#[tokio::test]
async fn those_for_all_users_and_tenants_go() {
    let set = |layer: ResponseCacheLayer| {
        let tenant = HeaderName::from_static("x-tenant");
        layer.key(CacheKey::new().user().header(tenant).cookie("theme"))
    };
    let asked: [Fields<'_>; 6] = [
        &[],
        &[(":user", "ann")],
        &[(":user", "ben")],
        &[(":user", "ben"), ("x-tenant", "t")],
        &[("cookie", "theme=dark")],
        &[(":user", "ann"), (":uri", "http://origin.test/other")],
    ];
    let taken = purged_with(set, url("http://origin.test/"), CAUSE, &asked).await;
    assert_eq!(taken, [true, true, true, true, true, false]);
}

#[tokio::test]
async fn other_resources_stay() {
    let uris = [
        "http://origin.test/a",
        "http://origin.test/a?",
        "http://origin.test/a?q=1",
        "http://origin.test/a/",
        "http://origin.test/a/b",
        "http://origin.test/A",
        "http://origin.test/",
        "http://origin.test:8080/a",
        "http://other.test/a",
        "http://www.origin.test/a",
        "http://origin.test.other.test/a",
    ];
    let taken = purged_uris(url("http://origin.test/a"), CAUSE, &uris).await;
    assert!(taken[0]);
    for (uri, taken) in uris.iter().zip(taken).skip(1) {
        assert!(!taken, "{uri}");
    }
}

/// RFC 3986 6.2.2 and 6.2.3, RFC 9110 4.2.3.
#[tokio::test]
async fn spellings_of_one_uri_are_one() {
    for (purged, uri) in [
        ("http://origin.test", "http://origin.test/"),
        ("http://origin.test:80/a", "http://origin.test/a"),
        ("http://origin.test/a", "http://origin.test:80/a"),
        ("https://origin.test:443/a", "https://origin.test/a"),
        ("http://ORIGIN.Test/a", "http://origin.test/a"),
        ("http://origin.test/%7ea", "http://origin.test/~a"),
        ("http://origin.test/~a", "http://origin.test/%7Ea"),
        ("http://origin.test/%c3%a9", "http://origin.test/%C3%A9"),
        ("http://origin.test/%61?q", "http://origin.test/a?q"),
    ] {
        assert!(takes(purged, uri).await, "{purged} and {uri}");
    }
}

#[tokio::test]
async fn what_percent_encoding_tells_apart_stays_apart() {
    for (purged, uri) in [
        ("http://origin.test/a%2Fb", "http://origin.test/a/b"),
        ("http://origin.test/a/b", "http://origin.test/a%2Fb"),
        ("http://origin.test/a%3Fq", "http://origin.test/a?q"),
        ("http://origin.test/%2561", "http://origin.test/a"),
    ] {
        assert!(!takes(purged, uri).await, "{purged} and {uri}");
    }
}

/// How servers get their requests: the host is in a field.
#[tokio::test]
async fn requests_that_name_their_host_in_a_field_are_meant_too() {
    let asked: [Fields<'_>; 3] = [
        &[(":uri", "/a"), ("host", "origin.test")],
        &[(":uri", "/a"), ("host", "other.test")],
        &[(":uri", "/a")],
    ];
    let taken = purged(url("http://origin.test/a"), CAUSE, &asked).await;
    assert_eq!(taken, [true, false, false]);
    let taken = purged(url("/a"), CAUSE, &asked).await;
    assert_eq!(taken, [false, false, true], "without a host");
}

#[tokio::test]
async fn parameters_that_the_key_ignores_or_sorts_do_not_matter() {
    let set = |layer: ResponseCacheLayer| {
        layer.key(
            CacheKey::new()
                .ignore_parameters(["utm_*"])
                .sort_parameters(),
        )
    };
    let asked: [Fields<'_>; 3] = [
        &[(":uri", "http://origin.test/a?b=2&a=1&utm_x=1")],
        &[(":uri", "http://origin.test/a?a=2&b=1")],
        &[(":uri", "http://origin.test/a")],
    ];
    for same in ["a?a=1&b=2", "a?b=2&utm_y=7&a=1"] {
        let purge = url(&format!("http://origin.test/{same}"));
        let taken = purged_with(set, purge, CAUSE, &asked).await;
        assert_eq!(taken, [true, false, false], "{same}");
    }
    let bare = url("http://origin.test/a?utm_source=letter");
    assert_eq!(
        purged_with(set, bare, CAUSE, &asked).await,
        [false, false, true]
    );
}

/// A server behind TLS may not see by which scheme it is asked.
#[tokio::test]
async fn both_schemes_are_meant_even_where_the_key_keeps_them_apart() {
    let asked: [Fields<'_>; 2] = [
        &[(":uri", "http://origin.test/a")],
        &[(":uri", "https://origin.test/a")],
    ];
    let by_scheme = |layer: ResponseCacheLayer| layer.key(CacheKey::new().scheme());
    for uri in ["http://origin.test/a", "https://origin.test/a"] {
        let taken = purged_with(by_scheme, url(uri), CAUSE, &asked).await;
        assert_eq!(taken, [true, true], "{uri}");
    }
}

/// No-Vary-Search: the query that was asked for, and any other one that it stands for.
#[tokio::test]
async fn what_answers_for_several_queries_goes_by_any_of_them() {
    for query in ["a=1&utm=1", "a=1&utm=2", "a=1"] {
        let fields = [
            ("cache-control", "max-age=60"),
            ("no-vary-search", "params=(\"utm\")"),
        ];
        let origin = Origin::new(move |_| respond(StatusCode::OK, &fields, ""));
        let cache = Cache::with(origin, ResponseCacheLayer::no_vary_search);
        let get = [(":uri", "http://origin.test/?a=1&utm=1")];
        cache.get(&get).await;
        assert!(cache.get(&get).await.is_hit());
        let uri = format!("http://origin.test/?{query}");
        cache.layer.purger().url(uri.parse().unwrap());
        assert!(!cache.get(&get).await.is_hit(), "{query}");
    }
}
