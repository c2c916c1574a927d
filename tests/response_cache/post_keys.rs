//! POST requests whose body is part of their key.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::future::join;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_keep::{
    BoxError,
    response_cache::{CacheKey, RequestBody, ResponseCache, ResponseCacheLayer},
};

use crate::{
    probe::{Frames, Then, lines},
    support::{request, respond},
};

/// What the origin read of a request's body, and the error that ended it.
type Read = (String, Option<String>);

type Echo = BoxCloneService<Request<RequestBody<Frames>>, Response<Full<Bytes>>, Infallible>;

/// An origin that reads the body frame by frame and answers with it.
fn echo() -> (Echo, Arc<Mutex<Vec<Read>>>) {
    let reads: Arc<Mutex<Vec<Read>>> = Arc::default();
    let log = Arc::clone(&reads);
    let service = service_fn(move |request: Request<RequestBody<Frames>>| {
        let log = Arc::clone(&log);
        async move {
            let mut body = request.into_body();
            let (mut text, mut error) = (String::new(), None);
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => add(&mut text, &frame),
                    Err(broken) => {
                        error = Some(broken.to_string());
                        break;
                    }
                }
            }
            log.lock().unwrap().push((text.clone(), error));
            let fields = [("cache-control", "max-age=60")];
            Ok(respond(StatusCode::OK, &fields, &text))
        }
    });
    (BoxCloneService::new(service), reads)
}

fn add(text: &mut String, frame: &Frame<Bytes>) {
    match (frame.data_ref(), frame.trailers_ref()) {
        (Some(data), _) => text.push_str(std::str::from_utf8(data).unwrap()),
        (_, Some(trailers)) => text.push_str(&format!("{trailers:?}")),
        _ => {}
    }
}

fn post(body: Frames) -> Request<Frames> {
    request("POST", &[]).map(|_| body)
}

async fn send(service: &ResponseCache<Echo>, request: Request<Frames>) -> (bool, String) {
    let response = service.clone().oneshot(request).await.unwrap();
    let hit = lines(response.headers(), "cache-status")[0].contains("hit");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (hit, String::from_utf8(body.to_vec()).unwrap())
}

fn layer(limit: usize) -> ResponseCacheLayer {
    ResponseCacheLayer::new().key(CacheKey::new().post_body(limit))
}

