//! What is decided for one key.

use super::*;
use crate::rate_limit::algorithm::Wait;

/// "Two a second, and three in ten": the emission intervals are 500 and 3 333 milliseconds.
fn two_limits() -> Limits {
    let burst = Limit::token_bucket(2).per(seconds(1)).name("burst");
    let daily = Limit::token_bucket(1_000)
        .per(seconds(3_333))
        .burst(3)
        .name("daily");
    Limits::all([burst.build().unwrap(), daily.build().unwrap()]).unwrap()
}

#[test]
fn limits_on_one_subject_are_charged_together_or_not_at_all() {
    let mut caller = Caller::new(10, two_limits());
    for (millis, wait) in [
        (0, None),
        (0, None),
        (0, Some(500)),
        (500, None),
        (1_000, Some(2_333)),
        (3_333, None),
    ] {
        caller.now = millis * 1_000;
        let refused = caller.take(1, 1).err();
        let wait = wait.map(|wait| Wait::For(wait * 1_000));
        assert_eq!(refused.map(|refused| refused.wait), wait, "at {millis}");
    }
}

#[test]
fn a_refusal_names_all_limits_that_refuse_and_waits_for_the_last() {
    let caller = Caller::new(10, two_limits());
    let refused = caller.take(1, 3).unwrap_err();
    assert_eq!((refused.violated, refused.wait), (0b01, Wait::Never));
    caller.take(1, 2).unwrap();
    let refused = caller.take(1, 2).unwrap_err();
    assert_eq!(refused.violated, 0b11);
    assert_eq!(refused.wait, Wait::For(3_333_000));
}

#[test]
fn what_was_used_stays_used_when_the_plan_changes() {
    let mut caller = Caller::new(10, limits(10));
    caller.take(1, 6).unwrap();
    caller.limits = limits(100);
    assert_eq!(caller.admitted(1), 94);
    caller.limits = limits(10);
    assert_eq!(caller.admitted(1), 0);
}

#[test]
fn a_limit_takes_over_from_the_one_with_its_name() {
    let named = |quota, name: &str| fixed(quota).name(name).build().unwrap();
    let both = [named(10, "a"), named(20, "b")];
    let mut caller = Caller::new(10, Limits::all(both).unwrap());
    caller.take(1, 7).unwrap();
    caller.limits = Limits::all([named(20, "c"), named(9, "a")]).unwrap();
    caller.take(1, 2).unwrap();
    let refused = caller.take(1, 1).unwrap_err();
    assert_eq!(refused.violated, 0b10, "7 and 2 of 9 are used");
}

#[test]
fn a_blocked_key_is_refused_whatever_it_costs_until_then() {
    let mut caller = Caller::new(10, limits(10));
    caller.table.block(spread(1), caller.asked(0), 700);
    for cost in [0, 1] {
        let refused = caller.take(1, cost).unwrap_err();
        assert_eq!((refused.wait, refused.violated), (Wait::For(700), 0));
    }
    caller.take(2, 1).unwrap();
    caller.now = 700;
    caller.take(1, 1).unwrap();
}

#[test]
fn a_reset_gives_the_full_quota_and_lifts_the_block() {
    let caller = Caller::new(10, limits(3));
    assert_eq!(caller.admitted(1), 3);
    caller.table.block(spread(1), caller.asked(0), SECOND);
    caller.table.reset(spread(1), caller.now);
    assert_eq!(caller.admitted(1), 3);
}

#[test]
fn what_was_charged_before_a_reset_is_not_refunded_after_it() {
    let mut caller = Caller::new(10, limits(3));
    let before = caller.take(1, 2).unwrap();
    caller.now = 10;
    caller.table.reset(spread(1), caller.now);
    caller.take(1, 2).unwrap();
    caller.refund(before);
    assert_eq!(caller.remaining(1), 1);
    let less = Asked {
        cost: 0,
        ..caller.asked(0)
    };
    caller.table.settle(before, less);
    assert_eq!(caller.remaining(1), 1);
}

#[test]
fn requests_in_flight_are_still_there_after_a_reset() {
    let flying = Limit::concurrency(2).build().unwrap();
    let mut caller = Caller::new(10, flying.into());
    let one = caller.take(1, 1).unwrap();
    caller.now = 10;
    caller.table.reset(spread(1), caller.now);
    assert_eq!(caller.remaining(1), 1);
    caller.refund(one);
    assert_eq!(caller.remaining(1), 2);
}

#[test]
fn concurrency_counts_requests_and_not_what_they_cost() {
    let flying = Limit::concurrency(2).build().unwrap();
    let caller = Caller::new(10, flying.into());
    for cost in [0, 50] {
        caller.take(1, cost).unwrap();
    }
    assert_eq!(caller.take(1, 1).unwrap_err().wait, Wait::Unknown);
}

#[test]
fn a_cost_is_settled_up_and_down() {
    let caller = Caller::new(10, limits(10));
    let cheap = caller.take(1, 1).unwrap();
    caller.table.settle(cheap, caller.asked(8));
    assert_eq!(caller.remaining(1), 2);
    let dear = caller.take(1, 2).unwrap();
    caller.table.settle(dear, caller.asked(1));
    assert_eq!(caller.remaining(1), 1);
}

