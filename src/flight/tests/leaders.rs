//! What becomes of followers when their leader ends.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::{LEAD, Sky, WAIT, Waiting, follow, land, lead, leads};
use crate::flight::{Failure, Joined, Lead, Role, Turn};

#[test]
fn what_a_leader_delivers_goes_to_all_who_wait_and_to_no_newcomer() {
    let sky = Sky::new();
    let lead = sky.lead();
    let (mut one, mut two) = (sky.follow(), sky.follow());
    let landed = Arc::new(7);
    lead.deliver(&landed);
    let newcomer = sky.lead();
    assert_eq!((one.landed(), two.landed()), (7, 7));
    drop((newcomer, one, two));
    assert!(sky.flights.is_empty());
}

#[test]
fn what_cannot_be_shared_lets_followers_go_one_then_two_then_four_at_a_time() {
    let sky = Sky::new();
    let lead = sky.lead();
    let mut followers: Vec<_> = (0..20).map(|_| sky.follow()).collect();
    lead.unshared();
    let mut batches = Vec::new();
    let mut batch = leads(&mut followers);
    while !batch.is_empty() {
        batches.push(batch.len());
        batch.into_iter().for_each(Lead::unshared);
        batch = leads(&mut followers);
    }
    assert_eq!(batches, [2, 4, 8, 6]);
    assert!(sky.flights.is_empty());
}

#[test]
fn where_each_goes_by_itself_whoever_ends_makes_room_for_two_however_it_ends() {
    let sky = Sky::with_leaders(1);
    let lead = sky.lead();
    let mut followers: Vec<_> = (0..20).map(|_| sky.follow()).collect();
    lead.unshared();
    let mut flying = leads(&mut followers);
    flying.remove(0).failed(Failure::Failed);
    let after_failure = leads(&mut followers);
    drop(flying.remove(0));
    let after_cancellation = leads(&mut followers);
    assert_eq!((after_failure.len(), after_cancellation.len()), (2, 2));
}

#[test]
fn one_that_can_share_after_all_gives_it_to_all_who_still_wait() {
    let sky = Sky::new();
    let lead = sky.lead();
    let mut followers: Vec<_> = (0..5).map(|_| sky.follow()).collect();
    lead.unshared();
    let mut flying = leads(&mut followers);
    let (landed, landing) = land(flying.remove(0), 5);
    assert!(followers.iter_mut().all(|waiting| waiting.landed() == 5));
    flying.remove(0).unshared();
    assert!(matches!(sky.join(Role::Any), Joined::Landed(_)));
    drop((landing, landed, followers));
    assert!(sky.flights.is_empty());
}

#[test]
fn after_a_failure_the_next_leads_in_the_order_of_arrival_and_after_the_last_all_fail() {
    let sky = Sky::with_leaders(3);
    let lead = sky.lead();
    let mut waiting: Vec<_> = (0..4).map(|_| sky.follow()).collect();
    lead.failed(Failure::Failed);
    let second = waiting.remove(0).lead();
    waiting[0].waits();
    second.failed(Failure::Failed);
    let third = waiting.remove(0).lead();
    waiting.iter_mut().for_each(Waiting::waits);
    third.failed(Failure::TimedOut);
    for waiting in &mut waiting {
        assert!(matches!(waiting.turn(), Turn::Failed(Failure::TimedOut)));
    }
    drop(waiting);
    assert!(sky.flights.is_empty());
}

#[test]
fn failures_are_forgotten_with_the_flight() {
    let sky = Sky::with_leaders(1);
    let lead = sky.lead();
    let mut waiting = sky.follow();
    lead.failed(Failure::Failed);
    let lead = sky.lead();
    assert!(matches!(waiting.turn(), Turn::Failed(_)));
    let mut waiting = sky.follow();
    drop(lead);
    drop(waiting.lead());
}

#[test]
fn a_leader_that_is_dropped_does_not_count_as_a_failure() {
    let sky = Sky::with_leaders(1);
    let mut lead = sky.lead();
    let mut last = sky.follow();
    for _ in 0..5 {
        let mut next = sky.follow();
        drop(lead);
        lead = last.lead();
        next.waits();
        last = next;
    }
    lead.failed(Failure::Failed);
    assert!(matches!(last.turn(), Turn::Failed(Failure::Failed)));
}

#[test]
fn a_leader_that_panics_has_failed() {
    let sky = Sky::with_leaders(1);
    let lead = sky.lead();
    let mut waiting = sky.follow();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _lead = lead;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(matches!(waiting.turn(), Turn::Failed(Failure::Failed)));
}

