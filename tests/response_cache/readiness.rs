//! Which clone of the inner service is readied and called, and when none is.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer};
use tower_keep::{ResponseCacheLayer, test_util::ManualClock};

use super::{
    cases::{caching, now},
    support::{Asked, request, respond},
};

/// A service that must be readied before each call, and panics if another clone was.
struct Strict {
    readied: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            readied: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl Service<Asked> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.readied = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Asked) -> Self::Future {
        assert!(
            std::mem::take(&mut self.readied),
            "{} was not readied",
            asked.method()
        );
        self.calls.fetch_add(1, Ordering::Relaxed);
        let status = match asked.headers().contains_key(header::IF_NONE_MATCH) {
            // A confirmation of nothing that is stored: the request is sent again without conditions.
            true => respond(StatusCode::NOT_MODIFIED, &[("etag", "\"other\"")], ""),
            false => respond(
                StatusCode::OK,
                &[("cache-control", "max-age=60"), ("etag", "\"a\"")],
                "body",
            ),
        };
        ready(Ok(status))
    }
}

#[tokio::test]
async fn what_was_readied_is_what_is_called() {
    let calls = Arc::new(AtomicUsize::new(0));
    let strict = Strict {
        readied: false,
        calls: Arc::clone(&calls),
    };
    let clock = ManualClock::new();
    let mut service = ResponseCacheLayer::new().clock(clock.clock()).layer(strict);
    for method in ["GET", "GET", "HEAD", "POST", "PUT", "FOO", "GET"] {
        let answer = service
            .ready()
            .await
            .unwrap()
            .call(request(method, &[]))
            .await;
        answer.unwrap().into_body().collect().await.unwrap();
        clock.advance(Duration::from_secs(100));
    }
    assert!(calls.load(Ordering::Relaxed) >= 7);
}

/// A service whose calls last until they are let go.
#[derive(Clone)]
struct Held(Arc<Notify>);

impl Service<Asked> for Held {
    type Response = Response<Full<Bytes>>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Asked) -> Self::Future {
        let held = asked.uri().path() == "/held";
        let until = Arc::clone(&self.0);
        Box::pin(async move {
            if held {
                until.notified().await;
            }
            Ok(respond(
                StatusCode::OK,
                &[("cache-control", "max-age=60")],
                "body",
            ))
        })
    }
}

#[tokio::test]
async fn above_a_concurrency_limit_of_one_hits_need_no_permit_and_misses_wait() {
    let go = Arc::new(Notify::new());
    let limited = ConcurrencyLimitLayer::new(1).layer(Held(Arc::clone(&go)));
    let service = ResponseCacheLayer::new()
        .clock(ManualClock::new().clock())
        .layer(limited);
    let get = |uri: &'static str| {
        let service = service.clone();
        async move {
            let mut service = service;
            let ready = service.ready().await.unwrap();
            let answer = ready.call(request("GET", &[(":uri", uri)])).await.unwrap();
            answer.into_body().collect().await.unwrap().to_bytes()
        }
    };
    now(get("http://a.test/stored"));

    let mut held = Box::pin(get("http://a.test/held"));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(
        held.as_mut().poll(&mut cx).is_pending(),
        "it has the permit"
    );
    assert_eq!(
        now(get("http://a.test/stored")),
        "body",
        "a hit does not wait"
    );
    let mut waiting = Box::pin(get("http://a.test/other"));
    assert!(waiting.as_mut().poll(&mut cx).is_pending(), "a miss does");
    go.notify_one();
    assert_eq!(now(held), "body");
    assert_eq!(now(waiting), "body");
}

#[tokio::test]
async fn a_reader_of_a_body_holds_no_permit_that_another_needs() {
    let limited = ConcurrencyLimitLayer::new(1).layer(Held(Arc::default()));
    let service = ResponseCacheLayer::new()
        .clock(ManualClock::new().clock())
        .layer(limited);
    let uri = |uri: &'static str| request("GET", &[(":uri", uri)]);
    let unread = now(service.clone().oneshot(uri("http://a.test/1"))).unwrap();
    assert!(now(service.oneshot(uri("http://a.test/2"))).is_ok());
    drop(unread);
}

#[tokio::test]
async fn a_hit_does_not_call_the_inner_service() {
    let cache = caching(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]);
    cache.get(&[]).await;
    for (method, fields) in [
        ("GET", &[][..]),
        ("HEAD", &[]),
        ("GET", &[("if-none-match", "\"a\"")]),
        ("GET", &[("if-none-match", "\"b\"")]),
        ("GET", &[("range", "bytes=0-0")]),
        ("GET", &[("cookie", "a=b")]),
    ] {
        cache.send(request(method, fields)).await;
        assert_eq!(cache.origin.calls(), 1, "{method} {fields:?}");
    }
    // Not even when the future is made and never polled.
    drop(cache.service.clone().call(request("GET", &[])));
    assert_eq!(cache.origin.calls(), 1);
}
