//! Readers of what is not recorded.

use std::{sync::Arc, time::Duration};

use super::{Bench, Got, Reading, STALL, Tap, data, system_without_runtime};
use crate::response_cache::fetch::fill::Reader;

/// Two readers of a body that is not recorded, both at its start.
fn two(bench: &Bench, tap: &Tap) -> (Reading, Reading) {
    let body = bench.body(tap);
    (Reading::leader(&body), Reading::follower(&body))
}

#[test]
fn whoever_gets_too_far_ahead_waits_for_the_slowest() {
    let (bench, tap) = (Bench::with_window(4), Tap::default());
    let (mut fast, mut slow) = two(&bench, &tap);
    for part in ["ab", "cd", "ef", "gh"] {
        tap.data(part);
    }
    assert_eq!(fast.all(), "abcd");
    assert_eq!(tap.polls(), 2);
    assert_eq!(slow.next(), data("ab"));
    assert!(fast.is_woken());
    assert_eq!(fast.all(), "ef");
    assert_eq!(slow.all(), "cdefgh");
    assert!(fast.is_woken());
    tap.end();
    assert_eq!(fast.all(), "gh");
    assert_eq!((fast.next(), slow.next()), (Got::End, Got::End));
}

#[test]
fn one_that_leaves_holds_up_nobody() {
    let (bench, tap) = (Bench::with_window(2), Tap::default());
    let (mut fast, slow) = two(&bench, &tap);
    tap.data("ab");
    tap.data("cd");
    assert_eq!(fast.all(), "ab");
    drop(slow);
    assert!(fast.is_woken());
    assert_eq!(fast.all(), "cd");
}

#[test]
fn one_that_holds_up_the_others_for_too_long_is_cut_off() {
    let (bench, tap) = (Bench::with_window(2), Tap::default());
    let (mut fast, mut slow) = two(&bench, &tap);
    tap.data("ab");
    tap.data("cd");
    assert_eq!(fast.all(), "ab");
    bench.clock.advance(STALL - Duration::from_nanos(1));
    assert!(!fast.is_woken());
    assert_eq!(fast.next(), Got::Nothing);
    bench.clock.advance(Duration::from_nanos(1));
    assert!(fast.is_woken());
    assert_eq!(fast.all(), "cd");
    assert_eq!((slow.next(), slow.next()), (Got::Stalled, Got::End));
    assert!(slow.reader.is_end_stream());
}

#[test]
fn one_that_gets_on_is_not_cut_off() {
    let (bench, tap) = (Bench::with_window(4), Tap::default());
    let (mut fast, mut slow) = two(&bench, &tap);
    for part in ["ab", "cd", "ef", "gh"] {
        tap.data(part);
    }
    assert_eq!(fast.all(), "abcd");
    for part in ["ab", "cd"] {
        bench.clock.advance(STALL - Duration::from_nanos(1));
        assert_eq!(slow.next(), data(part));
        fast.all();
    }
    assert_eq!(slow.all(), "efgh");
}

/// The time at which a reader had read all there was counted, though there was nothing more to read until now.
#[test]
fn one_that_had_nothing_to_read_has_held_up_nobody() {
    let (bench, tap) = (Bench::with_window(2), Tap::default());
    let (mut fast, mut slow) = two(&bench, &tap);
    tap.data("ab");
    assert_eq!((fast.all(), slow.all()), ("ab".to_owned(), "ab".to_owned()));
    bench.clock.advance(STALL * 3);
    tap.data("cd");
    tap.data("ef");
    assert_eq!(fast.all(), "cd");
    assert_eq!(slow.next(), data("cd"));
    assert_eq!(fast.all(), "ef");
}

/// It held itself up, and was cut off for that.
#[test]
fn a_window_of_no_size_lets_readers_go_on_together() {
    let (bench, tap) = (Bench::with_window(0), Tap::default());
    let (mut one, mut two) = two(&bench, &tap);
    tap.data("ab");
    tap.data("cd");
    assert_eq!(one.all(), "ab");
    assert_eq!(two.next(), data("ab"));
    assert_eq!(one.all(), "cd");
    drop(two);
    tap.data("ef");
    assert_eq!(one.all(), "ef");
}

#[test]
fn of_several_slow_ones_all_are_cut_off() {
    let (bench, tap) = (Bench::with_window(2), Tap::default());
    let body = bench.body(&tap);
    let mut fast = Reading::leader(&body);
    let mut slow = [(); 3].map(|()| Reading::follower(&body));
    tap.data("ab");
    tap.data("cd");
    assert_eq!(fast.all(), "ab");
    bench.clock.advance(STALL);
    assert_eq!(fast.all(), "cd");
    assert!(slow.iter_mut().all(|slow| slow.next() == Got::Stalled));
}

#[test]
fn two_that_are_ahead_are_both_woken() {
    let (bench, tap) = (Bench::with_window(2), Tap::default());
    let body = bench.body(&tap);
    let (mut one, mut two) = (Reading::leader(&body), Reading::follower(&body));
    let mut slow = Reading::follower(&body);
    tap.data("ab");
    tap.data("cd");
    assert_eq!((one.all(), two.all()), ("ab".to_owned(), "ab".to_owned()));
    assert_eq!(slow.next(), data("ab"));
    assert!(one.is_woken() && two.is_woken());
    assert_eq!((one.all(), two.all()), ("cd".to_owned(), "cd".to_owned()));
}

/// Each time that it was polled it was to be woken once more.
#[test]
fn one_that_is_polled_again_while_it_waits_is_woken_once() {
    let (bench, tap) = (Bench::with_window(2), Tap::default());
    let (mut fast, mut slow) = two(&bench, &tap);
    tap.data("ab");
    tap.data("cd");
    assert_eq!(fast.all(), "ab");
    let before = Arc::strong_count(&fast.woken);
    for _ in 0..100 {
        assert_eq!(fast.next(), Got::Nothing);
    }
    assert_eq!(Arc::strong_count(&fast.woken), before);
    assert_eq!(slow.next(), data("ab"));
    assert!(fast.is_woken());
}

#[test]
fn without_timers_nobody_is_waited_for() {
    let bench = Bench::with(|core| {
        system_without_runtime(core);
        core.settings.max_body = 0;
        core.settings.collapsing.window.size = 2;
    });
    let tap = Tap::default();
    let (mut fast, mut slow) = two(&bench, &tap);
    tap.data("ab");
    tap.data("cd");
    assert_eq!(fast.all(), "abcd");
    assert_eq!(slow.next(), Got::Stalled);
}

#[test]
fn what_is_let_go_is_not_there_for_newcomers() {
    let (bench, tap) = (Bench::with_window(4), Tap::default());
    let body = bench.body(&tap);
    let mut leader = Reading::leader(&body);
    assert!(Reader::following(&body, None).is_ok());
    tap.data("ab");
    assert_eq!(leader.all(), "ab");
    assert!(Reader::following(&body, None).is_err());
}
