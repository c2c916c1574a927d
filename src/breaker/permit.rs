//! A call that was let through.

use super::handle::{Breaker, Ticket};

/// A call that was let through. Dropped without an outcome, it does not count, and a half-open circuit lets another
/// probe through in its place.
///
/// See [`Breaker::try_acquire`] for an example.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once is a call that was cancelled"]
pub struct Permit {
    breaker: Breaker,
    /// None once it was used.
    ticket: Option<Ticket>,
}

impl Permit {
    pub(super) fn new(breaker: Breaker, ticket: Ticket) -> Self {
        Self {
            breaker,
            ticket: Some(ticket),
        }
    }

    /// The call ended well. If it took too long, it counts as slow.
    pub fn success(self) {
        self.end(false);
    }

    /// The call failed.
    pub fn failure(self) {
        self.end(true);
    }

    fn end(mut self, failed: bool) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.record(ticket, failed);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.give_back(ticket);
        }
    }
}
