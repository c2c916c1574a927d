//! What each kind of limit admits, by traces worked out by hand. Times are milliseconds.

use std::time::Duration;

use tower_keep::{
    RateLimiter, hours,
    rate_limit::{Limit, Limits, Reason},
    seconds,
    test_util::ManualClock,
};

use crate::support::limiter;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

struct Trace {
    time: ManualClock,
    passed: u64,
    limiter: RateLimiter,
}

#[derive(Debug, PartialEq, Eq)]
enum Met {
    /// With what remains and the time to the full quota, after a delay.
    Admitted(u64, Duration, Duration),
    Refused(Duration),
    Never,
}

fn ok(remaining: u64, reset: u64) -> Met {
    Met::Admitted(remaining, ms(reset), ms(0))
}

fn no(wait: u64) -> Met {
    Met::Refused(ms(wait))
}

impl Trace {
    fn new(limits: impl Into<Limits>) -> Self {
        let time = ManualClock::new();
        Self {
            limiter: limiter(&time, limits),
            passed: 0,
            time,
        }
    }

    fn at(&mut self, at: u64, cost: u64) -> Met {
        self.time.advance(ms(at - self.passed));
        self.passed = at;
        let before = format!("{:?}", self.limiter.peek("key"));
        match self.limiter.check_cost("key", cost) {
            Ok(admission) => {
                let standing = admission.standings().iter().next().unwrap();
                Met::Admitted(standing.remaining, standing.reset, admission.delay())
            }
            Err(refused) => {
                let after = format!("{:?}", self.limiter.peek("key"));
                assert_eq!(before, after, "a refusal changes nothing");
                assert_eq!(refused.is_final(), refused.retry_after().is_none());
                refused.retry_after().map_or(Met::Never, Met::Refused)
            }
        }
    }
}

#[test]
fn a_fixed_window_counts_by_the_calendar() {
    let mut five = Trace::new(Limit::fixed_window(5).per(seconds(10)).build().unwrap());
    for (at, met) in [
        (0, ok(4, 10_000)),
        (1_000, ok(3, 9_000)),
        (2_000, ok(2, 8_000)),
        (3_000, ok(1, 7_000)),
        (9_999, ok(0, 1)),
        (9_999, no(1)),
        (10_000, ok(4, 10_000)),
    ] {
        assert_eq!(five.at(at, 1), met, "at {at}");
    }
    assert_eq!(five.at(10_000, 4), ok(0, 10_000));
    assert_eq!(five.at(10_000, 1), no(10_000));
    assert_eq!(five.at(25_000, 3), ok(2, 5_000));
    assert_eq!(five.at(25_000, 3), no(5_000));
    assert_eq!(five.at(25_000, 6), Met::Never);
}

#[test]
fn a_sliding_log_never_has_more_than_its_quota_in_a_window() {
    let mut three = Trace::new(Limit::sliding_log(3).per(seconds(10)).build().unwrap());
    assert_eq!(three.at(0, 1), ok(2, 10_000));
    assert_eq!(three.at(4_000, 1), ok(1, 10_000));
    assert_eq!(three.at(6_000, 1), ok(0, 10_000));
    assert_eq!(three.at(9_999, 1), no(1));
    assert_eq!(three.at(10_000, 1), ok(0, 10_000));
    assert_eq!(three.at(10_001, 1), no(3_999));
    assert_eq!(three.at(14_000, 1), ok(0, 10_000));
    assert_eq!(three.at(16_000, 2), no(4_000));
    assert_eq!(three.at(20_000, 2), ok(0, 10_000));
}

#[test]
fn a_sliding_window_lets_the_one_before_fade() {
    let limit = Limit::sliding_window(10).per(seconds(10)).build().unwrap();
    let mut ten = Trace::new(limit);
    assert_eq!(ten.at(9_900, 10), ok(0, 10_100));
    assert_eq!(ten.at(9_900, 1), no(1_100));
    assert_eq!(ten.at(10_000, 1), no(1_000));
    assert_eq!(ten.at(11_000, 1), ok(0, 19_000));
    assert_eq!(ten.at(11_500, 1), no(500));
    assert_eq!(ten.at(12_000, 1), ok(0, 18_000));
    assert_eq!(ten.at(15_000, 3), ok(0, 15_000));
    assert_eq!(ten.at(15_000, 1), no(1_000));
    assert_eq!(ten.at(45_000, 11), Met::Never);
    assert_eq!(ten.at(45_000, 10), ok(0, 15_000));
}

