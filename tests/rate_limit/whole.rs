//! The limit of a whole service, counted by governor.

use std::{
    convert::Infallible,
    future::ready,
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use governor::Quota;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_keep::{
    rate_limit::{
        RateLimitHeaders, RefusalBody, ResetUnit, ResponseBody, ServiceLimitLayer,
        whole::ServiceLimited,
    },
    test_util::{ManualClock, origin},
};

const SECOND: Duration = Duration::from_secs(1);

/// A burst of three, and one more each second.
fn three(time: &ManualClock) -> ServiceLimitLayer {
    let burst = NonZeroU32::new(3).unwrap();
    let quota = Quota::with_period(SECOND).unwrap().allow_burst(burst);
    let layer = ServiceLimitLayer::new(quota).expect("three seconds are no century");
    layer.clock(time.clock())
}

fn request() -> Request<()> {
    Request::new(())
}

async fn answer(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::from("text")))
}

type Answered = Response<ResponseBody<Full<Bytes>>>;

async fn asked(layer: &ServiceLimitLayer, request: Request<()>) -> Answered {
    let service = layer.layer(service_fn(answer));
    service.oneshot(request).await.unwrap()
}

fn field<'a>(response: &'a Answered, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn all_services_of_a_layer_count_together_and_say_what_is_left() {
    let time = ManualClock::new();
    let layer = three(&time);
    let clone = layer.clone().name("other");
    let first = asked(&layer, request()).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(field(&first, "ratelimit-policy"), "\"service\";q=3;w=3");
    assert_eq!(field(&first, "ratelimit"), "\"service\";r=2;t=1");
    let second = asked(&clone, request()).await;
    assert_eq!(field(&second, "ratelimit-policy"), "\"other\";q=3;w=3");
    assert_eq!(field(&second, "ratelimit"), "\"other\";r=1;t=2");
    let body = second.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "text");
}

#[tokio::test]
async fn beyond_the_limit_the_service_is_not_asked_until_the_time_that_is_told() {
    let time = ManualClock::new();
    let origin = origin(|_: Request<()>| ready(Response::new(Full::from("text"))));
    let mut service = three(&time).layer(origin.clone());
    for _ in 0..3 {
        let response: Answered = service.call(request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    time.advance(Duration::from_millis(300));
    let refused = service.call(request()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(field(&refused, "retry-after"), "1");
    assert_eq!(field(&refused, "ratelimit"), "\"service\";r=0;t=1");
    assert_eq!(field(&refused, "ratelimit-policy"), "\"service\";q=3;w=3");
    let reason = refused.extensions().get::<ServiceLimited>();
    let wait = reason.and_then(|reason| reason.retry_after()).unwrap();
    assert_eq!(wait, Duration::from_millis(700));
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert!(body.ends_with(b"\"violated-policies\":[\"service\"]}"));
    assert_eq!(origin.calls(), 3);
    time.advance(wait);
    let response = service.call(request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_cost_is_the_heads() {
    let time = ManualClock::new();
    let layer = three(&time).cost(|head| match *head.method() {
        Method::HEAD => 0,
        Method::POST => 2,
        Method::PUT => 4,
        _ => 1,
    });
    let with = |method| {
        let mut request = request();
        *request.method_mut() = method;
        asked(&layer, request)
    };
    let post = with(Method::POST).await;
    assert_eq!(field(&post, "ratelimit"), "\"service\";r=1;t=2");
    let free = with(Method::HEAD).await;
    assert_eq!(
        (free.status(), field(&free, "ratelimit")),
        (StatusCode::OK, "")
    );
    let refused = with(Method::POST).await;
    assert_eq!(field(&refused, "ratelimit"), "\"service\";r=1;t=1");
    let never = with(Method::PUT).await;
    assert_eq!(never.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(field(&never, "retry-after"), "");
    let reason = never.extensions().get::<ServiceLimited>();
    assert_eq!(reason.unwrap().retry_after(), None);
    assert_eq!(with(Method::GET).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn fields_and_bodies_are_chosen() {
    let time = ManualClock::new();
    let unix = RateLimitHeaders::XRateLimit(ResetUnit::UnixSeconds);
    let layer = three(&time).headers(unix).refusal_body(RefusalBody::Text);
    let response = asked(&layer, request()).await;
    assert_eq!(field(&response, "x-ratelimit-limit"), "3");
    assert_eq!(field(&response, "x-ratelimit-remaining"), "2");
    assert_eq!(field(&response, "x-ratelimit-reset"), "1767225601");
    let silent = layer.clone().headers(RateLimitHeaders::None);
    for _ in 0..2 {
        let response = asked(&silent, request()).await;
        assert!(response.headers().is_empty());
    }
    let refused = asked(&silent, request()).await;
    assert_eq!(field(&refused, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(field(&refused, "retry-after"), "1");
    assert_eq!(field(&refused, "ratelimit"), "");
}

#[tokio::test]
async fn grpc_is_told_that_the_quota_is_exhausted() {
    let layer = three(&ManualClock::new());
    let call = || {
        let mut call = request();
        let grpc = "application/grpc".parse().unwrap();
        call.headers_mut().insert("content-type", grpc);
        asked(&layer, call)
    };
    for _ in 0..3 {
        assert_eq!(field(&call().await, "grpc-status"), "");
    }
    let refused = call().await;
    assert_eq!(refused.status(), StatusCode::OK);
    assert_eq!(field(&refused, "grpc-status"), "8");
    assert_eq!(field(&refused, "grpc-message"), "quota exceeded: service");
    assert_eq!(field(&refused, "grpc-retry-pushback-ms"), "1000");
    assert!(refused.extensions().get::<ServiceLimited>().is_some());
}

#[tokio::test]
async fn the_service_that_was_readied_is_the_one_that_is_called() {
    let inner = ConcurrencyLimit::new(service_fn(answer), 1);
    let mut service = three(&ManualClock::new()).layer(inner);
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(request()).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
}

#[test]
fn a_quota_that_takes_a_century_is_refused_at_set_up() {
    let quota = Quota::with_period(Duration::MAX).unwrap();
    assert!(ServiceLimitLayer::new(quota).is_err());
}

#[test]
fn threads_together_get_what_one_would() {
    let layer = three(&ManualClock::new());
    let admitted = AtomicUsize::new(0);
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without drivers");
        for _ in 0..3 {
            let response = runtime.block_on(asked(&layer, request()));
            let in_time = usize::from(response.status() == StatusCode::OK);
            admitted.fetch_add(in_time, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(ask);
        }
    });
    assert_eq!(admitted.into_inner(), 3);
}

#[tokio::test]
async fn what_was_let_in_and_what_was_refused_is_counted() {
    let time = ManualClock::new();
    let layer = three(&time);
    let service = layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    }));
    for _ in 0..5 {
        service.clone().oneshot(request()).await.unwrap();
    }
    let stats = layer.clone().name("other").stats();
    assert_eq!((stats.admitted, stats.refused), (3, 2));
}
