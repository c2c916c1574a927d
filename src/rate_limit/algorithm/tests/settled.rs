//! What comes after the decision: debts, refunds, clocks that step back; and what a state costs.

use super::{
    ADMITTED, Algorithm, Gcra, LeakyQueue, State, TODAY, Verdict, Wait, bucket, delayed,
    fixed_window, in_flight, queue, request, sliding_log, sliding_window, wait,
};

fn one_of_each() -> [Algorithm; 6] {
    [
        fixed_window(5, 100),
        sliding_window(5, 100),
        sliding_log(5, 100),
        bucket(5, 100_000, 5),
        queue(5, 100_000, 4),
        in_flight(5),
    ]
}

#[test]
fn a_state_is_no_larger_than_half_a_cache_line() {
    assert!(size_of::<State>() <= 32);
}

#[test]
fn a_cost_of_0_always_passes_and_changes_nothing() {
    for algorithm in one_of_each() {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, TODAY, 1_000);
        let before = state.clone();
        assert_eq!(request(&algorithm, &mut state, TODAY, 0), ADMITTED);
        algorithm.refund(&mut state, TODAY, TODAY, 0);
        algorithm.forgo(&mut state, TODAY, TODAY, 0);
        algorithm.restore(&mut state, TODAY, 0);
        assert_eq!(state, before, "{algorithm:?}");
    }
}

#[test]
fn a_cost_above_the_quota_is_never_admitted() {
    for algorithm in one_of_each() {
        assert_eq!(algorithm.quota(), 5);
        assert_eq!(algorithm.check(&algorithm.fresh(), TODAY, 5), ADMITTED);
        let verdict = algorithm.check(&algorithm.fresh(), TODAY, 6);
        assert_eq!(verdict, Verdict::Refused(Wait::Never), "{algorithm:?}");
    }
}

#[test]
fn the_whole_quota_comes_back_in_a_window() {
    for algorithm in &one_of_each()[..5] {
        assert_eq!(algorithm.window(), 100, "{algorithm:?}");
    }
    assert_eq!(bucket(3, 1_000_000_000, 1).window(), 333_334);
    assert_eq!(bucket(10, 1_000_000_000, 25).window(), 2_500_000);
}

#[test]
fn a_debt_has_to_drain_or_to_leave_the_window() {
    // Until one passes: the window's end; 5 of 15 are left at a third of the next window; the entry's end; 11 tokens.
    let waits = [100, 174, 100, 220, 220];
    for (algorithm, expected) in one_of_each().iter().zip(waits) {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, 0, 15);
        assert_eq!(algorithm.remaining(&state, 0), 0);
        assert_eq!(
            algorithm.check(&state, 0, 1),
            wait(expected),
            "{algorithm:?}"
        );
    }
}

#[test]
fn the_largest_of_debts_stops_at_what_can_be_counted() {
    for algorithm in one_of_each() {
        let mut state = algorithm.fresh();
        for now in [TODAY, TODAY, TODAY + 7] {
            algorithm.charge(&mut state, now, u64::MAX);
            assert_eq!(algorithm.remaining(&state, now), 0);
            assert_ne!(algorithm.reset(&state, now), 0);
            assert!(
                matches!(algorithm.check(&state, now, 1), Verdict::Refused(_)),
                "{algorithm:?}"
            );
        }
        algorithm.refund(&mut state, TODAY, TODAY + 7, u64::MAX);
        algorithm.refund(&mut state, u64::MAX, TODAY + 7, u64::MAX);
        algorithm.remaining(&state, u64::MAX);
        algorithm.reset(&state, u64::MAX);
        algorithm.charge(&mut state, u64::MAX, 1);
        algorithm.check(&state, u64::MAX, 5);
    }
}

#[test]
fn debts_do_not_grow_a_log_beyond_its_entries() {
    let log = sliding_log(3, 1_000);
    let mut state = log.fresh();
    for now in 0..500 {
        log.charge(&mut state, now, 1);
    }
    let State::SlidingLog(entries) = &state else {
        panic!("a log")
    };
    assert_eq!(entries.len(), 3);
    assert_eq!(log.check(&state, 500, 1), wait(999));
}

#[test]
fn a_refund_gives_back_what_still_counts() {
    for algorithm in one_of_each() {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, 200, 2);
        let Verdict::Admitted { delay } = request(&algorithm, &mut state, 200, 3) else {
            panic!("3 are left")
        };
        algorithm.refund(&mut state, 200 + delay, 201, 3);
        let remaining = algorithm.remaining(&state, 201);
        assert_eq!(remaining, 3, "{algorithm:?}");
    }
}

