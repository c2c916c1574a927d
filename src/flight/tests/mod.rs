//! Flights with a clock that is moved by hand, and futures that are polled by hand.

#[cfg(shuttle)]
mod interleavings;
mod landings;
mod leaders;
mod model;
mod places;
mod random;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use super::{Flights, Follower, Joined, Landing, Lead, Limits, Place, Role, Turn};
use crate::{
    clock::{Clock, Moment, Sleep, TimeSource},
    key::Key,
    test_util::ManualClock,
};

/// How long a leader may take.
const LEAD: Duration = Duration::from_secs(10);
/// How long a follower waits.
const WAIT: Duration = Duration::from_secs(60);

struct Sky {
    flights: Flights<u32>,
    clock: ManualClock,
    limits: Limits,
}

impl Sky {
    fn new() -> Self {
        Self::with_leaders(3)
    }

    fn with_leaders(leaders: u32) -> Self {
        Self {
            flights: Flights::default(),
            clock: ManualClock::new(),
            limits: Limits {
                leaders,
                followers: 100,
                lead: LEAD,
                wait: WAIT,
            },
        }
    }

    fn join_at(&self, place: Place, role: Role) -> Joined<u32> {
        let clock = self.clock.clock();
        self.flights.join(place, role, self.limits, &clock)
    }

    fn join_without_timers(&self) -> Joined<u32> {
        let clock = Clock::from_source(NoTimers);
        self.flights
            .join(place(None), Role::Any, self.limits, &clock)
    }

    fn join(&self, role: Role) -> Joined<u32> {
        self.join_at(place(None), role)
    }

    fn lead(&self) -> Lead<u32> {
        lead(self.join(Role::Any))
    }

    fn follow(&self) -> Waiting {
        follow(self.join(Role::Any))
    }

    fn follow_as(&self, role: Role) -> Waiting {
        follow(self.join(role))
    }

    fn generation(&self) -> u64 {
        self.flights.generation(&resource())
    }
}

/// Its sleeps cannot be had.
#[derive(Debug)]
struct NoTimers;

impl TimeSource for NoTimers {
    fn now(&self) -> Moment {
        Moment::BEGINNING
    }

    fn wall(&self) -> std::time::SystemTime {
        std::time::UNIX_EPOCH
    }

    fn sleep_until(&self, _deadline: Moment) -> Sleep {
        panic!("there are no timers")
    }

    fn has_timers(&self) -> bool {
        false
    }
}

fn resource() -> Key {
    Key::new(b"resource")
}

fn place(variant: Option<&str>) -> Place {
    Place {
        resource: resource(),
        variant: variant.map(|variant| Key::new(variant.as_bytes())),
    }
}

fn joined(joined: &Joined<u32>) -> &'static str {
    match joined {
        Joined::Lead(_) => "lead",
        Joined::Follow(_) => "follow",
        Joined::Landed(_) => "landed",
        Joined::Alone => "alone",
    }
}

#[track_caller]
fn lead(joining: Joined<u32>) -> Lead<u32> {
    let told = joined(&joining);
    match joining {
        Joined::Lead(lead) => lead,
        _ => panic!("to lead, not: {told}"),
    }
}

#[track_caller]
fn follow(joining: Joined<u32>) -> Waiting {
    let told = joined(&joining);
    match joining {
        Joined::Follow(follower) => Waiting::new(follower),
        _ => panic!("to follow, not: {told}"),
    }
}

/// A follower, and how often it was woken.
struct Waiting {
    follower: Follower<u32>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Waiting {
    /// It has been polled once, as whatever waits has.
    fn new(mut follower: Follower<u32>) -> Self {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let polled = Pin::new(&mut follower).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "a newcomer waits");
        Self { follower, woken }
    }

    fn poll(&mut self) -> Option<Turn<u32>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        match Pin::new(&mut self.follower).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    fn is_woken(&self) -> bool {
        self.woken.0.swap(0, Ordering::Relaxed) > 0
    }

    /// What it got, which it was woken for.
    #[track_caller]
    fn turn(&mut self) -> Turn<u32> {
        assert!(self.is_woken(), "nobody woke it");
        self.poll().expect("it was woken for something")
    }

    #[track_caller]
    fn lead(&mut self) -> Lead<u32> {
        match self.turn() {
            Turn::Lead(lead) => lead,
            other => panic!("the lead, not {other:?}"),
        }
    }

    #[track_caller]
    fn landed(&mut self) -> u32 {
        match self.turn() {
            Turn::Landed(landed) => *landed,
            other => panic!("what landed, not {other:?}"),
        }
    }

    #[track_caller]
    fn waits(&mut self) {
        assert!(!self.is_woken(), "woken for nothing");
        assert!(self.poll().is_none(), "it was to wait");
    }
}

/// Those who were given the lead.
fn leads(followers: &mut Vec<Waiting>) -> Vec<Lead<u32>> {
    let woken = followers.extract_if(.., |follower| follower.is_woken());
    let turns = woken.map(|mut follower| follower.poll());
    turns
        .map(|turn| match turn {
            Some(Turn::Lead(lead)) => lead,
            other => panic!("the lead, not {other:?}"),
        })
        .collect()
}

impl std::fmt::Debug for Turn<u32> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Landed(landed) => f.debug_tuple("Landed").field(landed).finish(),
            Self::Lead(_) => f.write_str("Lead"),
            Self::Failed(failure) => f.debug_tuple("Failed").field(failure).finish(),
            Self::Alone => f.write_str("Alone"),
        }
    }
}

/// Something landed that newcomers get.
fn land(lead: Lead<u32>, landed: u32) -> (Arc<u32>, Landing<u32>) {
    let landed = Arc::new(landed);
    let landing = lead.land(&landed, None).expect("it is for newcomers");
    (landed, landing)
}
