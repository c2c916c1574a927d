//! Another limit for a key that has used some of the one before.

use proptest::prelude::*;

use super::{
    Algorithm, TODAY, Verdict, bucket, delayed, fixed_window, in_flight, queue, request,
    sliding_log, sliding_window, wait,
};

const WINDOW: u64 = 60_000_000;

fn windows() -> impl Strategy<Value = Algorithm> {
    let window = || prop_oneof![2 => Just(WINDOW), 1 => 1_u64..2 * WINDOW];
    prop_oneof![
        (1_u64..200, window()).prop_map(|(n, us)| fixed_window(n, us)),
        (1_u64..200, window()).prop_map(|(n, us)| sliding_window(n, us)),
        (1_u64..200, window()).prop_map(|(n, us)| sliding_log(n, us)),
        (1_u64..200, window(), 1_u64..200).prop_map(|(n, us, burst)| bucket(n, us * 1_000, burst)),
    ]
}

proptest! {
    #[test]
    fn what_was_used_stays_used(
        old in windows(), new in windows(), requests in prop::collection::vec((0_u64..WINDOW / 4, 1_u64..50), 0..20),
    ) {
        let (mut state, mut now) = (old.fresh(), TODAY);
        for (passes, cost) in requests {
            now += passes;
            request(&old, &mut state, now, cost);
        }
        let used = old.quota() - old.remaining(&state, now);
        let adopted = new.adopt(&old, &state, now);
        prop_assert_eq!(new.quota() - new.remaining(&adopted, now), used.min(new.quota()));
        prop_assert_eq!(old.adopt(&old, &state, now), state);
    }
}

fn pairs(small: u64, large: u64) -> [(Algorithm, Algorithm); 4] {
    let bucket = |n| bucket(n, WINDOW * 1_000, n);
    [
        (fixed_window(small, WINDOW), fixed_window(large, WINDOW)),
        (sliding_window(small, WINDOW), sliding_window(large, WINDOW)),
        (sliding_log(small, WINDOW), sliding_log(large, WINDOW)),
        (bucket(small), bucket(large)),
    ]
}

#[test]
fn sixty_of_a_hundred_are_sixty_of_a_thousand() {
    for (old, new) in pairs(100, 1_000) {
        let mut state = old.fresh();
        old.charge(&mut state, TODAY, 60);
        let adopted = new.adopt(&old, &state, TODAY);
        assert_eq!(new.remaining(&adopted, TODAY), 940, "{new:?}");
    }
}

#[test]
fn what_was_used_comes_back_when_it_would_have_come_back() {
    let bucket = |burst| bucket(1, WINDOW * 1_000, burst);
    for (old, new, passes) in [
        (
            fixed_window(10, WINDOW),
            fixed_window(20, WINDOW),
            WINDOW / 3,
        ),
        // The requests were in the window before this one.
        (
            sliding_window(10, WINDOW),
            sliding_window(20, WINDOW),
            WINDOW + WINDOW / 3,
        ),
        (sliding_log(10, WINDOW), sliding_log(20, WINDOW), WINDOW / 3),
        // A third of a token is back.
        (bucket(10), bucket(20), WINDOW / 3),
    ] {
        let now = TODAY - TODAY % WINDOW;
        let mut state = old.fresh();
        old.charge(&mut state, now, 2);
        let adopted = new.adopt(&old, &state, now + passes);
        let expected = old.reset(&state, now + passes);
        assert_eq!(new.reset(&adopted, now + passes), expected, "{new:?}");
    }
}

#[test]
fn a_smaller_limit_is_used_up_as_a_whole_and_no_more() {
    for (new, old) in pairs(50, 100) {
        let mut state = old.fresh();
        old.charge(&mut state, TODAY, 300);
        let adopted = new.adopt(&old, &state, TODAY);
        assert_eq!(new.remaining(&adopted, TODAY), 0, "{new:?}");
        assert!(new.reset(&adopted, TODAY) <= 2 * WINDOW, "{new:?}");
        let Verdict::Refused(_) = new.check(&adopted, TODAY, 1) else {
            panic!("{new:?}")
        };
    }
}

#[test]
fn what_a_smaller_limit_had_no_room_for_is_forgotten() {
    for (small, large) in pairs(50, 100) {
        let mut state = large.fresh();
        large.charge(&mut state, TODAY, 80);
        let adopted = small.adopt(&large, &state, TODAY);
        let back = large.adopt(&small, &adopted, TODAY);
        assert_eq!(large.remaining(&back, TODAY), 50, "{large:?}");
    }
}

