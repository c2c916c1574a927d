//! Several subjects of one request, layers in a row, and plans.

use tower::{Layer, ServiceExt};
use tower_keep::{
    ClientIp, RateLimitLayer, minutes,
    rate_limit::{
        HeaderKey, Limit, Limits, RateLimitHeaders, Reason, Refusal, WithoutKey, from_fn,
    },
    test_util::ManualClock,
};

use crate::support::{
    Limited, SECOND, a_minute, field, from, handler, layer, limiter, remaining, request,
};

const PEER: &str = "192.0.2.1";

fn address() -> std::net::IpAddr {
    PEER.parse().unwrap()
}

/// Ten per address, two per key.
fn address_and_key(time: &ManualClock) -> RateLimitLayer {
    layer(time, a_minute(10))
        .and(limiter(time, a_minute(2)))
        .key(HeaderKey::api_key())
}

#[tokio::test]
async fn what_the_first_subject_charged_comes_back_if_the_second_refuses() {
    let time = ManualClock::new();
    let layer = address_and_key(&time);
    let addresses = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    let asked = || from(PEER, &[("x-api-key", "a")]);
    assert_eq!(service.statuses(asked).await, [200, 200, 429, 429, 429]);
    assert_eq!(remaining(&addresses, address()), 8);
    assert_eq!(service.calls(), 2);
    let other = from(PEER, &[("x-api-key", "b")]);
    assert_eq!(service.status(other).await, 200);
    assert_eq!(remaining(&addresses, address()), 7);
}

#[tokio::test]
async fn the_second_subject_refuses_where_nothing_is_told_too() {
    let time = ManualClock::new();
    let service = Limited::by(&address_and_key(&time).headers(RateLimitHeaders::None));
    let asked = || from(PEER, &[("x-api-key", "a")]);
    assert_eq!(service.statuses(asked).await, [200, 200, 429, 429]);
}

#[tokio::test]
async fn a_refusal_of_the_first_subject_charges_no_other() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(1))
        .and(limiter(&time, a_minute(9)))
        .key(HeaderKey::api_key());
    let service = Limited::by(&layer);
    let asked = || from(PEER, &[("x-api-key", "a")]);
    assert_eq!(service.statuses(asked).await, [200, 429, 429]);
    assert_eq!(remaining(&service.limiter, "a"), 8);
}

#[tokio::test]
async fn what_a_layer_further_in_refuses_is_charged_further_out_unless_it_is_said_otherwise() {
    let time = ManualClock::new();
    let outer = layer(&time, a_minute(10));
    let inner = layer(&time, a_minute(2)).key(HeaderKey::api_key());
    let service = outer.layer(inner.layer(handler()));
    for _ in 0..4 {
        let asked = from(PEER, &[("x-api-key", "a")]);
        service.clone().oneshot(asked).await.unwrap();
    }
    assert_eq!(remaining(outer.limiter(), address()), 6);
}

#[tokio::test]
async fn a_layer_may_refund_what_one_further_in_refuses() {
    let time = ManualClock::new();
    let outer = layer(&time, a_minute(10)).refund_what_is_refused_inside();
    let inner = layer(&time, a_minute(2)).key(HeaderKey::api_key());
    let service = outer.layer(inner.layer(handler()));
    for status in [200, 200, 429, 429] {
        let asked = from(PEER, &[("x-api-key", "a")]);
        let response = service.clone().oneshot(asked).await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(remaining(outer.limiter(), address()), 8);
    let failed = from(PEER, &[("x-api-key", "b"), ("status", "429")]);
    service.oneshot(failed).await.unwrap();
    let said = "a handler's own 429 is an answer like any other";
    assert_eq!(remaining(outer.limiter(), address()), 7, "{said}");
}

#[tokio::test]
async fn a_request_without_a_key_shares_one_with_others_if_nothing_is_said() {
    let time = ManualClock::new();
    let service = Limited::by(&layer(&time, a_minute(2)));
    let nobody = || request(&[]);
    assert_eq!(service.statuses(nobody).await, [200, 200, 429]);
    assert_eq!(service.status(from(PEER, &[])).await, 200);
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_if_that_is_the_choice() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(9))
        .and(limiter(&time, a_minute(2)))
        .key(HeaderKey::api_key())
        .without_key(WithoutKey::Refuse);
    let addresses = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    let response = service.send(from(PEER, &[])).await;
    assert_eq!(response.status(), 400);
    assert_eq!(field(&response, "retry-after"), None);
    assert_eq!(field(&response, "cache-control"), Some("no-store"));
    let refusal = response.extensions().get::<Refusal>().unwrap();
    assert_eq!(refusal.reason(), Reason::MissingKey);
    assert!(refusal.is_final());
    assert_eq!(remaining(&addresses, address()), 9);
    assert_eq!(service.calls(), 0);
}

#[tokio::test]
async fn a_request_without_a_key_passes_if_that_is_the_choice_and_others_still_limit_it() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(3))
        .and(limiter(&time, a_minute(1)))
        .key(HeaderKey::api_key())
        .without_key(WithoutKey::Skip);
    let service = Limited::by(&layer);
    let anonymous = service.send(from(PEER, &[])).await;
    assert_eq!(field(&anonymous, "ratelimit"), Some("\"default\";r=2;t=20"));
    assert_eq!(
        service.statuses(|| from(PEER, &[])).await,
        [200, 200, 429],
        "by its address"
    );
}

