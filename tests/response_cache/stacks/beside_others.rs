//! Beside the layers that people put next to a cache, inside and outside of it.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::sync::Notify;
use tower::{
    Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer, service_fn, timeout::TimeoutLayer,
};
use tower_http::{compression::CompressionLayer, decompression::DecompressionLayer};
use tower_keep::ResponseCacheLayer;

use super::{Calls, answer};
use crate::support::{Asked, Origin, request, respond};

/// Long enough to be worth compressing.
const TEXT: &str =
    "All work and no play makes Jack a dull boy. All work and no play makes Jack a dull boy.";
const PLAIN: &[(&str, &str)] = &[];
const GZIP: &[(&str, &str)] = &[("accept-encoding", "gzip")];

fn text() -> Origin {
    let fields = [
        ("cache-control", "max-age=60"),
        ("content-type", "text/plain"),
    ];
    Origin::new(move |_| respond(StatusCode::OK, &fields, TEXT))
}

/// What a client is told of the coding, and whether it is that: gzip begins with 1f 8b (RFC 1952 2.3.1).
struct Coded {
    hit: bool,
    named: bool,
    gzip: bool,
    varies: bool,
}

async fn coded<S, B>(service: &S, fields: &[(&str, &str)]) -> Coded
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone,
    S::Error: std::fmt::Debug,
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let response = service.clone().oneshot(request("GET", fields)).await;
    let (head, body) = response.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let status = head.headers["cache-status"].to_str().unwrap();
    let vary = head.headers.get(header::VARY);
    Coded {
        hit: status.contains("; hit"),
        named: head.headers.contains_key(header::CONTENT_ENCODING),
        gzip: body.starts_with(b"\x1f\x8b"),
        varies: vary.is_some_and(|vary| vary == "accept-encoding"),
    }
}

#[tokio::test]
async fn compression_inside_is_stored_for_each_coding() {
    let origin = text();
    let layer = ResponseCacheLayer::new();
    let service = layer.layer(CompressionLayer::new().layer(origin.clone()));
    for (fields, hit) in [(GZIP, false), (PLAIN, false), (GZIP, true), (PLAIN, true)] {
        let got = coded(&service, fields).await;
        let case = format!("{fields:?}, hit {hit}");
        assert_eq!(got.hit, hit, "{case}");
        assert_eq!(got.gzip, fields == GZIP, "{case}");
        assert_eq!(got.named, fields == GZIP, "{case}");
        assert!(got.varies, "{case}");
    }
    assert_eq!(origin.calls(), 2);
    let decoding = DecompressionLayer::new().layer(service);
    let decoded = answer(decoding, request("GET", &[])).await;
    assert!(decoded.is_hit(), "{decoded:?}");
    assert_eq!(decoded.body, TEXT);
}

#[tokio::test]
async fn compression_outside_compresses_what_is_stored_for_each_client() {
    let origin = text();
    let cached = ResponseCacheLayer::new().layer(origin.clone());
    let service = CompressionLayer::new().layer(cached);
    for (fields, hit) in [(GZIP, false), (PLAIN, true), (GZIP, true)] {
        let got = coded(&service, fields).await;
        let case = format!("{fields:?}, hit {hit}");
        assert_eq!(got.hit, hit, "{case}");
        assert_eq!(got.gzip, fields == GZIP, "{case}");
        assert_eq!(got.named, fields == GZIP, "{case}");
    }
    assert_eq!(origin.calls(), 1);
    let decoding = DecompressionLayer::new().layer(service);
    let decoded = answer(decoding, request("GET", &[])).await;
    assert!(decoded.is_hit(), "{decoded:?}");
    assert_eq!(decoded.body, TEXT);
}

/// An origin that never answers `/stuck`, and says when it was asked for it.
fn sticking(
    calls: &Calls,
    stuck: &Arc<Notify>,
) -> impl Service<Asked, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let (calls, stuck) = (calls.clone(), Arc::clone(stuck));
    service_fn(move |asked: Asked| {
        let (calls, stuck) = (calls.clone(), Arc::clone(&stuck));
        async move {
            if asked.uri().path() == "/stuck" {
                stuck.notify_one();
                pending::<()>().await;
            }
            Ok(calls.page())
        }
    })
}

fn to(path: &str) -> Request<Full<Bytes>> {
    request("GET", &[(":uri", &format!("http://origin.test{path}"))])
}

/// Only who asks the origin waits for one of its places.
#[tokio::test]
async fn a_hit_needs_no_place_in_a_limit_inside() {
    let (calls, stuck) = (Calls::default(), Arc::new(Notify::new()));
    let limited = ConcurrencyLimitLayer::new(1).layer(sticking(&calls, &stuck));
    let service = ResponseCacheLayer::new().layer(limited);
    assert!(!answer(service.clone(), to("/page")).await.is_hit());

    let holder = tokio::spawn(service.clone().oneshot(to("/stuck")));
    stuck.notified().await;
    assert!(answer(service.clone(), to("/page")).await.is_hit());
    let waiting = answer(service.clone(), to("/other")).now_or_never();
    assert!(waiting.is_none(), "the only place is taken");

    holder.abort();
    assert!(holder.await.unwrap_err().is_cancelled());
    assert_eq!(answer(service, to("/other")).await.body, "2");
}

#[tokio::test]
async fn a_limit_outside_counts_hits_too() {
    let (calls, stuck) = (Calls::default(), Arc::new(Notify::new()));
    let cached = ResponseCacheLayer::new().layer(sticking(&calls, &stuck));
    let service = ConcurrencyLimitLayer::new(1).layer(cached);
    assert!(!answer(service.clone(), to("/page")).await.is_hit());
    assert!(answer(service.clone(), to("/page")).await.is_hit());

    let holder = tokio::spawn(service.clone().oneshot(to("/stuck")));
    stuck.notified().await;
    let waiting = answer(service.clone(), to("/page")).now_or_never();
    assert!(waiting.is_none(), "the only place is taken");

    holder.abort();
    assert!(holder.await.unwrap_err().is_cancelled());
    assert!(answer(service, to("/page")).await.is_hit());
}

/// tokio's time is paused: it moves to the deadline once there is nothing else to do.
#[tokio::test(start_paused = true)]
async fn a_timeout_ends_a_miss_inside_and_outside_and_leaves_hits_alone() {
    let timeout = TimeoutLayer::new(Duration::from_secs(5));
    let (calls, stuck) = (Calls::default(), Arc::new(Notify::new()));
    let origin = || sticking(&calls, &stuck);
    let cache = ResponseCacheLayer::new;

    let inside = cache().layer(timeout.layer(origin()));
    check_timeout(inside).await;
    let outside = timeout.layer(cache().layer(origin()));
    check_timeout(outside).await;
}

async fn check_timeout<S, B>(service: S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = tower::BoxError> + Clone,
    B: http_body::Body<Data = Bytes> + std::fmt::Debug,
    B::Error: std::fmt::Debug,
{
    let late = service.clone().oneshot(to("/stuck")).await.unwrap_err();
    assert!(late.is::<tower::timeout::error::Elapsed>(), "{late:?}");
    assert!(!answer(service.clone(), to("/page")).await.is_hit());
    assert!(answer(service, to("/page")).await.is_hit());
}
