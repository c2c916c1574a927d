//! Half-open, forced, and outcomes that come late.

use super::*;

/// Open since second 9.
fn open() -> Machine {
    let mut machine = Machine::new(TEN);
    machine.calls(0..10, BAD);
    machine
}

fn acquire(machine: &mut Machine, at: f64) -> u64 {
    machine.0.acquire(nanos(at)).expect("it is let through");
    machine.0.generation()
}

fn end(machine: &mut Machine, generation: u64, outcome: Outcome) {
    machine.0.record(generation, outcome, || nanos(100.0));
}

#[test]
fn refusals_say_how_long() {
    let mut machine = open();
    let refused = machine.call(9.0, GOOD).unwrap_err();
    assert_eq!(
        (refused.state, refused.retry_after),
        (BreakerState::Open, 60 * SECOND)
    );
    assert_eq!(machine.call(68.0, GOOD).unwrap_err().retry_after, SECOND);
    for _ in 0..3 {
        acquire(&mut machine, 69.0);
    }
    let probed = machine.call(69.0, GOOD).unwrap_err();
    assert_eq!(
        (probed.state, probed.retry_after),
        (BreakerState::HalfOpen, SECOND)
    );
    assert_eq!(
        machine.call(128.5, GOOD).unwrap_err().retry_after,
        SECOND / 2
    );
    machine.0.force(Force::Open);
    let forced = machine.call(0.0, GOOD).unwrap_err();
    assert_eq!(
        (forced.state, forced.retry_after),
        (BreakerState::ForcedOpen, 60 * SECOND)
    );
    assert_eq!(machine.0.totals().refused, 5);
}

#[test]
fn probes_are_judged_when_all_have_ended() {
    let mut machine = open();
    let probes = [69.0; 3].map(|at| acquire(&mut machine, at));
    assert!(machine.refuses(69.0));
    end(&mut machine, probes[0], BAD);
    end(&mut machine, probes[1], BAD);
    assert_eq!(machine.kind(), BreakerState::HalfOpen);
    assert!(machine.refuses(69.0), "those that ended are not replaced");
    end(&mut machine, probes[2], GOOD);
    assert_eq!(machine.kind(), BreakerState::Open);
}

#[test]
fn a_cancelled_probe_gives_its_place_to_another_call() {
    let mut machine = open();
    let probes = [69.0; 3].map(|at| acquire(&mut machine, at));
    machine.0.give_back(probes[0]);
    assert!(!machine.refuses(69.0));
    let another = acquire(&mut machine, 70.0);
    assert!(machine.refuses(70.0));
    for probe in [probes[1], probes[2], another] {
        end(&mut machine, probe, GOOD);
    }
    assert_eq!(machine.kind(), BreakerState::Closed);
}

#[test]
fn probes_that_never_end_are_given_up_after_the_wait() {
    let mut machine = open();
    let lost = [69.0, 70.0, 75.0].map(|at| acquire(&mut machine, at));
    assert!(machine.refuses(134.9));
    machine.calls([135, 136, 137], GOOD);
    assert_eq!(machine.kind(), BreakerState::Closed);
    for probe in lost {
        end(&mut machine, probe, BAD);
    }
    assert_eq!(
        machine.0.tally(0),
        Tally::default(),
        "they are of another round"
    );
    assert_eq!(machine.0.totals().late, 3);
}

#[test]
fn outcomes_of_an_earlier_state_do_not_count() {
    let mut machine = Machine::new(TEN);
    let closed = acquire(&mut machine, 0.0);
    machine.calls(0..10, BAD);
    end(&mut machine, closed, GOOD);
    assert_eq!(machine.kind(), BreakerState::Open);
    let probe = acquire(&mut machine, 69.0);
    end(&mut machine, closed, BAD);
    machine.0.give_back(closed);
    assert_eq!(machine.0.tally(0), Tally::default());
    assert_ne!(probe, closed);
    machine.calls([70, 71], GOOD);
    assert_eq!(machine.kind(), BreakerState::HalfOpen, "one is in flight");
    end(&mut machine, probe, GOOD);
    assert_eq!(machine.kind(), BreakerState::Closed);
    for _ in 0..10 {
        end(&mut machine, probe, BAD);
    }
    assert_eq!(machine.kind(), BreakerState::Closed);
}

#[test]
fn what_is_forced_stays_until_it_is_taken_back() {
    let mut machine = Machine::new(TEN);
    machine.0.force(Force::Open);
    assert!(machine.refuses(1e6));
    machine.0.force(Force::Closed);
    machine.calls(0..20, BAD);
    assert_eq!(machine.kind(), BreakerState::ForcedClosed);
    assert_eq!(machine.0.tally(0).failures, 10, "it goes on counting");
    machine.0.force(Force::Disabled);
    machine.calls(0..20, BAD);
    assert_eq!(machine.kind(), BreakerState::Disabled);
    assert_eq!(machine.0.tally(0), Tally::default());
    machine.0.close();
    assert_eq!(machine.kind(), BreakerState::Closed);
    machine.calls(0..9, BAD);
    assert_eq!(
        machine.kind(),
        BreakerState::Closed,
        "it begins with nothing"
    );
    assert_eq!(machine.0.totals().opened, 0);
}