#[tokio::test]
async fn the_same_body_hits_and_another_one_does_not() {
    let (origin, reads) = echo();
    let service = layer(100).layer(origin);
    for (parts, hit) in [
        (&["query one"][..], false),
        (&["query two"], false),
        (&["query one"], true),
        (&["query ", "two"], true),
        (&["", "query", " ", "one", ""], true),
        (&["query one "], false),
        (&[""], false),
        (&[], true),
    ] {
        let answer = send(&service, post(Frames::of(parts))).await;
        assert_eq!(answer, (hit, parts.concat()), "{parts:?}");
    }
    assert_eq!(reads.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_post_and_a_get_of_the_same_uri_are_two_things() {
    let (origin, _) = echo();
    let service = layer(100).layer(origin);
    send(&service, post(Frames::of(&["q"]))).await;
    let get = || request("GET", &[]).map(|_| Frames::of(&[]).exact(0));
    assert_eq!(send(&service, get()).await, (false, String::new()));
    assert_eq!(send(&service, get()).await, (true, String::new()));
    let again = send(&service, post(Frames::of(&["q"]))).await;
    assert_eq!(again, (true, "q".to_owned()), "nothing was invalidated");
    let empty = send(&service, post(Frames::of(&[]))).await;
    assert!(!empty.0, "not even for an empty body");
}

#[tokio::test]
async fn without_the_setting_a_post_never_hits() {
    let (origin, _) = echo();
    let service = ResponseCacheLayer::new().layer(origin);
    for _ in 0..2 {
        let answer = send(&service, post(Frames::of(&["q"]))).await;
        assert_eq!(answer, (false, "q".to_owned()));
    }
}

#[tokio::test]
async fn a_body_above_the_limit_passes_whole() {
    for (parts, stored) in [
        (&["1234567890"][..], true),
        (&["12345", "67890"], true),
        (&["12345678901"], false),
        (&["12345", "67890", "1", "2", "3"], false),
    ] {
        for exact in [false, true] {
            let (origin, reads) = echo();
            let service = layer(10).layer(origin);
            let whole = parts.concat();
            for second in [false, true] {
                let mut body = Frames::of(parts);
                body.exact = exact.then_some(whole.len() as u64);
                let answer = send(&service, post(body)).await;
                assert_eq!(answer, (second && stored, whole.clone()), "{parts:?}");
            }
            let count = if stored { 1 } else { 2 };
            assert_eq!(*reads.lock().unwrap(), vec![(whole, None); count]);
        }
    }
}

/// The limit holds while the body is read: no more than it, and a frame, is held.
#[tokio::test]
async fn the_rest_above_the_limit_is_read_by_the_inner_service_alone() {
    let parts = ["12345"; 50];
    let body = Frames::of(&parts);
    let taken = Arc::clone(&body.taken);
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let inner = service_fn(move |_: Request<RequestBody<Frames>>| {
        *note.lock().unwrap() = Some(*taken.lock().unwrap());
        async { Ok::<_, Infallible>(respond(StatusCode::OK, &[], "")) }
    });
    let response = layer(10).layer(inner).oneshot(post(body)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(*seen.lock().unwrap(), Some(3));
}

#[tokio::test]
async fn trailers_of_a_body_that_was_read_reach_the_inner_service() {
    for limit in [3, 100] {
        let (origin, reads) = echo();
        let service = layer(limit).layer(origin);
        let body = Frames::of(&["12", "34"]).trailers("x-sum", "5");
        send(&service, post(body)).await;
        let read = reads.lock().unwrap()[0].0.clone();
        assert!(
            read.starts_with("1234{") && read.contains("x-sum"),
            "{read}"
        );
    }
}

#[tokio::test]
async fn a_broken_body_reaches_the_inner_service_with_its_error() {
    for (parts, limit) in [
        (&["12345"][..], 10),
        (&[], 10),
        (&["12345", "67890", "1"], 10),
    ] {
        let (origin, reads) = echo();
        let service = layer(limit).layer(origin);
        for calls in 1..3 {
            let broken = Frames::of(parts).then(Then::Break);
            let (hit, _) = send(&service, post(broken)).await;
            assert!(!hit, "{parts:?}");
            assert_eq!(reads.lock().unwrap().len(), calls);
        }
        let read = reads.lock().unwrap()[0].clone();
        assert_eq!(
            read,
            (parts.concat(), Some("the connection broke".to_owned()))
        );
        let whole = send(&service, post(Frames::of(parts))).await;
        assert!(!whole.0, "the broken one was not stored: {parts:?}");
    }
}

#[tokio::test]
async fn what_the_inner_service_gets_says_how_long_it_is() {
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&lengths);
    let inner = service_fn(move |request: Request<RequestBody<Frames>>| {
        note.lock()
            .unwrap()
            .push(request.body().size_hint().exact());
        async { Ok::<_, Infallible>(respond(StatusCode::OK, &[], "")) }
    });
    let service = layer(10).layer(inner);
    for (body, length) in [
        (Frames::of(&["12345"]), Some(5)),
        (Frames::of(&["12345", "67890", "1"]).exact(11), Some(11)),
        (Frames::of(&["12345", "67890", "1"]), None),
        (Frames::of(&["12345"]).then(Then::Break), None),
    ] {
        service.clone().oneshot(post(body)).await.unwrap();
        assert_eq!(lengths.lock().unwrap().pop(), Some(length));
    }
}

#[tokio::test]
async fn a_body_that_never_ends_keeps_nobody_else_waiting() {
    let (origin, _) = echo();
    let service = layer(100).layer(origin);
    let endless = service
        .clone()
        .oneshot(post(Frames::of(&["q"]).then(Then::Wait)));
    let other = send(&service, post(Frames::of(&["q"])));
    let both = join(endless, other);
    tokio::select! {
        biased;
        _ = both => panic!("the first one cannot end"),
        () = tokio::task::yield_now() => {}
    }
    let after = send(&service, post(Frames::of(&["q"]))).await;
    assert_eq!(after, (true, "q".to_owned()));
}

/// The type of errors is the body's own, boxed.
#[test]
fn errors_of_request_bodies_are_boxed() {
    fn is<B: Body<Data = Bytes, Error = BoxError>>() {}
    is::<RequestBody<Frames>>();
}

#[tokio::test]
async fn the_same_bytes_of_another_type_or_coding_are_another_request() {
    let (origin, reads) = echo();
    let layer = ResponseCacheLayer::new().key(CacheKey::new().post_body(64));
    let cache = layer.layer(origin);
    let described: [&[(&str, &str)]; 4] = [
        &[],
        &[("content-type", "application/json")],
        &[("content-type", "text/plain")],
        &[("content-type", "text/plain"), ("content-encoding", "gzip")],
    ];
    for fields in described.iter().chain(&described) {
        let request = request("POST", fields).map(|_| Frames::of(&["{}"]));
        let response = cache.clone().oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    assert_eq!(
        reads.lock().unwrap().len(),
        described.len(),
        "each once, then from store"
    );
}
