//! What is invalidated while something is on its way that turns out to carry it.

use super::{A, B, at, event, gone, resource, stale, tag};
use crate::ledger::{Cause, Effect, Ledger, Standing, order::RING};

fn ring(ledger: &Ledger) -> usize {
    ledger.order().in_ring()
}

#[test]
fn what_was_on_its_way_is_invalidated_with_names_that_nobody_knew() {
    let ledger = Ledger::new();
    let before = ledger.begin();
    ledger.hard(tag("t"));
    ledger.soft(tag("u"), 3);
    ledger.hard(resource(A));
    let after = ledger.begin();
    let arrived = |place, tags| {
        let held = |opening| ledger.arrived(opening, place, tags).expect("it is kept");
        [&before, &after].map(|opening| held(opening).standing(&ledger))
    };
    let valid = Standing::Valid;
    assert_eq!(arrived(A, &["v"]), [gone(Cause::Resource), valid]);
    assert_eq!(arrived(B, &["v"]), [valid, valid]);
    assert_eq!(arrived(B, &["u", "v"]), [stale(3, Cause::Tag), valid]);
    assert_eq!(arrived(B, &["u", "t"]), [gone(Cause::Tag), valid]);
}

/// The name has a cell of its own by then, which what came later made.
#[test]
fn who_arrives_first_does_not_matter() {
    let ledger = Ledger::new();
    let before = ledger.begin();
    ledger.soft(tag("t"), 3);
    let later = ledger.stored(A, &["t"]);
    ledger.hard(tag("t"));
    let latest = ledger.stored(A, &["t"]);
    let before = ledger.arrived(&before, A, &["t"]).expect("it is kept");
    assert_eq!(before.standing(&ledger), gone(Cause::Tag));
    assert_eq!(later.standing(&ledger), gone(Cause::Tag));
    assert_eq!(latest.standing(&ledger), Standing::Valid);
}

/// What a hard mark took out of the table is not there to tell of it.
#[test]
fn a_name_that_is_made_anew_remembers_what_was_while_something_was_on_its_way() {
    let ledger = Ledger::new();
    let stored = ledger.stored(A, &["t"]);
    let opening = ledger.begin();
    ledger.hard(tag("t"));
    drop(stored);
    let held = ledger.arrived(&opening, A, &["t"]).expect("it is kept");
    assert_eq!(held.standing(&ledger), gone(Cause::Tag));
}

#[test]
fn an_opening_covers_all_that_arrives_for_it() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    let first = ledger.arrived(&opening, A, &["t"]).expect("it is kept");
    ledger.hard(tag("t"));
    let second = ledger.arrived(&opening, A, &["t"]).expect("it is kept");
    assert_eq!(first.standing(&ledger), gone(Cause::Tag));
    assert_eq!(second.standing(&ledger), gone(Cause::Tag));
}

#[test]
fn if_the_ring_runs_over_what_began_before_that_is_refused_and_nothing_else() {
    let ledger = Ledger::new();
    let stored = ledger.stored(B, &["u"]);
    let first = ledger.begin();
    ledger.hard(tag("t"));
    let second = ledger.begin();
    for _ in 1..RING {
        ledger.hard(tag("t"));
    }
    assert!(ledger.arrived(&first, A, &["u"]).is_some());
    ledger.hard(tag("v"));
    assert!(ledger.arrived(&first, A, &["u"]).is_none());
    let second_held = ledger.arrived(&second, A, &["t"]).expect("it is kept");
    assert_eq!(second_held.standing(&ledger), gone(Cause::Tag));
    ledger.hard(tag("v"));
    assert!(ledger.arrived(&second, A, &["u"]).is_none());
    assert_eq!(stored.standing(&ledger), Standing::Valid);
    let third = ledger.stored(A, &["t"]);
    assert_eq!(third.standing(&ledger), Standing::Valid);
}

/// The names of one event are forgotten together.
#[test]
fn an_event_that_does_not_fit_refuses_what_is_on_its_way() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    let tags = (0..=RING).map(|number| tag(&number.to_string()));
    ledger.append(&event(Effect::Hard, tags), at(0));
    assert!(ledger.arrived(&opening, A, &["u"]).is_none());
    assert_eq!(ledger.stored(A, &["0"]).standing(&ledger), Standing::Valid);
}

#[test]
fn the_ring_keeps_what_the_oldest_that_is_on_its_way_has_to_know() {
    let ledger = Ledger::new();
    ledger.hard(tag("t"));
    assert_eq!(ring(&ledger), 0);
    let first = ledger.begin();
    ledger.hard(tag("t"));
    let second = ledger.begin();
    ledger.hard(tag("t"));
    ledger.hard(tag("t"));
    let third = ledger.begin();
    assert_eq!(ring(&ledger), 3);
    drop(second);
    assert_eq!(ring(&ledger), 3);
    drop(first);
    assert_eq!(ring(&ledger), 0);
    ledger.hard(tag("t"));
    assert_eq!(ring(&ledger), 1);
    drop(third);
    assert_eq!(ring(&ledger), 0);
}

#[test]
fn the_next_oldest_keeps_its_own() {
    let ledger = Ledger::new();
    let first = ledger.begin();
    ledger.hard(tag("t"));
    let second = ledger.begin();
    ledger.hard(tag("u"));
    drop(first);
    assert_eq!(ring(&ledger), 1);
    let held = ledger.arrived(&second, A, &["u"]).expect("it is kept");
    assert_eq!(held.standing(&ledger), gone(Cause::Tag));
}
