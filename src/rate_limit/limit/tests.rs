//! Limits that can be, and those that cannot.

use std::num::NonZeroU32;

use governor::Quota;

use super::{super::algorithm::Algorithm, error::Problem, *};
use crate::duration::{days, minutes, seconds};

fn problem(built: Result<Limit, InvalidLimit>) -> Problem {
    built.unwrap_err().0
}

#[test]
fn a_limit_that_cannot_be_says_why() {
    let bucket = || Limit::token_bucket(1).per(minutes(1));
    for (built, expected) in [
        (
            Limit::fixed_window(0).per(minutes(1)).build(),
            Problem::NoQuota,
        ),
        (Limit::concurrency(0).build(), Problem::NoQuota),
        (Limit::sliding_log(1).build(), Problem::NoPeriod),
        (Limit::leaky_queue(1).build(), Problem::NoPeriod),
        (
            Limit::token_bucket(1).per(Duration::ZERO).build(),
            Problem::ShortPeriod,
        ),
        (
            Limit::sliding_window(1).per(days(36_601)).build(),
            Problem::LongPeriod,
        ),
        (
            Limit::sliding_window(1).per(Duration::MAX).build(),
            Problem::LongPeriod,
        ),
        (bucket().burst(0).build(), Problem::NoBurst),
        (
            Limit::leaky_bucket(1).per(minutes(1)).capacity(0).build(),
            Problem::NoBurst,
        ),
        (bucket().burst(u64::MAX).build(), Problem::TooLarge),
        (
            Limit::leaky_queue(1)
                .per(days(36_000))
                .waiting(u64::MAX)
                .build(),
            Problem::TooLarge,
        ),
        (
            Limit::sliding_log(65_537).per(minutes(1)).build(),
            Problem::LongLog,
        ),
        (bucket().name("").build(), Problem::BadName),
        (bucket().name("täglich").build(), Problem::BadName),
        (bucket().name("a\nb").build(), Problem::BadName),
        (bucket().name("n".repeat(65)).build(), Problem::BadName),
    ] {
        assert_eq!(problem(built), expected);
    }
}

#[test]
fn the_largest_that_can_be_are_built() {
    Limit::sliding_window(u64::MAX)
        .per(days(36_600))
        .build()
        .unwrap();
    Limit::sliding_log(65_536).per(minutes(1)).build().unwrap();
    let printable = "~ \"quoted\" \\".to_owned();
    let named = Limit::fixed_window(1)
        .per(seconds(1))
        .name(printable.clone());
    assert_eq!(named.build().unwrap().name(), printable);
    Limit::leaky_queue(1)
        .per(seconds(1))
        .waiting(0)
        .build()
        .unwrap();
}

#[test]
fn large_numbers_are_counted_by_the_rate_that_they_make() {
    let (nanos, large) = (
        Duration::from_nanos(10_000_000_000_000_000),
        10_000_000_000_000_000,
    );
    Limit::token_bucket(large)
        .per(nanos)
        .burst(1)
        .build()
        .unwrap();
}

#[test]
fn what_is_not_said_follows_from_what_is() {
    let bucket = Limit::token_bucket(100).per(minutes(1)).build().unwrap();
    assert_eq!((bucket.quota(), bucket.window()), (100, minutes(1)));
    assert_eq!(bucket.name(), "default");
    let leaky = Limit::leaky_bucket(1).per(seconds(2)).build().unwrap();
    assert_eq!((leaky.quota(), leaky.window()), (1, seconds(2)));
    let queue = Limit::leaky_queue(1).per(seconds(2)).waiting(4).build();
    assert_eq!(queue.unwrap().quota(), 5);
}

#[test]
fn a_window_of_nanoseconds_is_rounded_up() {
    let window = Limit::fixed_window(1).per(Duration::from_nanos(1_001));
    assert_eq!(window.build().unwrap().window(), Duration::from_micros(2));
}

#[test]
fn a_set_has_up_to_eight_limits_of_different_names() {
    let named = |name: &str| {
        Limit::fixed_window(1)
            .per(seconds(1))
            .name(name)
            .build()
            .unwrap()
    };
    let numbered = |count: usize| {
        (0..count)
            .map(|at| named(&at.to_string()))
            .collect::<Vec<_>>()
    };
    let problem = |limits: Vec<Limit>| Limits::all(limits).unwrap_err().0;
    assert_eq!(problem(vec![]), Problem::NoLimits);
    assert_eq!(problem(numbered(9)), Problem::ManyLimits);
    assert_eq!(
        problem(vec![named("a"), named("b"), named("a")]),
        Problem::SameName
    );
    let queue = |name: &str| {
        Limit::leaky_queue(1)
            .per(seconds(1))
            .name(name)
            .build()
            .unwrap()
    };
    assert_eq!(problem(vec![queue("a"), queue("b")]), Problem::ManyQueues);
    assert_eq!(Limits::all(numbered(8)).unwrap().iter().len(), 8);
}

#[test]
fn quotas_of_governor_become_token_buckets() {
    let burst = NonZeroU32::new(7).unwrap();
    let quota = Quota::with_period(Duration::from_nanos(333))
        .unwrap()
        .allow_burst(burst);
    let limit = Limit::try_from(quota).unwrap();
    let expected = Limit::token_bucket(1)
        .per(Duration::from_nanos(333))
        .burst(7)
        .build();
    assert!(matches!(limit.algorithm, Algorithm::Bucket(_)));
    assert_eq!(limit.algorithm, expected.unwrap().algorithm);
    let fastest = Quota::per_second(NonZeroU32::MAX);
    assert_eq!(
        Limit::try_from(fastest).unwrap().quota(),
        u64::from(u32::MAX)
    );
}
