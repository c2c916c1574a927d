//! How a body ends, and what is stored of it then.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;

use super::{Bench, Got, Reading, Tap, data, key};
use crate::{
    clock::Moment,
    ledger::Event,
    response_cache::{
        core::Core,
        fetch::fill::{Plan, Reader, budget::Budget},
        stored::resource::free,
    },
};

#[test]
fn trailers_go_to_all_readers_and_into_the_store_as_far_as_they_may() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
    tap.data("one");
    tap.trailers();
    for reader in [&mut leader, &mut follower] {
        assert_eq!(reader.next(), data("one"));
        assert_eq!(reader.next(), Got::Trailers(2));
        assert!(reader.reader.is_end_stream());
        assert_eq!(reader.next(), Got::End);
    }
    assert_eq!(tap.polls(), 2, "after trailers nothing comes");
    let stored = bench.stored().expect("it is complete");
    let trailers = stored.trailers.as_ref().expect("they came");
    assert_eq!((stored.body.as_ref(), trailers.len()), (&b"one"[..], 1));
}

#[test]
fn trailers_that_are_unread_are_not_the_end() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
    tap.data("one");
    tap.trailers();
    assert_eq!(leader.all(), "one");
    assert_eq!(follower.next(), data("one"));
    assert!(!follower.reader.is_end_stream());
}

#[test]
fn the_error_is_for_who_asked_and_others_are_told_that_they_shared() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
    assert_eq!(leader.next(), Got::Nothing);
    tap.data("one");
    tap.error("broken");
    assert_eq!(
        (follower.next(), follower.next()),
        (data("one"), Got::Shared)
    );
    assert!(leader.is_woken());
    assert_eq!(leader.next(), data("one"), "first what came before");
    assert_eq!(leader.next(), Got::Error("broken".to_owned()));
    for reader in [&mut leader, &mut follower] {
        assert!(reader.reader.is_end_stream());
        assert_eq!(reader.next(), Got::End);
    }
    assert!(Reader::following(&body, None).is_err());
    assert!(bench.stored().is_none());
}

/// A panic of the body's `is_end_stream` left the others waiting for ever.
#[test]
fn a_panic_of_the_body_is_for_who_polled_and_an_end_for_the_others() {
    for at_its_end in [false, true] {
        let (bench, mut tap) = (Bench::new(), Tap::default());
        if at_its_end {
            tap = tap.panics_at_its_end();
        }
        let body = bench.body(&tap);
        let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
        assert_eq!(
            (leader.next(), follower.next()),
            (Got::Nothing, Got::Nothing)
        );
        if at_its_end {
            tap.data("one");
            tap.end();
        } else {
            tap.panic();
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| follower.next()));
        assert!(panicked.is_err(), "{at_its_end}");
        drop(follower);
        assert!(leader.is_woken());
        assert_eq!(leader.next(), Got::Shared);
        assert!(bench.stored().is_none());
    }
}

fn announced(bench: &Bench, length: u64) -> Plan {
    Plan {
        length: Some(length),
        ..bench.plan()
    }
}

#[test]
fn who_has_all_that_was_announced_may_leave_without_asking_for_the_end() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body_of(&tap, announced(&bench, 6));
    let mut leader = Reading::leader(&body);
    drop(body);
    tap.data("one");
    tap.data("two");
    assert_eq!(leader.all(), "onetwo");
    assert!(bench.stored().is_none());
    drop(leader);
    assert_eq!(bench.stored_body().expect("it is complete"), "onetwo");
}

#[test]
fn who_leaves_before_the_end_leaves_nothing_behind() {
    let bench = Bench::new();
    let unannounced = bench.plan();
    let trailers = Plan {
        trailers_announced: true,
        ..announced(&bench, 3)
    };
    for plan in [unannounced, trailers, announced(&bench, 4)] {
        let tap = Tap::default();
        let body = bench.body_of(&tap, plan);
        tap.data("one");
        assert_eq!(Reading::leader(&body).all(), "one");
        drop(body);
        assert!(bench.stored().is_none());
    }
}