#[test]
fn entries_of_a_log_keep_their_moments() {
    let (old, new) = (sliding_log(3, 100), sliding_log(5, 100));
    let mut state = old.fresh();
    for now in [0, 10, 20] {
        old.charge(&mut state, now, 1);
    }
    let adopted = new.adopt(&old, &state, 30);
    assert_eq!(new.check(&adopted, 30, 3), wait(70));
    let smaller = sliding_log(2, 100);
    assert_eq!(
        smaller.check(&smaller.adopt(&old, &state, 30), 30, 1),
        wait(80)
    );
}

#[test]
fn a_smaller_sliding_window_fades_from_its_limit_and_not_from_more() {
    let (old, new) = (sliding_window(100, 1_000), sliding_window(10, 1_000));
    let mut state = old.fresh();
    old.charge(&mut state, 0, 100);
    let adopted = new.adopt(&old, &state, 1_000);
    assert_eq!(new.check(&adopted, 1_000, 1), wait(100));
}

/// Of 8 and 6, the 8 count for half by then: 2 of them, and so 4 in all, are more than there is room for.
#[test]
fn the_past_of_a_smaller_sliding_window_gets_what_the_present_leaves() {
    let (old, new) = (sliding_window(20, 1_000), sliding_window(8, 1_000));
    let mut state = old.fresh();
    old.charge(&mut state, 0, 8);
    old.charge(&mut state, 1_500, 6);
    let adopted = new.adopt(&old, &state, 1_500);
    assert_eq!(new.remaining(&adopted, 1_500), 0);
    assert_eq!(new.check(&adopted, 1_500, 1), wait(250));
}

#[test]
fn of_another_kind_no_more_is_used_up_than_the_whole() {
    let (old, new) = (fixed_window(100, WINDOW), bucket(1, 10_000, 5));
    let mut state = old.fresh();
    old.charge(&mut state, TODAY, 80);
    assert_eq!(new.reset(&new.adopt(&old, &state, TODAY), TODAY), 50);
}

#[test]
fn a_third_of_a_token_is_not_rounded_away() {
    let (old, new) = (bucket(1, 3_000, 5), bucket(1, 1_000, 5));
    let mut state = old.fresh();
    old.charge(&mut state, 0, 1);
    assert_eq!(new.remaining(&new.adopt(&old, &state, 2), 2), 4);
}

#[test]
fn who_waits_keeps_the_turn_that_was_told() {
    let (old, new) = (queue(1, 10_000, 4), queue(1, 4_000, 1));
    let mut line = old.fresh();
    let turns = [0, 10, 20, 30].map(|turn| (request(&old, &mut line, 0, 1), delayed(turn)));
    assert!(turns.iter().all(|(turn, expected)| turn == expected));
    let mut line = new.adopt(&old, &line, 5);
    assert_eq!(new.check(&line, 5, 1), wait(31));
    assert_eq!(request(&new, &mut line, 36, 1), delayed(4));
    // A place from before stands between turns of another interval.
    for turn in [20, 30] {
        new.refund(&mut line, turn, 12, 1);
        assert_eq!(new.check(&line, 12, 1), wait(28));
    }
    new.refund(&mut line, 40, 36, 1);
    assert_eq!(new.reset(&line, 36), 4);
}

#[test]
fn an_empty_line_is_as_good_as_fresh_to_another_queue() {
    let (old, new) = (queue(1, 10_000, 4), queue(1, 4_000, 1));
    assert_eq!(new.adopt(&old, &old.fresh(), 0), new.fresh());
}

#[test]
fn what_is_in_flight_ends_once_whatever_the_limit_is_by_then() {
    let (old, new) = (in_flight(10), in_flight(5));
    let mut state = old.fresh();
    old.charge(&mut state, 0, 8);
    let mut state = new.adopt(&old, &state, 0);
    new.refund(&mut state, 0, 1, 4);
    assert_eq!(new.remaining(&state, 1), 1);
    let window = fixed_window(9, WINDOW);
    assert_eq!(window.remaining(&window.adopt(&new, &state, 1), 1), 5);
    let used = window.adopt(&new, &state, 1);
    assert_eq!(new.adopt(&window, &used, 1), new.fresh());
}
