//! Requests in flight: from the call to the end of the response's body.

use std::{
    convert::Infallible,
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    BoxError, RateLimitLayer,
    rate_limit::{Limit, Limits, Refusal, from_fn},
    test_util::ManualClock,
};

use crate::support::{Limited, a_minute, begin, field, layer, limiter, remaining, request};

fn two(time: &ManualClock) -> RateLimitLayer {
    let limit = Limit::concurrency(2).build().unwrap();
    layer(time, limit).key(from_fn(|_| Some("all")))
}

fn free(layer: &RateLimitLayer) -> u64 {
    remaining(layer.limiter(), "all")
}

fn text() -> Response<Full<Bytes>> {
    Response::new(Full::from("text"))
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_body_has_ended() {
    let time = ManualClock::new();
    let layer = two(&time);
    let service = Limited::by(&layer);
    let mut first = service.send(request(&[])).await;
    let second = service.send(request(&[])).await;
    let refused = service.send(request(&[])).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(field(&refused, "retry-after"), Some("1"), "nobody knows");
    let refusal = refused.extensions().get::<Refusal>().unwrap();
    assert_eq!((refusal.retry_after(), refusal.is_final()), (None, false));
    first.body_mut().frame().await.unwrap().unwrap();
    assert!(first.body().is_end_stream());
    assert_eq!(free(&layer), 1, "nobody asks after the last frame");
    drop(second);
    assert_eq!(free(&layer), 2);
    drop(first);
    assert_eq!(free(&layer), 2, "each place comes back once");
}

#[tokio::test]
async fn a_body_without_a_length_is_in_flight_until_it_says_that_it_is_over() {
    let time = ManualClock::new();
    let layer = two(&time);
    for fails in [false, true] {
        let inner = service_fn(move |_: Request<()>| {
            let last = fails.then(|| Err(BoxError::from("gone")));
            let frame = Ok(Frame::data(Bytes::from_static(b"a")));
            let frames = std::iter::once(frame).chain(last);
            let body = StreamBody::new(futures_util::stream::iter(frames));
            ready(Ok::<_, Infallible>(Response::new(body)))
        });
        let response = layer.layer(inner).oneshot(request(&[])).await.unwrap();
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        assert_eq!(free(&layer), 1);
        assert_eq!(body.frame().await.is_some(), fails);
        assert_eq!(free(&layer), 2, "fails: {fails}");
    }
}

#[tokio::test]
async fn an_empty_body_has_ended_before_it_is_polled() {
    let time = ManualClock::new();
    let layer = two(&time);
    let held = Limited::by(&layer).send(request(&[("bytes", "0")])).await;
    assert_eq!(free(&layer), 2);
    drop(held);
    assert_eq!(free(&layer), 2);
}

#[test]
fn an_error_gives_the_place_back_though_its_future_is_still_there() {
    let time = ManualClock::new();
    let layer = two(&time);
    let inner = service_fn(|_: Request<()>| ready(Err::<Response<Full<Bytes>>, _>("no")));
    let mut service = layer.layer(inner);
    let mut future = pin!(service.call(request(&[])));
    assert_eq!(free(&layer), 1);
    assert!(begin(future.as_mut()).is_ready());
    assert_eq!(free(&layer), 2);
}

#[test]
fn a_dropped_future_gives_the_place_back_polled_or_not() {
    let time = ManualClock::new();
    let layer = two(&time);
    let inner = service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let mut service = layer.layer(inner);
    {
        let mut future = pin!(service.call(request(&[])));
        assert!(begin(future.as_mut()).is_pending());
        drop(service.call(request(&[])));
        assert_eq!(free(&layer), 1);
    }
    assert_eq!(free(&layer), 2);
}

async fn panics(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    panic!("in the future")
}

#[test]
fn a_panic_gives_the_place_back_in_the_call_and_in_the_future() {
    let time = ManualClock::new();
    let layer = two(&time);
    let call = |_: Request<()>| -> std::future::Ready<Result<Response<Full<Bytes>>, Infallible>> {
        panic!("in the call")
    };
    let mut service = layer.layer(service_fn(call));
    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(request(&[])))));
    assert!(called.is_err());
    assert_eq!(free(&layer), 2);
    let mut service = layer.layer(service_fn(panics));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        drop(begin(pin!(service.call(request(&[])))));
    }));
    assert!(polled.is_err());
    assert_eq!(free(&layer), 2);
}

#[tokio::test]
async fn a_refusal_of_another_subject_or_limit_holds_no_place() {
    let time = ManualClock::new();
    let layer = two(&time)
        .and(limiter(&time, a_minute(1)))
        .key(from_fn(|_| Some("all")));
    let places = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    assert_eq!(
        service.statuses(|| request(&[])).await,
        [200, 429, 429, 429]
    );
    assert_eq!(remaining(&places, "all"), 2);

    let at_once = Limit::concurrency(2).name("at once").build().unwrap();
    let both = limiter(&time, Limits::all([at_once, a_minute(1)]).unwrap());
    drop(both.check("a").unwrap());
    for _ in 0..5 {
        both.check("a").unwrap_err();
    }
    assert_eq!(remaining(&both, "a"), 2);
}

#[test]
fn each_request_is_one_in_flight_whatever_it_costs() {
    let time = ManualClock::new();
    let limiter = two(&time).limiter().clone();
    let free = Limit::concurrency(2).build().unwrap();
    let limiter = limiter.clock(time.clock());
    let costly = limiter.check_cost("a", 1_000).unwrap();
    let cheap = limiter.check_cost("a", 0).unwrap();
    limiter.check_cost("a", 0).unwrap_err();
    costly.settle(5_000);
    cheap.refund();
    assert_eq!(remaining(&limiter, "a"), free.quota());
}

#[test]
fn a_reset_does_not_forget_who_is_in_flight() {
    let time = ManualClock::new();
    let limiter = two(&time).limiter().clone();
    let (first, second) = (limiter.check("a").unwrap(), limiter.check("a").unwrap());
    limiter.reset("a");
    limiter.check("a").unwrap_err();
    drop((first, second));
    assert_eq!(remaining(&limiter, "a"), 2);
}

#[test]
fn time_alone_frees_no_place() {
    let time = ManualClock::new();
    let limiter = two(&time).limiter().clone();
    let _held = (limiter.check("a").unwrap(), limiter.check("a").unwrap());
    time.advance(Duration::from_secs(1 << 30));
    limiter.check("a").unwrap_err();
}

#[tokio::test]
async fn fields_say_nothing_of_a_time_that_nobody_knows() {
    let time = ManualClock::new();
    let service = Limited::by(&two(&time));
    let response = service.send(request(&[])).await;
    assert_eq!(
        field(&response, "ratelimit-policy"),
        Some("\"default\";q=2")
    );
    assert_eq!(field(&response, "ratelimit"), Some("\"default\";r=1"));
}

#[tokio::test]
async fn the_head_alone_frees_no_place_however_it_was_waited_for() {
    let time = ManualClock::new();
    let layer = two(&time).key_async(|_| async { Some("all") });
    let inner = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(text())));
    let response = layer.layer(inner).oneshot(request(&[])).await.unwrap();
    assert_eq!(free(&layer), 1);
    drop(response);
    assert_eq!(free(&layer), 2);
}
