//! Faults of other caches that users arrive with: each must stay absent here.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower_keep::{ResponseCacheLayer, response_cache::CacheKey};

use super::{
    cases::{Fields, answering, asked_twice, asks_again_at, caching, date, now},
    streams::{Streaming, open, rest},
    support::{Cache, Origin, request, respond},
};

#[tokio::test]
async fn a_head_before_a_get_does_not_leave_an_empty_page() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    cache.send(request("HEAD", &[])).await;
    assert_eq!(cache.get(&[]).await.body, "2");
    assert_eq!(cache.get(&[]).await.body, "2");
}

#[tokio::test]
async fn two_hosts_do_not_share() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    let absolute = |uri: &'static str| vec![(":uri", uri)];
    let by_host = |host: &'static str| vec![(":uri", "/"), ("host", host)];
    for (fields, body) in [
        (absolute("http://a.test/"), "1"),
        (absolute("http://b.test/"), "2"),
        (absolute("http://a.test:8080/"), "3"),
        (by_host("a.test"), "1"),
        (by_host("b.test"), "2"),
        (by_host("A.TEST"), "1"),
        (by_host("c.test"), "4"),
        (absolute("http://a.test/x"), "5"),
        (absolute("http://a.test/X"), "6"),
        (absolute("http://a.test/?x"), "7"),
        (absolute("http://a.test/?y"), "8"),
    ] {
        assert_eq!(cache.get(&fields).await.body, body, "{fields:?}");
    }
}

#[tokio::test]
async fn one_users_body_and_cookie_reach_no_other() {
    let set = |layer: ResponseCacheLayer| layer.default_ttl(Duration::from_secs(60));
    let origin = Origin::new(|asked| {
        let who = asked
            .headers()
            .get("cookie")
            .or(asked.headers().get("authorization"));
        let who = who.map_or("nobody", |who| who.to_str().unwrap());
        respond(StatusCode::OK, &[("set-cookie", who)], who)
    });
    let cache = Cache::with(origin, set);
    for name in ["cookie", "authorization"] {
        for value in ["u=1", "u=2", "u=1"] {
            let got = cache.get(&[(name, value)]).await;
            assert_eq!(
                (got.body.as_str(), got.header("set-cookie")),
                (value, Some(value))
            );
        }
    }
    assert_eq!(cache.get(&[]).await.body, "nobody");
}

#[tokio::test]
async fn an_anonymous_401_is_not_served_to_an_authorised_user() {
    for status in [401, 403, 407, 404, 429, 400, 500, 503] {
        let origin = Origin::new(move |asked| {
            if asked.headers().contains_key("authorization") {
                respond(StatusCode::OK, &[], "yours")
            } else {
                respond(StatusCode::from_u16(status).unwrap(), &[], "")
            }
        });
        let cache = Cache::with(origin, |layer| layer.default_ttl(Duration::from_secs(60)));
        assert_eq!(cache.get(&[]).await.status.as_u16(), status);
        let got = cache.get(&[("authorization", "Basic x")]).await;
        assert_eq!(got.body, "yours", "{status}");
        cache.get(&[]).await;
        assert_eq!(
            cache.origin.calls(),
            3,
            "{status} is not cached by a default"
        );
    }
}

#[tokio::test]
async fn a_stream_is_passed_on_piece_by_piece() {
    for fields in [
        &[
            ("cache-control", "no-store"),
            ("content-type", "text/event-stream"),
        ][..],
        &[
            ("cache-control", "no-cache"),
            ("content-type", "text/event-stream"),
        ],
        &[("cache-control", "max-age=60")],
        &[],
    ] {
        let origin = Streaming::new(fields);
        let service = origin.cached(|layer| layer);
        let mut body = now(open(&service, &[])).into_body();
        let source = origin.source();
        for piece in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
            assert!(body.frame().now_or_never().is_none(), "nothing is made up");
            source.data(piece);
            let frame = now(body.frame()).expect("a frame").expect("no error");
            assert_eq!(frame.into_data().expect("data"), piece, "{fields:?}");
        }
        drop(source);
        assert!(now(body.frame()).is_none());
    }
}

