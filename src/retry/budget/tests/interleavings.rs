//! What threads do to one budget at once, in all orders that the scheduler tries.

use shuttle::{Config, Runner, scheduler::RandomScheduler, thread};

use super::*;

const ORDERS: usize = 1_000;

/// The scheduler's atomics keep their history with them, and hundreds of them do not fit on a stack of its usual size.
const STACK: usize = 1 << 20;

fn check(test: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    Runner::new(RandomScheduler::new(ORDERS), config).run(test);
}

/// What the threads come to together.
fn together<const N: usize>(
    budget: &RetryBudget,
    act: impl Fn(&RetryBudget, usize) -> usize + Copy + Send + Sync + 'static,
) -> usize {
    let threads: [_; N] = std::array::from_fn(|n| {
        let budget = budget.clone();
        thread::spawn(move || act(&budget, n))
    });
    threads
        .map(|thread| thread.join().unwrap())
        .into_iter()
        .sum()
}

fn tries(budget: &RetryBudget, tries: usize, now: Moment) -> usize {
    (0..tries).filter(|_| budget.withdraw(now)).count()
}

#[test]
fn threads_together_withdraw_exactly_what_there_is() {
    check(|| {
        let budget = budget(SECOND, 4, 1.0);
        let withdrawn = together::<3>(&budget, |budget, _| tries(budget, 2, NOW));
        assert_eq!(withdrawn, 4);
    });
}

#[test]
fn no_more_is_withdrawn_than_deposits_have_paid_for() {
    check(|| {
        let budget = budget(SECOND, 1, 0.5);
        let withdrawn = together::<3>(&budget, |budget, _| {
            deposit(budget, 1, NOW);
            tries(budget, 2, NOW)
        });
        // The reserve is one, and the three deposits are worth one and a half.
        assert!(withdrawn <= 2, "{withdrawn}");
        assert_eq!(withdrawn + retries(&budget, NOW), 2);
    });
}

#[test]
fn no_deposit_is_lost_or_counted_twice() {
    check(|| {
        let budget = budget(SECOND, 0, 1.0);
        together::<3>(&budget, |budget, _| {
            deposit(budget, 2, NOW);
            0
        });
        assert_eq!(budget.balance(NOW), 6);
    });
}

#[test]
fn a_slot_that_is_taken_over_holds_only_what_came_after() {
    check(|| {
        let budget = budget(SECOND, 0, 1.0);
        // Twice the window later the ring begins anew.
        let later = NOW + SECOND * 2;
        together::<3>(&budget, move |budget, n| {
            budget.deposit(if n == 0 { NOW } else { later });
            0
        });
        assert_eq!(budget.balance(later), 2);
    });
}

#[test]
fn threads_whose_clocks_differ_share_one_reserve() {
    check(|| {
        let budget = budget(SECOND, 2, 1.0);
        let withdrawn = together::<3>(&budget, |budget, n| {
            let behind = ms(100) * u32::try_from(n).unwrap();
            tries(budget, 2, NOW + SECOND - behind)
        });
        assert_eq!(withdrawn, 2);
    });
}