#[test]
fn a_window_that_has_passed_gives_nothing_back() {
    for algorithm in [fixed_window(5, 100), sliding_log(5, 100)] {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, 99, 5);
        algorithm.charge(&mut state, 199, 5);
        algorithm.charge(&mut state, 200, 0);
        algorithm.refund(&mut state, 99, 199, 5);
        assert_eq!(algorithm.remaining(&state, 199), 0, "{algorithm:?}");
    }
    let sliding = sliding_window(5, 100);
    let mut state = sliding.fresh();
    sliding.charge(&mut state, 99, 5);
    sliding.charge(&mut state, 250, 1);
    sliding.refund(&mut state, 99, 250, 5);
    assert_eq!(sliding.remaining(&state, 250), 4);
}

#[test]
fn a_bucket_never_gets_more_than_full() {
    let bucket = bucket(1, 10_000, 5);
    let mut state = bucket.fresh();
    bucket.charge(&mut state, 0, 5);
    bucket.refund(&mut state, 0, 20, 5);
    assert_eq!(
        (bucket.remaining(&state, 20), bucket.reset(&state, 20)),
        (5, 0)
    );
    bucket.charge(&mut state, 20, 5);
    assert_eq!(bucket.check(&state, 20, 1), wait(10));
}

#[test]
fn a_refund_that_fills_a_bucket_is_no_credit_for_a_step_back() {
    let bucket = bucket(1, 10_000, 5);
    let mut state = bucket.fresh();
    bucket.charge(&mut state, 0, 5);
    bucket.refund(&mut state, 0, 45, 5);
    assert_eq!(bucket.reset(&state, 30), 15);
}

#[test]
fn a_place_that_is_given_up_goes_to_the_next_who_comes() {
    let queue = queue(1, 10_000, 3);
    let mut line = queue.fresh();
    for turn in [0, 10, 20, 30] {
        assert_eq!(request(&queue, &mut line, 0, 1), delayed(turn));
    }
    queue.refund(&mut line, 10, 1, 1);
    assert_eq!(queue.remaining(&line, 1), 1);
    assert_eq!(queue.check(&line, 1, 2), wait(19));
    assert_eq!(request(&queue, &mut line, 1, 1), delayed(9));
    assert_eq!(request(&queue, &mut line, 1, 1), wait(9));
}

#[test]
fn a_place_whose_turn_has_come_is_not_given_back() {
    let queue = queue(1, 10_000, 3);
    let mut line = queue.fresh();
    for _ in 0..3 {
        queue.charge(&mut line, 0, 1);
    }
    queue.refund(&mut line, 10, 10, 1);
    queue.refund(&mut line, 0, 10, 1);
    assert_eq!(queue.remaining(&line, 10), 2);
    assert_eq!(queue.reset(&line, 10), 20);
}

#[test]
fn the_line_gets_shorter_when_its_last_leave() {
    let queue = queue(1, 10_000, 3);
    let mut line = queue.fresh();
    for _ in 0..4 {
        queue.charge(&mut line, 0, 1);
    }
    for turn in [10, 20] {
        queue.refund(&mut line, turn, 0, 1);
        assert_eq!(queue.reset(&line, 0), 40);
    }
    assert_eq!(queue.remaining(&line, 0), 2);
    queue.refund(&mut line, 30, 0, 1);
    assert_eq!((queue.remaining(&line, 0), queue.reset(&line, 0)), (3, 10));
}

#[test]
fn a_place_is_given_up_once() {
    let queue = queue(1, 10_000, 5);
    let mut line = queue.fresh();
    for _ in 0..6 {
        queue.charge(&mut line, 0, 1);
    }
    for _ in 0..3 {
        queue.refund(&mut line, 20, 0, 1);
        queue.refund(&mut line, 15, 0, 1);
    }
    assert_eq!(queue.remaining(&line, 0), 1);
    assert_eq!(request(&queue, &mut line, 0, 1), delayed(20));
    assert_eq!(request(&queue, &mut line, 0, 1), wait(10));
}

/// They stand before the end of the line, and have the same turn as others.
#[test]
fn places_of_less_than_a_microsecond_are_given_up_too() {
    let queue = queue(10, 3_000, 9);
    let mut line = queue.fresh();
    queue.charge(&mut line, 0, 5);
    assert_eq!(request(&queue, &mut line, 0, 1), delayed(2));
    queue.refund(&mut line, 2, 0, 1);
    assert_eq!(queue.remaining(&line, 0), 5);
}

