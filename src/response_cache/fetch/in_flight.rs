//! Which order things have, and whether anything is on its way that an invalidation could come too late for.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::key::Key;

/// A process-wide number, each greater than those before.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Resources that are counted together: taking one for another keeps a response from being stored, no more.
const COUNTS: usize = 1024;

/// Counts the responses that were asked for and may yet be stored.
#[derive(Clone)]
pub(crate) struct InFlight {
    all: Arc<AtomicUsize>,
    resources: Arc<[Count]>,
}

#[derive(Default)]
struct Count {
    in_flight: AtomicUsize,
    /// How many there ever were, invalidations included.
    events: AtomicU64,
}

impl Default for InFlight {
    fn default() -> Self {
        Self {
            all: Arc::default(),
            resources: (0..COUNTS).map(|_| Count::default()).collect(),
        }
    }
}

impl InFlight {
    fn count(&self, resource: &Key) -> &Count {
        &self.resources[index(resource)]
    }

    /// Counts one more, until the ticket is dropped. Take it before the number that the response is ordered
    /// by: whoever takes a later number and then finds nothing in flight has missed nothing.
    pub(crate) fn ticket(&self, resource: &Key) -> Ticket {
        self.all.fetch_add(1, Ordering::SeqCst);
        let count = self.count(resource);
        count.in_flight.fetch_add(1, Ordering::SeqCst);
        count.events.fetch_add(1, Ordering::SeqCst);
        Ticket {
            in_flight: self.clone(),
            index: index(resource),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.load(Ordering::SeqCst) == 0
    }

    /// Counts an invalidation.
    pub(crate) fn invalidates(&self, resource: &Key) {
        self.count(resource).events.fetch_add(1, Ordering::SeqCst);
    }

    /// How much there was of a resource so far, if nothing of it is in flight.
    pub(crate) fn quiet(&self, resource: &Key) -> Option<u64> {
        let count = self.count(resource);
        let events = count.events.load(Ordering::SeqCst);
        (count.in_flight.load(Ordering::SeqCst) == 0).then_some(events)
    }
}

fn index(resource: &Key) -> usize {
    usize::try_from(resource.fingerprint() % COUNTS as u64).expect("it is a small number")
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InFlight").field(&self.all).finish()
    }
}

/// A response that is in flight.
#[derive(Debug)]
pub(crate) struct Ticket {
    in_flight: InFlight,
    index: usize,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let InFlight { all, resources } = &self.in_flight;
        resources[self.index]
            .in_flight
            .fetch_sub(1, Ordering::SeqCst);
        all.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_in_flight_as_long_as_its_ticket() {
        let in_flight = InFlight::default();
        let shared = in_flight.clone();
        let key = Key::new(b"a");
        let before = in_flight.quiet(&key);
        let (one, two) = (in_flight.ticket(&key), shared.ticket(&key));
        drop(one);
        assert!(!in_flight.is_empty() && in_flight.quiet(&key).is_none());
        drop(two);
        assert!(in_flight.is_empty());
        let after = in_flight.quiet(&key);
        assert!(after.is_some() && after != before);
        in_flight.invalidates(&key);
        assert_ne!(in_flight.quiet(&key), after);
    }
}
