//! What a 304 changes of what is stored (RFC 9111 3.2, 4.3.4).

use http::StatusCode;

use crate::{
    probe::{asks_about, lines, say, script},
    support::{Asked, Cache, Origin, respond},
};

const MONDAY: &str = "Mon, 01 Dec 2025 00:00:00 GMT";

/// An origin with one representation that lives a second and is confirmed by this 304.
fn confirming(confirmation: &'static [(&'static str, &'static str)]) -> Origin {
    script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "stored",
        ),
        say(304, confirmation, ""),
    ])
}

#[tokio::test]
async fn a_confirmed_response_is_served_whole_and_fresh_anew() {
    for confirmation in [
        &[("etag", "\"a\""), ("cache-control", "max-age=10")][..],
        &[("cache-control", "max-age=10")],
        &[("etag", "W/\"a\""), ("cache-control", "max-age=10")],
        &[
            ("etag", "\"a\""),
            ("cache-control", "max-age=13"),
            ("age", "3"),
        ],
    ] {
        let cache = Cache::new(confirming(confirmation));
        cache.get(&[]).await;
        cache.advance(5);
        let validated = cache.get(&[]).await;
        assert_eq!(
            (validated.status, validated.body.as_str()),
            (StatusCode::OK, "stored"),
            "{confirmation:?}"
        );
        cache.advance(9);
        let hit = cache.get(&[]).await;
        assert!(hit.is_hit(), "{confirmation:?}");
        assert_eq!(hit.body, "stored");
        let inherited = confirmation
            .iter()
            .any(|(name, _)| *name == "age")
            .then_some(3);
        assert_eq!(
            hit.age(),
            Some(9 + inherited.unwrap_or(0)),
            "{confirmation:?}"
        );
        cache.advance(1);
        assert_eq!(
            cache.get(&[]).await.status.as_u16(),
            599,
            "stale again: {confirmation:?}"
        );
    }
}

#[tokio::test]
async fn last_modified_alone_confirms() {
    let cache = Cache::new(script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("last-modified", MONDAY)],
            "stored",
        ),
        say(
            304,
            &[("cache-control", "max-age=10"), ("last-modified", MONDAY)],
            "",
        ),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    assert_eq!(cache.get(&[]).await.body, "stored");
    assert!(cache.get(&[]).await.is_hit());
}

/// What is stored, and the 304 that brings news of it.
fn many_fields() -> Origin {
    script(vec![
        say(
            200,
            &[
                ("cache-control", "max-age=1"),
                ("etag", "\"a\""),
                ("content-type", "text/plain"),
                ("content-encoding", "identity"),
                ("content-length", "6"),
                ("x-list", "old 1"),
                ("x-list", "old 2"),
                ("x-list", "old 3"),
                ("x-one", "old"),
                ("x-kept", "kept 1"),
                ("x-kept", "kept 2"),
            ],
            "stored",
        ),
        say(
            304,
            &[
                ("cache-control", "max-age=10"),
                ("etag", "\"a\""),
                ("content-encoding", "gzip"),
                ("content-length", "99"),
                ("content-range", "bytes 0-1/99"),
                ("x-list", "new 1"),
                ("x-list", "new 2"),
                ("x-one", "new 1"),
                ("x-one", "new 2"),
                ("x-added", "1"),
                ("x-added", "2"),
            ],
            "",
        ),
    ])
}

#[tokio::test]
async fn a_304_replaces_and_adds_fields_with_all_their_lines() {
    let cache = Cache::new(many_fields());
    cache.get(&[]).await;
    cache.advance(2);
    for answer in [cache.get(&[]).await, cache.get(&[]).await] {
        let is = |name: &str, expected: &[&str]| {
            assert_eq!(lines(&answer.headers, name), expected, "{name}");
        };
        is("x-list", &["new 1", "new 2"]);
        is("x-one", &["new 1", "new 2"]);
        is("x-added", &["1", "2"]);
        is("x-kept", &["kept 1", "kept 2"]);
        is("cache-control", &["max-age=10"]);
        is("content-type", &["text/plain"]);
        is("content-encoding", &["identity"]);
        is("content-length", &["6"]);
        is("content-range", &[]);
        assert_eq!(answer.body, "stored");
    }
    assert_eq!(cache.origin.calls(), 2);
}

