//! Which service is called, and when none is.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_keep::{
    RateLimitLayer,
    rate_limit::{Limit, RateLimit, ResponseBody},
    test_util::ManualClock,
};

use crate::support::{SECOND, a_minute, answer, begin, handler, layer, request};

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

impl Service<Request<()>> for Strict {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.readied = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.readied), "it was not readied");
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(answer(request).into_inner()))
    }
}

fn strict(layer: &RateLimitLayer) -> (RateLimit<Strict>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let inner = Strict {
        readied: false,
        calls: Arc::clone(&calls),
    };
    (layer.layer(inner), calls)
}

#[tokio::test]
async fn what_was_readied_is_what_is_called() {
    let time = ManualClock::new();
    let queue = Limit::leaky_queue(1)
        .per(SECOND)
        .waiting(9)
        .build()
        .unwrap();
    for layer in [
        layer(&time, a_minute(9)),
        layer(&time, a_minute(9)).key_async(|_| async { Some(1u8) }),
        layer(&time, queue),
    ] {
        let (mut service, calls) = strict(&layer);
        for call in 1..=4 {
            let mut future = Box::pin(service.ready().await.unwrap().call(request(&[])));
            if begin(future.as_mut()).is_pending() {
                time.advance(SECOND);
                assert!(begin(future.as_mut()).is_ready());
            }
            assert_eq!(calls.load(Ordering::Relaxed), call);
        }
    }
}

#[tokio::test]
async fn a_refusal_does_not_reach_the_service_and_leaves_it_ready() {
    let time = ManualClock::new();
    let (mut service, calls) = strict(&layer(&time, a_minute(1)));
    for _ in 0..5 {
        let service = service.ready().await.unwrap();
        service.call(request(&[])).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_service_of_one_at_a_time_is_not_stuck() {
    let time = ManualClock::new();
    let queue = Limit::leaky_queue(1)
        .per(SECOND)
        .waiting(9)
        .build()
        .unwrap();
    for layer in [
        layer(&time, a_minute(2)),
        layer(&time, a_minute(2)).key_async(|_| async { Some(1u8) }),
        layer(&time, queue),
    ] {
        let mut service = layer.layer(ConcurrencyLimit::new(handler(), 1));
        for _ in 0..6 {
            let mut future = Box::pin(service.ready().await.unwrap().call(request(&[])));
            if begin(future.as_mut()).is_pending() {
                time.advance(SECOND);
                assert!(begin(future.as_mut()).is_ready());
            }
        }
    }
}

#[tokio::test]
async fn an_error_of_readiness_is_the_services_own_and_charges_nobody() {
    #[derive(Clone)]
    struct Broken;
    impl Service<Request<()>> for Broken {
        type Response = Response<Full<Bytes>>;
        type Error = &'static str;
        type Future = Ready<Result<Self::Response, &'static str>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("broken"))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("it is never ready")
        }
    }
    let layer = layer(&ManualClock::new(), a_minute(2));
    let error = layer.layer(Broken).oneshot(request(&[])).await.unwrap_err();
    assert_eq!(error, "broken");
    assert_eq!(layer.limiter().stats().keys, 0);
}

#[tokio::test]
async fn many_threads_on_one_key_get_what_one_would() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(500));
    let handler = handler();
    let service = layer.layer(handler.clone());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let service = service.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let mut future = Box::pin(service.clone().call(request(&[])));
                    assert!(begin(future.as_mut()).is_ready());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(handler.calls(), 500);
    let stats = layer.limiter().stats();
    assert_eq!((stats.admitted, stats.limits[0].refused), (500, 1_500));
}

#[tokio::test]
async fn limits_may_stand_twice_and_around_any_body() {
    let twice = layer(&ManualClock::new(), a_minute(2));
    let inner = service_fn(|_: Request<String>| {
        ready(Ok::<_, Infallible>(Response::new("text".to_owned())))
    });
    let service = twice.layer(twice.layer(inner));
    let response: Response<ResponseBody<ResponseBody<String>>> =
        service.oneshot(Request::new(String::new())).await.unwrap();
    assert_eq!(response.status(), 200);
}