#[test]
fn a_leader_that_is_overdue_gets_a_successor_and_may_still_land_for_those_who_wait() {
    let sky = Sky::new();
    let first = sky.lead();
    let (mut one, mut two) = (sky.follow(), sky.follow());
    sky.clock.advance(LEAD - Duration::from_nanos(1));
    one.waits();
    sky.clock.advance(Duration::from_nanos(1));
    let second = one.lead();
    assert!(two.is_woken(), "by its timer");
    two.waits();
    let (landed, landing) = land(first, 1);
    assert_eq!(two.landed(), 1);
    assert!(
        second.land(&Arc::new(2), None).is_none(),
        "newcomers have what landed first"
    );
    let Joined::Landed(found) = sky.join(Role::Any) else {
        panic!("it has landed");
    };
    assert_eq!(*found, 1);
    drop((found, landed, landing, one, two));
    assert!(sky.flights.is_empty());
}

#[test]
fn an_overdue_leader_counts_once_however_it_ends() {
    for failed in [true, false] {
        let sky = Sky::with_leaders(2);
        let first = sky.lead();
        let (mut one, mut two) = (sky.follow(), sky.follow());
        sky.clock.advance(LEAD);
        let second = one.lead();
        assert!(two.is_woken(), "by its timer");
        if failed {
            first.failed(Failure::Failed);
        } else {
            drop(first);
        }
        two.waits();
        second.failed(Failure::Failed);
        assert!(matches!(two.turn(), Turn::Failed(Failure::Failed)));
    }
}

#[test]
fn when_all_leaders_are_overdue_followers_time_out() {
    let sky = Sky::with_leaders(2);
    let _first = sky.lead();
    let (mut one, mut two) = (sky.follow(), sky.follow());
    sky.clock.advance(LEAD);
    let _second = one.lead();
    assert!(two.is_woken(), "by its timer");
    two.waits();
    sky.clock.advance(LEAD);
    assert!(matches!(two.turn(), Turn::Failed(Failure::TimedOut)));
}

#[test]
fn an_overdue_leader_that_nobody_waits_for_goes_on_leading() {
    let sky = Sky::new();
    let lead = sky.lead();
    sky.clock.advance(LEAD * 2);
    let Joined::Follow(newcomer) = sky.join(Role::Follower) else {
        panic!("there is somebody to follow");
    };
    drop(newcomer);
    let (_landed, _landing) = land(lead, 1);
    assert!(matches!(sky.join(Role::Any), Joined::Landed(_)));
}

/// Its place in the line was left, and counted as somebody who waits.
#[test]
fn one_who_has_left_does_not_make_a_leader_overdue() {
    let sky = Sky::new();
    let first = sky.lead();
    let (mut elected, gone) = (sky.follow(), sky.follow());
    drop(first);
    drop(gone);
    sky.clock.advance(LEAD);
    let second = elected.lead();
    let (_landed, _landing) = land(second, 1);
    assert!(matches!(sky.join(Role::Any), Joined::Landed(_)));
}

#[test]
fn a_follower_waits_no_longer_than_it_may() {
    let mut sky = Sky::new();
    sky.limits.lead = WAIT * 2;
    let lead = sky.lead();
    let mut early = sky.follow();
    sky.clock.advance(WAIT / 2);
    let mut late = sky.follow();
    sky.clock.advance(WAIT / 2);
    assert!(matches!(early.turn(), Turn::Failed(Failure::TimedOut)));
    late.waits();
    drop(lead);
    let lead = late.lead();
    assert_eq!(sky.clock.pending_timers(), 1, "the timer of `late` itself");
    drop((early, late, lead));
    assert_eq!(sky.clock.pending_timers(), 0);
    assert!(sky.flights.is_empty());
}

#[test]
fn whoever_leaves_is_passed_over() {
    let sky = Sky::new();
    let lead = sky.lead();
    let (gone, mut next) = (sky.follow(), sky.follow());
    drop(gone);
    drop(lead);
    drop(next.lead());
    assert!(sky.flights.is_empty());
}

#[test]
fn one_that_was_given_the_lead_and_goes_before_it_knows_passes_it_on() {
    let sky = Sky::with_leaders(1);
    let lead = sky.lead();
    let (elected, mut next) = (sky.follow(), sky.follow());
    drop(lead);
    assert!(elected.is_woken());
    next.waits();
    drop(elected);
    drop(next.lead());
    assert!(sky.flights.is_empty());
}

#[test]
fn one_that_was_given_something_and_goes_takes_nothing_along() {
    let sky = Sky::new();
    let lead = sky.lead();
    let (gone, mut other) = (sky.follow(), sky.follow());
    let landed = Arc::new(1);
    lead.deliver(&landed);
    drop(gone);
    assert_eq!(other.landed(), 1);
    drop(other);
    assert_eq!(Arc::strong_count(&landed), 1);
    assert!(sky.flights.is_empty());
}

#[test]
fn without_timers_a_follower_waits_for_its_leader_alone() {
    let sky = Sky::new();
    let leader = lead(sky.join_without_timers());
    let mut waiting = follow(sky.join_without_timers());
    leader.deliver(&Arc::new(3));
    assert_eq!(waiting.landed(), 3);
}
