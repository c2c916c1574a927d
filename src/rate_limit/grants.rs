//! What subjects have granted to a request.

use std::iter;

use super::{limit::Limits, subject::Subject, table::Charge};

/// One subject admits the request.
pub(super) struct Grant {
    pub(super) charge: Charge,
    /// The limits, if they are not those of the limiter.
    pub(super) plan: Option<Limits>,
    /// Whether it still counts for more than its place in flight.
    pub(super) counts: bool,
}

impl Grant {
    pub(super) fn limits<'a>(&'a self, subject: &'a Subject) -> &'a Limits {
        self.plan.as_ref().unwrap_or(&subject.limiter.core().limits)
    }

    pub(super) fn refund(&self, subject: &Subject) {
        subject.limiter.core().refund(self.charge);
    }

    pub(super) fn release(&self, subject: &Subject) {
        if self.limits(subject).count_in_flight() {
            subject.limiter.core().release(self.charge);
        }
    }

    /// The response is none that counts. A place in flight is another matter: it is kept until the body has ended.
    pub(super) fn uncount(mut self, subject: &Subject) -> Option<Self> {
        if !self.limits(subject).count_in_flight() {
            self.refund(subject);
            return None;
        }
        self.settle(subject, 0);
        self.counts = false;
        Some(self)
    }

    pub(super) fn settle(&self, subject: &Subject, cost: u64) {
        let core = subject.limiter.core();
        core.settle(self.limits(subject), self.charge, cost);
    }
}

/// The grants of a request, by subject; none where it is not limited, or has been refunded. The first one, mostly the
/// only one, is written where it stays.
#[derive(Default)]
pub(super) struct Grants {
    len: usize,
    first: Option<Grant>,
    others: Vec<Option<Grant>>,
}

impl Grants {
    /// How many subjects have said something.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, grant: Option<Grant>) {
        if self.len == 0 {
            self.first = grant;
        } else {
            self.others.push(grant);
        }
        self.len += 1;
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Option<Grant>> {
        iter::once(&self.first).chain(&self.others).take(self.len)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Option<Grant>> {
        iter::once(&mut self.first)
            .chain(&mut self.others)
            .take(self.len)
    }
}