#[tokio::test]
async fn a_body_over_the_cap_reaches_the_client_whole_and_is_not_stored() {
    for (announced, pieces) in [(Some("12"), 3), (None, 3), (None, 1000)] {
        let mut fields = vec![("cache-control", "max-age=60")];
        fields.extend(announced.map(|length| ("content-length", length)));
        let origin = Streaming::new(&fields);
        let service = origin.cached(|layer| layer.max_body(10));
        for call in 1..=2 {
            let answer = open(&service, &[]).await;
            assert_eq!(answer.status(), StatusCode::OK);
            let source = origin.source();
            (0..pieces).for_each(|_| source.data("four"));
            drop(source);
            let (body, _) = rest(answer).await.expect("no error");
            assert_eq!(body.len(), pieces * 4, "{announced:?}");
            assert_eq!(origin.calls(), call, "{announced:?}");
        }
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_stored() {
    let origin = Streaming::new(&[("cache-control", "max-age=60")]);
    let service = origin.cached(|layer| layer.max_body(8));
    let answer = open(&service, &[]).await;
    let source = origin.source();
    source.data("four");
    source.data("four");
    drop(source);
    rest(answer).await.expect("no error");
    let (body, _) = rest(open(&service, &[]).await).await.expect("no error");
    assert_eq!((body.as_str(), origin.calls()), ("fourfour", 1));
}

#[tokio::test]
async fn trailers_survive_a_miss() {
    for fields in [
        &[("cache-control", "max-age=60"), ("trailer", "x-sum")][..],
        &[
            ("cache-control", "max-age=60"),
            ("trailer", "x-sum"),
            ("content-length", "4"),
        ],
        &[("cache-control", "max-age=60")],
        &[("cache-control", "no-store")],
    ] {
        let origin = Streaming::new(fields);
        let service = origin.cached(|layer| layer);
        let answer = open(&service, &[]).await;
        let source = origin.source();
        source.data("body");
        source.trailers(&[("x-sum", "1")]);
        drop(source);
        let (body, trailers) = rest(answer).await.expect("no error");
        assert_eq!(body, "body", "{fields:?}");
        assert_eq!(trailers.expect("trailers")["x-sum"], "1", "{fields:?}");
    }
}

#[tokio::test]
async fn what_answers_a_range_or_a_condition_does_not_answer_a_plain_get() {
    for (asked, status) in [
        (("range", "bytes=0-0"), 206),
        (("range", "bytes=999-"), 416),
        (("if-match", "\"other\""), 412),
        (
            ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
            412,
        ),
        (("if-none-match", "\"a\""), 304),
        (("expect", "nonsense"), 417),
    ] {
        let origin = Origin::new(move |request| {
            let fields = [("cache-control", "public, max-age=60")];
            if request.headers().contains_key(asked.0) {
                respond(StatusCode::from_u16(status).unwrap(), &fields, "")
            } else {
                respond(StatusCode::OK, &fields, "body")
            }
        });
        let cache = Cache::new(origin);
        assert_eq!(cache.get(&[asked]).await.status.as_u16(), status);
        let got = cache.get(&[]).await;
        assert_eq!(
            (got.status.as_u16(), got.body.as_str()),
            (200, "body"),
            "{asked:?}"
        );
    }
}

/// A POST of this text.
fn post(text: &str) -> Request<Full<Bytes>> {
    let mut request = request("POST", &[]);
    *request.body_mut() = Full::from(text.to_owned());
    request
}

#[tokio::test]
async fn two_posts_of_different_bodies_get_their_own_answers() {
    let fields: Fields<'_> = &[("cache-control", "max-age=60")];
    let plain = caching(fields);
    for (text, body) in [("a", "1"), ("b", "2"), ("a", "3")] {
        assert_eq!(plain.send(post(text)).await.body, body);
    }
    let keyed = Cache::with(answering(200, fields), |layer| {
        layer.key(CacheKey::new().post_body(10))
    });
    for (text, body) in [
        ("a", "1"),
        ("b", "2"),
        ("a", "1"),
        ("b", "2"),
        ("", "3"),
        ("", "3"),
    ] {
        assert_eq!(keyed.send(post(text)).await.body, body, "{text:?}");
    }
    assert_eq!(keyed.get(&[]).await.body, "4", "a GET is another thing");
    let long = "longer than the limit";
    assert_eq!(keyed.send(post(long)).await.body, "5");
    assert_eq!(keyed.send(post(long)).await.body, "6");
}

#[tokio::test]
async fn an_encoded_body_keeps_its_content_encoding() {
    let origin = Origin::new(|asked| {
        let common = [("cache-control", "max-age=60"), ("vary", "accept-encoding")];
        if asked.headers().contains_key("accept-encoding") {
            let fields = [&common[..], &[("content-encoding", "gzip")]].concat();
            respond(StatusCode::OK, &fields, "squeezed")
        } else {
            respond(StatusCode::OK, &common, "plain")
        }
    });
    let cache = Cache::new(origin);
    let gzip: Fields<'_> = &[("accept-encoding", "gzip")];
    for _ in 0..2 {
        let squeezed = cache.get(gzip).await;
        assert_eq!(squeezed.header("content-encoding"), Some("gzip"));
        assert_eq!(squeezed.body, "squeezed");
        let plain = cache.get(&[]).await;
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.body, "plain");
    }
    assert_eq!(cache.origin.calls(), 2);
}

#[tokio::test]
async fn lifetimes_of_the_origin_are_read_whatever_their_case() {
    let soon = date(60);
    for field in [
        ("cache-control", "max-age=60"),
        ("cache-control", "S-MAXAGE=60"),
        ("expires", &soon),
    ] {
        let found = asks_again_at(&caching(&[field]), &[0, 59, 60]).await;
        assert_eq!(found, Some(60), "{field:?}");
    }
    let cache = Cache::with(answering(200, &[("cache-control", "No-Store")]), |layer| {
        layer.default_ttl(Duration::from_secs(60))
    });
    assert_eq!(asked_twice(&cache, &[], &[]).await, 2);
}

#[tokio::test]
async fn a_hit_says_how_old_it_is() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    assert_eq!(cache.get(&[]).await.age(), None, "the origin said nothing");
    cache.advance(7);
    assert_eq!(cache.get(&[]).await.age(), Some(7));
}

