//! What nothing needs any more takes no memory.

use super::{A, B, below, event, resource, tag};
use crate::ledger::{Effect, Ledger, Name, rules::RULES};

#[test]
fn a_name_is_forgotten_with_the_last_that_carries_it() {
    let ledger = Ledger::new();
    let one = ledger.stored(A, &["t", "u"]);
    let two = ledger.stored(B, &["t"]);
    assert_eq!(ledger.names(), 4);
    let clone = one.clone();
    drop(one);
    assert_eq!(ledger.names(), 4);
    drop(clone);
    assert_eq!(ledger.names(), 2);
    drop(two);
    assert_eq!(ledger.names(), 0);
}

#[test]
fn what_is_gone_leaves_the_table_and_not_what_took_its_place() {
    let ledger = Ledger::new();
    let old = ledger.stored(A, &[]);
    ledger.hard(resource(A));
    assert_eq!(ledger.names(), 0);
    let new = ledger.stored(A, &[]);
    assert_eq!(ledger.names(), 1);
    drop(old);
    assert_eq!(ledger.names(), 1);
    ledger.hard(resource(A));
    assert_ne!(new.standing(&ledger), crate::ledger::Standing::Valid);
}

#[test]
fn a_name_that_is_carried_twice_is_one() {
    let ledger = Ledger::new();
    let held = ledger.stored(A, &["t", "t", "u", "t"]);
    let tags: Vec<Name> = held.tags().collect();
    assert_eq!(tags, [Name::tag(b"t"), Name::tag(b"u")]);
    assert_eq!(ledger.names(), 3);
}

#[test]
fn names_that_nothing_carries_leave_no_trace() {
    let ledger = Ledger::new();
    for number in 0..100_000 {
        let unknown = tag(&number.to_string());
        let effect = [Effect::Hard, Effect::Soft][number % 2];
        ledger.append(&event(effect, [unknown]), super::at(0));
    }
    assert_eq!(ledger.names(), 0);
    assert_eq!(ledger.order().in_ring(), 0);
    for _ in 0..1000 {
        ledger.hard(below("/nowhere"));
    }
    assert!(ledger.order().rules.len() <= RULES);
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    for number in 0..1000 {
        ledger.hard(tag(&number.to_string()));
    }
    assert!(ledger.arrived(&opening, A, &["t"]).is_none());
    assert_eq!(ledger.names(), 0);
    drop(opening);
    assert_eq!(ledger.order().in_ring(), 0);
}

/// The budget of a store counts what a thing brings along, not what it shares with many.
#[test]
fn a_name_weighs_where_it_is_not_shared() {
    let ledger = Ledger::new();
    let alone = ledger.stored(A, &["t"]);
    let longer = ledger.stored("a.example/a-longer-path", &["u"]);
    let further = "a.example/a-longer-path".len() - A.len();
    assert_eq!(longer.weight() - alone.weight(), further);
    let replacing = ledger.stored(A, &["t"]);
    assert_eq!(replacing.weight(), alone.weight());
    let third = ledger.stored(A, &["t"]);
    assert!(third.weight() < alone.weight());
}
