//! What is stored, and what of it (RFC 9111 3).

use http::{StatusCode, header};

use super::{
    cases::{Fields, HOUR, answering, asked_twice, caching, date, is_reused},
    support::{Cache, Origin, request, respond},
};

#[tokio::test]
async fn no_interim_response_is_stored_or_taken_for_an_answer_again() {
    for status in 100..=199 {
        assert!(
            !is_reused(status, &[("cache-control", "public, max-age=60")]).await,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_206_is_not_stored_and_answers_no_full_get() {
    let origin = Origin::new(|asked| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("content-range", "bytes 0-3/10"),
        ];
        if asked.headers().contains_key(header::RANGE) {
            respond(StatusCode::PARTIAL_CONTENT, &fields, "0123")
        } else {
            respond(StatusCode::OK, &fields[..2], "0123456789")
        }
    });
    let cache = Cache::new(origin);
    let part = cache.get(&[("range", "bytes=0-3")]).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "0123"));

    let whole = cache.get(&[]).await;
    assert_eq!(
        (whole.status.as_u16(), whole.body.as_str()),
        (200, "0123456789")
    );
    assert_eq!(cache.origin.calls(), 2);
}

#[tokio::test]
async fn a_206_that_nobody_asked_for_is_not_stored() {
    let fields: Fields<'_> = &[
        ("cache-control", "public, max-age=60"),
        ("content-range", "bytes 0-0/1"),
        ("etag", "\"a\""),
    ];
    assert!(!is_reused(206, fields).await);
}

#[tokio::test]
async fn a_304_is_never_stored_as_itself() {
    let cache = Cache::new(answering(
        304,
        &[("cache-control", "max-age=60"), ("etag", "\"a\"")],
    ));
    let tag: Fields<'_> = &[("if-none-match", "\"a\"")];
    assert_eq!(cache.get(tag).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(asked_twice(&cache, tag, &[]).await, 2);
}

#[tokio::test]
async fn only_get_responses_are_stored_whatever_the_method_may_be() {
    for method in [
        "HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PURGE", "QUERY", "FOO", "get",
    ] {
        let cache = caching(&[("cache-control", "public, max-age=60")]);
        cache.send(request(method, &[])).await;
        cache.send(request(method, &[])).await;
        assert_eq!(cache.origin.calls(), 2, "{method} twice");
        assert!(!cache.get(&[]).await.is_hit(), "GET after {method}");
    }
}

/// Whether the response to a POST of `http://origin.test/a?b` answers a GET and a HEAD of the same URI.
async fn post_answers_get(fields: Fields<'_>) -> bool {
    let cache = caching(fields);
    let uri = (":uri", "http://origin.test/a?b");
    cache.send(request("POST", &[uri])).await;
    let got = cache.get(&[uri]).await;
    let head = cache.send(request("HEAD", &[uri])).await;
    assert_eq!(got.is_hit(), cache.origin.calls() == 1, "{fields:?}");
    assert!(head.is_hit() || !got.is_hit(), "{fields:?}");
    cache.send(request("POST", &[uri])).await;
    assert_eq!(
        cache.origin.seen().last().expect("it was asked").method,
        "POST",
        "a POST is never answered from store"
    );
    got.is_hit()
}

#[tokio::test]
async fn a_post_response_answers_get_only_with_freshness_and_its_own_content_location() {
    let fresh = ("cache-control", "max-age=60");
    for (location, stored) in [
        (Some("http://origin.test/a?b"), true),
        (Some("/a?b"), true),
        (Some("a?b"), true),
        (Some("?b"), true),
        (Some("http://origin.test/a"), false),
        (Some("http://origin.test/a?c"), false),
        (Some("http://other.test/a?b"), false),
        (Some("//other.test/a?b"), false),
        (Some("https://origin.test/a?b"), false),
        (Some(":"), false),
        (Some(""), true),
        (None, false),
    ] {
        let mut fields = vec![fresh];
        fields.extend(location.map(|location| ("content-location", location)));
        assert_eq!(post_answers_get(&fields).await, stored, "{location:?}");
    }
}

#[tokio::test]
async fn a_post_response_without_explicit_freshness_is_not_stored() {
    let long_ago = date(-1000 * HOUR);
    let location = ("content-location", "/a?b");
    for fields in [
        &[location][..],
        &[location, ("last-modified", &long_ago)],
        &[location, ("cache-control", "public")],
        &[location, ("cache-control", "max-age=60, no-store")],
        &[location, ("expires", "0")],
    ] {
        assert!(!post_answers_get(fields).await, "{fields:?}");
    }
}

#[tokio::test]
async fn no_store_is_found_in_any_case_and_on_any_line() {
    for lines in [
        &["no-store"][..],
        &["No-Store"],
        &["NO-STORE, max-age=60"],
        &["max-age=60,no-store"],
        &["max-age=60 ,\tno-store\t"],
        &["max-age=60, ,,no-store,"],
        &["max-age=60", "no-store"],
        &["no-store", "max-age=60"],
        &["max-age=60", "public", "No-StorE"],
        &["max-age=60, foo=\"a, b\", no-store"],
        &["max-age=60, foo=\"a\\\", b\", no-store"],
        &["max-age=60, no-store=1"],
        &["max-age=60, no-store=\"foo\""],
        &["max-age=60; no-store"],
        &["max-age=60 no-store"],
    ] {
        let fields: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
        assert!(!is_reused(200, &fields).await, "{lines:?}");
    }
}

#[tokio::test]
async fn directives_count_in_any_case_and_only_outside_of_quotes() {
    for lines in [
        &["max-age=60"][..],
        &["MAX-AGE=60"],
        &["Max-Age=60, Public"],
        &["public", "max-age=60"],
        &["max-age=60, foo=\"no-store\""],
        &["foo=\"no-store, private, no-cache\", max-age=60"],
        &["foo=\"max-age=0\", max-age=60"],
        &["foo=\"\\\", no-store, \\\"\", max-age=60"],
        &["max-age=60, x-no-store, no-storex, no_store"],
        &["max-age=60, foo=no-store"],
    ] {
        let fields: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
        assert!(is_reused(200, &fields).await, "{lines:?}");
    }
}

#[tokio::test]
async fn a_request_with_no_store_leaves_nothing_behind() {
    for value in ["no-store", "No-Store", "max-age=60, no-store", "no-store=1"] {
        let cache = caching(&[("cache-control", "public, max-age=60")]);
        let calls = asked_twice(&cache, &[("cache-control", value)], &[]).await;
        assert_eq!(calls, 2, "{value}");
    }
    let lines: Fields<'_> = &[
        ("cache-control", "max-age=60"),
        ("cache-control", "no-store"),
    ];
    let cache = caching(&[("cache-control", "public, max-age=60")]);
    assert_eq!(asked_twice(&cache, lines, &[]).await, 2, "the second line");
}