#[tokio::test]
async fn what_is_skipped_is_neither_limited_nor_charged() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(1))
        .skip(|head| head.uri().path() == "/health")
        .and(limiter(&time, a_minute(9)))
        .key(HeaderKey::api_key());
    let addresses = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    let health = || {
        let mut request = from(PEER, &[("x-api-key", "a")]);
        *request.uri_mut() = "/health".parse().unwrap();
        request
    };
    assert_eq!(service.statuses(health).await, [200, 200, 200]);
    assert_eq!(remaining(&addresses, address()), 1);
    assert_eq!(remaining(&service.limiter, "a"), 6, "not skipped there");
    let response = service.send(health()).await;
    assert_eq!(field(&response, "ratelimit"), Some("\"default\";r=5;t=27"));
}

fn plans() -> [Limits; 2] {
    [a_minute(3).into(), a_minute(10).into()]
}

/// `small` unless the request says that its plan is large.
fn with_plans(time: &ManualClock) -> RateLimitLayer {
    let [small, large] = plans();
    layer(time, small)
        .key(HeaderKey::api_key())
        .plan(move |head| {
            let large_is_meant = head.headers().contains_key("large");
            large_is_meant.then(|| large.clone())
        })
}

#[tokio::test]
async fn a_change_of_plan_keeps_what_was_used() {
    let time = ManualClock::new();
    let service = Limited::by(&with_plans(&time));
    let small = || request(&[("x-api-key", "a")]);
    let large = || request(&[("x-api-key", "a"), ("large", "yes")]);
    assert_eq!(service.statuses(small).await, [200, 200, 200, 429]);
    let upgraded = service.statuses(large).await;
    assert_eq!(upgraded, [200, 200, 200, 200, 200, 200, 200, 429]);
    assert_eq!(service.status(small()).await, 429, "as small as used up");
    let other = request(&[("x-api-key", "b")]);
    assert_eq!(service.status(other).await, 200);
}

#[tokio::test]
async fn going_to_and_fro_between_plans_wins_nothing() {
    let time = ManualClock::new();
    let service = Limited::by(&with_plans(&time));
    let mut admitted = 0;
    for round in 0..40 {
        let key = ("x-api-key", "a");
        let asked = match round % 2 {
            0 => request(&[key]),
            _ => request(&[key, ("large", "yes")]),
        };
        admitted += u32::from(service.status(asked).await == 200);
    }
    assert!(admitted <= 10, "{admitted}");
}

#[tokio::test]
async fn fields_are_those_of_the_plan() {
    let time = ManualClock::new();
    let service = Limited::by(&with_plans(&time));
    let response = service
        .send(request(&[("x-api-key", "a"), ("large", "yes")]))
        .await;
    assert_eq!(
        field(&response, "ratelimit-policy"),
        Some("\"default\";q=10;w=60")
    );
    assert_eq!(field(&response, "ratelimit"), Some("\"default\";r=9;t=6"));
    let response = service.send(request(&[("x-api-key", "b")])).await;
    assert_eq!(
        field(&response, "ratelimit-policy"),
        Some("\"default\";q=3;w=60")
    );
}

#[test]
fn a_plan_counts_what_was_decided_under_it() {
    let time = ManualClock::new();
    let [small, large] = plans();
    let limiter = limiter(&time, small);
    for _ in 0..12 {
        let _ = limiter.check_under(&large, "a", 1);
    }
    assert_eq!(large.stats().admitted, 10);
    assert_eq!(large.stats().limits[0].refused, 2);
    assert_eq!(limiter.stats().admitted, 10, "under plans too");
    assert_eq!(limiter.stats().limits[0].refused, 0);
}

#[test]
fn a_plan_of_another_kind_takes_over_how_much_was_used() {
    let time = ManualClock::new();
    let log: Limits = Limit::sliding_log(4)
        .per(minutes(1))
        .build()
        .unwrap()
        .into();
    let bucket: Limits = Limit::token_bucket(4)
        .per(minutes(1))
        .build()
        .unwrap()
        .into();
    let limiter = limiter(&time, a_minute(4));
    for plan in [&log, &bucket, &log, &bucket] {
        drop(limiter.check_under(plan, "a", 1).unwrap());
    }
    limiter.check_under(&log, "a", 1).unwrap_err();
    limiter.check_under(&bucket, "a", 1).unwrap_err();
}

#[tokio::test]
async fn settings_after_a_subject_was_begun_are_for_that_one() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(5))
        .key(ClientIp::default())
        .cost(|_| 2)
        .and(limiter(&time, a_minute(5)))
        .key(from_fn(|_| Some("all")));
    let addresses = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    assert_eq!(service.statuses(|| from(PEER, &[])).await, [200, 200, 429]);
    assert_eq!(remaining(&addresses, address()), 1);
    assert_eq!(remaining(&service.limiter, "all"), 3);
    time.advance(SECOND * 60);
    assert_eq!(service.status(from(PEER, &[])).await, 200);
}
