//! Answers from store (RFC 9111 4): Age, Date, no-cache, HEAD.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Response, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_keep::{ResponseCacheLayer, test_util::ManualClock};

use super::{
    cases::{caching, date},
    support::{Asked, Cache, Origin, request, respond},
};

#[tokio::test]
async fn every_answer_from_store_has_one_age_of_its_own() {
    let cache = caching(&[
        ("cache-control", "max-age=600"),
        ("age", "10"),
        ("age", "99"),
    ]);
    cache.get(&[]).await;
    for (method, fields, age) in [
        ("GET", &[][..], 11),
        ("HEAD", &[], 12),
        ("GET", &[("cache-control", "max-age=100")], 13),
        ("GET", &[("cache-control", "only-if-cached")], 14),
    ] {
        cache.advance(1);
        let hit = cache.send(request(method, fields)).await;
        assert!(hit.is_hit(), "{method} {fields:?}");
        assert_eq!(hit.age(), Some(age), "{method} {fields:?}");
        assert_eq!(hit.headers.get_all("age").iter().count(), 1);
    }
}

#[tokio::test]
async fn a_304_and_a_stale_answer_from_store_have_an_age_too() {
    let cache = caching(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]);
    cache.get(&[]).await;
    cache.advance(5);
    let unchanged = cache.get(&[("if-none-match", "\"a\"")]).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert_eq!(unchanged.age(), Some(5));
    cache.advance(60);
    let stale = cache.get(&[("cache-control", "max-stale")]).await;
    assert_eq!(stale.age(), Some(65));
}

#[tokio::test]
async fn age_is_in_whole_seconds_rounded_down() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    cache.get(&[]).await;
    cache.clock.advance(Duration::from_millis(1999));
    assert_eq!(cache.get(&[]).await.age(), Some(1));
}

#[tokio::test]
async fn the_date_of_the_origin_stays_and_a_missing_one_is_that_of_arrival() {
    let sent = date(-20);
    for (fields, expected) in [
        (
            &[("cache-control", "max-age=60"), ("date", &sent)][..],
            &sent,
        ),
        (&[("cache-control", "max-age=60")], &date(0)),
    ] {
        let cache = caching(fields);
        let miss = cache.get(&[]).await;
        cache.advance(30);
        let hit = cache.get(&[]).await;
        assert!(hit.is_hit());
        for answer in [miss, hit] {
            assert_eq!(answer.header("date"), Some(expected.as_str()));
            assert_eq!(answer.headers.get_all("date").iter().count(), 1);
        }
    }
}

/// An origin whose responses have these fields and a tag, and that confirms the tag.
fn validating(fields: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |asked| {
        let known = asked.headers().get(header::IF_NONE_MATCH);
        let (status, body) = if known.is_some_and(|tag| tag == "\"a\"") {
            (StatusCode::NOT_MODIFIED, "")
        } else {
            (StatusCode::OK, "body")
        };
        let mut response = respond(status, fields, body);
        let tag = http::HeaderValue::from_static("\"a\"");
        response.headers_mut().insert(header::ETAG, tag);
        response
    })
}

#[tokio::test]
async fn no_cache_is_stored_and_validated_at_each_use() {
    for fields in [
        &[("cache-control", "no-cache")][..],
        &[("cache-control", "No-Cache, max-age=60")],
        &[
            ("cache-control", "max-age=60"),
            ("cache-control", "no-cache"),
        ],
        &[("cache-control", "s-maxage=60, no-cache")],
        &[("cache-control", "no-cache=\"x-foo\", no-cache, max-age=60")],
    ] {
        let cache = Cache::new(validating(fields));
        for call in 1..=3 {
            let got = cache.get(&[]).await;
            assert_eq!((got.status.as_u16(), got.body.as_str()), (200, "body"));
            assert_eq!(cache.origin.calls(), call, "{fields:?}");
        }
        let conditions = cache.origin.seen();
        let validated = conditions[1..].iter().all(|seen| {
            seen.headers
                .get(header::IF_NONE_MATCH)
                .is_some_and(|tag| tag == "\"a\"")
        });
        assert!(validated, "{fields:?}");
    }
}

#[tokio::test]
async fn a_qualified_no_cache_strips_the_fields_or_validates() {
    for value in [
        "max-age=60, no-cache=\"x-mine\"",
        "max-age=60, No-Cache=\"X-MINE\"",
        "max-age=60, no-cache=\"x-other,x-mine\"",
    ] {
        let cache = caching(&[("cache-control", value), ("x-mine", "1"), ("x-ours", "2")]);
        assert_eq!(cache.get(&[]).await.header("x-mine"), Some("1"), "{value}");
        let second = cache.get(&[]).await;
        if second.is_hit() {
            assert_eq!(second.header("x-mine"), None, "{value}");
            assert_eq!(second.header("x-ours"), Some("2"), "{value}");
        } else {
            assert_eq!(cache.origin.calls(), 2, "{value}");
        }
    }
}

