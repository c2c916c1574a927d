//! What requests cost, before and after they are served.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::{
    BoxError, RateLimitLayer,
    rate_limit::{KeyExtractor, Limit, Limits, Reason, from_fn},
    seconds,
    test_util::ManualClock,
};

use crate::support::{Limited, SECOND, a_minute, field, layer, limiter, remaining, request};

/// The key of all requests.
const ALL: &str = "all";

fn all() -> impl KeyExtractor {
    from_fn(|_| Some(ALL))
}

fn cost_of(head: &tower_keep::rate_limit::RequestHead<'_>) -> u64 {
    let said = head.headers().get("cost");
    said.map_or(1, |cost| cost.to_str().unwrap().parse().unwrap())
}

/// A hundred, and as many again in a hundred seconds.
fn hundred() -> Limit {
    let limit = Limit::token_bucket(1).per(SECOND).burst(100);
    limit.build().unwrap()
}

fn costing(time: &ManualClock) -> RateLimitLayer {
    layer(time, hundred()).key(all()).cost(cost_of)
}

fn left(service: &Limited) -> u64 {
    remaining(&service.limiter, ALL)
}

#[tokio::test]
async fn a_request_is_charged_its_cost() {
    let time = ManualClock::new();
    let service = Limited::by(&costing(&time));
    assert_eq!(service.status(request(&[("cost", "60")])).await, 200);
    let refused = service.send(request(&[("cost", "60")])).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(field(&refused, "retry-after"), Some("20"));
    assert_eq!(service.status(request(&[("cost", "40")])).await, 200);
    time.advance(seconds(60));
    assert_eq!(service.status(request(&[("cost", "60")])).await, 200);
}

#[tokio::test]
async fn a_cost_over_the_limit_is_refused_for_good_and_not_told_to_try_again() {
    let time = ManualClock::new();
    let service = Limited::by(&costing(&time));
    let refused = service.send(request(&[("cost", "101")])).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(field(&refused, "retry-after"), None);
    assert_eq!(left(&service), 100);
    let refused = service.limiter.check_cost(ALL, u64::MAX).unwrap_err();
    assert!(refused.is_final());
    assert_eq!(
        (refused.reason(), refused.retry_after()),
        (Reason::Limited, None)
    );
}

#[tokio::test]
async fn a_cost_of_nothing_is_admitted_whatever_was_used() {
    let time = ManualClock::new();
    let service = Limited::by(&costing(&time));
    assert_eq!(service.status(request(&[("cost", "100")])).await, 200);
    assert_eq!(service.status(request(&[("cost", "0")])).await, 200);
    assert_eq!(service.status(request(&[])).await, 429);
    service.limiter.check_cost(ALL, 0).unwrap().settle(500);
    assert_eq!(service.status(request(&[("cost", "0")])).await, 200);
    service.limiter.block(ALL, seconds(9));
    assert_eq!(service.status(request(&[("cost", "0")])).await, 429);
}

#[test]
fn a_cost_of_nothing_does_not_wait_in_a_queue() {
    let queue = Limit::leaky_queue(1)
        .per(SECOND)
        .waiting(1)
        .build()
        .unwrap();
    let time = ManualClock::new();
    let limiter = limiter(&time, queue);
    drop(limiter.check("a").unwrap());
    drop(limiter.check("a").unwrap());
    limiter.check("a").unwrap_err();
    assert_eq!(limiter.check_cost("a", 0).unwrap().delay(), Duration::ZERO);
}

#[tokio::test]
async fn a_cost_that_the_handler_tells_takes_the_place_of_the_first_one() {
    let time = ManualClock::new();
    let layer = costing(&time).cost_after(|head| match head.status().as_u16() {
        200 => None,
        status => Some(u64::from(status) - 200),
    });
    let service = Limited::by(&layer);
    let status = |status| request(&[("cost", "10"), ("status", status)]);
    service.status(status("200")).await;
    assert_eq!(left(&service), 90, "nothing is told");
    service.status(status("200")).await;
    service.status(status("203")).await;
    assert_eq!(left(&service), 77, "less than charged");
    service.status(status("226")).await;
    assert_eq!(left(&service), 51, "more than charged");
}

#[tokio::test]
async fn a_cost_told_afterwards_may_be_a_debt_that_later_requests_wait_for() {
    let time = ManualClock::new();
    let service = Limited::by(&costing(&time).cost_after(|_| Some(150)));
    assert_eq!(service.status(request(&[])).await, 200);
    let refused = service.send(request(&[])).await;
    assert_eq!(field(&refused, "retry-after"), Some("51"));
    time.advance(seconds(51) - Duration::from_micros(1));
    assert_eq!(service.status(request(&[])).await, 429);
    time.advance(Duration::from_micros(1));
    assert_eq!(service.status(request(&[])).await, 200);
}

#[tokio::test]
async fn a_cost_of_all_there_is_is_a_debt_like_any_other() {
    let time = ManualClock::new();
    let service = Limited::by(&costing(&time).cost_after(|_| Some(u64::MAX)));
    assert_eq!(service.status(request(&[])).await, 200);
    time.advance(seconds(1_000_000));
    assert_eq!(service.status(request(&[])).await, 429);
    service.limiter.reset(ALL);
    assert_eq!(service.status(request(&[])).await, 200);
}

fn sending(time: &ManualClock) -> Limited {
    Limited::by(&layer(time, hundred()).key(all()).cost_of_bytes_sent())
}