#[tokio::test]
async fn hop_by_hop_fields_of_a_304_are_kept_out() {
    let cache = Cache::new(confirming(&[
        ("cache-control", "max-age=10"),
        ("etag", "\"a\""),
        ("connection", "X-Hop, close"),
        ("connection", "x-other-hop"),
        ("x-hop", "1"),
        ("x-other-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "close"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authentication-info", "x=1"),
        ("proxy-authorization", "Basic eDp4"),
        ("x-end-to-end", "1"),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    cache.get(&[]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(hit.header("x-end-to-end"), Some("1"));
    for name in [
        "connection",
        "x-hop",
        "x-other-hop",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
    ] {
        assert_eq!(hit.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_update_that_forbids_storing_answers_once_and_is_forgotten() {
    for directive in ["no-store", "private"] {
        let origin = Origin::new(move |request: &Asked| {
            if asks_about(request, "\"a\"") {
                return respond(
                    StatusCode::NOT_MODIFIED,
                    &[
                        ("etag", "\"a\""),
                        ("cache-control", directive),
                        ("connection", "x-hop"),
                        ("x-hop", "1"),
                    ],
                    "",
                );
            }
            respond(
                StatusCode::OK,
                &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
                "stored",
            )
        });
        let cache = Cache::new(origin);
        cache.get(&[]).await;
        cache.advance(2);
        let answer = cache.get(&[]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "stored"),
            "{directive}"
        );
        assert_eq!(answer.header("cache-control"), Some(directive));
        assert_eq!(answer.header("x-hop"), None, "{directive}");
        let next = cache.get(&[]).await;
        assert!(!next.is_hit(), "{directive}");
        let sent = &cache.origin.seen()[2].headers;
        assert!(sent.get("if-none-match").is_none(), "{directive}");
    }
}

#[tokio::test]
async fn no_cache_is_validated_at_each_use() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [("cache-control", "no-cache"), ("etag", "\"a\"")];
        if asks_about(request, "\"a\"") {
            return respond(StatusCode::NOT_MODIFIED, &fields, "");
        }
        respond(StatusCode::OK, &fields, "stored")
    });
    let cache = Cache::new(origin);
    for calls in 1..4 {
        assert_eq!(cache.get(&[]).await.body, "stored");
        assert_eq!(cache.origin.calls(), calls);
    }
    assert_eq!(cache.layer.stats().validated, 2);
}

#[tokio::test]
async fn what_a_304_does_not_say_stays_in_force() {
    let cache = Cache::new(confirming(&[("etag", "\"a\"")]));
    cache.get(&[]).await;
    cache.advance(50);
    assert_eq!(cache.get(&[]).await.body, "stored");
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit(), "its own lifetime begins again");
    assert_eq!(hit.age(), Some(0));
    cache.advance(1);
    assert_eq!(cache.get(&[]).await.status.as_u16(), 599);
}

#[tokio::test]
async fn expires_of_a_304_counts_from_its_date() {
    let cache = Cache::new(script(vec![
        say(
            200,
            &[
                ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
                ("expires", "Thu, 01 Jan 2026 00:00:10 GMT"),
                ("etag", "\"a\""),
            ],
            "stored",
        ),
        say(
            304,
            &[
                ("date", "Thu, 01 Jan 2026 00:01:00 GMT"),
                ("expires", "Thu, 01 Jan 2026 00:01:30 GMT"),
                ("etag", "\"a\""),
            ],
            "",
        ),
    ]));
    cache.get(&[]).await;
    cache.advance(60);
    let validated = cache.get(&[]).await;
    assert_eq!(
        validated.header("date"),
        Some("Thu, 01 Jan 2026 00:01:00 GMT")
    );
    cache.advance(29);
    assert!(cache.get(&[]).await.is_hit());
    cache.advance(1);
    assert!(!cache.get(&[]).await.is_hit());
}

/// RFC 9111 7.3: a cookie that comes with a 304 is as much one user's as any.
#[tokio::test]
async fn a_cookie_that_comes_with_a_304_reaches_nobody_else() {
    let cache = Cache::new(script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "stored",
        ),
        say(
            304,
            &[
                ("cache-control", "max-age=60"),
                ("etag", "\"a\""),
                ("set-cookie", "id=secret"),
            ],
            "",
        ),
        say(304, &[("etag", "\"a\"")], ""),
        say(200, &[("etag", "\"a\"")], "stored"),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    assert_eq!(cache.get(&[]).await.body, "stored");
    let other = cache.get(&[]).await;
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(other.body, "stored");
    assert_eq!(other.header("set-cookie"), None);
}

/// The resource varies from now on: what was confirmed was so for this request alone.
#[tokio::test]
async fn a_304_that_brings_vary_narrows_who_is_answered() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [
            ("cache-control", "max-age=10"),
            ("etag", "\"a\""),
            ("vary", "accept"),
        ];
        if asks_about(request, "\"a\"") && request.headers()["accept"] == "x" {
            return respond(StatusCode::NOT_MODIFIED, &fields, "");
        }
        let varies = request.headers().contains_key("accept");
        let fields = if varies { &fields[..] } else { &fields[..2] };
        let body = if varies { "other" } else { "stored" };
        respond(StatusCode::OK, fields, body)
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(11);
    assert_eq!(cache.get(&[("accept", "x")]).await.body, "stored");
    let same = cache.get(&[("accept", "x")]).await;
    assert_eq!((same.is_hit(), same.body.as_str()), (true, "stored"));
    let other = cache.get(&[("accept", "y")]).await;
    assert_eq!((other.is_hit(), other.body.as_str()), (false, "other"));
}
