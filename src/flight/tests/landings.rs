//! What has landed, and for whom.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
};

use super::{Sky, follow, joined, land, lead, place, resource};
use crate::{
    flight::{Failure, Flights, Joined, Role},
    key::Key,
};

#[test]
fn as_long_as_the_landing_lasts_newcomers_get_what_landed() {
    let sky = Sky::new();
    let flying = sky.lead();
    let mut waiting = sky.follow();
    let (landed, landing) = land(flying, 1);
    for role in [Role::Any, Role::Follower] {
        let Joined::Landed(found) = sky.join(role) else {
            panic!("it has landed");
        };
        assert!(Arc::ptr_eq(&found, &landed));
    }
    assert_eq!(joined(&sky.join(Role::Leader)), "alone");
    assert_eq!(waiting.landed(), 1);
    drop(landing);
    assert_eq!(joined(&sky.join(Role::Follower)), "alone");
    drop(sky.lead());
    assert!(sky.flights.is_empty());
}

#[test]
fn what_nobody_holds_any_more_is_not_there_for_newcomers() {
    let sky = Sky::new();
    let (landed, landing) = land(sky.lead(), 1);
    drop(landed);
    assert_eq!(joined(&sky.join(Role::Follower)), "alone");
    let next = lead(sky.join(Role::Leader));
    drop(landing);
    assert_eq!(
        joined(&sky.join(Role::Any)),
        "follow",
        "the end of an old landing leaves the next flight alone"
    );
    drop(next);
    assert!(sky.flights.is_empty());
}

#[test]
fn who_knows_the_variant_finds_what_landed_too() {
    let sky = Sky::new();
    let english = || place(Some("en"));
    let landed = Arc::new(1);
    let landing = sky.lead().land(&landed, english().variant);
    assert_eq!(joined(&sky.join_at(english(), Role::Any)), "landed");
    assert_eq!(joined(&sky.join(Role::Any)), "landed");
    let german = lead(sky.join_at(place(Some("de")), Role::Any));
    drop(landing);
    drop(lead(sky.join_at(english(), Role::Any)));
    drop(lead(sky.join(Role::Any)));
    drop(german);
    assert!(sky.flights.is_empty());
}

#[test]
fn a_variant_that_has_a_flight_of_its_own_keeps_it() {
    let sky = Sky::new();
    let english = || place(Some("en"));
    let own = lead(sky.join_at(english(), Role::Any));
    let landed = Arc::new(1);
    let landing = sky.lead().land(&landed, english().variant);
    assert_eq!(joined(&sky.join_at(english(), Role::Any)), "follow");
    drop(landing);
    assert_eq!(joined(&sky.join_at(english(), Role::Any)), "follow");
    own.unshared();
    assert!(sky.flights.is_empty());
}

#[test]
fn closing_keeps_newcomers_from_what_is_in_the_air_and_leaves_it_to_those_who_wait() {
    let sky = Sky::new();
    let flying = sky.lead();
    let variant = lead(sky.join_at(place(Some("en")), Role::Any));
    let mut waiting = sky.follow();
    sky.flights.close(&resource());
    let next = sky.lead();
    drop(lead(sky.join_at(place(Some("en")), Role::Any)));
    let landed = Arc::new(1);
    assert!(flying.land(&landed, None).is_none(), "not for newcomers");
    assert_eq!(waiting.landed(), 1);
    assert_eq!(joined(&sky.join(Role::Any)), "follow", "the next flight");
    drop((next, variant, waiting));
    assert!(sky.flights.is_empty());
}

#[test]
fn closing_ends_a_landing_for_newcomers() {
    let sky = Sky::new();
    let landed = Arc::new(1);
    let landing = sky.lead().land(&landed, place(Some("en")).variant);
    sky.flights.close(&resource());
    let next = sky.lead();
    drop(lead(sky.join_at(place(Some("en")), Role::Any)));
    drop(landing);
    assert_eq!(joined(&sky.join(Role::Any)), "follow");
    drop(next);
    assert!(sky.flights.is_empty());
}

#[test]
fn closing_one_resource_leaves_others_alone() {
    let sky = Sky::new();
    let flying = sky.lead();
    sky.flights.close(&Key::new(b"another"));
    assert_eq!(joined(&sky.join(Role::Any)), "follow");
    drop(flying);
}

#[test]
fn each_way_to_end_a_flight_moves_the_generation_on() {
    let sky = Sky::new();
    let mut seen = sky.generation();
    let mut moved = || std::mem::replace(&mut seen, sky.generation()) < sky.generation();
    sky.lead().unshared();
    assert!(moved(), "unshared");
    drop(sky.lead());
    assert!(moved(), "dropped");
    sky.lead().failed(Failure::Failed);
    assert!(moved(), "failed");
    sky.lead().deliver(&Arc::new(1));
    assert!(moved(), "delivered");
    let (landed, landing) = land(sky.lead(), 1);
    assert!(!moved(), "what has landed is still to be had");
    drop((landed, landing));
    assert!(moved(), "landed");
}

#[test]
fn a_leader_reads_the_generation_that_it_leads_in() {
    let sky = Sky::new();
    let seen = sky.generation();
    assert_eq!(sky.lead().generation(), seen);
    assert_ne!(sky.lead().generation(), seen, "one has ended in between");
}

/// What landed may be stored between the time that nobody holds it any more and the landing's end. Who had
/// looked before that led at the generation it had seen, and did not look again.
#[test]
fn who_leads_in_the_place_of_what_nobody_holds_looks_again() {
    let sky = Sky::new();
    let (landed, landing) = land(sky.lead(), 1);
    let seen = sky.generation();
    drop(landed);
    assert_ne!(sky.lead().generation(), seen);
    drop(landing);
}

/// Looks when it is dropped whether the flight's lock is free.
struct Probe {
    flights: Flights<u32>,
    was_free: Arc<AtomicBool>,
}

impl Wake for Probe {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Probe {
    fn drop(&mut self) {
        let shard = self.flights.shard(&resource());
        let is_free = shard.table.try_lock().is_ok();
        self.was_free.store(is_free, Ordering::Relaxed);
    }
}

/// The last waker of a task may drop its future, and that may be a follower: the flight's lock was held then.
#[test]
fn a_waker_may_take_part_in_the_flight_when_it_is_dropped() {
    let sky = Sky::new();
    let _lead = sky.lead();
    // A sleep would hold the waker, too.
    let mut moved = follow(sky.join_without_timers());
    let was_free = Arc::<AtomicBool>::default();
    let waker = Waker::from(Arc::new(Probe {
        flights: sky.flights,
        was_free: Arc::clone(&was_free),
    }));
    let polled = Pin::new(&mut moved.follower).poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    drop(waker);
    assert!(moved.poll().is_none());
    assert!(was_free.load(Ordering::Relaxed), "the flight's lock");
}
