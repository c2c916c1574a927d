//! The state of flights: what each event does to them. Nothing here waits, reads a clock or calls out.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    task::Waker,
};

use foldhash::fast::RandomState;

use super::{
    Limits, Place, Role,
    one::{Cell, End, Entered, Flight, Given, Pass},
};
use crate::{clock::Moment, key::Key};

/// The flights of one shard, and where newcomers find them.
pub(super) struct Table<T> {
    flights: HashMap<u64, Flight<T>, RandomState>,
    listed: HashMap<Key, Vec<Listed>, RandomState>,
    /// Numbers flights, seats and followers.
    next: u64,
}

/// Where newcomers find a flight.
struct Listed {
    variant: Option<Key>,
    flight: u64,
}

/// What is to be done once the lock is free.
#[derive(Default)]
#[must_use]
pub(super) struct Effects {
    pub(super) wake: Vec<Waker>,
    /// Dropped late, as the last waker of a task may hold one that takes part in a flight.
    pub(super) replaced: Option<Waker>,
    /// A flight has ended.
    pub(super) ended: bool,
}

impl Effects {
    pub(super) fn wake(self) {
        self.wake.into_iter().for_each(Waker::wake);
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            flights: HashMap::default(),
            listed: HashMap::default(),
            next: 0,
        }
    }
}

impl<T> Table<T> {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty() && self.listed.is_empty()
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn enter(
        &mut self,
        place: Place,
        role: Role,
        limits: Limits,
        now: Moment,
    ) -> (Entered<T>, Effects) {
        let mut effects = Effects::default();
        if let Some(id) = self.find(&place) {
            let follower = self.number();
            let flight = self.flights.get_mut(&id).expect("a listed flight is there");
            match &flight.landed {
                None => return (flight.follow(id, follower, role, limits), effects),
                Some(landed) if role != Role::Leader => {
                    if let Some(landed) = landed.upgrade() {
                        return (Entered::Landed(landed), effects);
                    }
                }
                Some(landed) if landed.strong_count() > 0 => {
                    return (Entered::Alone, effects);
                }
                Some(_) => {}
            }
            // Nobody uses it any more: its landing is about to end. It may have been stored by now.
            self.unlist(id);
            effects.ended = true;
        }
        let entered = match role {
            Role::Follower => Entered::Alone,
            Role::Any | Role::Leader => self.begin(place, limits, now),
        };
        (entered, effects)
    }

    fn begin(&mut self, place: Place, limits: Limits, now: Moment) -> Entered<T> {
        let (id, seat) = (self.number(), self.number());
        let flight = Flight::new(place.resource.clone(), seat, now + limits.lead);
        self.flights.insert(id, flight);
        self.listed.entry(place.resource).or_default().push(Listed {
            variant: place.variant,
            flight: id,
        });
        Entered::Lead { flight: id, seat }
    }

    fn find(&self, place: &Place) -> Option<u64> {
        let listed = self.listed.get(&place.resource)?;
        let found = listed.iter().find(|listed| listed.variant == place.variant);
        found.map(|listed| listed.flight)
    }

    fn unlist(&mut self, id: u64) {
        let Some(flight) = self.flights.get(&id) else {
            return;
        };
        if let Some(listed) = self.listed.get_mut(&flight.resource) {
            listed.retain(|listed| listed.flight != id);
            if listed.is_empty() {
                self.listed.remove(&flight.resource);
            }
        }
    }

    pub(super) fn close(&mut self, resource: &Key) {
        for listed in self.listed.remove(resource).unwrap_or_default() {
            if let Some(flight) = self.flights.get_mut(&listed.flight) {
                flight.closed = true;
            }
        }
    }

    pub(super) fn close_landed(&mut self, resource: &Key, landed: &Arc<T>) {
        let Some(listed) = self.listed.get_mut(resource) else {
            return;
        };
        let flights = &mut self.flights;
        listed.retain(|listed| {
            let Some(flight) = flights.get_mut(&listed.flight) else {
                return true;
            };
            let known = flight.landed.as_ref().map(Weak::as_ptr);
            let brought = known == Some(Arc::as_ptr(landed));
            flight.closed |= brought;
            !brought
        });
        if listed.is_empty() {
            self.listed.remove(resource);
        }
    }

