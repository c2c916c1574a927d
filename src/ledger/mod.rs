//! Invalidation: which of the things that are stored are no longer to be used, without searching for them.
//!
//! What is stored carries names: the resource that it belongs to, and its tags. Each name in use is a cell,
//! held by the things that carry it. An invalidation marks the cell of a name, if there is one, with its
//! position in the one order of this ledger, and costs the same however many things carry the name.
//!
//! A thing remembers the position at which it was *asked for*: it is valid as long as none of its cells was marked
//! later. So what began before an invalidation and came after it is never taken for valid. Names that are
//! invalidated while something is on its way, which may turn out to carry them, are kept in a ring until that has
//! arrived. If the ring runs over, what is on its way is refused and nothing else happens.
//!
//! Patterns ([`Pattern`]) cannot be looked up. They are rules, applied to a resource when it is next used; once
//! there are many (64, or 4096 that are single paths) they are applied to all that are in use, and forgotten.
//!
//! A [`Ledger`] belongs to a [`Store`](crate::store::Store): all layers that share the store share it.

#[cfg(not(any(test, feature = "test-util")))]
mod alone;
mod cell;
mod departures;
mod event;
mod held;
#[cfg(any(test, feature = "test-util"))]
mod journal;
mod order;
mod pattern;
mod rules;
#[cfg(any(test, feature = "test-util"))]
mod shared;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use smallvec::SmallVec;

#[cfg(not(any(test, feature = "test-util")))]
use self::alone::Remote;
#[cfg(any(test, feature = "test-util"))]
use self::shared::Remote;
#[cfg(any(test, feature = "test-util"))]
pub(crate) use self::{
    cell::Marked,
    journal::{Answer, Journal},
};
use self::{
    cell::{Cell, Cells, Mark},
    order::Order,
};
pub(crate) use self::{
    departures::{Departure, Departures},
    event::{Event, Name},
    held::{Began, Held, Standing},
    order::Opening,
};
pub use self::{
    event::{Cause, Effect, Subject},
    pattern::{InvalidPattern, Pattern},
};
use crate::{
    clock::Moment,
    key::Key,
    sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, lock},
};

/// What was invalidated of the things in a [`Store`](crate::store::Store). Opaque; clones are the same ledger.
///
/// A store hands it to the layers that use it, see [`Store::ledger`](crate::store::Store::ledger).
#[derive(Clone, Default)]
pub struct Ledger(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The position of the newest rule.
    last_rule: Apart<AtomicU64>,
    cells: Arc<Cells>,
    /// The last position that was given away.
    last: AtomicU64,
    order: Mutex<Order>,
    departures: Departures,
    /// Whether somebody is going to sweep the store.
    sweeping: AtomicBool,
    /// What several processes share, if they do.
    remote: Option<Remote>,
}

/// In a cache line of its own: every hit reads it, and what stands beside it changes with every miss.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// That somebody is going to remove what is gone from the store.
#[derive(Debug)]
pub(crate) struct SweepClaim(Ledger);

impl Drop for SweepClaim {
    fn drop(&mut self) {
        self.0.0.sweeping.store(false, Ordering::Release);
    }
}

/// What an invalidation met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) position: u64,
    /// How many of the names were in use; patterns count.
    pub(crate) met: u64,
    /// How many tags and groups nothing carries.
    pub(crate) unmet_tags: u64,
    /// How many things carry the names; `None` if that is not known.
    pub(crate) named: Option<u64>,
}

impl Ledger {
    /// A ledger with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The position of the last thing that happened.
    pub(crate) fn position(&self) -> u64 {
        self.0.last.load(Ordering::Acquire)
    }

    /// What has become of the things that are not there any more.
    pub(crate) fn departures(&self) -> &Departures {
        &self.0.departures
    }

    /// The task to remove what is gone from the store, unless somebody has it already.
    pub(crate) fn claim_sweep(&self) -> Option<SweepClaim> {
        let claimed = self.0.sweeping.swap(true, Ordering::AcqRel);
        (!claimed).then(|| SweepClaim(self.clone()))
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        lock(&self.0.order)
    }

