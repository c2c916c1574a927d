//! Limits that are only looked at.

use std::pin::pin;

use tower::Service;
use tower_keep::{
    rate_limit::{HeaderKey, Limit, WithoutKey},
    test_util::ManualClock,
};

use crate::support::{Limited, SECOND, a_minute, begin, field, layer, limiter, remaining, request};

#[tokio::test]
async fn a_shadow_refuses_nobody_says_nothing_and_counts() {
    let time = ManualClock::new();
    let service = Limited::by(&layer(&time, a_minute(2)).shadow());
    for _ in 0..5 {
        let response = service.send(request(&[])).await;
        assert_eq!(response.status(), 200);
        for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
            assert_eq!(field(&response, name), None);
        }
    }
    let stats = service.limiter.stats();
    assert_eq!((stats.admitted, service.calls()), (2, 5));
    assert_eq!((stats.limits[0].refused, stats.limits[0].shadowed), (0, 3));
    assert_eq!(stats.top_refused[0].count, 3);
}

#[tokio::test]
async fn a_shadow_counts_as_the_limit_would() {
    let time = ManualClock::new();
    let service = Limited::by(&layer(&time, a_minute(2)).shadow());
    for _ in 0..3 {
        assert_eq!(service.statuses(|| request(&[])).await, [200; 6]);
        time.advance(SECOND * 60);
    }
    let stats = service.limiter.stats();
    assert_eq!((stats.admitted, stats.limits[0].shadowed), (6, 12));
}

#[test]
fn a_shadow_delays_nobody() {
    let time = ManualClock::new();
    let queue = Limit::leaky_queue(1)
        .per(SECOND)
        .waiting(2)
        .build()
        .unwrap();
    let service = Limited::by(&layer(&time, queue).shadow());
    assert_eq!(at_once(&service, 5), [true; 5]);
    assert_eq!(time.pending_timers(), 0);
    let stats = service.limiter.stats();
    assert_eq!((stats.delayed, stats.limits[0].shadowed), (2, 2));
}

#[test]
fn a_shadow_delays_nobody_whose_key_is_looked_up() {
    let time = ManualClock::new();
    let queue = Limit::leaky_queue(1)
        .per(SECOND)
        .waiting(2)
        .build()
        .unwrap();
    let layer = layer(&time, queue).key_async(|_| async { Some(1u8) });
    assert_eq!(at_once(&Limited::by(&layer.shadow()), 5), [true; 5]);
}

/// Whether so many requests have a response with the first poll.
fn at_once(service: &Limited, requests: usize) -> Vec<bool> {
    let mut service = service.service.clone();
    let polled = (0..requests).map(|_| begin(pin!(service.call(request(&[])))).is_ready());
    polled.collect()
}

#[tokio::test]
async fn a_shadow_refuses_nobody_for_want_of_a_key() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(2))
        .key(HeaderKey::api_key())
        .without_key(WithoutKey::Refuse)
        .and(limiter(&time, a_minute(9)));
    let service = Limited::by(&layer.shadow());
    assert_eq!(service.statuses(|| request(&[])).await, [200; 4]);
    assert_eq!(
        service.limiter.stats().admitted,
        4,
        "the next subject is asked"
    );
}

#[tokio::test]
async fn a_shadow_lets_who_is_blocked_pass() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(2)).key(HeaderKey::api_key());
    let service = Limited::by(&layer.shadow());
    service.limiter.block("a", SECOND);
    let blocked = || request(&[("x-api-key", "a")]);
    assert_eq!(service.statuses(blocked).await, [200; 3]);
    assert_eq!(remaining(&service.limiter, "a"), 2);
}
