//! Traces with their seconds.

use super::*;

#[test]
fn the_fifth_failure_of_the_last_ten_calls_opens_it() {
    let mut machine = Machine::new(TEN);
    machine.calls(0..1000, GOOD);
    machine.calls(1000..1004, BAD);
    assert_eq!(machine.kind(), BreakerState::Closed);
    machine.calls([1004], BAD);
    assert_eq!(machine.kind(), BreakerState::Open);
    assert!(machine.refuses(1005.0) && machine.refuses(1010.0));
    machine.call(1064.9, GOOD).unwrap();
    machine.calls([1066], GOOD);
    assert_eq!(machine.kind(), BreakerState::HalfOpen);
    machine.calls([1067], BAD);
    assert_eq!(machine.kind(), BreakerState::Closed);
}

#[test]
fn it_is_open_again_for_the_whole_wait_when_its_probes_fail() {
    let mut machine = Machine::new(TEN);
    machine.calls(0..10, BAD);
    assert_eq!(machine.kind(), BreakerState::Open);
    assert!(machine.refuses(68.9));
    machine.calls([69, 70], BAD);
    assert_eq!(machine.kind(), BreakerState::HalfOpen);
    machine.calls([71], GOOD);
    assert_eq!(machine.kind(), BreakerState::Open);
    assert!(machine.refuses(130.9));
    machine.calls([131], GOOD);
    assert_eq!(machine.kind(), BreakerState::HalfOpen);
}

#[test]
fn below_the_minimum_of_calls_it_stays_closed() {
    let mut machine = Machine::new(TEN);
    machine.calls(0..4, BAD);
    machine.calls(4..9, GOOD);
    assert_eq!(machine.kind(), BreakerState::Closed);
    machine.calls([9], BAD);
    assert_eq!(machine.kind(), BreakerState::Open, "five of ten");
}

#[test]
fn the_call_that_fills_the_minimum_may_open_it_though_it_went_well() {
    let mut machine = Machine::new(TEN);
    machine.calls(0..9, BAD);
    machine.calls([9], GOOD);
    assert_eq!(machine.kind(), BreakerState::Open);
}

#[test]
fn what_has_left_the_window_does_not_count() {
    let mut machine = Machine::new(TEN);
    for _ in 0..50 {
        machine.calls([0; 4], BAD);
        machine.calls([0; 6], GOOD);
    }
    assert_eq!(machine.kind(), BreakerState::Closed);
    assert_eq!(machine.0.tally(0).failures, 4);
}

#[test]
fn a_window_of_time_forgets_in_tenths() {
    let mut machine = Machine::new(Rules {
        span: Span::Time(10 * SECOND),
        minimum: 4,
        ..TEN
    });
    machine.calls([100, 100, 104], BAD);
    machine.calls([109], GOOD);
    assert_eq!(
        machine.kind(),
        BreakerState::Open,
        "all four are in the window"
    );

    let mut machine = Machine::new(Rules {
        span: Span::Time(10 * SECOND),
        minimum: 4,
        ..TEN
    });
    machine.calls([100, 100, 104], BAD);
    machine.calls([110], GOOD);
    assert_eq!(machine.kind(), BreakerState::Closed);
    let left = machine.0.tally(nanos(110.0));
    assert_eq!((left.calls, left.failures), (2, 1));
    assert_eq!(machine.0.tally(nanos(113.9)).calls, 2);
    assert_eq!(machine.0.tally(nanos(114.0)).calls, 1);
    assert_eq!(machine.0.tally(nanos(1000.0)), Tally::default());
}

#[test]
fn a_reading_from_before_counts_as_of_now() {
    let mut machine = Machine::new(Rules {
        span: Span::Time(10 * SECOND),
        ..TEN
    });
    machine.calls([100, 97], BAD);
    assert_eq!(machine.0.tally(nanos(109.9)).calls, 2);
    assert_eq!(machine.0.tally(nanos(110.0)).calls, 0);
}

#[test]
fn slow_calls_open_it_though_they_went_well() {
    let mut machine = Machine::new(Rules {
        slow: Some(Slow {
            longer_than: SECOND,
            rate: MILLION * 3 / 10,
        }),
        ..TEN
    });
    machine.calls(0..8, GOOD);
    machine.calls([8, 9], SLOW);
    assert_eq!(machine.kind(), BreakerState::Closed);
    machine.calls([10], SLOW);
    assert_eq!(machine.kind(), BreakerState::Open);
    machine.calls([70, 71], GOOD);
    machine.calls([72], SLOW);
    assert_eq!(machine.kind(), BreakerState::Open, "a third of the probes");
}

#[test]
fn rates_are_compared_exactly() {
    let mut machine = Machine::new(Rules {
        span: Span::Calls(100),
        minimum: 100,
        failure_rate: 70_000,
        ..TEN
    });
    machine.calls(0..93, GOOD);
    machine.calls(0..6, BAD);
    assert_eq!(machine.kind(), BreakerState::Closed);
    machine.calls([0], BAD);
    assert_eq!(
        machine.kind(),
        BreakerState::Open,
        "0.07 * 100 is above 7 in floats"
    );
}