#[test]
fn what_is_left_is_told_to_who_wants_to_know() {
    let caller = Caller::new(10, limits(10));
    let mut left = Lefts::new();
    caller
        .table
        .decide(spread(1), caller.asked(3), Some(&mut left));
    assert_eq!((left[0].remaining, left[0].reset), (7, SECOND));
}

/// A plan of a concurrency limit and a rate, and one of a rate alone.
fn plans() -> [Limits; 2] {
    let flying = Limit::concurrency(2).name("flying").build().unwrap();
    let rate = |quota, name: &str| fixed(quota).name(name).build().unwrap();
    [
        Limits::all([rate(10, "pro"), flying]).unwrap(),
        rate(5, "free").into(),
    ]
}

#[test]
fn a_detour_through_another_plan_forgets_nothing() {
    let [pro, free] = plans();
    let mut caller = Caller::new(10, pro.clone());
    let flying = caller.take(1, 4).unwrap();
    caller.limits = free;
    caller.take(1, 1).unwrap();
    assert_eq!(caller.remaining(1), 0, "4 and 1 of 5");
    caller.limits = pro;
    assert!(caller.take(1, 6).is_err(), "5 of 10 were used");
    caller.take(1, 5).unwrap();
    assert!(caller.take(1, 0).is_err(), "two are in flight");
    caller.release(flying);
    caller.take(1, 0).unwrap();
}

#[test]
fn what_was_charged_under_one_plan_is_refunded_there() {
    let [pro, free] = plans();
    let mut caller = Caller::new(10, free.clone());
    let charge = caller.take(1, 2).unwrap();
    caller.limits = pro.clone();
    caller.take(1, 1).unwrap();
    caller.take(1, 1).unwrap();
    caller.limits = free;
    caller.refund(charge);
    caller.limits = pro;
    let flies = caller.take(1, 0).unwrap_err();
    assert_eq!(flies.violated, 0b10, "places in flight were not refunded");
    assert_eq!(
        caller.remaining(1),
        6,
        "nor what was used of the other plan"
    );
}

#[test]
fn a_known_wait_is_told_beside_an_unknown_one() {
    let flying = Limit::concurrency(1).name("flying").build().unwrap();
    let once = fixed(1).name("once").build().unwrap();
    let caller = Caller::new(10, Limits::all([flying, once]).unwrap());
    caller.take(1, 1).unwrap();
    let refused = caller.take(1, 1).unwrap_err();
    assert_eq!(refused.wait, Wait::For(SECOND));
    assert_eq!(refused.violated, 0b11);
}

#[test]
fn a_block_does_not_hide_what_takes_longer() {
    let caller = Caller::new(10, limits(1));
    caller.take(1, 1).unwrap();
    caller.table.block(spread(1), caller.asked(0), 10);
    assert_eq!(caller.take(1, 1).unwrap_err().wait, Wait::For(SECOND));
    assert_eq!(caller.take(1, 2).unwrap_err().wait, Wait::Never);
}

#[test]
fn a_turn_that_was_not_taken_is_free_again() {
    let queue = Limit::leaky_queue(1).per(seconds(1)).waiting(1).build();
    let caller = Caller::new(10, queue.unwrap().into());
    let now = caller.take(1, 1).unwrap();
    caller.table.refund(now, caller.asked(0), false);
    assert_eq!(caller.take(1, 1).unwrap().delay, 0);
    let taken = caller.take(1, 1).unwrap();
    assert_eq!(taken.delay, SECOND);
}

#[test]
fn who_read_the_clock_before_others_is_refunded_as_well() {
    for limit in [fixed(5), Limit::sliding_window(5).per(seconds(1))] {
        let mut caller = Caller::new(10, limit.build().unwrap().into());
        caller.now = 5 * SECOND;
        caller.take(1, 1).unwrap();
        caller.now -= 10;
        let late = caller.take(1, 1).unwrap();
        caller.refund(late);
        assert_eq!(caller.remaining(1), 4);
    }
}

#[test]
fn what_was_charged_last_can_be_given_back_without_a_receipt() {
    for limit in [
        fixed(5).build(),
        Limit::sliding_window(5).per(seconds(1)).build(),
        Limit::sliding_log(5).per(seconds(1)).build(),
        Limit::token_bucket(5).per(seconds(1)).build(),
    ] {
        let mut caller = Caller::new(10, limit.unwrap().into());
        caller.take(1, 2).unwrap();
        caller.now += 10;
        caller.take(1, 2).unwrap();
        caller.table.restore(spread(1), 3, caller.now);
        assert_eq!(caller.remaining(1), 4, "{:?}", caller.limits);
        caller.table.restore(spread(1), 30, caller.now);
        assert_eq!(caller.remaining(1), 5);
    }
}

#[test]
fn limits_that_are_the_same_are_not_taken_for_others() {
    let mut caller = Caller::new(10, limits(5));
    caller.take(1, 4).unwrap();
    caller.limits = limits(5);
    caller.take(1, 1).unwrap();
    assert_eq!(caller.remaining(1), 0);
}
