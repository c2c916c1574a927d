//! What a mark means to what was asked for before it, and after it.

use super::{A, B, at, event, gone, resource, stale, tag};
use crate::ledger::{Cause, Effect, Event, Ledger, Name, Standing, Subject};

#[test]
fn a_hard_mark_is_the_end_of_what_was_asked_for_before_it() {
    let ledger = Ledger::new();
    let before = ledger.stored(A, &["t"]);
    let other = ledger.stored(B, &["u"]);
    assert_eq!(before.standing(&ledger), Standing::Valid);
    ledger.hard(tag("t"));
    let after = ledger.stored(A, &["t"]);
    assert_eq!(before.standing(&ledger), gone(Cause::Tag));
    assert_eq!(other.standing(&ledger), Standing::Valid);
    assert_eq!(after.standing(&ledger), Standing::Valid);
}

#[test]
fn what_is_gone_stays_so_and_what_took_its_place_goes_with_the_next_mark() {
    let ledger = Ledger::new();
    let first = ledger.stored(A, &[]);
    ledger.hard(resource(A));
    let second = ledger.stored(A, &[]);
    ledger.soft(resource(A), 5);
    assert_eq!(second.standing(&ledger), stale(5, Cause::Resource));
    let third = ledger.stored(A, &[]);
    ledger.hard(resource(A));
    let all = [first, second, third];
    for held in &all {
        assert_eq!(held.standing(&ledger), gone(Cause::Resource));
    }
    assert_eq!(ledger.stored(A, &[]).standing(&ledger), Standing::Valid);
}

#[test]
fn a_soft_mark_makes_stale_since_its_moment() {
    let ledger = Ledger::new();
    let held = ledger.stored(A, &["t"]);
    ledger.soft(tag("t"), 3);
    assert_eq!(held.standing(&ledger), stale(3, Cause::Tag));
    assert_eq!(ledger.stored(A, &["t"]).standing(&ledger), Standing::Valid);
}

#[test]
fn staleness_begins_with_the_first_mark_after_it_was_asked_for() {
    let ledger = Ledger::new();
    let first = ledger.stored(A, &["t"]);
    ledger.soft(tag("t"), 3);
    let second = ledger.stored(A, &["t"]);
    ledger.soft(tag("t"), 7);
    assert_eq!(first.standing(&ledger), stale(3, Cause::Tag));
    assert_eq!(second.standing(&ledger), stale(7, Cause::Tag));
}

#[test]
fn of_several_names_the_one_that_was_marked_first_counts() {
    let ledger = Ledger::new();
    let held = ledger.stored(A, &["t", "u"]);
    ledger.soft(tag("u"), 3);
    ledger.soft(tag("t"), 5);
    ledger.soft(resource(A), 7);
    assert_eq!(held.standing(&ledger), stale(3, Cause::Tag));
    ledger.hard(resource(A));
    assert_eq!(held.standing(&ledger), gone(Cause::Resource));
}

#[test]
fn a_soft_mark_does_not_revive_what_is_gone() {
    let ledger = Ledger::new();
    let held = ledger.stored(A, &["t"]);
    ledger.hard(resource(A));
    ledger.soft(resource(A), 3);
    ledger.soft(tag("t"), 4);
    assert_eq!(held.standing(&ledger), gone(Cause::Resource));
}

#[test]
fn of_many_soft_marks_the_newest_are_told_apart_and_no_staleness_begins_later_than_it_did() {
    let ledger = Ledger::new();
    let mut all = Vec::new();
    for seconds in 1..=50 {
        all.push((seconds, ledger.stored(A, &["t"])));
        ledger.soft(tag("t"), seconds);
    }
    for (seconds, held) in &all {
        let Standing::Stale(since, Cause::Tag) = held.standing(&ledger) else {
            panic!("{seconds}: not stale");
        };
        assert!(since <= at(*seconds), "{seconds}: {since:?}");
        if *seconds == 1 || *seconds > 47 {
            assert_eq!(since, at(*seconds));
        }
    }
    assert_eq!(ledger.stored(A, &["t"]).standing(&ledger), Standing::Valid);
}

