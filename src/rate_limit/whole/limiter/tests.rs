use proptest::prelude::*;

use super::*;
use crate::test_util::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

fn quota(burst: u32, interval: Duration) -> Quota {
    let quota = Quota::with_period(interval).unwrap();
    quota.allow_burst(NonZeroU32::new(burst).unwrap())
}

fn limiter(time: &ManualClock, burst: u32, interval: Duration) -> Limiter {
    Limiter::new(quota(burst, interval), time.clock()).unwrap()
}

fn admitted(remaining: u64, reset: u64) -> Decision {
    let reset = SECOND * u32::try_from(reset).unwrap();
    Decision::Admitted(Left { remaining, reset })
}

fn refused(wait_ms: u64, remaining: u64, reset_ms: u64) -> Decision {
    let [wait, reset] = [wait_ms, reset_ms].map(Duration::from_millis);
    Decision::Refused(wait, Left { remaining, reset })
}

#[test]
fn a_bucket_of_five_and_one_a_second_decides_by_the_book() {
    let time = ManualClock::new();
    let limiter = limiter(&time, 5, SECOND);
    let mut now = 0;
    let mut at = |ms: u64, cost| {
        time.advance(Duration::from_millis(ms - now));
        now = ms;
        limiter.decide(cost)
    };
    for (remaining, reset) in [(4, 1), (3, 2), (2, 3), (1, 4), (0, 5)] {
        assert_eq!(at(0, 1), admitted(remaining, reset));
    }
    assert_eq!(at(0, 1), refused(1000, 0, 5000));
    assert_eq!(at(999, 1), refused(1, 0, 4001));
    assert_eq!(at(1000, 1), admitted(0, 5));
    assert_eq!(at(3500, 1), admitted(1, 4));
    assert_eq!(at(3500, 3), refused(1500, 1, 3500));
    assert_eq!(at(3500, 6), Decision::Never);
    assert_eq!(at(3500, 0), Decision::Free);
    assert_eq!(at(3500, 1), admitted(0, 5), "none of these was charged");
}

#[test]
fn a_cost_of_any_size_is_an_answer() {
    let time = ManualClock::new();
    let limiter = limiter(&time, 2, SECOND * 60 * 60 * 24 * 365);
    assert_eq!(limiter.decide(u32::MAX), Decision::Never);
    assert_eq!(limiter.decide(3), Decision::Never);
    assert!(matches!(limiter.decide(2), Decision::Admitted(_)));
}

#[test]
fn a_quota_that_governor_would_overflow_with_is_an_error() {
    let century = LONGEST / 10;
    let clock = || ManualClock::new().clock();
    assert!(Limiter::new(quota(10, century), clock()).is_ok());
    let error = Limiter::new(quota(11, century), clock()).unwrap_err();
    assert!(error.to_string().contains("a burst of 11"));
    assert!(Limiter::new(quota(1, Duration::MAX), clock()).is_err());
}

#[test]
fn more_than_a_thousand_million_per_second_is_one_per_nanosecond() {
    let quota = Quota::per_second(NonZeroU32::MAX);
    let limiter = Limiter::new(quota, ManualClock::new().clock()).unwrap();
    assert_eq!(limiter.window(), Duration::from_nanos(u32::MAX.into()));
    assert!(matches!(limiter.decide(u32::MAX), Decision::Admitted(_)));
}

proptest! {
    #[test]
    fn a_request_is_refused_until_exactly_the_announced_moment(
        burst in 1..20_u32,
        interval in 1..5_000_000_000_u64,
        costs in prop::collection::vec((1..20_u32, 0..10_000_000_000_u64), 1..60),
    ) {
        let time = ManualClock::new();
        let limiter = limiter(&time, burst, Duration::from_nanos(interval));
        for (cost, passed) in costs {
            time.advance(Duration::from_nanos(passed));
            match limiter.decide(cost) {
                Decision::Refused(wait, left) => {
                    prop_assert!(left.remaining < u64::from(cost));
                    prop_assert!(wait <= left.reset && left.reset <= limiter.window());
                    time.advance(wait - Duration::from_nanos(1));
                    prop_assert!(matches!(limiter.decide(cost), Decision::Refused(..)));
                    time.advance(Duration::from_nanos(1));
                    prop_assert!(matches!(limiter.decide(cost), Decision::Admitted(_)));
                }
                Decision::Admitted(left) => {
                    prop_assert!(left.remaining + u64::from(cost) <= u64::from(burst));
                    prop_assert!(left.reset <= limiter.window());
                }
                Decision::Never => prop_assert!(cost > burst),
                Decision::Free => prop_assert!(false, "nothing is free"),
            }
        }
    }
}
