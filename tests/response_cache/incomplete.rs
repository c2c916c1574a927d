//! Bodies and trailers on their way into the store (RFC 9111 3.1, 3.3).

use http::StatusCode;

use super::{
    cases::asked_twice,
    streams::{Streaming, open, rest},
    support::{Cache, Origin, respond},
};

#[tokio::test]
async fn trailers_stay_apart_from_the_headers() {
    let origin = Streaming::new(&[("cache-control", "max-age=60"), ("x-kept", "head")]);
    let service = origin.cached(|layer| layer);
    let miss = open(&service, &[]).await;
    let source = origin.source();
    source.data("body");
    source.trailers(&[("x-kept", "trailer"), ("x-sum", "1")]);
    drop(source);
    rest(miss).await.expect("it is complete");

    let hit = open(&service, &[]).await;
    assert_eq!(origin.calls(), 1);
    assert_eq!(hit.headers()["x-kept"], "head");
    assert!(!hit.headers().contains_key("x-sum"));
    let (body, trailers) = rest(hit).await.expect("it is complete");
    assert_eq!(body, "body");
    assert!(trailers.is_none_or(|trailers| trailers["x-sum"] == "1"));
}

#[tokio::test]
async fn trailers_are_kept_under_the_rules_for_fields() {
    let origin = Streaming::new(&[("cache-control", "max-age=60, private=\"x-mine\"")]);
    let service = origin.cached(|layer| layer);
    let miss = open(&service, &[]).await;
    let source = origin.source();
    source.data("body");
    source.trailers(&[
        ("set-cookie", "a=b"),
        ("x-mine", "1"),
        ("connection", "close"),
        ("proxy-authenticate", "Basic"),
        ("x-sum", "1"),
    ]);
    drop(source);
    let (_, trailers) = rest(miss).await.expect("it is complete");
    assert_eq!(trailers.expect("trailers").len(), 5, "the one who asked");

    let second = open(&service, &[]).await;
    if origin.calls() == 1 {
        let (_, trailers) = rest(second).await.expect("it is complete");
        let trailers = trailers.unwrap_or_default();
        for name in ["set-cookie", "x-mine", "connection", "proxy-authenticate"] {
            assert!(!trailers.contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_stored() {
    let origin = Streaming::new(&[("cache-control", "max-age=60")]);
    let service = origin.cached(|layer| layer);
    let miss = open(&service, &[]).await;
    let source = origin.source();
    source.data("half");
    source.fail();
    drop(source);
    assert!(rest(miss).await.is_none(), "the client learns of it");

    drop(open(&service, &[]).await);
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_body_shorter_or_longer_than_announced_is_not_stored() {
    for (length, pieces) in [
        ("5", &["four"][..]),
        ("5", &[]),
        ("4", &["fo", "ur and more"]),
        ("4", &["four", " and more"]),
    ] {
        let origin = Streaming::new(&[("cache-control", "max-age=60"), ("content-length", length)]);
        let service = origin.cached(|layer| layer);
        let miss = open(&service, &[]).await;
        let source = origin.source();
        pieces.iter().for_each(|piece| source.data(piece));
        drop(source);
        rest(miss).await;
        drop(open(&service, &[]).await);
        assert_eq!(origin.calls(), 2, "{length} announced, {pieces:?} sent");
    }
}

#[tokio::test]
async fn a_body_whose_reader_leaves_is_not_stored_in_part() {
    let origin = Streaming::new(&[("cache-control", "max-age=60")]);
    let service = origin.cached(|layer| layer);
    let miss = open(&service, &[]).await;
    let source = origin.source();
    source.data("half");
    drop(miss);
    drop(source);
    drop(open(&service, &[]).await);
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn an_empty_body_is_stored_like_any_other() {
    let origin = Origin::new(|_| respond(StatusCode::OK, &[("cache-control", "max-age=60")], ""));
    let cache = Cache::new(origin);
    assert_eq!(asked_twice(&cache, &[], &[]).await, 1);
}
