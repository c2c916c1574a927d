//! Bodies on their way into the store (RFC 9111 3, 3.1, 3.3).

use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_keep::response_cache::{
    RequestBody, ResponseBody, ResponseCache, ResponseCacheLayer, Rule,
};

use crate::{
    probe::{Frames, Then, lines},
    support::{Cache, Origin, request, respond},
};

type Inner = BoxCloneService<
    Request<RequestBody<Empty<bytes::Bytes>>>,
    Response<Frames>,
    std::convert::Infallible,
>;

/// A cache around an origin that answers first with this body and then with "second".
struct Once {
    service: ResponseCache<Inner>,
    layer: ResponseCacheLayer,
}

type Fields = &'static [(&'static str, &'static str)];

fn first(status: u16, fields: Fields, body: Frames) -> Once {
    first_with(ResponseCacheLayer::new(), status, fields, body)
}

fn first_with(layer: ResponseCacheLayer, status: u16, fields: Fields, body: Frames) -> Once {
    let body = Arc::new(Mutex::new(Some(body)));
    let inner = service_fn(move |_| {
        let first = body.lock().unwrap().take();
        let mut response = respond(StatusCode::OK, &[("cache-control", "max-age=60")], "")
            .map(|_| Frames::of(&["second"]));
        if let Some(first) = first {
            let status = StatusCode::from_u16(status).unwrap();
            let head = respond(status, fields, "");
            response = head.map(|_| first);
            let lifetime = "max-age=60".parse().unwrap();
            response.headers_mut().insert("cache-control", lifetime);
        }
        async move { Ok(response) }
    });
    Once {
        service: layer.layer(BoxCloneService::new(inner)),
        layer,
    }
}

impl Once {
    async fn ask(&self) -> Response<ResponseBody<Frames>> {
        let request = request("GET", &[]).map(|_| Empty::new());
        self.service.clone().oneshot(request).await.unwrap()
    }

    /// What the next request gets: whether from store, and the body.
    async fn next(&self) -> (bool, String) {
        let response = self.ask().await;
        let hit = lines(response.headers(), "cache-status")[0].contains("hit");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (hit, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn unknown_fields_are_stored_and_hop_by_hop_fields_are_not() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "max-age=60"),
        ("x-unknown", "1"),
        ("x-unknown", "2"),
        ("x-empty", ""),
        ("proxy-status", "other; error=x"),
        ("connection", "close, X-Named"),
        ("connection", "x-named-too"),
        ("x-named", "1"),
        ("x-named-too", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("proxy-authenticate", "Basic"),
        ("proxy-authentication-info", "x=1"),
        ("proxy-authorization", "Basic eDp4"),
    ]));
    cache.get(&[]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(lines(&hit.headers, "x-unknown"), ["1", "2"]);
    assert_eq!(hit.header("x-empty"), Some(""));
    assert_eq!(hit.header("proxy-status"), Some("other; error=x"));
    for name in [
        "connection",
        "x-named",
        "x-named-too",
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

/// A Connection that names a field which caching needs must not take that away from the decision.
#[tokio::test]
async fn a_field_named_by_connection_still_counts_for_the_decision() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "no-store"),
        ("expires", "Fri, 02 Jan 2026 00:00:00 GMT"),
        ("connection", "cache-control"),
    ]));
    cache.get(&[]).await;
    assert!(!cache.get(&[]).await.is_hit());
}

#[tokio::test]
async fn trailers_reach_the_reader_and_never_become_header_fields() {
    for fields in [&[][..], &[("trailer", "x-sum")]] {
        let body = Frames::of(&["some ", "content"]).trailers("x-sum", "5");
        let cache = first(200, fields, body);
        let got = cache.ask().await.into_body().collect().await.unwrap();
        let sum = |trailers: Option<&HeaderMap>| trailers.map(|fields| fields["x-sum"].clone());
        assert_eq!(sum(got.trailers()).unwrap(), "5");
        let hit = cache.ask().await;
        assert_eq!(hit.headers().get("x-sum"), None);
        let got = hit.into_body().collect().await.unwrap();
        let replayed = sum(got.trailers());
        assert!(
            replayed.is_none_or(|sum| sum == "5"),
            "kept apart or discarded"
        );
        assert_eq!(got.to_bytes(), "some content");
    }
}

/// Cache-Control in trailers is as little a directive as any field there (RFC 9110 6.5.1).
#[tokio::test]
async fn trailers_say_nothing_about_caching() {
    let body = Frames::of(&["content"]).trailers("cache-control", "no-store");
    let cache = first(200, &[], body);
    assert_eq!(cache.next().await, (false, "content".to_owned()));
    assert_eq!(cache.next().await, (true, "content".to_owned()));
}

