#[cfg(shuttle)]
mod interleavings;
mod model;

use super::*;

const NOW: Moment = Moment::BEGINNING;
const SECOND: Duration = Duration::from_secs(1);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn budget(ttl: Duration, min_per_second: u32, ratio: f64) -> RetryBudget {
    RetryBudget::new(ttl, min_per_second, ratio).unwrap()
}

fn deposit(budget: &RetryBudget, requests: usize, now: Moment) {
    (0..requests).for_each(|_| budget.deposit(now));
}

/// How many retries it allows until it refuses.
fn retries(budget: &RetryBudget, now: Moment) -> usize {
    std::iter::repeat_with(|| budget.withdraw(now))
        .take_while(|allowed| *allowed)
        .count()
}

#[test]
fn a_hundred_requests_allow_120_retries_by_default() {
    for budget in [RetryBudget::default(), budget(SECOND * 10, 10, 0.2)] {
        deposit(&budget, 100, NOW);
        assert_eq!(budget.balance(NOW), 120);
        assert_eq!(retries(&budget, NOW), 120);
        assert_eq!(budget.balance(NOW), 0);
    }
}

#[test]
fn other_ratios_allow_their_share() {
    for (ratio, allowed) in [
        (0.3, 130),
        (0.4, 140),
        (0.6, 160),
        (0.7, 170),
        (1.0, 200),
        (2.5, 350),
    ] {
        let budget = budget(SECOND * 10, 10, ratio);
        deposit(&budget, 100, NOW);
        assert_eq!(retries(&budget, NOW), allowed, "{ratio}");
    }
}

#[test]
fn shares_of_40_and_60_percent_are_not_50_and_100() {
    for (ratio, allowed) in [(0.4, 4000), (0.6, 6002)] {
        let budget = budget(SECOND * 10, 0, ratio);
        deposit(&budget, 10_000, NOW);
        assert_eq!(retries(&budget, NOW), allowed, "{ratio}");
    }
}

#[test]
fn without_a_share_there_is_the_reserve() {
    let budget = budget(ms(1500), 3, 0.0);
    deposit(&budget, 1000, NOW);
    assert_eq!(retries(&budget, NOW), 4);
}

#[test]
fn nothing_comes_of_nothing() {
    let budget = budget(SECOND, 0, 1.0);
    assert!(!budget.withdraw(NOW));
    let counts = budget.counts();
    assert_eq!((counts.withdrawn, counts.refused), (0, 1));
}

#[test]
fn deposits_leave_with_the_window() {
    let budget = budget(SECOND, 0, 0.5);
    deposit(&budget, 2, NOW);
    assert_eq!(budget.balance(NOW + ms(950)), 1);
    assert_eq!(budget.balance(NOW + ms(1001)), 0);
}

#[test]
fn deposits_leave_one_by_one() {
    let budget = budget(SECOND, 0, 0.5);
    for at in [0, 300, 1100] {
        budget.deposit(NOW + ms(at));
    }
    // The first is gone, the second and the third make one retry.
    assert_eq!(retries(&budget, NOW + ms(1200)), 1);
}

#[test]
fn the_reserve_is_there_again_when_a_window_has_passed() {
    let budget = budget(SECOND, 5, 1.0);
    assert_eq!(retries(&budget, NOW), 5);
    assert_eq!(budget.balance(NOW + ms(999)), 0);
    assert_eq!(budget.balance(NOW + ms(1035)), 5);
}

#[test]
fn a_clock_behind_others_gets_nothing_back() {
    let budget = budget(SECOND, 5, 1.0);
    let later = NOW + SECOND * 10;
    assert_eq!(retries(&budget, later), 5);
    assert_eq!(retries(&budget, NOW), 0);
    assert_eq!(budget.balance(NOW), 0);
    budget.deposit(NOW);
    assert_eq!(budget.balance(later), 0);
}

#[test]
fn clones_share() {
    let budget = budget(SECOND, 1, 1.0);
    let clone = budget.clone();
    clone.deposit(NOW);
    assert!(clone.withdraw(NOW) && budget.withdraw(NOW) && !clone.withdraw(NOW));
    let counts = budget.counts();
    assert_eq!((counts.withdrawn, counts.refused), (2, 1));
}

#[test]
fn threads_lose_no_deposit() {
    let budget = budget(SECOND, 0, 1.0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| deposit(&budget, 1000, NOW));
        }
    });
    assert_eq!(budget.balance(NOW), 4000);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let new = |ttl, ratio| RetryBudget::new(ttl, 10, ratio).map(drop);
    let refused = |result: Result<(), InvalidBudget>| result.unwrap_err().to_string();
    for ttl in [Duration::ZERO, ms(999), ms(60_001), Duration::MAX] {
        assert_eq!(refused(new(ttl, 0.2)), "a budget is over 1 to 60 seconds");
    }
    for ratio in [f64::NAN, f64::INFINITY, -0.1, 1e-7, f64::MIN_POSITIVE, 10.1] {
        assert!(refused(new(SECOND, ratio)).starts_with("the retries per request are 0"));
    }
    for ratio in [0.0, -0.0, 1e-6, 10.0] {
        assert_eq!(new(SECOND, ratio), Ok(()));
    }
}

#[test]
fn the_largest_numbers_saturate() {
    let budget = RetryBudget::new(SECOND * 60, u32::MAX, 1e-6).unwrap();
    assert!(budget.balance(Moment::from_nanos(u64::MAX)) > u64::from(u32::MAX));
    assert!(budget.withdraw(Moment::from_nanos(0)));
}

#[test]
fn the_default_is_a_fifth_of_the_requests_and_ten_a_second_over_ten_seconds() {
    let said = Arithmetic::new(Duration::from_secs(10), 10, 0.2);
    assert_eq!(Arithmetic::DEFAULT, said.unwrap());
}