    /// A leader ended without landing.
    pub(super) fn end(
        &mut self,
        id: u64,
        seat: u64,
        end: End,
        limits: Limits,
        now: Moment,
    ) -> Effects {
        let mut effects = Effects::default();
        if let Some(flight) = self.flights.get_mut(&id) {
            let numbers = &mut self.next;
            flight.ended(
                seat,
                end,
                &mut Pass {
                    limits,
                    now,
                    numbers,
                    effects: &mut effects,
                },
            );
        }
        self.tidy(id, &mut effects);
        effects
    }

    /// A leader has something for all who wait and, if it `stays`, for newcomers: also for those who know
    /// which variant it is. `false` if newcomers will not find it.
    pub(super) fn land(
        &mut self,
        id: u64,
        seat: u64,
        landed: &Arc<T>,
        stays: bool,
        variant: Option<Key>,
    ) -> (bool, Effects) {
        let mut effects = Effects::default();
        let Some(flight) = self.flights.get_mut(&id) else {
            return (false, effects);
        };
        flight.unseat(seat);
        flight.give_all(|| Given::Landed(Arc::clone(landed)), &mut effects);
        let first = flight.landed.is_none();
        if first {
            flight.landed = Some(Arc::downgrade(landed));
            flight.landing = stays && !flight.closed;
        }
        let stays = first && flight.landing;
        if stays {
            self.list_as(id, variant);
        } else if first {
            self.unlist(id);
            effects.ended = true;
        }
        self.tidy(id, &mut effects);
        (stays, effects)
    }

    /// Lists a flight under one more variant, unless there is a flight to that.
    fn list_as(&mut self, id: u64, variant: Option<Key>) {
        let Some(flight) = self.flights.get(&id) else {
            return;
        };
        let listed = self.listed.entry(flight.resource.clone()).or_default();
        if variant.is_some() && listed.iter().all(|listed| listed.variant != variant) {
            listed.push(Listed {
                variant,
                flight: id,
            });
        }
    }

    /// From now on newcomers find what landed elsewhere, or nowhere.
    pub(super) fn landing_ended(&mut self, id: u64) -> Effects {
        let mut effects = Effects::default();
        if let Some(flight) = self.flights.get_mut(&id) {
            flight.landing = false;
        }
        self.unlist(id);
        effects.ended = true;
        self.tidy(id, &mut effects);
        effects
    }

    /// What a follower was given; otherwise when to look again for leaders that are overdue.
    pub(super) fn poll(
        &mut self,
        id: u64,
        follower: u64,
        waker: &Waker,
        limits: Limits,
        now: Moment,
    ) -> (Result<Given<T>, Option<Moment>>, Effects) {
        let mut effects = Effects::default();
        let Some(flight) = self.flights.get_mut(&id) else {
            return (Ok(Given::Alone), effects);
        };
        let numbers = &mut self.next;
        flight.expire(&mut Pass {
            limits,
            now,
            numbers,
            effects: &mut effects,
        });
        let polled = flight.poll(follower, waker, &mut effects);
        if polled.is_ok() {
            self.tidy(id, &mut effects);
        }
        (polled, effects)
    }

    /// A follower leaves. What it leaves behind is to be dropped once the lock is free.
    pub(super) fn leave(
        &mut self,
        id: u64,
        follower: u64,
        limits: Limits,
        now: Moment,
    ) -> (Option<Cell<T>>, Effects) {
        let cell = self
            .flights
            .get_mut(&id)
            .and_then(|flight| flight.leave(follower));
        let effects = match &cell {
            Some(Cell {
                given: Some(Given::Lead(seat)),
                ..
            }) => self.end(id, *seat, End::Cancelled, limits, now),
            _ => {
                let mut effects = Effects::default();
                self.tidy(id, &mut effects);
                effects
            }
        };
        (cell, effects)
    }

    /// Forgets a flight that nobody is part of any more.
    fn tidy(&mut self, id: u64, effects: &mut Effects) {
        let Some(flight) = self.flights.get_mut(&id) else {
            return;
        };
        if flight.landing || flight.is_led() {
            return;
        }
        let forgotten = flight.is_deserted();
        if flight.landed.is_none() && (forgotten || !flight.is_awaited()) {
            // A leader that was overdue may land yet, but newcomers have a flight of their own by then.
            flight.closed = true;
            self.unlist(id);
            effects.ended = true;
        }
        if forgotten {
            self.flights.remove(&id);
        }
    }
}
