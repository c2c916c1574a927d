//! Patterns, which are applied late.

use super::{A, B, at, below, event, everything, gone, resource, stale};
use crate::ledger::{
    Cause, Effect, Ledger, Pattern, Standing, Subject,
    rules::{PATHS, RULES},
};

fn rules(ledger: &Ledger) -> usize {
    ledger.order().rules.len()
}

/// Patterns until the rules are forgotten.
fn settle(ledger: &Ledger) {
    for _ in 0..=RULES {
        ledger.hard(below("/nowhere"));
    }
    assert_eq!(rules(ledger), 0);
}

#[test]
fn a_pattern_concerns_the_resources_that_it_matches() {
    let ledger = Ledger::new();
    let (one, two) = (ledger.stored(A, &["t"]), ledger.stored(B, &["t"]));
    ledger.soft(below("/a"), 3);
    assert_eq!(one.standing(&ledger), stale(3, Cause::Pattern));
    assert_eq!(two.standing(&ledger), Standing::Valid);
    ledger.hard(everything());
    assert_eq!(one.standing(&ledger), gone(Cause::All));
    assert_eq!(two.standing(&ledger), gone(Cause::All));
    assert_eq!(ledger.stored(A, &["t"]).standing(&ledger), Standing::Valid);
}

#[test]
fn several_patterns_of_one_event_all_count() {
    let ledger = Ledger::new();
    let (one, two) = (ledger.stored(A, &[]), ledger.stored(B, &[]));
    ledger.append(&event(Effect::Hard, [below("/a"), below("/b")]), at(0));
    assert_eq!(one.standing(&ledger), gone(Cause::Pattern));
    assert_eq!(two.standing(&ledger), gone(Cause::Pattern));
}

#[test]
fn patterns_that_are_applied_late_count_from_when_they_came() {
    let ledger = Ledger::new();
    let first = ledger.stored(A, &[]);
    ledger.soft(below("/a"), 3);
    let second = ledger.stored(A, &[]);
    ledger.soft(resource(A), 5);
    assert_eq!(second.standing(&ledger), stale(5, Cause::Resource));
    assert_eq!(first.standing(&ledger), stale(3, Cause::Pattern));
    let came = ledger.position();
    assert!(first.is_invalidated_upto(&ledger, came - 2));
    assert!(!second.is_invalidated_upto(&ledger, came - 1));
}

#[test]
fn who_came_after_a_pattern_is_told_so_without_a_look_at_the_standing() {
    let ledger = Ledger::new();
    let held = ledger.stored(A, &[]);
    let position = ledger.soft(below("/a"), 3).position;
    assert!(!held.is_invalidated_upto(&ledger, position - 1));
    assert!(held.is_invalidated_upto(&ledger, position));
}

#[test]
fn a_pattern_concerns_what_was_on_its_way_when_it_came() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    ledger.hard(below("/a"));
    let later = ledger.begin();
    let held = ledger.arrived(&opening, A, &[]).expect("it is kept");
    assert_eq!(held.standing(&ledger), gone(Cause::Pattern));
    let other = ledger.arrived(&opening, B, &[]).expect("it is kept");
    assert_eq!(other.standing(&ledger), Standing::Valid);
    let later = ledger.arrived(&later, A, &[]).expect("it is kept");
    assert_eq!(later.standing(&ledger), Standing::Valid);
}

#[test]
fn the_pattern_after_the_last_that_is_kept_has_all_applied_and_forgotten() {
    let ledger = Ledger::new();
    let (one, two) = (ledger.stored(A, &[]), ledger.stored(B, &[]));
    ledger.soft(below("/a"), 3);
    for _ in 1..RULES {
        ledger.hard(below("/nowhere"));
    }
    assert_eq!(rules(&ledger), RULES);
    ledger.hard(below("/b"));
    assert_eq!(rules(&ledger), 0);
    assert_eq!(one.standing(&ledger), stale(3, Cause::Pattern));
    assert_eq!(two.standing(&ledger), gone(Cause::Pattern));
}