#[test]
fn all_that_an_event_names_is_invalidated_at_one_position() {
    let ledger = Ledger::new();
    let (one, two) = (ledger.stored(A, &[]), ledger.stored(B, &["t"]));
    let before = ledger.position();
    let both = event(Effect::Hard, [resource(A), tag("t")]);
    let position = ledger.append(&both, at(0)).position;
    assert_eq!((position, ledger.position()), (before + 1, before + 1));
    assert_eq!(one.standing(&ledger), gone(Cause::Resource));
    assert_eq!(two.standing(&ledger), gone(Cause::Tag));
}

#[test]
fn a_name_is_of_one_kind_and_a_group_of_one_origin() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    let names = [Name::tag(b"x"), Name::group(b"o", b"x")];
    let held = ledger.hold(&opening, Name::resource(b"x"), b"x", names);
    let held = held.expect("nothing happened meanwhile");
    let group = |origin: &[u8]| Subject::Group {
        origin: origin.into(),
        name: "x".into(),
    };
    ledger.soft(group(b"p"), 1);
    ledger.soft(tag("ox"), 1);
    assert_eq!(held.standing(&ledger), Standing::Valid);
    ledger.soft(group(b"o"), 5);
    assert_eq!(held.standing(&ledger), stale(5, Cause::Group));
    ledger.soft(tag("x"), 4);
    assert_eq!(held.standing(&ledger), stale(4, Cause::Tag));
    let mut write = Event::by_write();
    write.add(Subject::Resource(b"x"[..].into()));
    ledger.append(&write, at(6));
    assert_eq!(held.standing(&ledger), gone(Cause::Write));
}

#[test]
fn since_a_later_position_only_later_marks_count() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    let own = ledger.hard(resource(A)).position;
    let held = ledger.arrived(&opening, A, &["t"]).expect("it is kept");
    assert_eq!(held.standing(&ledger), gone(Cause::Resource));
    let held = held.since(own);
    assert_eq!(held.began().position, own);
    assert_eq!(held.standing(&ledger), Standing::Valid);
    ledger.hard(resource(A));
    assert_eq!(held.standing(&ledger), gone(Cause::Resource));
}

/// The tests of `is_invalidated_upto`: at which of these positions who came must not be given it.
fn refused(ledger: &Ledger, held: &crate::ledger::Held, positions: &[u64]) -> Vec<bool> {
    let refused = |position: &u64| held.is_invalidated_upto(ledger, *position);
    positions.iter().map(refused).collect()
}

#[test]
fn who_came_after_an_invalidation_is_told_so() {
    for effect in [Effect::Hard, Effect::Soft] {
        let ledger = Ledger::new();
        let held = ledger.stored(A, &["t"]);
        let before = ledger.position();
        let mark = event(effect, [tag("t")]);
        let position = ledger.append(&mark, at(1)).position;
        ledger.begin();
        let positions = [before, position, position + 1];
        assert_eq!(refused(&ledger, &held, &positions), [false, true, true]);
        let new = ledger.stored(A, &["t"]);
        assert_eq!(refused(&ledger, &new, &[ledger.position()]), [false]);
    }
}

/// A second mark says nothing about who came between the two.
#[test]
fn who_came_between_two_invalidations_is_told_of_the_first() {
    for effect in [Effect::Hard, Effect::Soft] {
        let ledger = Ledger::new();
        let opening = ledger.begin();
        let before = ledger.position();
        let mark = event(effect, [tag("t")]);
        let positions: Vec<u64> = (0..10)
            .map(|_| ledger.append(&mark, at(1)).position)
            .collect();
        let held = ledger.arrived(&opening, A, &["t"]).expect("it is kept");
        assert_eq!(refused(&ledger, &held, &[before]), [false]);
        assert_eq!(refused(&ledger, &held, &positions), [true; 10]);
    }
}

#[test]
fn of_the_newest_invalidations_each_is_told_apart() {
    let ledger = Ledger::new();
    let mut kept = vec![ledger.stored(A, &["t"])];
    for seconds in 0..10 {
        ledger.soft(tag("t"), seconds);
        kept.push(ledger.stored(A, &["t"]));
    }
    let came = ledger.position();
    let last = kept.pop().expect("there are some");
    ledger.soft(tag("t"), 10);
    let positions = [came, came + 1];
    assert_eq!(refused(&ledger, &last, &positions), [false, true]);
    let one_earlier = kept.pop().expect("there are some");
    assert_eq!(refused(&ledger, &one_earlier, &positions), [true, true]);
}