#[tokio::test]
async fn bytes_are_charged_when_the_body_has_ended() {
    let time = ManualClock::new();
    let service = sending(&time);
    let mut response = service.send(request(&[("bytes", "30")])).await;
    assert_eq!(left(&service), 99, "charged as one until then");
    response.body_mut().frame().await.unwrap().unwrap();
    assert!(response.body_mut().frame().await.is_none());
    assert_eq!(left(&service), 70);
    drop(response);
    assert_eq!(left(&service), 70, "once");
}

#[tokio::test]
async fn bytes_that_were_not_sent_are_not_charged() {
    let time = ManualClock::new();
    let service = sending(&time);
    drop(service.send(request(&[("bytes", "30")])).await);
    assert_eq!(left(&service), 100, "its client left before the first");
    drop(service.send(request(&[("bytes", "0")])).await);
    assert_eq!(left(&service), 100);
    let held = service.send(request(&[("bytes", "0")])).await;
    assert_eq!(
        left(&service),
        100,
        "an empty body has ended when it begins"
    );
    drop(held);
    assert_eq!(left(&service), 100);
}

#[tokio::test]
async fn the_bytes_before_a_failure_or_the_clients_end_are_charged() {
    let time = ManualClock::new();
    for fails in [true, false] {
        let layer = layer(&time, hundred()).key(all()).cost_of_bytes_sent();
        let service = layer.layer(service_fn(move |_| async move {
            let frame = || Ok(Frame::data(Bytes::from_static(b"seven b")));
            let last = if fails { Err("gone".into()) } else { frame() };
            let frames: [Result<_, BoxError>; 3] = [frame(), frame(), last];
            let body = StreamBody::new(futures_util::stream::iter(frames));
            Ok::<_, Infallible>(Response::new(body))
        }));
        let mut body = service.oneshot(request(&[])).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        body.frame().await.unwrap().unwrap();
        if fails {
            assert!(body.frame().await.unwrap().is_err());
        }
        drop(body);
        assert_eq!(remaining(layer.limiter(), ALL), 86, "fails: {fails}");
    }
}

#[tokio::test]
async fn a_large_body_is_a_debt_of_its_client() {
    let time = ManualClock::new();
    let service = sending(&time);
    let response = service.send(request(&[("bytes", "250")])).await;
    response.into_body().collect().await.unwrap();
    let refused = service.send(request(&[])).await;
    assert_eq!(field(&refused, "retry-after"), Some("151"));
    assert_eq!(
        service.limiter.peek(ALL).iter().next().unwrap().reset,
        seconds(250)
    );
}

#[tokio::test]
async fn bytes_of_several_subjects_are_charged_to_each() {
    let time = ManualClock::new();
    let layer = layer(&time, hundred())
        .key(all())
        .cost_of_bytes_sent()
        .and(limiter(&time, hundred()))
        .key(all());
    let bytes = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    let response = service.send(request(&[("bytes", "30")])).await;
    response.into_body().collect().await.unwrap();
    assert_eq!((remaining(&bytes, ALL), left(&service)), (70, 99));
}

#[tokio::test]
async fn bytes_behind_a_body_without_any_cost_nothing() {
    let time = ManualClock::new();
    let layer = layer(&time, hundred()).key(all()).cost_of_bytes_sent();
    let answer =
        |_: Request<()>| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) };
    let held = layer.layer(service_fn(answer)).oneshot(request(&[])).await;
    assert_eq!(remaining(layer.limiter(), ALL), 100);
    drop(held);
}

#[test]
fn a_handle_peeks_resets_and_refunds() {
    let time = ManualClock::new();
    let limiter = limiter(&time, a_minute(3));
    let first = limiter.check("a").unwrap();
    assert_eq!(remaining(&limiter, "a"), 2);
    assert_eq!(limiter.stats().admitted, 1, "a look is no request");
    first.refund();
    assert_eq!(remaining(&limiter, "a"), 3);
    drop(limiter.check_cost("a", 3).unwrap());
    limiter.reset("b");
    limiter.check("a").unwrap_err();
    limiter.reset("a");
    drop(limiter.check_cost("a", 3).unwrap());
}

#[test]
fn what_was_reset_meanwhile_is_not_refunded_on_top() {
    let time = ManualClock::new();
    let log = Limit::sliding_log(3).per(SECOND * 60).build().unwrap();
    for limits in [Limits::from(log), a_minute(3).into()] {
        let limiter = limiter(&time, limits);
        let old = limiter.check_cost("a", 3).unwrap();
        time.advance(Duration::from_millis(1));
        limiter.reset("a");
        drop(limiter.check_cost("a", 2).unwrap());
        old.refund();
        assert_eq!(remaining(&limiter, "a"), 1);
    }
}

#[test]
fn a_blocked_key_is_refused_until_its_block_ends() {
    let time = ManualClock::new();
    let limiter = limiter(&time, a_minute(3));
    limiter.block("a", seconds(90));
    let refused = limiter.check("a").unwrap_err();
    assert_eq!(refused.reason(), Reason::Blocked);
    assert_eq!(refused.retry_after(), Some(seconds(90)));
    assert_eq!(refused.violated().count(), 0);
    assert_eq!(limiter.blocked_for("a"), Some(seconds(90)));
    assert_eq!(limiter.blocked_for("b"), None);
    drop(limiter.check("b").unwrap());
    time.advance(seconds(90) - Duration::from_micros(1));
    limiter.check("a").unwrap_err();
    time.advance(Duration::from_micros(1));
    drop(limiter.check("a").unwrap());
    limiter.block("a", Duration::MAX);
    limiter.check("a").unwrap_err();
    limiter.reset("a");
    drop(limiter.check("a").unwrap());
    assert_eq!(limiter.stats().blocked, 3);
}