#[test]
fn the_place_of_a_debt_takes_no_more_than_the_quota() {
    let queue = queue(1, 10_000, 4);
    let mut line = queue.fresh();
    for cost in [1, 10, 1] {
        queue.charge(&mut line, 0, cost);
    }
    queue.refund(&mut line, 10, 0, 10);
    assert_eq!(queue.remaining(&line, 0), 5);
    assert_eq!(queue.check(&line, 0, 6), Verdict::Refused(Wait::Never));
    assert_eq!(queue.check(&line, 0, 5), delayed(10));
}

#[test]
fn no_more_places_are_kept_than_can_wait_and_none_that_has_passed() {
    let queue = queue(1, 10_000, 2);
    let mut line = queue.fresh();
    for _ in 0..12 {
        queue.charge(&mut line, 0, 1);
    }
    for turn in [10, 30, 50, 70, 90] {
        queue.refund(&mut line, turn, 0, 1);
    }
    let turns = [10, 30, 50].map(|turn| (request(&queue, &mut line, 0, 1), delayed(turn)));
    assert!(turns.iter().all(|(turn, expected)| turn == expected));
    assert_eq!(queue.check(&line, 0, 1), wait(100));
    let mut fresh = queue.fresh();
    queue.charge(&mut fresh, 120, 1);
    queue.charge(&mut line, 120, 1);
    assert_eq!(line, fresh);
}

#[test]
fn a_clock_that_steps_back_frees_nothing() {
    for algorithm in one_of_each() {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, TODAY, 5);
        for back in [1, 50, 100, 1_000] {
            assert_eq!(
                algorithm.remaining(&state, TODAY - back),
                0,
                "{algorithm:?}"
            );
        }
    }
}

#[test]
fn after_a_step_back_a_wait_is_longer_by_the_step_and_no_more() {
    for algorithm in &one_of_each()[..5] {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, 1_000, 5);
        let Verdict::Refused(Wait::For(wait)) = algorithm.check(&state, 1_000, 1) else {
            panic!("5 of 5")
        };
        assert_eq!(
            algorithm.check(&state, 970, 1),
            super::wait(wait + 30),
            "{algorithm:?}"
        );
    }
}

#[test]
fn a_clock_that_jumps_forward_frees_all() {
    for algorithm in &one_of_each()[..5] {
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, TODAY, 5);
        assert_eq!(algorithm.remaining(&state, 2 * TODAY), 5, "{algorithm:?}");
        assert_eq!(algorithm.reset(&state, 2 * TODAY), 0, "{algorithm:?}");
    }
}

#[test]
fn a_state_of_another_kind_is_as_good_as_fresh() {
    let (window, bucket) = (fixed_window(5, 100), bucket(1, 10_000, 3));
    let mut state = window.fresh();
    window.charge(&mut state, 0, 5);
    assert_eq!(
        (bucket.remaining(&state, 0), bucket.reset(&state, 0)),
        (3, 0)
    );
    bucket.refund(&mut state, 0, 0, 1);
    assert_eq!(bucket.check(&state, 0, 3), ADMITTED);
    bucket.charge(&mut state, 0, 3);
    assert_eq!(bucket.check(&state, 0, 1), wait(10));
}

#[test]
fn a_rate_is_the_same_however_large_its_numbers() {
    assert_eq!(bucket(6, 21_000, 5), bucket(2, 7_000, 5));
    let large = 10_000_000_000_000_000;
    assert_eq!(bucket(large, large, 5), bucket(1, 1, 5));
}

#[test]
fn a_bucket_that_cannot_be_counted_with_is_none() {
    let second = 1_000_000_000;
    for (n, period, burst) in [
        (0, second, 1),
        (1, 0, 1),
        (1, second, 0),
        (1, second, u64::MAX),
        (1, u64::MAX, 200),
    ] {
        assert_eq!(Gcra::new(n, period, burst), None);
    }
    assert_eq!(Gcra::new(u64::MAX, 1, 1), None);
    assert_eq!(LeakyQueue::new(1, second, u64::MAX), None);
    assert_ne!(Gcra::new(1, u64::MAX, 100), None);
    assert_ne!(Gcra::new(1, 1_000, u64::MAX / 8 - 1), None);
    assert_eq!(Gcra::new(1, 1_000, u64::MAX / 8), None);
    assert_ne!(LeakyQueue::new(1, second, 0), None);
}
