//! One flight per key: of many that want the same thing at the same time one fetches it, and the others
//! share what it brings.
//!
//! Who comes first [leads](Lead); who comes while a flight is up [follows](Follower). No task is needed: the
//! leader is a future of somebody who wants the thing too, and when it goes away its seat passes to the next.
//! What becomes of the followers depends on the leader's end:
//!
//! | end of the leader | followers |
//! |---|---|
//! | it [lands](Lead::land) | all get what it brings, and newcomers too as long as the [`Landing`] lasts |
//! | it has something that cannot be shared ([`unshared`](Lead::unshared)) | two go by themselves, and two more for each of them that ends: 1, 2, 4, ... at a time |
//! | it [fails](Lead::failed), panics, or is overdue | one leads next; after [`Limits::leaders`] failures all fail |
//! | it is dropped | one leads next, and it does not count: a client that hung up says nothing about the origin |
//!
//! A thing is named by a [`Place`]: a resource, and one of its variants where it is known to vary. To
//! [close](Flights::close) a resource keeps newcomers from what is already in the air.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Clock,
    key::Key,
    sync::{Mutex, lock},
};

mod follower;
mod lead;
mod one;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    follower::Follower,
    lead::{Landing, Lead},
};
use self::{
    one::Entered,
    table::{Effects, Table},
};

/// Locks of the table: keys in different ones do not wait for each other.
const SHARDS: usize = 64;

/// What may be shared: a resource, or one of its variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) resource: Key,
    pub(crate) variant: Option<Key>,
}

/// How somebody takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It follows, or leads if there is nothing to follow.
    Any,
    /// It leads or goes alone: what others fetched is not good enough.
    Leader,
    /// It follows or goes alone: what it fetched would not be good enough for others.
    Follower,
}

/// How much a flight puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Failures after which followers fail.
    pub(crate) leaders: u32,
    /// Followers that wait at the same time. Who comes after them goes alone.
    pub(crate) followers: usize,
    /// How long a leader may take before the next one starts.
    pub(crate) lead: Duration,
    /// How long a follower waits.
    pub(crate) wait: Duration,
}

/// Why followers get nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The last leader failed.
    Failed,
    /// The last leader, or the wait for one, took too long.
    TimedOut,
}

/// What somebody who asks for a place is told.
pub(crate) enum Joined<T> {
    /// To fetch it, for the others too.
    Lead(Lead<T>),
    /// To wait for the one who does.
    Follow(Follower<T>),
    /// Here it is.
    Landed(Arc<T>),
    /// To fetch it for itself.
    Alone,
}

/// What a follower gets in the end.
pub(crate) enum Turn<T> {
    /// What the leader brought.
    Landed(Arc<T>),
    /// The lead.
    Lead(Lead<T>),
    /// Nobody brought anything.
    Failed(Failure),
    /// There is nobody to follow any more, and it must not lead.
    Alone,
}

/// The flights of a cache. Clones are the same table.
pub(crate) struct Flights<T> {
    shards: Arc<[Shard<T>]>,
}

struct Shard<T> {
    table: Mutex<Table<T>>,
    /// How many flights have ended.
    ended: AtomicU64,
}

impl<T> Flights<T> {
    /// How many flights of this resource, or of others, have ended. Who has read this before it looked for
    /// what is kept, and [leads](Lead::generation) at the same count, has missed nothing that was kept
    /// meanwhile.
    pub(crate) fn generation(&self, resource: &Key) -> u64 {
        self.shard(resource).ended.load(Ordering::Acquire)
    }

    /// Takes part in the flight to a place.
    pub(crate) fn join(
        &self,
        place: Place,
        role: Role,
        limits: Limits,
        clock: &Clock,
    ) -> Joined<T> {
        let index = index(&place.resource);
        let now = clock.now();
        let entered = self.change(index, |table| table.enter(place, role, limits, now));
        let handle = |flight, member| Handle {
            flights: self.clone(),
            shard: index,
            flight,
            member,
            limits,
            clock: clock.clone(),
        };
        match entered {
            Entered::Lead { flight, seat } => Joined::Lead(Lead::new(handle(flight, seat))),
            Entered::Follow { flight, follower } => {
                Joined::Follow(Follower::new(handle(flight, follower), now))
            }
            Entered::Landed(landed) => Joined::Landed(landed),
            Entered::Alone => Joined::Alone,
        }
    }

    /// Keeps newcomers from all flights to a resource that are up: what they bring was asked for before now.
    pub(crate) fn close(&self, resource: &Key) {
        lock(&self.shard(resource).table).close(resource);
    }

    /// Keeps newcomers from the flight that brought this, and from no other one.
    pub(crate) fn close_landed(&self, resource: &Key, landed: &Arc<T>) {
        lock(&self.shard(resource).table).close_landed(resource, landed);
    }

    /// Whether nothing is in the air and nobody waits.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.shards
            .iter()
            .all(|shard| lock(&shard.table).is_empty())
    }

    fn shard(&self, resource: &Key) -> &Shard<T> {
        &self.shards[index(resource)]
    }

    /// Changes the flights of a shard. Whoever has to be woken for it is woken once the lock is free: a waker
    /// may run anything.
    fn change<R>(&self, shard: usize, change: impl FnOnce(&mut Table<T>) -> (R, Effects)) -> R {
        let shard = &self.shards[shard];
        let mut table = lock(&shard.table);
        let (result, effects) = change(&mut table);
        if effects.ended {
            shard.ended.fetch_add(1, Ordering::AcqRel);
        }
        drop(table);
        effects.wake();
        result
    }
}

fn index(resource: &Key) -> usize {
    // The low bits choose the slot of a table: take others.
    usize::try_from(resource.fingerprint() >> 58).expect("six bits fit")
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Shard {
            table: Mutex::new(Table::default()),
            ended: AtomicU64::new(0),
        });
        Self {
            shards: shards.collect(),
        }
    }
}

impl<T> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Self {
            shards: Arc::clone(&self.shards),
        }
    }
}

impl<T> fmt::Debug for Flights<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

/// Somebody's part in a flight.
struct Handle<T> {
    flights: Flights<T>,
    shard: usize,
    flight: u64,
    /// The number of the leader's seat, or of the follower.
    member: u64,
    limits: Limits,
    clock: Clock,
}

impl<T> Handle<T> {
    fn change<R>(&self, change: impl FnOnce(&mut Table<T>) -> (R, Effects)) -> R {
        self.flights.change(self.shard, change)
    }
}
