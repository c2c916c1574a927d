use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    thread,
};

use super::{
    Failure, Flights, Handle,
    one::End,
    table::{Effects, Table},
};
use crate::key::Key;

/// The part of one who fetches, for others too. Dropped, it passes the lead on.
pub(crate) struct Lead<T> {
    handle: Handle<T>,
    ended: bool,
}

impl<T> Lead<T> {
    pub(super) fn new(handle: Handle<T>) -> Self {
        Self {
            handle,
            ended: false,
        }
    }

    /// See [`Flights::generation`](super::Flights::generation).
    pub(crate) fn generation(&self) -> u64 {
        let Handle { flights, shard, .. } = &self.handle;
        flights.shards[*shard].ended.load(Ordering::Acquire)
    }

    /// Here it is: for all who wait and, as long as somebody holds both the landing and what landed, for
    /// newcomers, those included who know which variant it is. `None` if it is not for newcomers.
    pub(crate) fn land(self, landed: &Arc<T>, variant: Option<Key>) -> Option<Landing<T>> {
        self.landed(|table, flight, seat| table.land(flight, seat, landed, true, variant))
    }

    /// Here it is, for all who wait. Newcomers find it elsewhere.
    pub(crate) fn deliver(self, landed: &Arc<T>) {
        let landing =
            self.landed(|table, flight, seat| table.land(flight, seat, landed, false, None));
        debug_assert!(landing.is_none());
    }

    fn landed(
        mut self,
        land: impl FnOnce(&mut Table<T>, u64, u64) -> (bool, Effects),
    ) -> Option<Landing<T>> {
        self.ended = true;
        let Handle { flight, member, .. } = self.handle;
        let stays = self.handle.change(|table| land(table, flight, member));
        stays.then(|| Landing {
            flights: self.handle.flights.clone(),
            shard: self.handle.shard,
            flight,
        })
    }

    /// What it has is for itself alone.
    pub(crate) fn unshared(mut self) {
        self.end(End::Unshared);
    }

    /// It has nothing.
    pub(crate) fn failed(mut self, failure: Failure) {
        self.end(End::Failed(failure));
    }

    fn end(&mut self, end: End) {
        self.ended = true;
        let Handle {
            flight,
            member,
            limits,
            ..
        } = self.handle;
        let now = self.handle.clock.now();
        self.handle
            .change(|table| ((), table.end(flight, member, end, limits, now)));
    }
}

impl<T> Drop for Lead<T> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.end(if thread::panicking() {
            End::Failed(Failure::Failed)
        } else {
            End::Cancelled
        });
    }
}

/// As long as it lasts, newcomers are given what landed.
pub(crate) struct Landing<T> {
    flights: Flights<T>,
    shard: usize,
    flight: u64,
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        self.flights
            .change(self.shard, |table| ((), table.landing_ended(self.flight)));
    }
}

impl<T> fmt::Debug for Lead<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Landing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Landing").finish_non_exhaustive()
    }
}