#[tokio::test]
async fn what_is_not_complete_is_never_stored() {
    let length = &[("content-length", "10")][..];
    for (case, fields, body) in [
        ("too short", length, Frames::of(&["12345"])),
        ("nothing", length, Frames::of(&[])),
        ("nothing, and says so", length, Frames::of(&[]).exact(0)),
        ("too long", length, Frames::of(&["12345", "678901"])),
        (
            "broken off",
            length,
            Frames::of(&["12345"]).then(Then::Break),
        ),
        (
            "broken off, of unknown length",
            &[],
            Frames::of(&["12345"]).then(Then::Break),
        ),
        (
            "broken off at the start",
            &[],
            Frames::of(&[]).then(Then::Break),
        ),
        (
            "shorter than the body said",
            &[],
            Frames::of(&["12345"]).exact(10),
        ),
        (
            "broken off before the announced trailers",
            &[("content-length", "5"), ("trailer", "x-sum")],
            Frames::of(&["12345"]).then(Then::Break),
        ),
    ] {
        let cache = first(200, fields, body);
        let breaks = case.starts_with("broken");
        let read = cache.ask().await.into_body().collect().await;
        assert_eq!(read.is_err(), breaks, "{case}");
        assert_eq!(cache.next().await, (false, "second".to_owned()), "{case}");
        assert_eq!(
            cache.layer.stats().not_stored.get(&Rule::Incomplete),
            Some(&1),
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_reader_who_leaves_leaves_nothing_behind() {
    for (case, read, body) in [
        ("before the first frame", 0, Frames::of(&["12345", "67890"])),
        ("after the first frame", 1, Frames::of(&["12345", "67890"])),
        ("while it waits", 1, Frames::of(&["12345"]).then(Then::Wait)),
    ] {
        for fields in [&[][..], &[("content-length", "10")]] {
            let taken = Arc::clone(&body.taken);
            let frames = Frames {
                frames: body.frames.iter().map(copied).collect(),
                then: if body.then == Then::Wait {
                    Then::Wait
                } else {
                    Then::End
                },
                taken: Arc::clone(&taken),
                ..Frames::default()
            };
            *taken.lock().unwrap() = 0;
            let cache = first(200, fields, frames);
            let mut response = cache.ask().await.into_body();
            for _ in 0..read {
                response.frame().await.unwrap().unwrap();
            }
            assert_eq!(
                *taken.lock().unwrap(),
                read,
                "nothing is read ahead: {case}"
            );
            drop(response);
            assert_eq!(cache.next().await, (false, "second".to_owned()), "{case}");
        }
    }
}

fn copied(frame: &http_body::Frame<bytes::Bytes>) -> http_body::Frame<bytes::Bytes> {
    http_body::Frame::data(frame.data_ref().unwrap().clone())
}

/// HTTP/1 servers stop at the announced length and drop the body.
#[tokio::test]
async fn a_reader_who_counts_never_asks_for_the_end_and_it_is_stored_all_the_same() {
    for (fields, body) in [
        (
            &[("content-length", "10")][..],
            Frames::of(&["12345", "67890"]),
        ),
        (&[], Frames::of(&["12345", "67890"]).exact(10)),
    ] {
        let asked_for_end = Arc::clone(&body.asked_for_end);
        let cache = first(200, fields, body);
        let mut response = cache.ask().await.into_body();
        for _ in 0..2 {
            response.frame().await.unwrap().unwrap();
        }
        drop(response);
        assert!(!*asked_for_end.lock().unwrap());
        assert_eq!(cache.next().await, (true, "1234567890".to_owned()));
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_stored_at_its_end() {
    let cache = first(200, &[], Frames::of(&["123", "", "45"]));
    let mut body = cache.ask().await.into_body();
    for _ in 0..2 {
        body.frame().await.unwrap().unwrap();
        assert_eq!(cache.layer.stats().stored, 0, "more may come");
    }
    assert!(body.frame().await.is_none());
    assert_eq!(cache.layer.stats().stored, 1);
    assert_eq!(cache.next().await, (true, "12345".to_owned()));
}

#[tokio::test]
async fn empty_responses_are_stored() {
    for (status, fields) in [
        (204, &[][..]),
        (200, &[("content-length", "0")]),
        (200, &[]),
        (301, &[("location", "/x")]),
    ] {
        for body in [Frames::of(&[]), Frames::of(&[]).exact(0)] {
            let cache = first(status, fields, body);
            assert_eq!(cache.next().await, (false, String::new()), "{status}");
            let hit = cache.ask().await;
            assert_eq!(hit.status().as_u16(), status);
            assert!(lines(hit.headers(), "cache-status")[0].contains("hit"));
        }
    }
}

/// A server does not read the body of a 204 at all.
#[tokio::test]
async fn a_body_that_is_over_at_once_is_stored_unread() {
    let cache = Cache::new(Origin::new(|_| {
        let fields = [("cache-control", "max-age=60")];
        respond(StatusCode::NO_CONTENT, &fields, "")
    }));
    let response = cache.service.clone().oneshot(request("GET", &[])).await;
    drop(response);
    assert!(cache.get(&[]).await.is_hit());
}

#[tokio::test]
async fn a_head_response_stores_nothing_however_long_it_says_it_is() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "max-age=60"),
        ("content-length", "1"),
    ]));
    cache.send(request("HEAD", &[])).await;
    let get = cache.get(&[]).await;
    assert_eq!((get.is_hit(), get.body.as_str()), (false, "2"));
}

#[tokio::test]
async fn above_the_limit_the_reader_gets_everything_and_nothing_is_stored() {
    for (case, fields, body) in [
        (
            "announced",
            &[("content-length", "10")][..],
            Frames::of(&["12345", "67890"]),
        ),
        (
            "said by the body",
            &[],
            Frames::of(&["12345", "67890"]).exact(10),
        ),
        ("found out", &[], Frames::of(&["12345", "67890"])),
    ] {
        let layer = ResponseCacheLayer::new().max_body(9);
        let cache = first_with(layer, 200, fields, body);
        assert_eq!(
            cache.next().await,
            (false, "1234567890".to_owned()),
            "{case}"
        );
        assert_eq!(cache.next().await, (false, "second".to_owned()), "{case}");
    }
}

/// An event stream: each frame reaches the reader before the next one exists.
#[tokio::test]
async fn a_body_is_not_collected_before_it_is_passed() {
    let body = Frames::of(&["event"]).then(Then::Wait);
    let cache = first(200, &[("content-type", "text/event-stream")], body);
    let mut response = cache.ask().await.into_body();
    let frame = response.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "event");
}