#[test]
fn a_token_bucket_fills_up_one_by_one() {
    let limit = Limit::token_bucket(1).per(seconds(1)).burst(5);
    let mut five = Trace::new(limit.build().unwrap());
    for used in 1..=5 {
        assert_eq!(five.at(0, 1), ok(5 - used, used * 1_000));
    }
    assert_eq!(five.at(0, 1), no(1_000));
    assert_eq!(five.at(999, 1), no(1));
    assert_eq!(five.at(1_000, 1), ok(0, 5_000));
    assert_eq!(five.at(3_500, 1), ok(1, 3_500));
    assert_eq!(five.at(3_500, 3), no(1_500));
    assert_eq!(five.at(3_500, 6), Met::Never);
}

#[test]
fn a_bucket_of_ten_with_one_per_half_second_makes_the_eleventh_wait_as_long() {
    let limit = Limit::token_bucket(2).per(seconds(1)).burst(10);
    let mut ten = Trace::new(limit.build().unwrap());
    for used in 1..=10 {
        assert_eq!(ten.at(0, 1), ok(10 - used, used * 500));
    }
    assert_eq!(ten.at(0, 1), no(500));
}

#[test]
fn a_leaky_bucket_refuses_what_would_overflow_it() {
    let limit = Limit::leaky_bucket(1).per(seconds(1)).capacity(3);
    let mut three = Trace::new(limit.build().unwrap());
    assert_eq!(three.at(0, 3), ok(0, 3_000));
    assert_eq!(three.at(0, 1), no(1_000));
    assert_eq!(three.at(500, 1), no(500));
    assert_eq!(three.at(1_000, 1), ok(0, 3_000));
}

#[test]
fn a_leaky_queue_delays() {
    let limit = Limit::leaky_queue(2).per(seconds(1)).waiting(2);
    let mut line = Trace::new(limit.build().unwrap());
    let mut delay = |at: u64| match line.at(at, 1) {
        Met::Admitted(.., delay) => Ok(delay),
        Met::Refused(wait) => Err(wait),
        Met::Never => panic!("one is no more than two"),
    };
    assert_eq!(
        [delay(0), delay(0), delay(0)],
        [0, 500, 1_000].map(|d| Ok(ms(d)))
    );
    assert_eq!([delay(0), delay(400)], [500, 100].map(|w| Err(ms(w))));
    assert_eq!([delay(500), delay(5_000)], [1_000, 0].map(|d| Ok(ms(d))));
}

#[test]
fn two_limits_of_a_key_are_charged_together_or_not_at_all() {
    let fast = Limit::token_bucket(2).per(seconds(1)).name("fast").build();
    let slow = Limit::token_bucket(1).per(ms(3_333)).burst(3).name("slow");
    let both = Limits::all([fast.unwrap(), slow.build().unwrap()]).unwrap();
    let mut trace = Trace::new(both);
    let mut met = |at| match trace.at(at, 1) {
        Met::Admitted(..) => Ok(()),
        Met::Refused(wait) => Err(wait),
        Met::Never => panic!("one is no more than two"),
    };
    assert_eq!([met(0), met(0), met(0)], [Ok(()), Ok(()), Err(ms(500))]);
    assert_eq!([met(500), met(1_000)], [Ok(()), Err(ms(2_333))]);
    assert_eq!(met(3_333), Ok(()));
}

#[test]
fn a_refusal_names_the_limits_that_refuse() {
    let burst = Limit::token_bucket(1).per(seconds(1)).name("burst").build();
    let daily = Limit::fixed_window(2).per(hours(24)).name("daily").build();
    let time = ManualClock::new();
    let both = Limits::all([burst.unwrap(), daily.unwrap()]).unwrap();
    let limiter = limiter(&time, both);
    let violated = || {
        let refused = limiter.check("key").err()?;
        assert_eq!(refused.reason(), Reason::Limited);
        Some(refused.violated().collect::<Vec<_>>().join("+"))
    };
    assert_eq!(violated(), None);
    assert_eq!(violated().as_deref(), Some("burst"));
    time.advance(seconds(1));
    assert_eq!(violated(), None);
    assert_eq!(violated().as_deref(), Some("burst+daily"));
    time.advance(seconds(1));
    assert_eq!(violated().as_deref(), Some("daily"));
}

#[test]
fn large_numbers_are_counted_without_a_panic() {
    for limit in [
        Limit::fixed_window(u64::MAX).per(seconds(1)).build(),
        Limit::sliding_window(u64::MAX).per(seconds(1)).build(),
        Limit::token_bucket(1 << 40).per(seconds(1)).build(),
        Limit::concurrency(u64::MAX).build(),
    ] {
        let mut trace = Trace::new(limit.unwrap());
        for cost in [1, u64::MAX, u64::MAX / 2, u64::MAX / 2, 1 << 40, u64::MAX] {
            trace.at(trace.passed + 1, cost);
        }
        trace.limiter.check_cost("key", 0).unwrap().settle(u64::MAX);
        trace.at(trace.passed + 1, 1);
    }
}
