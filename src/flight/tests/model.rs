//! What flights to one place are supposed to do, written down as simply as that goes.

use std::{collections::BTreeMap, mem::take};

use super::{LEAD, WAIT};
use crate::flight::{Failure, Limits, Role};

/// What somebody is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Lead(Seat),
    Follow,
    Landed(u32),
    Failed(Failure),
    Alone,
}

/// A leader's: the number of its flight, and its own.
pub(super) type Seat = (usize, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Unshared,
    Failed,
    Cancelled,
}

#[derive(Debug, Default)]
struct Flight {
    /// Those who lead, and since when.
    seats: Vec<(u32, u64)>,
    waiting: Vec<Follower>,
    failures: u32,
    spreading: bool,
    closed: bool,
    landed: Option<u32>,
    landing: bool,
}

#[derive(Clone, Copy, Debug)]
struct Follower {
    number: u32,
    since: u64,
    may_lead: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    limits: Limits,
    /// In seconds.
    now: u64,
    flights: Vec<Flight>,
    /// The flight that newcomers find.
    open: Option<usize>,
    /// What was given to followers that do not know yet, and in which flight.
    pub(super) given: BTreeMap<u32, (usize, Told)>,
    numbers: u32,
}

impl Model {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            now: 0,
            flights: Vec::new(),
            open: None,
            given: BTreeMap::new(),
            numbers: 0,
        }
    }

    fn seat(&mut self, flight: usize) -> Seat {
        self.numbers += 1;
        self.flights[flight].seats.push((self.numbers, self.now));
        (flight, self.numbers)
    }

    /// `held` is whether somebody holds what landed.
    pub(super) fn join(&mut self, number: u32, role: Role, held: impl Fn(u32) -> bool) -> Told {
        let landed = self.open.and_then(|open| self.flights[open].landed);
        match (self.open, landed) {
            (Some(_), Some(landed)) if held(landed) => {
                return match role {
                    Role::Leader => Told::Alone,
                    Role::Any | Role::Follower => Told::Landed(landed),
                };
            }
            (Some(open), None) => return self.follow(open, number, role),
            _ => self.open = None,
        }
        if role == Role::Follower {
            return Told::Alone;
        }
        self.flights.push(Flight::default());
        self.open = Some(self.flights.len() - 1);
        Told::Lead(self.seat(self.flights.len() - 1))
    }

    fn follow(&mut self, open: usize, number: u32, role: Role) -> Told {
        let given = self.given.values().filter(|(flight, _)| *flight == open);
        let followers = self.flights[open].waiting.len() + given.count();
        if role == Role::Leader || followers >= self.limits.followers {
            return Told::Alone;
        }
        self.flights[open].waiting.push(Follower {
            number,
            since: self.now,
            may_lead: role == Role::Any,
        });
        self.expire(open);
        self.tidy(open);
        Told::Follow
    }

    fn unseat(&mut self, (flight, number): Seat) -> bool {
        let seats = &mut self.flights[flight].seats;
        let before = seats.len();
        seats.retain(|(other, _)| *other != number);
        seats.len() < before
    }

    pub(super) fn end(&mut self, seat: Seat, end: End) {
        let was_seated = self.unseat(seat);
        let flight = seat.0;
        if end == End::Unshared {
            self.flights[flight].spreading = true;
        }
        match end {
            End::Unshared => self.go_on(flight),
            _ if !was_seated => {}
            End::Cancelled => self.go_on(flight),
            End::Failed => self.failed(flight, Failure::Failed),
        }
        self.tidy(flight);
    }

    fn failed(&mut self, flight: usize, failure: Failure) {
        let up = &mut self.flights[flight];
        up.failures += u32::from(!up.spreading);
        if up.failures < self.limits.leaders {
            self.go_on(flight);
        } else {
            self.give_all(flight, Told::Failed(failure));
        }
    }

    fn go_on(&mut self, flight: usize) {
        for _ in 0..=usize::from(self.flights[flight].spreading) {
            let waiting = &mut self.flights[flight].waiting;
            if let Some(next) = waiting.iter().position(|follower| follower.may_lead) {
                let follower = waiting.remove(next);
                let seat = self.seat(flight);
                self.given
                    .insert(follower.number, (flight, Told::Lead(seat)));
            }
        }
        if self.flights[flight].seats.is_empty() {
            self.give_all(flight, Told::Alone);
        }
    }

    fn give_all(&mut self, flight: usize, told: Told) {
        for follower in take(&mut self.flights[flight].waiting) {
            self.given.insert(follower.number, (flight, told));
        }
    }

    /// Whether newcomers will find it.
    pub(super) fn land(&mut self, seat: Seat, landed: u32, stays: bool) -> bool {
        let flight = seat.0;
        self.unseat(seat);
        self.give_all(flight, Told::Landed(landed));
        let up = &mut self.flights[flight];
        if up.landed.is_some() {
            return false;
        }
        up.landed = Some(landed);
        up.landing = stays && !up.closed;
        let stays = up.landing;
        if !stays {
            self.shut(flight);
        }
        stays
    }

    pub(super) fn landing_ended(&mut self, flight: usize) {
        self.flights[flight].landing = false;
        self.shut(flight);
    }

    pub(super) fn close(&mut self) {
        if let Some(open) = self.open.take() {
            self.flights[open].closed = true;
        }
    }

    pub(super) fn leave(&mut self, number: u32) {
        match self.given.remove(&number) {
            Some((_, Told::Lead(seat))) => self.end(seat, End::Cancelled),
            Some((flight, _)) => self.tidy(flight),
            None => {
                for flight in 0..self.flights.len() {
                    let waiting = &mut self.flights[flight].waiting;
                    waiting.retain(|follower| follower.number != number);
                    self.tidy(flight);
                }
            }
        }
    }

    /// Time goes on; whoever has been given something must know of it.
    pub(super) fn advance(&mut self, seconds: u64) {
        self.now += seconds;
        for flight in 0..self.flights.len() {
            self.expire(flight);
            let now = self.now;
            let waiting = &mut self.flights[flight].waiting;
            let late = waiting.extract_if(.., |one| one.since + WAIT.as_secs() <= now);
            let told = (flight, Told::Failed(Failure::TimedOut));
            self.given.extend(late.map(|one| (one.number, told)));
            self.tidy(flight);
        }
    }

    fn expire(&mut self, flight: usize) {
        loop {
            let up = &self.flights[flight];
            let mut seats = up.seats.iter();
            let overdue = seats.find(|(_, since)| since + LEAD.as_secs() <= self.now);
            let Some((number, _)) = overdue.copied().filter(|_| !up.waiting.is_empty()) else {
                return;
            };
            self.unseat((flight, number));
            self.failed(flight, Failure::TimedOut);
        }
    }

    fn shut(&mut self, flight: usize) {
        self.open = self.open.filter(|open| *open != flight);
    }

    fn tidy(&mut self, flight: usize) {
        let up = &mut self.flights[flight];
        if up.landed.is_none() && up.seats.is_empty() && up.waiting.is_empty() {
            up.closed = true;
            self.shut(flight);
        }
    }

    pub(super) fn is_closed(&self, flight: usize) -> bool {
        self.flights[flight].closed
    }

    pub(super) fn failures(&self, flight: usize) -> u32 {
        self.flights[flight].failures
    }

    /// What must hold at any time, whatever the rules above say.
    pub(super) fn check(&self) {
        for up in &self.flights {
            assert!(
                up.waiting.is_empty() || !up.seats.is_empty(),
                "somebody waits for nobody: {up:?}"
            );
            assert!(
                up.spreading || up.seats.len() <= 1,
                "two lead where one is to: {up:?}"
            );
            assert!(
                up.spreading || up.waiting.is_empty() || up.failures < self.limits.leaders,
                "one failure too many: {up:?}"
            );
        }
    }
}
