//! Threads that use one ledger, in as many orders as a scheduler can think of. See `scripts/interleavings`.

use std::sync::Arc;

use shuttle::{
    rand::{Rng, thread_rng},
    thread,
};

use super::{A, B, below, everything, gone, resource, stale, tag};
use crate::{
    ledger::{Cause, Held, Ledger, Standing, Subject, rules::RULES},
    sync::{Mutex, lock},
};

/// Tries a test in many orders.
fn check(test: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(test, 2000);
    shuttle::check_pct(test, 500, 3);
}

/// Runs each on a thread of its own, to its end.
fn all<T: Send + 'static, const N: usize>(ledger: &Ledger, runs: [fn(&Ledger) -> T; N]) -> [T; N] {
    let threads = runs.map(|run| {
        let ledger = ledger.clone();
        thread::spawn(move || run(&ledger))
    });
    threads.map(|thread| thread.join().expect("no thread panics"))
}

fn is_over(ledger: &Ledger) {
    assert_eq!(ledger.names(), 0);
    assert_eq!(ledger.order().in_ring(), 0);
}

/// What a thread asks for while others invalidate it.
fn fetched(ledger: &Ledger) -> Option<Held> {
    let opening = ledger.begin();
    thread::yield_now();
    ledger.arrived(&opening, A, &["t"])
}

/// Whatever began before an invalidation that has returned is not valid.
fn nothing_is_valid_that_began_before(invalidate: fn(&Ledger) -> u64) {
    let ledger = Ledger::new();
    let fetch: fn(&Ledger) -> (Option<Held>, u64) = |ledger| (fetched(ledger), 0);
    let invalidator = ledger.clone();
    let invalidates = thread::spawn(move || invalidate(&invalidator));
    let [one, two] = all(&ledger, [fetch; 2]).map(|(held, _)| held);
    let position = invalidates.join().expect("it invalidates");
    for held in [one, two].into_iter().flatten() {
        let valid = held.standing(&ledger) == Standing::Valid;
        assert_eq!(
            valid,
            held.began().position > position,
            "began at {}",
            held.began().position
        );
        let told = held.is_invalidated_upto(&ledger, position);
        assert_eq!(told, held.began().position < position);
    }
    is_over(&ledger);
}

#[test]
fn what_began_before_a_hard_mark_is_gone() {
    check(|| nothing_is_valid_that_began_before(|ledger| ledger.hard(tag("t")).position));
}

#[test]
fn what_began_before_a_soft_mark_is_stale() {
    check(|| nothing_is_valid_that_began_before(|ledger| ledger.soft(resource(A), 3).position));
}

#[test]
fn what_began_before_a_pattern_is_gone() {
    check(|| nothing_is_valid_that_began_before(|ledger| ledger.hard(below("/a")).position));
}

/// The names that another event marks before, and after, do not hide it.
#[test]
fn what_began_before_any_of_several_events_is_gone() {
    check(|| {
        nothing_is_valid_that_began_before(|ledger| {
            ledger.hard(resource(B));
            ledger.hard(tag("t"));
            ledger.hard(everything()).position
        });
    });
}

/// A pattern, and so many others that all are applied and forgotten, by two threads at the same time.
#[test]
fn patterns_that_are_forgotten_still_hold_for_what_began_before() {
    check(|| {
        let ledger = Ledger::new();
        let stored = ledger.stored(A, &[]);
        for _ in 2..RULES {
            ledger.hard(below("/nowhere"));
        }
        let forget: fn(&Ledger) -> Option<Held> = |ledger| {
            ledger.hard(below("/nowhere"));
            ledger.hard(below("/nowhere"));
            None
        };
        let mark: fn(&Ledger) -> Option<Held> = |ledger| {
            let held = fetched(ledger);
            ledger.soft(below("/a"), 3);
            if let Some(held) = &held {
                assert_eq!(held.standing(ledger), stale(3, Cause::Pattern));
            }
            held
        };
        let held = all(&ledger, [forget, mark, forget, fetched]);
        assert_eq!(stored.standing(&ledger), stale(3, Cause::Pattern));
        assert!(ledger.order().rules.len() <= RULES);
        drop((stored, held));
        is_over(&ledger);
    });
}