#[tokio::test]
async fn a_request_with_no_store_does_not_evict_what_others_stored() {
    let origin = Origin::new(|asked| {
        let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
        let status = if asked.headers().contains_key(header::IF_NONE_MATCH) {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        };
        respond(status, &fields, "")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(100);
    cache.get(&[("cache-control", "no-store")]).await;
    cache.get(&[]).await;
    let last = cache.origin.seen().pop().expect("it was asked");
    assert!(
        last.headers.contains_key(header::IF_NONE_MATCH) || cache.origin.calls() == 2,
        "the stored response is still there to be validated"
    );
}

#[tokio::test]
async fn an_unqualified_private_is_not_stored_by_a_shared_cache() {
    for value in [
        "private, max-age=60",
        "PRIVATE, max-age=60",
        "max-age=60, s-maxage=60, public, private",
        "max-age=60, private=\"x-mine\", private",
        "max-age=60, private, private=\"x-mine\"",
    ] {
        assert!(
            !is_reused(200, &[("cache-control", value)]).await,
            "{value}"
        );
    }
    let lines: Fields<'_> = &[
        ("cache-control", "max-age=60"),
        ("cache-control", "private"),
    ];
    assert!(!is_reused(200, lines).await, "the second line");
}

#[tokio::test]
async fn a_qualified_private_is_stored_without_its_fields() {
    for value in [
        "max-age=60, private=\"x-mine\"",
        "max-age=60, Private=\"X-Mine\"",
        "max-age=60, private=\"x-other, x-mine\"",
        "max-age=60, private=\"x-other\", private=\" x-mine \"",
    ] {
        let cache = caching(&[
            ("cache-control", value),
            ("x-mine", "1"),
            ("x-mine", "2"),
            ("x-ours", "3"),
        ]);
        let first = cache.get(&[]).await;
        assert_eq!(first.header("x-mine"), Some("1"), "{value}: its owner");
        let second = cache.get(&[]).await;
        assert_eq!(second.header("x-mine"), None, "{value}");
        if second.is_hit() {
            assert_eq!(second.header("x-ours"), Some("3"), "{value}");
        } else {
            panic!("{value}: stored");
        }
    }
}

/// Statuses that are left open: parts, confirmations, and refusals of conditions or ranges.
const NOT_BY_THEMSELVES: [u16; 5] = [206, 304, 412, 416, 417];

/// RFC 9110 15.1 without 206.
const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

#[tokio::test]
async fn every_final_status_is_stored_with_explicit_freshness() {
    let expires = date(60);
    for status in (200..=599).filter(|status| !NOT_BY_THEMSELVES.contains(status)) {
        for fields in [
            [("cache-control", "max-age=60")],
            [("cache-control", "s-maxage=60")],
            [("expires", expires.as_str())],
        ] {
            assert!(is_reused(status, &fields).await, "{status} {fields:?}");
        }
    }
}

#[tokio::test]
async fn without_freshness_only_some_statuses_are_stored_for_validation() {
    for status in 200..=599 {
        let cache = Cache::new(answering(status, &[("etag", "\"a\"")]));
        asked_twice(&cache, &[], &[]).await;
        let seen = cache.origin.seen();
        let stored = seen[1].headers.contains_key(header::IF_NONE_MATCH);
        assert_eq!(seen.len(), 2, "{status}: it is not fresh");
        assert_eq!(stored, HEURISTIC.contains(&status), "{status}");
    }
}

#[tokio::test]
async fn without_freshness_or_validator_nothing_is_reused() {
    for status in 200..=599 {
        assert!(!is_reused(status, &[]).await, "{status}");
        assert!(
            !is_reused(status, &[("cache-control", "public")]).await,
            "{status}: public does not make it fresh"
        );
    }
}

#[tokio::test]
async fn must_understand_decides_by_the_status_whether_no_store_counts() {
    for (status, value, stored) in [
        (200, "max-age=60, must-understand, no-store", true),
        (404, "No-Store, Must-Understand, Max-Age=60", true),
        (500, "max-age=60, must-understand, no-store", true),
        (299, "max-age=60, must-understand, no-store", false),
        (499, "max-age=60, must-understand, no-store", false),
        (599, "max-age=60, must-understand", false),
        (299, "max-age=60, must-understand", false),
        (299, "max-age=60", true),
        (200, "max-age=60, must-understand", true),
        (200, "max-age=60, must-understand, private", false),
        (200, "must-understand, no-store", false),
        (206, "max-age=60, must-understand, no-store", false),
    ] {
        let fields = [("cache-control", value)];
        assert_eq!(is_reused(status, &fields).await, stored, "{status} {value}");
    }
    let lines: Fields<'_> = &[
        ("cache-control", "no-store, max-age=60"),
        ("cache-control", "must-understand"),
    ];
    assert!(is_reused(200, lines).await, "on two lines");
}