#[test]
fn what_was_on_its_way_when_patterns_are_forgotten_is_refused_and_nothing_else() {
    let ledger = Ledger::new();
    let stored = ledger.stored(A, &[]);
    let before = ledger.begin();
    settle(&ledger);
    let after = ledger.begin();
    assert!(ledger.arrived(&before, A, &[]).is_none());
    assert!(ledger.arrived(&after, A, &[]).is_some());
    assert_eq!(stored.standing(&ledger), Standing::Valid);
}

#[test]
fn what_began_before_the_last_pattern_that_is_forgotten_is_refused() {
    let ledger = Ledger::new();
    for _ in 0..RULES {
        ledger.hard(below("/nowhere"));
    }
    let before = ledger.begin();
    ledger.hard(below("/a"));
    assert_eq!(rules(&ledger), 0);
    assert!(ledger.arrived(&before, A, &[]).is_none());
}

#[test]
fn patterns_that_are_forgotten_while_nothing_is_on_its_way_refuse_nothing() {
    let ledger = Ledger::new();
    drop(ledger.begin());
    settle(&ledger);
    let held = ledger.stored(A, &[]);
    assert_eq!(held.standing(&ledger), Standing::Valid);
    ledger.soft(below("/a"), 3);
    assert_eq!(held.standing(&ledger), stale(3, Cause::Pattern));
}

/// A pattern and another name of the same event are one mark.
#[test]
fn an_event_marks_a_resource_once() {
    let ledger = Ledger::new();
    let mut all = Vec::new();
    for seconds in 1..=3 {
        all.push((seconds, ledger.stored(A, &[])));
        let both = event(Effect::Soft, [below("/a"), everything(), resource(A)]);
        ledger.append(&both, at(seconds));
    }
    for (seconds, held) in &all {
        let Standing::Stale(since, _) = held.standing(&ledger) else {
            panic!("{seconds}: not stale");
        };
        assert_eq!(since, at(*seconds));
    }
}

fn path(path: &str) -> Subject {
    Subject::Pattern(Pattern::path(path))
}

#[test]
fn a_single_path_concerns_that_path_on_every_host_or_on_one() {
    let ledger = Ledger::new();
    let (here, there, other) = (
        ledger.stored(A, &[]),
        ledger.stored("b.example/a", &[]),
        ledger.stored("a.example/a/b", &[]),
    );
    ledger.soft(path("b.example/a"), 3);
    assert_eq!(there.standing(&ledger), stale(3, Cause::Pattern));
    assert_eq!(here.standing(&ledger), Standing::Valid);
    ledger.hard(path("/a"));
    assert_eq!(here.standing(&ledger), gone(Cause::Pattern));
    assert_eq!(there.standing(&ledger), gone(Cause::Pattern));
    assert_eq!(other.standing(&ledger), Standing::Valid);
}

#[test]
fn single_paths_do_not_count_among_the_patterns_and_are_forgotten_once_they_are_many() {
    let ledger = Ledger::new();
    let (one, two) = (ledger.stored(A, &[]), ledger.stored(B, &[]));
    ledger.soft(path("/a"), 3);
    for _ in 1..PATHS {
        ledger.hard(path("/nowhere"));
    }
    for _ in 0..RULES {
        ledger.hard(below("/nowhere"));
    }
    assert_eq!(rules(&ledger), PATHS + RULES);
    let before = ledger.begin();
    ledger.hard(path("/b"));
    assert_eq!(rules(&ledger), 0);
    assert!(ledger.arrived(&before, A, &[]).is_none());
    assert_eq!(one.standing(&ledger), stale(3, Cause::Pattern));
    assert_eq!(two.standing(&ledger), gone(Cause::Pattern));
}

#[test]
fn a_path_concerns_what_was_on_its_way_when_it_came() {
    let ledger = Ledger::new();
    let opening = ledger.begin();
    ledger.hard(path("/a"));
    let held = ledger.arrived(&opening, A, &[]).expect("it is kept");
    assert_eq!(held.standing(&ledger), gone(Cause::Pattern));
    assert_eq!(ledger.stored(A, &[]).standing(&ledger), Standing::Valid);
}
