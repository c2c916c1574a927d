//! Limits that come with their numbers, and limits that cannot be.

use std::time::Duration;

use tower_keep::{
    RateLimitLayer, hours, minutes,
    rate_limit::{InvalidLimit, Limit, Limits},
    seconds,
    test_util::ManualClock,
};

use crate::support::{Limited, a_minute, request};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn presets_have_the_numbers_that_they_promise() {
    let numbers = |layer: RateLimitLayer| {
        let standings = layer.limiter().peek("new");
        let standing = standings.iter().next().unwrap();
        (standing.name.to_owned(), standing.quota, standing.window)
    };
    let of = |name: &str, quota, window| (name.to_owned(), quota, window);
    assert_eq!(numbers(RateLimitLayer::api()), of("api", 100, minutes(1)));
    assert_eq!(numbers(RateLimitLayer::auth()), of("auth", 5, minutes(15)));
    assert_eq!(
        numbers(RateLimitLayer::upload()),
        of("upload", 10, seconds(5))
    );
    assert_eq!(
        numbers(RateLimitLayer::search()),
        of("search", 30, minutes(1))
    );
}

/// How many requests at once a preset admits, and how long the next one waits.
fn admits(preset: &RateLimitLayer) -> (u64, Option<Duration>) {
    let time = ManualClock::new();
    let limiter = preset.limiter().clone().clock(time.clock());
    for admitted in 0.. {
        if let Err(refused) = limiter.check("key") {
            return (admitted, refused.retry_after());
        }
    }
    unreachable!()
}

#[test]
fn presets_admit_what_they_promise() {
    // A minute of which all was used begins to fade when the next one has begun.
    assert_eq!(admits(&RateLimitLayer::api()), (100, Some(ms(60_600))));
    assert_eq!(admits(&RateLimitLayer::auth()), (5, Some(minutes(15))));
    assert_eq!(admits(&RateLimitLayer::upload()), (10, Some(ms(500))));
    assert_eq!(admits(&RateLimitLayer::search()), (30, Some(seconds(2))));
}

#[tokio::test]
async fn the_preset_for_logins_counts_failures_only() {
    let logins = Limited::by(&RateLimitLayer::auth());
    for status in ["200", "500", "302"] {
        for _ in 0..7 {
            let answer = logins.status(request(&[("status", status)])).await;
            assert_eq!(answer.to_string(), status);
        }
    }
    let failures = logins.statuses(|| request(&[("status", "401")])).await;
    assert_eq!(failures, [401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(
        logins.status(request(&[])).await,
        429,
        "even if it were right"
    );
}

#[test]
fn a_limit_that_cannot_be_says_why() {
    let why = |result: Result<Limit, InvalidLimit>| result.unwrap_err().to_string();
    let minute = minutes(1);
    for (limit, reason) in [
        (Limit::token_bucket(0).per(minute).build(), "zero"),
        (Limit::token_bucket(9).build(), "per(..)"),
        (Limit::token_bucket(9).per(ms(0)).build(), "zero"),
        (Limit::fixed_window(9).per(Duration::MAX).build(), "century"),
        (
            Limit::token_bucket(9).per(minute).burst(0).build(),
            "holds nothing",
        ),
        (
            Limit::leaky_bucket(9).per(minute).capacity(0).build(),
            "holds nothing",
        ),
        (
            Limit::token_bucket(1)
                .per(hours(24))
                .burst(u64::MAX)
                .build(),
            "large",
        ),
        (
            Limit::leaky_queue(9).per(minute).waiting(u64::MAX).build(),
            "large",
        ),
        (Limit::sliding_log(1 << 20).per(minute).build(), "memory"),
        (Limit::concurrency(0).build(), "zero"),
        (Limit::concurrency(1).name("").build(), "name"),
        (Limit::concurrency(1).name("täglich").build(), "name"),
        (Limit::concurrency(1).name("a\r\nb: c").build(), "name"),
        (Limit::concurrency(1).name("x".repeat(65)).build(), "name"),
    ] {
        let why = why(limit);
        assert!(why.contains(reason), "{reason}: {why}");
    }
}

#[test]
fn a_set_of_limits_that_cannot_be_says_why() {
    let why = |limits: Vec<Limit>| Limits::all(limits).unwrap_err().to_string();
    assert!(why(vec![]).contains("at least one"));
    assert!(why(vec![a_minute(1), a_minute(2)]).contains("same name"));
    let named = |at: u8| Limit::concurrency(1).name(at.to_string()).build().unwrap();
    assert!(why((0..9).map(named).collect()).contains("eight"));
    assert_eq!(Limits::all((0..8).map(named)).unwrap().iter().len(), 8);
}