#[tokio::test]
async fn a_get_response_answers_head_without_its_body() {
    let cache = caching(&[
        ("cache-control", "max-age=60"),
        ("content-length", "1"),
        ("x-a", "b"),
    ]);
    let miss = cache.get(&[]).await;
    let head = cache.send(request("HEAD", &[])).await;
    assert_eq!(cache.origin.calls(), 1);
    assert_eq!((head.status, head.body.as_str()), (miss.status, ""));
    assert_eq!(head.header("content-length"), Some("1"));
    assert_eq!(head.header("x-a"), Some("b"));
}

#[tokio::test]
async fn a_head_response_never_answers_get_or_head() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    cache.send(request("HEAD", &[])).await;
    let got = cache.get(&[]).await;
    assert!(!got.is_hit());
    assert_eq!(got.body, "2");
}

/// An origin that answers a HEAD with other fields than a GET.
fn telling_head(head: &'static [(&'static str, &'static str)], status: u16) -> Origin {
    Origin::new(move |asked| {
        let common = [("cache-control", "max-age=60")];
        if asked.method() == http::Method::HEAD {
            let status = StatusCode::from_u16(status).expect("a status");
            respond(status, &[&common[..], head].concat(), "")
        } else {
            let own = [
                ("etag", "\"a\""),
                ("last-modified", "Wed, 31 Dec 2025 00:00:00 GMT"),
                ("content-length", "4"),
            ];
            respond(StatusCode::OK, &[&common[..], &own].concat(), "body")
        }
    })
}

#[tokio::test]
async fn a_head_200_that_contradicts_the_stored_response_makes_it_stale() {
    for (head, status, stale) in [
        (&[("etag", "\"b\"")][..], 200, true),
        (&[("content-length", "5")], 200, true),
        (
            &[("last-modified", "Wed, 31 Dec 2025 01:00:00 GMT")],
            200,
            true,
        ),
        (&[("etag", "\"a\""), ("content-length", "5")], 200, true),
        (&[("etag", "\"a\""), ("content-length", "4")], 200, false),
        (&[], 200, false),
        (&[("etag", "\"b\"")], 404, false),
        (&[("content-length", "0")], 503, false),
    ] {
        let cache = Cache::new(telling_head(head, status));
        cache.get(&[]).await;
        cache
            .send(request("HEAD", &[("cache-control", "no-cache")]))
            .await;
        assert_eq!(cache.origin.calls(), 2, "HEAD reaches the origin");
        let got = cache.get(&[]).await;
        assert_eq!(cache.origin.calls() == 3, stale, "{status} {head:?}");
        assert_eq!(got.body, "body", "{status} {head:?}");
    }
}

#[tokio::test]
async fn a_head_200_that_agrees_freshens_the_stored_response() {
    let cache = Cache::new(telling_head(&[("etag", "\"a\"")], 200));
    cache.get(&[]).await;
    cache.advance(50);
    cache
        .send(request("HEAD", &[("cache-control", "no-cache")]))
        .await;
    cache.advance(50);
    let got = cache.get(&[]).await;
    assert_eq!((got.is_hit(), got.body.as_str()), (true, "body"));
}

/// A service that fails once it is told to.
#[derive(Clone)]
struct Failing {
    failing: Arc<AtomicBool>,
    fields: &'static [(&'static str, &'static str)],
}

impl Service<Asked> for Failing {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = &'static str;
    type Future = Ready<Result<Self::Response, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Asked) -> Self::Future {
        if self.failing.load(Ordering::Relaxed) {
            return ready(Err("unreachable"));
        }
        ready(Ok(respond(StatusCode::OK, self.fields, "body")))
    }
}

#[tokio::test]
async fn an_unreachable_origin_is_no_reason_to_serve_what_must_be_validated() {
    for fields in [
        &[
            ("cache-control", "max-age=60, must-revalidate"),
            ("etag", "\"a\""),
        ][..],
        &[
            ("cache-control", "max-age=60, proxy-revalidate"),
            ("etag", "\"a\""),
        ],
        &[("cache-control", "s-maxage=60"), ("etag", "\"a\"")],
        &[("cache-control", "max-age=60, no-cache"), ("etag", "\"a\"")],
        &[("cache-control", "max-age=60"), ("etag", "\"a\"")],
    ] {
        let clock = ManualClock::new();
        let failing = Arc::new(AtomicBool::new(false));
        let origin = Failing {
            failing: Arc::clone(&failing),
            fields,
        };
        let service = ResponseCacheLayer::new().clock(clock.clock()).layer(origin);
        let send = |fields| service.clone().oneshot(request("GET", fields));
        assert!(send(&[]).await.is_ok());
        failing.store(true, Ordering::Relaxed);
        clock.advance(Duration::from_secs(61));
        for _ in 0..2 {
            let answer = send(&[]).await;
            let refused = answer.map_or(true, |answer| answer.status() == 504);
            assert!(refused, "{fields:?}");
        }
    }
}
