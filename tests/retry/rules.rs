//! What is retried, and how often.

use std::{io::ErrorKind, time::Duration};

use http::StatusCode;
use tower_keep::retry::{
    Attempt, Backoff, GaveUp, Jitter, Reason, RetryLayer, RetryOutcome, RetryPolicy, Verdict,
};

use crate::support::{Script, Step, layer, request, send};

const ALL_FAIL: [Step; 9] = [const { Step::Status(503) }; 9];

#[tokio::test(start_paused = true)]
async fn statuses_that_pass_by_themselves_are_retried_and_others_are_not() {
    for status in 200..600 {
        let script = Script::of([Step::Status(status)]);
        let response = send(&layer(), &script, request("GET")).await.unwrap();
        let retried = matches!(status, 408 | 429 | 502 | 503 | 504);
        assert_eq!(script.attempts(), if retried { 2 } else { 1 }, "{status}");
        assert_eq!(
            response.status() == 200,
            retried || status == 200,
            "{status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn methods_that_may_be_repeated_are() {
    for (method, retried) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("TRACE", true),
        ("PUT", true),
        ("DELETE", true),
        ("POST", false),
        ("PATCH", false),
        ("CONNECT", false),
        ("BREW", false),
    ] {
        let script = Script::of([Step::Status(503)]);
        send(&layer(), &script, request(method)).await.unwrap();
        assert_eq!(script.attempts() > 1, retried, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn errors_that_pass_by_themselves_are_retried_and_others_are_not() {
    for (kind, retried) in [
        (ErrorKind::ConnectionReset, true),
        (ErrorKind::BrokenPipe, true),
        (ErrorKind::UnexpectedEof, true),
        (ErrorKind::TimedOut, true),
        (ErrorKind::InvalidData, false),
        (ErrorKind::PermissionDenied, false),
    ] {
        let script = Script::of([Step::Fails(kind)]);
        let ended = send(&layer(), &script, request("GET")).await;
        assert_eq!(ended.is_ok(), retried, "{kind}");
        let posted = Script::of([Step::Fails(kind)]);
        send(&layer(), &posted, request("POST")).await.unwrap_err();
        assert_eq!(posted.attempts(), 1, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_processed_is_retried_whatever_the_method() {
    let script = Script::of([Step::Fails(ErrorKind::ConnectionRefused)]);
    send(&layer(), &script, request("POST")).await.unwrap();
    assert_eq!(script.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_kept_when_there_is_nothing_more_to_do() {
    let script = Script::of([const { Step::Fails(ErrorKind::ConnectionReset) }; 9]);
    let error = send(&layer(), &script, request("GET")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(script.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn four_attempts_are_made_with_waits_that_double() {
    let script = Script::of(ALL_FAIL);
    let response = send(&layer(), &script, request("GET")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(script.waits(), [100, 200, 400].map(Duration::from_millis));
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!(outcome.attempts(), 4);
    let reason = Reason::Status(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(outcome.reasons(), [reason; 4]);
    assert_eq!(outcome.waited(), Duration::from_millis(700));
    assert_eq!(outcome.gave_up(), Some(GaveUp::Attempts));
}

#[tokio::test(start_paused = true)]
async fn waits_that_follow_from_one_another_grow() {
    let backoff = Backoff::exponential().jitter(Jitter::Decorrelated);
    let layer = layer().danger_without_budget().backoff(backoff);
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        let script = Script::of(ALL_FAIL);
        send(&layer, &script, request("GET")).await.unwrap();
        longest = longest.max(script.waits().into_iter().max().unwrap());
    }
    // The first is 300 ms at most, and each up to three times the one before.
    assert!(longest > Duration::from_millis(310), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_first_success_says_nothing_of_attempts() {
    let response = send(&layer(), &Script::of([]), request("GET"))
        .await
        .unwrap();
    assert!(response.extensions().get::<RetryOutcome>().is_none());
    let script = Script::of([Step::Status(502)]);
    let response = send(&layer(), &script, request("GET")).await.unwrap();
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!((outcome.attempts(), outcome.gave_up()), (2, None));
}

#[tokio::test(start_paused = true)]
async fn a_request_says_more_than_the_layer() {
    let attempts = async |method, policy: RetryPolicy| {
        let script = Script::of(ALL_FAIL);
        let mut request = request(method);
        request.extensions_mut().insert(policy);
        send(&layer(), &script, request).await.unwrap();
        script.attempts()
    };
    assert_eq!(attempts("GET", RetryPolicy::off()).await, 1);
    assert_eq!(attempts("GET", RetryPolicy::new().retries(1)).await, 2);
    assert_eq!(attempts("GET", RetryPolicy::new().retries(5)).await, 6);
    assert_eq!(attempts("POST", RetryPolicy::new()).await, 1);
    assert_eq!(attempts("POST", RetryPolicy::new().idempotent()).await, 4);
    assert_eq!(
        attempts("GET", RetryPolicy::new().not_idempotent()).await,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_alone_proves_nothing_and_a_rule_may_take_it() {
    let posted = || {
        let mut request = request("POST");
        let headers = request.headers_mut();
        headers.insert("idempotency-key", "5f2c".parse().unwrap());
        request
    };
    let script = Script::of(ALL_FAIL);
    send(&layer(), &script, posted()).await.unwrap();
    assert_eq!(script.attempts(), 1);
    let trusting = layer().idempotent(|_, _, headers| headers.contains_key("idempotency-key"));
    let script = Script::of(ALL_FAIL);
    send(&trusting, &script, posted()).await.unwrap();
    assert_eq!(script.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_classifier_of_ones_own_takes_the_place_of_the_rules() {
    let own = RetryLayer::classify(
        |attempt: &Attempt<'_, std::io::Error>| match attempt.result {
            Ok(answer) if answer.headers().contains_key("try-again") => {
                Verdict::Retry(Reason::Custom)
            }
            _ => Verdict::Final,
        },
    );
    let own = own.clock(tower_keep::Clock::tokio());
    let script = Script::of([Step::With(200, "try-again", "yes"), Step::Status(503)]);
    let response = send(&own, &script, request("GET")).await.unwrap();
    assert_eq!((script.attempts(), response.status().as_u16()), (2, 503));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_numbered_if_that_is_wanted() {
    let script = Script::of(ALL_FAIL);
    send(&layer().number_attempts(), &script, request("GET"))
        .await
        .unwrap();
    let numbers = script.seen(|seen| seen.headers["x-attempt"].clone());
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    let script = Script::of([]);
    send(&layer(), &script, request("GET")).await.unwrap();
    assert_eq!(script.seen(|seen| seen.headers.len()), [0]);
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_counted() {
    let layer = layer();
    let script = Script::of([Step::Status(503), Step::Fails(ErrorKind::TimedOut)]);
    send(&layer, &script, request("GET")).await.unwrap();
    send(&layer, &Script::of(ALL_FAIL), request("GET"))
        .await
        .unwrap();
    let stats = layer.stats();
    assert_eq!(stats.retried, [("transient", 1), ("status", 4)]);
    assert_eq!(stats.gave_up, [("attempts", 1)]);
    assert_eq!(stats.succeeded_after, [("after-2", 1)]);
}
