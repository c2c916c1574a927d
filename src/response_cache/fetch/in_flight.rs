//! Which order things have, and whether anything is on its way that an invalidation could come too late for.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// A process-wide number, each greater than those before.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Counts the responses that were asked for and may yet be stored, and all that ever were, invalidations included.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight {
    responses: Arc<AtomicUsize>,
    events: Arc<AtomicU64>,
}

impl InFlight {
    /// Counts one more, until the ticket is dropped. Take it before the number that the response is ordered
    /// by: whoever takes a later number and then finds nothing in flight has missed nothing.
    pub(crate) fn ticket(&self) -> Ticket {
        self.responses.fetch_add(1, Ordering::SeqCst);
        self.events.fetch_add(1, Ordering::SeqCst);
        Ticket(Arc::clone(&self.responses))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.responses.load(Ordering::SeqCst) == 0
    }

    /// Counts an invalidation. Count it before the number that it is ordered by.
    pub(crate) fn invalidates(&self) {
        self.events.fetch_add(1, Ordering::SeqCst);
    }

    /// How many tickets and invalidations there were, of any resource.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::SeqCst)
    }

    /// The same, if nothing is in flight.
    pub(crate) fn quiet(&self) -> Option<u64> {
        let events = self.events();
        self.is_empty().then_some(events)
    }
}

/// A response that is in flight.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<AtomicUsize>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_in_flight_as_long_as_its_ticket() {
        let in_flight = InFlight::default();
        let shared = in_flight.clone();
        let (one, two) = (in_flight.ticket(), shared.ticket());
        drop(one);
        assert!(!in_flight.is_empty());
        drop(two);
        assert!(in_flight.is_empty());
    }
}