#[test]
fn one_who_stays_brings_it_to_its_end() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
    drop(body);
    tap.data("one");
    assert_eq!(
        (follower.next(), follower.next()),
        (data("one"), Got::Nothing)
    );
    assert_eq!((leader.next(), leader.next()), (data("one"), Got::Nothing));
    drop(leader);
    tap.end();
    assert!(follower.is_woken());
    assert_eq!(follower.next(), Got::End);
    assert_eq!(bench.stored_body().expect("it is complete"), "one");
}

#[test]
fn what_is_shorter_or_longer_than_announced_is_passed_on_and_not_stored() {
    for length in [2, 4] {
        let (bench, tap) = (Bench::new(), Tap::default());
        let body = bench.body_of(&tap, announced(&bench, length));
        let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
        tap.data("one");
        tap.end();
        for reader in [&mut leader, &mut follower] {
            assert_eq!((reader.next(), reader.next()), (data("one"), Got::End));
        }
        assert!(bench.stored().is_none());
        assert!(Reader::following(&body, None).is_err());
    }
}

#[test]
fn what_turns_out_to_be_personal_is_not_stored() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let plan = bench.plan();
    let personal = plan.personal.clone().expect("it is for everybody");
    let body = bench.body_of(&tap, plan);
    let mut leader = Reading::leader(&body);
    tap.data("one");
    assert_eq!(leader.next(), data("one"));
    personal.mark().expect("nobody else has seen it");
    tap.data("two");
    tap.end();
    assert_eq!(leader.next(), data("two"));
    assert_eq!(leader.next(), Got::End);
    assert!(bench.stored().is_none());
}

#[test]
fn the_last_part_is_stored_before_anybody_gets_it() {
    let (bench, tap) = (Bench::new(), Tap::default().knows_its_end());
    let body = bench.body(&tap);
    let mut leader = Reading::leader(&body);
    tap.data("one");
    assert_eq!(leader.next(), data("one"));
    tap.data("two");
    tap.end();
    assert_eq!(leader.next(), data("two"));
    assert!(leader.reader.is_end_stream());
    assert_eq!(bench.stored_body().expect("it is complete"), "onetwo");
    assert_eq!(tap.polls(), 2);
}

#[test]
fn what_exceeds_the_budget_is_passed_on_and_not_stored() {
    let small = |core: &mut Core| core.budget = Budget::new(5);
    let (bench, tap) = (Bench::with(small), Tap::default());
    let body = bench.body(&tap);
    let (mut leader, mut follower) = (Reading::leader(&body), Reading::follower(&body));
    tap.data("one");
    assert_eq!(leader.next(), data("one"));
    assert_eq!(bench.core.budget.used(), 3);
    tap.data("two");
    tap.end();
    assert_eq!((leader.next(), leader.next()), (data("two"), Got::End));
    assert_eq!(bench.core.budget.used(), 3, "one reader has it to read yet");
    assert_eq!(follower.all(), "onetwo");
    assert_eq!(bench.core.budget.used(), 0);
    assert!(bench.stored().is_none());
    assert!(Reader::following(&body, None).is_err());
}

#[test]
fn what_is_stored_is_not_on_its_way_any_more() {
    let (bench, tap) = (Bench::new(), Tap::default());
    let body = bench.body(&tap);
    let mut leader = Reading::leader(&body);
    tap.data("one");
    assert_eq!(leader.next(), data("one"));
    assert_eq!(bench.core.budget.used(), 3);
    tap.end();
    assert_eq!(leader.next(), Got::End);
    assert_eq!(bench.core.budget.used(), 0);
}

#[test]
fn what_is_newer_than_an_invalidation_is_not_freed_with_what_is_older() {
    let bench = Bench::new();
    let store = |text| {
        let tap = Tap::default();
        let body = bench.body(&tap);
        tap.data(text);
        tap.end();
        assert_eq!(Reading::leader(&body).all(), text);
    };
    let free = || free(&bench.core, &key()).now_or_never();
    store("old");
    let mut event = Event::by_write();
    event.add(bench.core.place_of(&key()).subject());
    bench.core.ledger.append(&event, Moment::BEGINNING);
    store("new");
    assert_eq!(free().expect("memory waits for nothing").unwrap(), 0);
    assert_eq!(bench.stored_body().as_deref(), Some(&b"new"[..]));
    bench.core.ledger.append(&event, Moment::BEGINNING);
    assert_eq!(free().expect("memory waits for nothing").unwrap(), 1);
    assert!(bench.stored().is_none());
}