#[tokio::test]
async fn must_understand_does_not_lift_the_no_store_of_a_request() {
    let cache = caching(&[("cache-control", "max-age=60, must-understand, no-store")]);
    let calls = asked_twice(&cache, &[("cache-control", "no-store")], &[]).await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn unknown_fields_are_stored_with_all_their_lines() {
    let cache = caching(&[
        ("cache-control", "max-age=60"),
        ("x-unknown", "1"),
        ("X-Unknown", "2"),
        ("content-language", "de"),
        ("x-empty", ""),
    ]);
    cache.get(&[]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    let unknown: Vec<_> = hit.headers.get_all("x-unknown").iter().collect();
    assert_eq!(unknown, ["1", "2"]);
    assert_eq!(hit.header("content-language"), Some("de"));
    assert_eq!(hit.header("x-empty"), Some(""));
    assert_eq!(hit.header("cache-control"), Some("max-age=60"));
}

#[tokio::test]
async fn fields_of_one_connection_are_not_stored() {
    let cache = caching(&[
        ("cache-control", "max-age=60"),
        ("connection", "close, X-Mine"),
        ("connection", "x-other"),
        ("x-mine", "1"),
        ("x-other", "2"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("proxy-connection", "close"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authentication-info", "x"),
        ("proxy-authorization", "x"),
        ("x-kept", "3"),
    ]);
    cache.get(&[]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    for name in [
        "connection",
        "x-mine",
        "x-other",
        "keep-alive",
        "te",
        "upgrade",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
    ] {
        assert_eq!(hit.header(name), None, "{name}");
    }
    assert_eq!(hit.header("x-kept"), Some("3"));
}

#[tokio::test]
async fn a_connection_field_cannot_name_away_what_makes_a_response_uncacheable() {
    for fields in [
        &[
            ("connection", "cache-control"),
            ("cache-control", "no-store"),
        ][..],
        &[
            ("connection", "set-cookie"),
            ("cache-control", "max-age=60"),
            ("set-cookie", "a=b"),
        ],
    ] {
        assert!(!is_reused(200, fields).await, "{fields:?}");
    }
}

#[tokio::test]
async fn what_refuses_one_clients_condition_or_range_is_never_stored() {
    for status in [412, 416] {
        let fields = [("cache-control", "public, max-age=60")];
        assert!(!is_reused(status, &fields).await, "{status}");
    }
}

#[tokio::test]
async fn a_post_response_that_may_be_stored_takes_the_place_of_an_older_one() {
    let origin = Origin::new(|asked| {
        let fields = [("cache-control", "max-age=60"), ("content-location", "/")];
        respond(StatusCode::OK, &fields, asked.method().as_str())
    });
    let cache = Cache::new(origin);
    assert_eq!(cache.get(&[]).await.body, "GET");
    cache.send(request("POST", &[])).await;
    assert_eq!(cache.get(&[]).await.body, "POST");
    assert_eq!(cache.origin.calls(), 2);
}