    /// The next position. Positions are given away under the lock of the order.
    fn next(&self, _: &mut Order) -> u64 {
        self.0.last.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Something is asked for that will be stored: no invalidation from now on is missed, whatever names it turns
    /// out to carry.
    pub(crate) fn begin(&self) -> Opening {
        let heard = self.0.remote.as_ref().map_or(0, Remote::heard);
        let mut order = self.order();
        let position = self.next(&mut order);
        order.opened(position);
        drop(order);
        Opening {
            ledger: self.clone(),
            position,
            heard,
        }
    }

    fn closed(&self, position: u64) {
        self.order().closed(position);
    }

    /// Invalidates what an event names, all at once. Here that has taken place when this returns; others who share
    /// the store hear of it as soon as they can.
    pub(crate) fn append(&self, event: &Event, at: Moment) -> Appended {
        let appended = self.apply(event, at);
        if let Some(remote) = &self.0.remote {
            remote.send(event, at);
        }
        appended
    }

    fn apply(&self, event: &Event, at: Moment) -> Appended {
        let mut order = self.order();
        let position = self.next(&mut order);
        let (mut named, mut patterns, mut unmet_tags) = (Some(0), 0, 0);
        // What is held last is freed after the lock.
        let mut met: SmallVec<[Arc<Cell>; 4]> = SmallVec::new();
        for subject in event.subjects() {
            let mark = Mark {
                position,
                effect: event.effect,
                cause: event.cause(subject),
                at,
            };
            match subject {
                Subject::Pattern(pattern) => {
                    order.rules.add(pattern, mark);
                    self.0.last_rule.0.store(position, Ordering::Release);
                    named = None;
                    patterns += 1;
                }
                subject => {
                    let Some(name) = subject.name() else { continue };
                    if let Some(cell) = self.0.cells.mark(name, mark) {
                        let holders = Arc::strong_count(&cell) as u64 - 1;
                        named = named.map(|sum| sum + holders);
                        met.push(cell);
                    } else if !matches!(subject, Subject::Resource(_)) {
                        unmet_tags += 1;
                    }
                    order.ring(name, mark);
                }
            }
        }
        let many = order.rules.are_many();
        drop(order);
        let names = met.len() as u64;
        drop(met);
        if many {
            self.settle_rules();
        }
        Appended {
            position,
            met: names + patterns,
            unmet_tags,
            named,
        }
    }

    /// The cells of what has arrived: `resource` is the name of the resource, and `place` what patterns are
    /// compared with. `None` if it is no longer known whether any of them was invalidated since it was asked for.
    pub(crate) fn hold(
        &self,
        opening: &Opening,
        resource: Name,
        place: &[u8],
        tags: impl IntoIterator<Item = Name>,
    ) -> Option<Held> {
        let order = self.order();
        if !order.remembers(opening.position) {
            return None;
        }
        let ring = |name: Name| order.marks_of(name);
        let mut cells: SmallVec<[Arc<Cell>; 1]> = SmallVec::new();
        let (cell, created) = self.0.cells.get_or_create(resource, place, ring);
        if created {
            order.rules.apply(&cell, self.last_rule());
        }
        cells.push(cell);
        for tag in tags {
            if cells.iter().all(|known| known.name() != tag) {
                cells.push(self.0.cells.get_or_create(tag, &[], ring).0);
            }
        }
        drop(order);
        cells.shrink_to_fit();
        let began = Began {
            ledger: Arc::as_ptr(&self.0.cells) as usize,
            position: opening.position,
            heard: opening.heard,
        };
        Some(Held::new(cells, began))
    }

    fn last_rule(&self) -> u64 {
        self.0.last_rule.0.load(Ordering::Acquire)
    }

    /// Applies the rules that a resource has not been compared with.
    #[cold]
    fn check(&self, resource: &Cell) {
        let order = self.order();
        order.rules.apply(resource, self.last_rule());
    }

    /// Applies the rules to all resources in use, and forgets them.
    fn settle_rules(&self) {
        let (rules, upto) = {
            let order = self.order();
            (order.rules.clone(), self.last_rule())
        };
        self.0
            .cells
            .for_each_resource(|cell| rules.apply(cell, upto));
        self.order().forget_rules(upto);
    }

    /// How many names are in use.
    #[cfg(test)]
    fn names(&self) -> usize {
        self.0.cells.len()
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

/// The fingerprint of a name.
fn fingerprint(bytes: &[u8]) -> u64 {
    Key::new(bytes).fingerprint()
}
