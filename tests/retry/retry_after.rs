//! What servers ask for.

use std::time::{Duration, SystemTime};

use tower_keep::retry::{GaveUp, RetryOutcome};

use crate::support::{Script, Step, layer, request, send};

const SECOND: Duration = Duration::from_secs(1);

async fn waits(value: &'static str) -> Vec<Duration> {
    let script = Script::of([Step::With(503, "retry-after", value)]);
    send(&layer(), &script, request("GET")).await.unwrap();
    script.waits()
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_seconds_is_kept_to() {
    assert_eq!(waits("3").await, [SECOND * 3]);
    assert_eq!(waits("0").await, [Duration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_until_a_date_is_kept_to() {
    let date = httpdate::fmt_http_date(SystemTime::now() + SECOND * 5);
    let waits = waits(date.leak()).await;
    assert!(waits[0] > SECOND * 3 && waits[0] <= SECOND * 5, "{waits:?}");
    let past = httpdate::fmt_http_date(SystemTime::now() - SECOND * 5);
    assert_eq!(self::waits(past.leak()).await, [Duration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_ignored() {
    for value in ["soon", "-1", "1.5", "", "+1"] {
        assert_eq!(waits(value).await, [SECOND / 10], "{value:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_than_may_be_asked_for_returns_the_response() {
    for value in ["11", "99999999999999999999999999"] {
        let script = Script::of([Step::With(503, "retry-after", value)]);
        let response = send(&layer(), &script, request("GET")).await.unwrap();
        assert_eq!((response.status().as_u16(), script.attempts()), (503, 1));
        let outcome = response.extensions().get::<RetryOutcome>().unwrap();
        assert_eq!(outcome.gave_up(), Some(GaveUp::RetryAfter));
    }
    let patient = layer().max_retry_after(SECOND * 11);
    let script = Script::of([Step::With(429, "retry-after", "11")]);
    send(&patient, &script, request("GET")).await.unwrap();
    assert_eq!(script.waits(), [SECOND * 11]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_past_the_deadline_returns_the_response_at_once() {
    let layer = layer().deadline(SECOND * 2);
    let script = Script::of([Step::With(503, "retry-after", "2")]);
    let start = tokio::time::Instant::now();
    let response = send(&layer, &script, request("GET")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(start.elapsed(), Duration::ZERO);
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!(outcome.gave_up(), Some(GaveUp::Deadline));
}
