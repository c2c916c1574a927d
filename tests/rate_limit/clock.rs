//! Clocks that jump.

use std::time::{Duration, UNIX_EPOCH};

use tower_keep::{
    RateLimiter,
    rate_limit::{Limit, RateLimitHeaders, ResetUnit},
    test_util::ManualClock,
};

use crate::support::{Limited, SECOND, a_minute, field, layer, limiter, request};

/// 2026-01-01T00:00:00Z, where the manual clock begins.
const BEGINNING: u64 = 1_767_225_600;

fn each(time: &ManualClock) -> Vec<RateLimiter> {
    let minute = SECOND * 60;
    let limits = [
        Limit::token_bucket(3).per(minute).build(),
        Limit::fixed_window(3).per(minute).build(),
        Limit::sliding_window(3).per(minute).build(),
        Limit::sliding_log(3).per(minute).build(),
        Limit::leaky_queue(3).per(minute).waiting(2).build(),
    ];
    limits.map(|limit| limiter(time, limit.unwrap())).into()
}

#[test]
fn a_wall_that_jumps_frees_and_blocks_nobody() {
    let year = SECOND * 60 * 60 * 24 * 365;
    let start = UNIX_EPOCH + SECOND * u32::try_from(BEGINNING).unwrap();
    for wall in [start + year, start - year, UNIX_EPOCH, start + year * 100] {
        let time = ManualClock::new();
        for limiter in each(&time) {
            for _ in 0..3 {
                drop(limiter.check("a").unwrap());
            }
            limiter.block("blocked", SECOND);
            let before = limiter.check("a").unwrap_err().retry_after();
            time.set_wall(wall);
            assert_eq!(limiter.check("a").unwrap_err().retry_after(), before);
            drop(limiter.check("b").unwrap());
            assert_eq!(limiter.blocked_for("blocked"), Some(SECOND));
            time.advance(before.unwrap());
            drop(limiter.check("a").unwrap());
            time.set_wall(start);
            time.advance(SECOND * 120);
        }
    }
}

#[test]
fn fixed_windows_begin_where_calendars_say() {
    let time = ManualClock::new();
    time.set_wall(UNIX_EPOCH + Duration::from_millis(BEGINNING * 1_000 + 42_500));
    let minutely = Limit::fixed_window(1).per(SECOND * 60).build().unwrap();
    let limiter = limiter(&time, minutely);
    drop(limiter.check("a").unwrap());
    let refused = limiter.check("a").unwrap_err();
    assert_eq!(refused.retry_after(), Some(Duration::from_millis(17_500)));
}

#[test]
fn a_wall_before_1970_is_no_obstacle() {
    let time = ManualClock::new();
    time.set_wall(UNIX_EPOCH - SECOND * 1_000_000);
    for limiter in each(&time) {
        for _ in 0..3 {
            drop(limiter.check("a").unwrap());
        }
        let wait = limiter.check("a").unwrap_err().retry_after().unwrap();
        time.advance(wait);
        drop(limiter.check("a").unwrap());
    }
}

#[tokio::test]
async fn a_reset_in_unix_time_is_by_the_wall_of_the_moment() {
    let time = ManualClock::new();
    let fields = RateLimitHeaders::XRateLimit(ResetUnit::UnixSeconds);
    let service = Limited::by(&layer(&time, a_minute(1)).headers(fields));
    let at = |seconds: u64| Some(seconds.to_string());
    let reset = |response| field(&response, "x-ratelimit-reset").map(str::to_owned);
    assert_eq!(reset(service.send(request(&[])).await), at(BEGINNING + 60));
    time.set_wall(UNIX_EPOCH + SECOND * 1_000);
    assert_eq!(reset(service.send(request(&[])).await), at(1_060));
}

#[test]
fn denied_until_exactly_the_announced_moment() {
    let time = ManualClock::new();
    for limiter in each(&time) {
        for _ in 0..50 {
            match limiter.check("a") {
                Ok(admission) => drop(admission),
                Err(refused) => {
                    let wait = refused.retry_after().unwrap();
                    time.advance(wait - Duration::from_micros(1));
                    limiter.check("a").unwrap_err();
                    time.advance(Duration::from_micros(1));
                    drop(limiter.check("a").unwrap());
                }
            }
            time.advance(Duration::from_millis(7_351));
        }
    }
}
