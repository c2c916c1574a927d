//! How many retries there may be for how many requests.

use std::time::Duration;

use tower_keep::retry::{Backoff, GaveUp, RetryLayer, RetryOutcome};

use crate::support::{Script, Step, layer, request, send};

/// Without waits, so that no time passes in which the budget grows.
fn at_once() -> RetryLayer {
    layer().backoff(Backoff::exponential().base(Duration::ZERO))
}

/// An origin that fails everything.
fn broken() -> Script {
    Script::of(vec![Step::Status(503); 5_000])
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_fails_everything_sees_the_budgets_surplus_and_no_more() {
    const REQUESTS: usize = 1_000;
    let (layer, script) = (at_once(), broken());
    let mut exhausted = 0;
    for _ in 0..REQUESTS {
        let response = send(&layer, &script, request("GET")).await.unwrap();
        let outcome = response.extensions().get::<RetryOutcome>().unwrap();
        exhausted += usize::from(outcome.gave_up() == Some(GaveUp::Budget));
    }
    // A fifth of the requests, and ten a second for ten seconds.
    let surplus = script.attempts() - REQUESTS;
    assert!(surplus <= REQUESTS / 5 + 100, "{surplus}");
    assert!(surplus >= REQUESTS / 5, "{surplus}");
    assert!(exhausted > REQUESTS / 2, "{exhausted}");
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_layer_share_the_budget() {
    let (one, script) = (at_once(), broken());
    let other = one.clone().retries(1);
    for _ in 0..300 {
        send(&one, &script, request("GET")).await.unwrap();
    }
    let before = script.attempts();
    send(&other, &script, request("GET")).await.unwrap();
    assert_eq!(script.attempts() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_all_that_fails_is_multiplied() {
    let (layer, script) = (layer().danger_without_budget(), broken());
    for _ in 0..200 {
        send(&layer, &script, request("GET")).await.unwrap();
    }
    assert_eq!(script.attempts(), 800);
}
