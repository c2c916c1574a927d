//! What overlaps an unsafe request: its response is kept only if nothing does.

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

/// Counts the requests that are on their way to the inner service.
#[derive(Clone)]
pub(crate) struct InFlight(Arc<[Count]>);

#[derive(Default)]
struct Count {
    in_flight: AtomicUsize,
    /// How many there ever were, invalidations included.
    events: AtomicU64,
}

impl Default for InFlight {
    fn default() -> Self {
        Self((0..COUNTS).map(|_| Count::default()).collect())
    }
}

impl InFlight {
    fn count(&self, resource: &Key) -> &Count {
        &self.0[index(resource)]
    }

    /// Counts one more, until the ticket is dropped.
    pub(crate) fn ticket(&self, resource: &Key) -> Ticket {
        let count = self.count(resource);
        count.in_flight.fetch_add(1, Ordering::SeqCst);
        count.events.fetch_add(1, Ordering::SeqCst);
        Ticket {
            in_flight: self.clone(),
            index: index(resource),
        }
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
        f.debug_struct("InFlight").finish_non_exhaustive()
    }
}

/// A request that is on its way.
#[derive(Debug)]
pub(crate) struct Ticket {
    in_flight: InFlight,
    index: usize,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let count = &self.in_flight.0[self.index];
        count.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_flight_as_long_as_its_ticket() {
        let in_flight = InFlight::default();
        let shared = in_flight.clone();
        let key = Key::new(b"a");
        let before = in_flight.quiet(&key);
        let (one, two) = (in_flight.ticket(&key), shared.ticket(&key));
        drop(one);
        assert!(in_flight.quiet(&key).is_none());
        drop(two);
        let after = in_flight.quiet(&key);
        assert!(after.is_some() && after != before);
        in_flight.invalidates(&key);
        assert_ne!(in_flight.quiet(&key), after);
    }
}