#[tokio::test]
async fn a_clients_condition_is_answered_from_store() {
    let cache = caching(&[
        ("cache-control", "max-age=60"),
        ("etag", "\"a\""),
        ("last-modified", "Wed, 31 Dec 2025 00:00:00 GMT"),
        ("content-type", "text/plain"),
    ]);
    cache.get(&[]).await;
    for (condition, status) in [
        (("if-none-match", "\"a\""), 304),
        (("if-none-match", "W/\"a\""), 304),
        (("if-none-match", "\"b\", \"a\""), 304),
        (("if-none-match", "*"), 304),
        (("if-none-match", "\"b\""), 200),
        (("if-modified-since", "Wed, 31 Dec 2025 00:00:00 GMT"), 304),
        (("if-modified-since", "Tue, 30 Dec 2025 00:00:00 GMT"), 200),
    ] {
        let got = cache.get(&[condition]).await;
        assert_eq!(got.status.as_u16(), status, "{condition:?}");
        assert_eq!(got.body.is_empty(), status == 304, "{condition:?}");
    }
    assert_eq!(cache.origin.calls(), 1);
}

#[tokio::test]
async fn stale_content_is_validated_with_the_origin() {
    let cache = caching(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]);
    cache.get(&[]).await;
    cache.advance(61);
    cache.get(&[]).await;
    let asked = cache.origin.seen().pop().expect("it was asked");
    assert_eq!(asked.headers[header::IF_NONE_MATCH], "\"a\"");
}

#[tokio::test]
async fn forwarding_fields_that_are_not_in_the_key_change_nothing_for_others() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    cache.get(&[]).await;
    for field in [
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "/admin"),
        ("forwarded", "host=evil.test"),
    ] {
        let got = cache.get(&[field]).await;
        assert_eq!((got.body.as_str(), got.is_hit()), ("1", true), "{field:?}");
    }
}
