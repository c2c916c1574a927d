//! What clients are told.

use std::{
    convert::Infallible,
    future::ready,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::{
    RateLimitLayer,
    rate_limit::{
        Limit, Limits, RateLimitHeaders, Reason, Refusal, RefusalBody, ResetUnit, from_fn,
    },
    test_util::ManualClock,
};

use crate::support::{Answered, Limited, SECOND, a_minute, field, layer, limiter, request};

async fn body(response: Answered) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// One request each 2.4 seconds.
fn slow(time: &ManualClock) -> RateLimitLayer {
    let limit = Limit::token_bucket(1).per(Duration::from_millis(2_400));
    layer(time, limit.name("slow").build().unwrap())
}

/// The response to the second request.
async fn refused(layer: &RateLimitLayer) -> Answered {
    let service = Limited::by(layer);
    assert_eq!(service.status(request(&[])).await, 200);
    let refused = service.send(request(&[])).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(service.calls(), 1);
    refused
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back_whatever_else_it_says() {
    for fields in [
        RateLimitHeaders::Draft11,
        RateLimitHeaders::XRateLimit(ResetUnit::Seconds),
        RateLimitHeaders::XRateLimit(ResetUnit::UnixSeconds),
        RateLimitHeaders::None,
    ] {
        let time = ManualClock::new();
        let response = refused(&slow(&time).headers(fields)).await;
        assert_eq!(field(&response, "retry-after"), Some("3"), "{fields:?}");
        assert_eq!(field(&response, "cache-control"), Some("no-store"));
        let said = response.headers().keys().map(http::HeaderName::as_str);
        let said = said.filter(|name| name.contains("ratelimit")).count();
        let expected = match fields {
            RateLimitHeaders::Draft11 => 2,
            RateLimitHeaders::None => 0,
            _ => 3,
        };
        assert_eq!(said, expected, "{fields:?}");
    }
}

#[tokio::test]
async fn the_wait_is_rounded_up_and_never_nothing() {
    for (passed, told) in [(0, "3"), (399, "3"), (400, "2"), (1_400, "1"), (2_399, "1")] {
        let time = ManualClock::new();
        let service = Limited::by(&slow(&time));
        service.status(request(&[])).await;
        time.advance(Duration::from_millis(passed));
        let response = service.send(request(&[])).await;
        assert_eq!(field(&response, "retry-after"), Some(told), "{passed}");
        let t = format!("\"slow\";r=0;t={told}");
        assert_eq!(field(&response, "ratelimit"), Some(&*t));
        time.advance(SECOND * told.parse().unwrap());
        assert_eq!(service.status(request(&[])).await, 200, "as it was told");
    }
}

#[tokio::test]
async fn a_refusal_is_a_problem_that_names_the_limits() {
    let time = ManualClock::new();
    let response = refused(&slow(&time)).await;
    assert_eq!(
        field(&response, "content-type"),
        Some("application/problem+json")
    );
    let refusal = response.extensions().get::<Refusal>().unwrap();
    assert_eq!(refusal.reason(), Reason::Limited);
    assert_eq!(refusal.retry_after(), Some(Duration::from_millis(2_400)));
    assert_eq!(refusal.standings().count(), 1);
    let body = body(response).await;
    assert!(body.contains("http-problem-types#quota-exceeded"), "{body}");
    assert!(
        body.contains(r#""status":429,"violated-policies":["slow"]"#),
        "{body}"
    );
}

#[tokio::test]
async fn a_refusal_may_be_a_sentence_or_nothing() {
    let time = ManualClock::new();
    let text = refused(&slow(&time).refusal_body(RefusalBody::Text)).await;
    assert!(body(text).await.contains("Try again in 3 seconds"));
    let time = ManualClock::new();
    let empty = refused(&slow(&time).refusal_body(RefusalBody::Empty)).await;
    assert_eq!(field(&empty, "content-type"), None);
    assert_eq!(body(empty).await, "");
}

#[tokio::test]
async fn a_closure_may_refuse_and_is_completed_where_it_says_nothing() {
    let time = ManualClock::new();
    let layer = slow(&time).refuse_with(|head, refusal| {
        let wait = refusal.retry_after().unwrap().as_millis();
        let mut response = Response::new(Bytes::from(format!("{} {wait}", head.uri())));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response
    });
    let service = Limited::by(&layer);
    service.status(request(&[])).await;
    let response = service.send(request(&[])).await;
    assert_eq!(response.status(), 503);
    assert_eq!(field(&response, "retry-after"), Some("3"));
    assert_eq!(field(&response, "cache-control"), Some("no-store"));
    assert_eq!(field(&response, "ratelimit"), Some("\"slow\";r=0;t=3"));
    assert!(response.extensions().get::<Refusal>().is_some());
    assert_eq!(body(response).await, "http://origin.test/ 2400");
}

#[tokio::test]
async fn what_a_closure_says_stays() {
    let time = ManualClock::new();
    let layer = slow(&time).refuse_with(|_, _| {
        let response = Response::builder().header("retry-after", "120");
        let response = response.header("cache-control", "private");
        response.body(Bytes::new()).unwrap()
    });
    let service = Limited::by(&layer);
    service.status(request(&[])).await;
    let response = service.send(request(&[])).await;
    assert_eq!(field(&response, "retry-after"), Some("120"));
    assert_eq!(field(&response, "cache-control"), Some("private"));
}

#[tokio::test]
async fn grpc_is_told_in_its_own_words() {
    let time = ManualClock::new();
    let service = Limited::by(&slow(&time));
    let call = || request(&[("content-type", "application/grpc+proto")]);
    service.status(call()).await;
    let response = service.send(call()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(field(&response, "grpc-status"), Some("8"));
    assert_eq!(field(&response, "grpc-retry-pushback-ms"), Some("2400"));
    assert!(response.extensions().get::<Refusal>().is_some());
    assert_eq!(body(response).await, "");
}

fn both(time: &ManualClock) -> RateLimitLayer {
    let burst = Limit::token_bucket(1).per(SECOND).burst(5).name("burst");
    let daily = Limit::fixed_window(9).per(SECOND * 86_400).name("daily");
    let both = [burst.build().unwrap(), daily.build().unwrap()];
    layer(time, Limits::all(both).unwrap())
}

#[tokio::test]
async fn admitted_responses_say_what_is_left_of_each_limit() {
    let time = ManualClock::new();
    let service = Limited::by(&both(&time));
    let policy = "\"burst\";q=5;w=5, \"daily\";q=9;w=86400";
    for left in [
        "\"burst\";r=4;t=1, \"daily\";r=8;t=86400",
        "\"burst\";r=3;t=2, \"daily\";r=7;t=86400",
    ] {
        let response = service.send(request(&[])).await;
        assert_eq!(field(&response, "ratelimit-policy"), Some(policy));
        assert_eq!(field(&response, "ratelimit"), Some(left));
        assert_eq!(field(&response, "retry-after"), None);
    }
}

#[tokio::test]
async fn the_older_fields_tell_of_the_limit_with_the_least() {
    let time = ManualClock::new();
    let fields = RateLimitHeaders::XRateLimit(ResetUnit::Seconds);
    let service = Limited::by(&both(&time).headers(fields));
    let response = service.send(request(&[])).await;
    assert_eq!(field(&response, "x-ratelimit-limit"), Some("5"));
    assert_eq!(field(&response, "x-ratelimit-remaining"), Some("4"));
    assert_eq!(field(&response, "x-ratelimit-reset"), Some("1"));
    assert_eq!(field(&response, "ratelimit"), None);
}

#[tokio::test]
async fn a_subject_whose_charge_came_back_lends_its_numbers_to_no_other() {
    let time = ManualClock::new();
    let named = |name: &str, quota| {
        let limit = Limit::token_bucket(quota).per(SECOND * 60).name(name);
        limit.build().unwrap()
    };
    let layer = layer(&time, named("first", 3))
        .count_only(|_| false)
        .and(limiter(&time, named("second", 60)));
    let response = Limited::by(&layer).send(request(&[])).await;
    let said = field(&response, "ratelimit").unwrap();
    assert!(said.ends_with("\"second\";r=59;t=1"), "{said}");
}

#[tokio::test]
async fn all_limits_of_a_stack_are_told_with_a_refusal_too() {
    let time = ManualClock::new();
    let outer = layer(&time, a_minute(100));
    let service = outer.layer(slow(&time).layer(crate::support::handler()));
    let admitted = service.clone().oneshot(request(&[])).await.unwrap();
    let lines: Vec<_> = admitted.headers().get_all("ratelimit").iter().collect();
    assert_eq!(lines, ["\"slow\";r=0;t=3", "\"default\";r=99;t=1"]);
    let refused = service.oneshot(request(&[])).await.unwrap();
    let lines: Vec<_> = refused.headers().get_all("ratelimit").iter().collect();
    assert_eq!(lines, ["\"slow\";r=0;t=3", "\"default\";r=98;t=2"]);
}

/// What a page says of itself, fresh for a minute.
async fn through_a_cache(layer: &RateLimitLayer, paths: &[&str]) -> Vec<(u16, HeaderMap)> {
    static SERVED: AtomicU32 = AtomicU32::new(0);
    let inner = service_fn(|_| {
        SERVED.fetch_add(1, Ordering::Relaxed);
        let page = Response::builder().header("cache-control", "max-age=60");
        ready(Ok::<_, Infallible>(
            page.body(Full::<Bytes>::from("page")).unwrap(),
        ))
    });
    let cache = tower_keep::ResponseCacheLayer::new();
    let service = cache.layer(layer.layer(inner));
    let mut heads = Vec::new();
    for path in paths {
        let mut request = http::Request::new(Full::<Bytes>::default());
        *request.uri_mut() = format!("http://origin.test{path}").parse().unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        body.collect().await.unwrap();
        heads.push((head.status.as_u16(), head.headers));
    }
    heads
}

#[tokio::test]
async fn a_cache_outside_replays_neither_refusals_nor_what_was_left_for_another() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(2)).key(from_fn(|_| Some("all")));
    let heads = through_a_cache(&layer, &["/a", "/a", "/b", "/c", "/c", "/a"]).await;
    let statuses: Vec<_> = heads.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429, 200]);
    let told = |at: usize| heads[at].1.contains_key("ratelimit");
    assert!(told(0) && !told(1) && told(2) && told(3) && told(4) && !told(5));
    for (at, (_, headers)) in heads.iter().enumerate() {
        let hit = headers["cache-status"].to_str().unwrap().contains("; hit");
        assert_eq!(hit, [1, 5].contains(&at), "{at}: {headers:?}");
    }
    assert_eq!(layer.limiter().stats().limits[0].refused, 2);
}
