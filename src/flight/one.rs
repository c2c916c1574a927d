//! The state of one flight: its leaders and its followers.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
    task::Waker,
};

use foldhash::fast::RandomState;

use super::{Failure, Limits, Role, table::Effects};
use crate::{clock::Moment, key::Key};

/// Lines up to this length are not worth the trouble of closing gaps.
const LINE: usize = 64;

pub(super) struct Flight<T> {
    pub(super) resource: Key,
    /// Closed to newcomers.
    pub(super) closed: bool,
    seats: Vec<Seat>,
    /// Those who wait, in the order of their arrival. Who has left is skipped.
    waiting: VecDeque<u64>,
    followers: HashMap<u64, Cell<T>, RandomState>,
    failures: u32,
    /// What leaders bring cannot be shared: followers go by themselves, twice as many each time.
    spreading: bool,
    /// What has landed. Those who use it keep it alive.
    pub(super) landed: Option<Weak<T>>,
    /// Whether newcomers may still have it.
    pub(super) landing: bool,
}

/// One who fetches.
struct Seat {
    number: u64,
    overdue: Moment,
}

/// A follower's.
pub(super) struct Cell<T> {
    waker: Option<Waker>,
    pub(super) given: Option<Given<T>>,
    may_lead: bool,
}

/// What a follower was given.
pub(super) enum Given<T> {
    Landed(Arc<T>),
    Lead(u64),
    Failed(Failure),
    Alone,
}

/// What somebody who enters is told.
pub(super) enum Entered<T> {
    Lead { flight: u64, seat: u64 },
    Follow { flight: u64, follower: u64 },
    Landed(Arc<T>),
    Alone,
}

/// How a leader ended without landing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Unshared,
    Failed(Failure),
    Cancelled,
}

/// What an event brings along.
pub(super) struct Pass<'a> {
    pub(super) limits: Limits,
    pub(super) now: Moment,
    pub(super) numbers: &'a mut u64,
    pub(super) effects: &'a mut Effects,
}

impl<T> Flight<T> {
    /// A flight with its first leader.
    pub(super) fn new(resource: Key, seat: u64, overdue: Moment) -> Self {
        Self {
            resource,
            closed: false,
            seats: vec![Seat {
                number: seat,
                overdue,
            }],
            waiting: VecDeque::new(),
            followers: HashMap::default(),
            failures: 0,
            spreading: false,
            landed: None,
            landing: false,
        }
    }

    pub(super) fn follow(
        &mut self,
        id: u64,
        follower: u64,
        role: Role,
        limits: Limits,
    ) -> Entered<T> {
        if role == Role::Leader || self.followers.len() >= limits.followers {
            return Entered::Alone;
        }
        let cell = Cell {
            waker: None,
            given: None,
            may_lead: role == Role::Any,
        };
        self.followers.insert(follower, cell);
        self.waiting.push_back(follower);
        Entered::Follow {
            flight: id,
            follower,
        }
    }

    /// What a follower was given; otherwise when the next leader will be overdue.
    pub(super) fn poll(
        &mut self,
        follower: u64,
        waker: &Waker,
        effects: &mut Effects,
    ) -> Result<Given<T>, Option<Moment>> {
        let Some(cell) = self.followers.get_mut(&follower) else {
            return Ok(Given::Alone);
        };
        if let Some(given) = cell.given.take() {
            self.followers.remove(&follower);
            return Ok(given);
        }
        let is_known = |known: &Waker| known.will_wake(waker);
        if !cell.waker.as_ref().is_some_and(is_known) {
            effects.replaced = cell.waker.replace(waker.clone());
        }
        Err(self.seats.iter().map(|seat| seat.overdue).min())
    }

    /// A follower leaves. Its place in the line goes with the next one that is reached, or when half of the line
    /// has left.
    pub(super) fn leave(&mut self, follower: u64) -> Option<Cell<T>> {
        let cell = self.followers.remove(&follower);
        if self.waiting.len() > LINE + 2 * self.followers.len() {
            let followers = &self.followers;
            self.waiting.retain(|id| followers.contains_key(id));
        }
        cell
    }

    /// A leader is one no more; `false` if it was overdue and is none already.
    pub(super) fn unseat(&mut self, seat: u64) -> bool {
        let seats = self.seats.len();
        self.seats.retain(|other| other.number != seat);
        self.seats.len() < seats
    }

    /// Whether somebody fetches, as far as that is not overdue.
    pub(super) fn is_led(&self) -> bool {
        !self.seats.is_empty()
    }

    /// Whether there is no follower any more that would have to be told something.
    pub(super) fn is_deserted(&self) -> bool {
        self.followers.is_empty()
    }

    /// Whether somebody waits who has been given nothing yet.
    pub(super) fn is_awaited(&self) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|id| self.followers.contains_key(id))
    }

    pub(super) fn ended(&mut self, seat: u64, end: End, pass: &mut Pass<'_>) {
        // One that is overdue has been counted and has its successor.
        let counted = !self.unseat(seat);
        match end {
            End::Unshared => {
                self.spreading = true;
                self.go_on(pass);
            }
            End::Failed(_) | End::Cancelled if counted => {}
            End::Failed(failure) => self.failed(failure, pass),
            End::Cancelled => self.go_on(pass),
        }
    }

    fn failed(&mut self, failure: Failure, pass: &mut Pass<'_>) {
        // Where everybody goes by himself one's failure says nothing to the others.
        if !self.spreading {
            self.failures += 1;
        }
        if self.failures >= pass.limits.leaders {
            self.give_all(|| Given::Failed(failure), pass.effects);
        } else {
            self.go_on(pass);
        }
    }

    /// Lets the next one lead; two, where each goes by himself.
    fn go_on(&mut self, pass: &mut Pass<'_>) {
        for _ in 0..if self.spreading { 2 } else { 1 } {
            self.elect(pass);
        }
        if self.seats.is_empty() {
            self.give_all(|| Given::Alone, pass.effects);
        }
    }

    fn elect(&mut self, pass: &mut Pass<'_>) {
        let Some(next) = self.next() else { return };
        *pass.numbers += 1;
        let number = *pass.numbers;
        self.seats.push(Seat {
            number,
            overdue: pass.now + pass.limits.lead,
        });
        self.give(next, Given::Lead(number), pass.effects);
    }

    /// The first of those who wait that may lead.
    fn next(&mut self) -> Option<u64> {
        let mut index = 0;
        loop {
            match self.followers.get(self.waiting.get(index)?) {
                Some(cell) if cell.may_lead => return self.waiting.remove(index),
                Some(_) => index += 1,
                None => drop(self.waiting.remove(index)),
            }
        }
    }

    /// Lets others lead in the place of those who take too long.
    pub(super) fn expire(&mut self, pass: &mut Pass<'_>) {
        while let Some(seat) = self.seats.iter().find(|seat| seat.overdue <= pass.now) {
            if !self.is_awaited() {
                return;
            }
            let number = seat.number;
            self.unseat(number);
            self.failed(Failure::TimedOut, pass);
        }
    }

    fn give(&mut self, follower: u64, given: Given<T>, effects: &mut Effects) {
        if let Some(cell) = self.followers.get_mut(&follower) {
            cell.given = Some(given);
            effects.wake.extend(cell.waker.take());
        }
    }

    pub(super) fn give_all(&mut self, mut given: impl FnMut() -> Given<T>, effects: &mut Effects) {
        for follower in std::mem::take(&mut self.waiting) {
            self.give(follower, given(), effects);
        }
    }
}
