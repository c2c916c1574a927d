//! What is given back without having been used, or without saying which charge it was.

use super::{
    ADMITTED, Algorithm, State, TODAY, bucket, delayed, fixed_window, in_flight, queue, request,
    sliding_log, sliding_window, wait,
};

const WINDOW: u64 = 100;

/// The start of a window.
const START: u64 = TODAY - TODAY % WINDOW;

/// All with a quota of 5, of which what was used last can be given back.
fn without_turns() -> [Algorithm; 4] {
    [
        fixed_window(5, WINDOW),
        sliding_window(5, WINDOW),
        sliding_log(5, WINDOW),
        bucket(1, 20_000, 5),
    ]
}

fn line(queue: &Algorithm, now: u64, costs: u64) -> State {
    let mut line = queue.fresh();
    for _ in 0..costs {
        queue.charge(&mut line, now, 1);
    }
    line
}

#[test]
fn a_turn_that_was_not_taken_is_free_for_as_long_as_it_lasts() {
    let queue = queue(1, 10_000, 2);
    let mut two = line(&queue, 100, 2);
    queue.forgo(&mut two, 100, 100, 1);
    assert_eq!(queue.check(&two, 100, 1), ADMITTED);
    assert_eq!(queue.check(&two, 101, 1), delayed(19));
    // The line ends where the first of those begins that nobody takes.
    queue.forgo(&mut two, 110, 105, 1);
    assert_eq!(queue.reset(&two, 105), 0);
}

#[test]
fn a_turn_that_nobody_had_is_not_forgone() {
    let queue = queue(1, 10_000, 2);
    let mut two = line(&queue, 100, 2);
    for turn in [95, 105] {
        queue.forgo(&mut two, turn, 100, 1);
        assert_eq!(
            (queue.remaining(&two, 100), queue.reset(&two, 100)),
            (1, 20)
        );
    }
}

#[test]
fn what_is_forgone_is_refunded_where_there_are_no_turns() {
    for limit in without_turns().into_iter().chain([in_flight(5)]) {
        let mut state = limit.fresh();
        limit.charge(&mut state, START, 3);
        limit.forgo(&mut state, START, START, 2);
        assert_eq!(limit.remaining(&state, START), 4, "{limit:?}");
    }
}

/// The rest of a place comes after the turns of it that have passed.
#[test]
fn a_line_gets_shorter_up_to_what_is_left_of_a_place() {
    let queue = queue(1, 10_000, 5);
    let mut line = line(&queue, 0, 6);
    for turn in [10, 20, 30] {
        queue.refund(&mut line, turn, 0, 1);
    }
    assert_eq!(request(&queue, &mut line, 15, 1), delayed(5));
    for turn in [50, 40] {
        queue.refund(&mut line, turn, 15, 1);
    }
    assert_eq!(queue.reset(&line, 15), 15);
}

#[test]
fn a_place_that_has_just_passed_makes_room_for_another() {
    let queue = queue(1, 10_000, 1);
    let mut line = line(&queue, 0, 12);
    for turn in [10, 30] {
        queue.refund(&mut line, turn, 0, 1);
    }
    queue.refund(&mut line, 50, 20, 1);
    for turn in [30, 50] {
        assert_eq!(request(&queue, &mut line, 20, 1), delayed(turn - 20));
    }
}

#[test]
fn a_place_that_was_taken_again_makes_room_for_another() {
    let queue = queue(1, 10_000, 1);
    let mut line = line(&queue, 0, 12);
    for turn in [10, 30, 50, 70] {
        queue.refund(&mut line, turn, 0, 1);
        assert_eq!(request(&queue, &mut line, 0, 1), delayed(turn));
    }
}

#[test]
fn a_place_in_a_place_is_none() {
    let queue = queue(1, 10_000, 5);
    for (turn, cost) in [(10, 1), (20, 1), (20, 2), (10, 2), (0, 2)] {
        let mut line = line(&queue, 0, 6);
        queue.refund(&mut line, 10, 0, 2);
        let before = line.clone();
        queue.refund(&mut line, turn, 0, cost);
        assert_eq!(line, before, "{cost} at {turn}");
    }
}

#[test]
fn what_was_charged_last_is_given_back_whatever_it_was() {
    for limit in without_turns() {
        let mut state = limit.fresh();
        for (passes, cost) in [(0, 1), (2, 2), (4, 2)] {
            limit.charge(&mut state, START + passes, cost);
        }
        limit.restore(&mut state, START + 4, 0);
        assert_eq!(limit.remaining(&state, START + 4), 0, "{limit:?}");
        limit.restore(&mut state, START + 4, 1);
        assert_eq!(limit.remaining(&state, START + 4), 1, "{limit:?}");
        limit.restore(&mut state, START + 4, 3);
        assert_eq!(limit.remaining(&state, START + 4), 4, "{limit:?}");
        limit.restore(&mut state, START + 4, 7);
        assert_eq!(limit.remaining(&state, START + 4), 5, "{limit:?}");
        assert_eq!(limit.reset(&state, START + 4), 0, "{limit:?}");
    }
}

#[test]
fn what_stays_in_a_log_keeps_its_moment() {
    let log = sliding_log(20, WINDOW);
    let mut state = log.fresh();
    for (now, cost) in [(0, 6), (10, 3), (20, 2), (30, 4)] {
        log.charge(&mut state, now, cost);
    }
    log.restore(&mut state, 40, 4);
    assert_eq!((log.remaining(&state, 40), log.reset(&state, 40)), (9, 80));
    log.restore(&mut state, 40, 7);
    assert_eq!((log.remaining(&state, 40), log.reset(&state, 40)), (16, 60));
    assert_eq!(log.check(&state, 40, 17), wait(60));
}

#[test]
fn nothing_is_given_back_of_what_counts_no_more() {
    let log = sliding_log(5, WINDOW);
    let mut state = log.fresh();
    log.charge(&mut state, 0, 3);
    log.charge(&mut state, 60, 2);
    log.restore(&mut state, 110, 4);
    assert_eq!(log.remaining(&state, 110), 5);
    log.charge(&mut state, 110, 1);
    assert_eq!(log.remaining(&state, 110), 4);
}

#[test]
fn turns_and_what_is_in_flight_are_not_given_back_without_saying_which() {
    for limit in [queue(1, 10_000, 4), in_flight(5)] {
        let mut state = limit.fresh();
        limit.charge(&mut state, TODAY, 3);
        let before = state.clone();
        limit.restore(&mut state, TODAY, 2);
        assert_eq!(state, before, "{limit:?}");
    }
}

#[test]
fn who_reads_the_clock_late_gives_back_what_was_charged_last() {
    for limit in without_turns() {
        let mut state = limit.fresh();
        limit.charge(&mut state, START, 4);
        limit.restore(&mut state, START - 10, 3);
        assert_eq!(limit.remaining(&state, START), 4, "{limit:?}");
    }
}

#[test]
fn a_window_counts_from_its_start() {
    for limit in [fixed_window(5, WINDOW), sliding_window(5, WINDOW)] {
        let mut state = limit.fresh();
        assert_eq!(Algorithm::latest(&state), 0);
        limit.charge(&mut state, START + 30, 1);
        assert_eq!(Algorithm::latest(&state), START, "{limit:?}");
    }
}
