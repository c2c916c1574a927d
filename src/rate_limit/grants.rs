//! What subjects have granted to a request.

use std::iter;

use super::{
    limit::Limits,
    subject::Subject,
    table::{Charge, Lefts},
};

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

    /// The request has not been served.
    pub(super) fn forgo(&self, subject: &Subject) {
        let core = subject.limiter.core();
        core.refund(self.limits(subject), self.charge, false);
    }

    /// The response is none that counts. A place in flight is another matter: it is kept until the body has ended.
    pub(super) fn uncount(&mut self, subject: &Subject) {
        self.settle(subject, 0);
        self.counts = false;
    }

    pub(super) fn release(&self, subject: &Subject) {
        let limits = self.limits(subject);
        if limits.count_in_flight() {
            subject.limiter.core().release(limits, self.charge);
        }
    }

    pub(super) fn settle(&self, subject: &Subject, cost: u64) {
        let core = subject.limiter.core();
        core.settle(self.limits(subject), self.charge, cost);
    }
}

/// The grants of a request, by subject; none where it is not limited. The first one, mostly the only one, is written
/// where it stays.
#[derive(Default)]
pub(super) struct Grants {
    len: usize,
    first: Option<Grant>,
    others: Vec<Option<Grant>>,
    /// What is left of the limits of each, where that is to be told: one after the other. Boxed, as moves count here
    /// and most of the time there is none.
    lefts: Option<Box<Lefts>>,
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

    /// Where the next subject adds what is left.
    #[inline]
    pub(super) fn lefts(&mut self) -> &mut Lefts {
        self.lefts.get_or_insert_default()
    }

    pub(super) fn take_lefts(&mut self) -> Lefts {
        self.lefts.take().map(|lefts| *lefts).unwrap_or_default()
    }

    /// With the subject of each.
    #[inline]
    pub(super) fn with<'a>(
        &'a self,
        subjects: &'a [Subject],
    ) -> impl Iterator<Item = (&'a Subject, &'a Grant)> {
        let grants = iter::once(&self.first).chain(&self.others);
        let pairs = subjects.iter().zip(grants).take(self.len);
        pairs.filter_map(|(subject, grant)| Some((subject, grant.as_ref()?)))
    }

    pub(super) fn with_mut<'a>(
        &'a mut self,
        subjects: &'a [Subject],
    ) -> impl Iterator<Item = (&'a Subject, &'a mut Grant)> {
        let grants = iter::once(&mut self.first).chain(&mut self.others);
        let pairs = subjects.iter().zip(grants).take(self.len);
        pairs.filter_map(|(subject, grant)| Some((subject, grant.as_mut()?)))
    }

    /// The request has not been served: all is given back.
    pub(super) fn forgo(&mut self, subjects: &[Subject]) {
        for (subject, grant) in self.with(subjects) {
            grant.forgo(subject);
        }
        *self = Self::default();
    }
}
