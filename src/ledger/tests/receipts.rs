//! What an invalidation is told that it met.

use super::{A, B, at, below, event, resource, tag};
use crate::ledger::{Appended, Effect, Event, Ledger, Subject};

fn receipt(ledger: &Ledger, event: &Event) -> (u64, u64, Option<u64>) {
    let Appended {
        met,
        unmet_tags,
        named,
        ..
    } = ledger.append(event, at(0));
    (met, unmet_tags, named)
}

#[test]
fn names_that_are_in_use_are_met_and_those_that_carry_them_counted() {
    for effect in [Effect::Hard, Effect::Soft] {
        let ledger = Ledger::new();
        let all = [
            ledger.stored(A, &["t", "u"]),
            ledger.stored(B, &["t", "t"]),
            ledger.stored(B, &["t"]),
        ];
        let tags = event(effect, [tag("t"), tag("u"), tag("v")]);
        assert_eq!(receipt(&ledger, &tags), (2, 1, Some(4)));
        let resources = event(effect, [resource(B), resource("a.example/c")]);
        assert_eq!(receipt(&ledger, &resources), (1, 0, Some(2)));
        drop(all);
        assert_eq!(receipt(&ledger, &tags), (0, 3, Some(0)));
    }
}

/// What is gone is not met again.
#[test]
fn a_hard_mark_leaves_nothing_to_meet_and_a_soft_one_all() {
    for (effect, again) in [(Effect::Hard, 0), (Effect::Soft, 1)] {
        let ledger = Ledger::new();
        let _held = ledger.stored(A, &["t"]);
        let mark = event(effect, [tag("t")]);
        assert_eq!(receipt(&ledger, &mark), (1, 0, Some(1)));
        assert_eq!(receipt(&ledger, &mark), (again, 1 - again, Some(again)));
    }
}

#[test]
fn what_a_pattern_matches_is_not_counted() {
    let ledger = Ledger::new();
    let _held = ledger.stored(A, &["t"]);
    let group = Subject::Group {
        origin: b"a.example"[..].into(),
        name: "g".into(),
    };
    let mixed = event(Effect::Hard, [below("/a"), tag("t"), group]);
    assert_eq!(receipt(&ledger, &mixed), (2, 1, None));
}

#[test]
fn positions_are_those_of_one_order() {
    let ledger = Ledger::new();
    assert_eq!(ledger.position(), 0);
    let opening = ledger.begin();
    let held = ledger.arrived(&opening, A, &[]).expect("it is kept");
    assert_eq!((held.began().position, ledger.position()), (1, 1));
    assert_eq!(ledger.hard(tag("t")).position, 2);
    let same = ledger.clone();
    assert_eq!(same.begin().position, 3);
    assert_eq!(ledger.position(), 3);
}

#[test]
fn an_event_that_names_nothing_meets_nothing() {
    let ledger = Ledger::new();
    let nothing = Event::new(Effect::Hard);
    assert_eq!(receipt(&ledger, &nothing), (0, 0, Some(0)));
}

#[test]
fn one_sweeps_at_a_time() {
    let ledger = Ledger::new();
    let claim = ledger.claim_sweep();
    assert!(claim.is_some());
    let same = ledger.clone();
    assert!(same.claim_sweep().is_none());
    drop(claim);
    assert!(ledger.claim_sweep().is_some());
}
