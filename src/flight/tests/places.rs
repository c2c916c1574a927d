//! Who takes part, and how.

use super::{Sky, follow, joined, lead, place};
use crate::{
    flight::{Place, Role, Turn},
    key::Key,
};

#[test]
fn the_first_leads_and_the_others_follow() {
    let sky = Sky::new();
    assert_eq!(joined(&sky.join(Role::Follower)), "alone");
    let flying = lead(sky.join(Role::Leader));
    assert_eq!(joined(&sky.join(Role::Any)), "follow");
    assert_eq!(joined(&sky.join(Role::Follower)), "follow");
    assert_eq!(joined(&sky.join(Role::Leader)), "alone");
    drop(flying);
    assert!(sky.flights.is_empty());
}

#[test]
fn each_place_has_its_own_flight() {
    let sky = Sky::new();
    let other = Place {
        resource: Key::new(b"another"),
        variant: None,
    };
    let flying = [
        lead(sky.join(Role::Any)),
        lead(sky.join_at(place(Some("en")), Role::Any)),
        lead(sky.join_at(place(Some("de")), Role::Any)),
        lead(sky.join_at(other, Role::Any)),
    ];
    drop(flying);
    assert!(sky.flights.is_empty());
}

#[test]
fn who_comes_after_the_last_that_may_follow_goes_alone() {
    let mut sky = Sky::new();
    sky.limits.followers = 2;
    let flying = sky.lead();
    let (one, two) = (sky.follow(), sky.follow());
    assert_eq!(joined(&sky.join(Role::Any)), "alone");
    drop(one);
    let three = sky.follow();
    assert_eq!(joined(&sky.join(Role::Any)), "alone");
    drop((flying, two, three));
    assert!(sky.flights.is_empty());
}

#[test]
fn one_that_only_follows_is_passed_over_and_goes_alone_when_nobody_leads_any_more() {
    let sky = Sky::new();
    let flying = sky.lead();
    let mut only_follows = sky.follow_as(Role::Follower);
    let mut any = sky.follow();
    drop(flying);
    only_follows.waits();
    let flying = any.lead();
    only_follows.waits();
    drop(flying);
    assert!(matches!(only_follows.turn(), Turn::Alone));
    assert!(sky.flights.is_empty());
}

#[test]
fn one_that_only_follows_gets_what_the_next_leader_brings() {
    let sky = Sky::new();
    let flying = sky.lead();
    let mut only_follows = sky.follow_as(Role::Follower);
    let mut any = sky.follow();
    flying.unshared();
    any.lead().deliver(&2.into());
    assert_eq!(only_follows.landed(), 2);
}

#[test]
fn a_flight_that_is_over_is_not_joined_even_before_its_followers_know() {
    let sky = Sky::with_leaders(1);
    let flying = sky.lead();
    let unaware = follow(sky.join(Role::Any));
    flying.failed(crate::flight::Failure::Failed);
    let next = sky.lead();
    drop(unaware);
    assert_eq!(joined(&sky.join(Role::Any)), "follow", "the next flight");
    drop(next);
    assert!(sky.flights.is_empty());
}