/// What is stored is used, and what was on its way arrives, while all patterns are applied and forgotten.
#[test]
fn a_pattern_holds_while_it_is_forgotten() {
    check(|| {
        let ledger = Ledger::new();
        let stored = ledger.stored(A, &[]);
        let opening = ledger.begin();
        ledger.soft(everything(), 3);
        for _ in 1..RULES {
            ledger.hard(below("/nowhere"));
        }
        let settle = ledger.clone();
        let settles = thread::spawn(move || settle.hard(below("/nowhere")).position);
        let use_it = ledger.clone();
        let uses = thread::spawn(move || stored.standing(&use_it));
        let arrived = ledger.arrived(&opening, B, &[]);
        settles.join().expect("it settles");
        assert_eq!(uses.join().ok(), Some(stale(3, Cause::All)));
        if let Some(arrived) = arrived {
            assert_eq!(arrived.standing(&ledger), stale(3, Cause::All));
        }
        drop(opening);
        is_over(&ledger);
    });
}

/// The last that carries a name goes while another one takes it up, and a third marks it.
#[test]
fn a_name_that_goes_while_it_is_taken_up_is_not_lost() {
    check(|| {
        let ledger = Ledger::new();
        let last = Arc::new(Mutex::new(Some(ledger.stored(A, &["t"]))));
        let drops = {
            let last = Arc::clone(&last);
            thread::spawn(move || {
                let held = lock(&last).take();
                drop(held);
            })
        };
        let marks = {
            let ledger = ledger.clone();
            thread::spawn(move || ledger.hard(tag("t")).position)
        };
        let held = fetched(&ledger).expect("the ring is large");
        drops.join().expect("it drops");
        let position = marks.join().expect("it marks");
        let valid = held.standing(&ledger) == Standing::Valid;
        assert_eq!(valid, held.began().position > position);
        // Whoever is still valid is found by the next.
        ledger.hard(tag("t"));
        assert_eq!(held.standing(&ledger), gone(Cause::Tag));
        drop(held);
        is_over(&ledger);
    });
}

/// The invalidations that have returned, and what each was of.
type Returned = Arc<Mutex<Vec<(u64, Subject)>>>;

fn is_carried(subject: &Subject, place: &str) -> bool {
    match subject {
        Subject::Resource(resource) => **resource == *place.as_bytes(),
        Subject::Pattern(pattern) => pattern.matches(place.as_bytes()),
        _ => true,
    }
}

fn invalidate(ledger: &Ledger, returned: &Returned) {
    let subject = match thread_rng().gen_range(0..6) {
        0 => tag("t"),
        1 => resource(A),
        2 => resource(B),
        3 => below("/a"),
        4 => below("/b"),
        _ => everything(),
    };
    let appended = match thread_rng().gen_bool(0.5) {
        true => ledger.hard(subject.clone()),
        false => ledger.soft(subject.clone(), 3),
    };
    lock(returned).push((appended.position, subject));
}

/// Asks for something, and looks at it twice.
fn use_it(ledger: &Ledger, returned: &Returned) {
    let place = [A, B][thread_rng().gen_range(0..2)];
    let opening = ledger.begin();
    thread::yield_now();
    let held = ledger.arrived(&opening, place, &["t"]);
    drop(opening);
    let Some(held) = held else { return };
    for _ in 0..2 {
        let before = lock(returned).clone();
        let concerns = |(position, subject): &(u64, Subject)| {
            *position > held.began().position && is_carried(subject, place)
        };
        let marked = before.iter().any(concerns);
        let valid = held.standing(ledger) == Standing::Valid;
        assert!(
            !(marked && valid),
            "{before:?} at {}",
            held.began().position
        );
    }
}

#[test]
fn whatever_threads_do_nothing_that_was_invalidated_is_valid_and_nothing_is_left() {
    check(|| {
        let ledger = Ledger::new();
        let returned = Returned::default();
        let threads: Vec<_> = [use_it, invalidate, use_it, invalidate]
            .into_iter()
            .map(|run| {
                let (ledger, returned) = (ledger.clone(), Arc::clone(&returned));
                thread::spawn(move || (0..4).for_each(|_| run(&ledger, &returned)))
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        is_over(&ledger);
    });
}
