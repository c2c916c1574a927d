//! What an admitted request holds on its way through a layer.

use std::sync::Arc;

use http::Response;
use smallvec::SmallVec;

use super::{
    Limits,
    decision::{Refusal, standings},
    head::ResponseHead,
    layer::Core,
    subject::{CostAfter, Subject},
    table::{Charge, Lefts},
    wire::{
        body::{ResponseBody, Watch},
        fields::Line,
    },
};

/// One subject admits the request.
pub(super) struct Grant {
    pub(super) charge: Charge,
    /// The limits, if they are not those of the limiter.
    pub(super) plan: Option<Limits>,
    /// What is left of them, if that is to be told.
    pub(super) left: Lefts,
}

impl Grant {
    fn limits<'a>(&'a self, subject: &'a Subject) -> &'a Limits {
        self.plan.as_ref().unwrap_or(&subject.limiter.core().limits)
    }

    fn refund(&self, subject: &Subject) {
        subject.limiter.core().refund(self.charge);
    }

    fn release(&self, subject: &Subject) {
        if self.limits(subject).count_in_flight() {
            subject.limiter.core().release(self.charge);
        }
    }

    fn settle(&self, subject: &Subject, cost: u64) {
        let core = subject.limiter.core();
        core.settle(self.limits(subject), self.charge, cost);
    }
}

/// The grants of a request, by subject; none where it is not limited, or has been refunded.
type Grants = SmallVec<[Option<Grant>; 1]>;

/// What is given back when it is dropped: all before the call, afterwards the places in flight.
pub(super) struct Held {
    core: Arc<Core>,
    grants: Grants,
    called: bool,
}

impl Held {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            grants: SmallVec::new(),
            called: false,
        }
    }

    /// What the next subject has said.
    #[inline]
    pub(super) fn push(&mut self, grant: Option<Grant>) {
        self.grants.push(grant);
    }

    /// How many subjects have said something.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.grants.len()
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Whether the request has to wait for its turn.
    #[inline]
    pub(super) fn is_delayed(&self) -> bool {
        self.grants
            .iter()
            .flatten()
            .any(|grant| grant.charge.delay > 0)
    }

    /// Waits for the turn, that of each subject.
    pub(super) async fn turn(&self) {
        for (subject, grant) in self.granted() {
            subject.limiter.core().turn(grant.charge).await;
        }
    }

    /// The request is passed on: what it was charged for has begun.
    #[inline]
    pub(super) fn call(&mut self) {
        self.called = true;
    }

    fn granted(&self) -> impl Iterator<Item = (&Subject, &Grant)> {
        self.core
            .subjects
            .iter()
            .zip(&self.grants)
            .filter_map(|(subject, grant)| Some((subject, grant.as_ref()?)))
    }

    /// The response of the inner service, with what this layer makes of it.
    #[inline]
    pub(super) fn finish<R>(mut self, mut response: Response<R>) -> Response<ResponseBody<R>> {
        if response.extensions().get::<Refusal>().is_some() {
            // A limiter further in has refused it: nobody has been served.
            self.refund_all();
        } else if self.core.looks_at_responses {
            self.look_at(&ResponseHead::of(&response));
        }
        if self.core.tells() {
            self.tell(&mut response);
        }
        if self.holds_on() {
            let sending = Box::new(Sending {
                held: self,
                bytes: 0,
            });
            response.map(|body| ResponseBody::watched(body, sending))
        } else {
            response.map(ResponseBody::passed)
        }
    }

    fn refund_all(&mut self) {
        for (subject, grant) in self.granted() {
            grant.refund(subject);
        }
        self.grants.clear();
    }

    fn look_at(&mut self, response: &ResponseHead<'_>) {
        for (subject, held) in self.core.subjects.iter().zip(&mut self.grants) {
            let Some(grant) = held else { continue };
            if subject
                .counts
                .as_ref()
                .is_some_and(|counts| !counts(response))
            {
                grant.refund(subject);
                *held = None;
            } else if let Some(CostAfter::Said(cost)) = &subject.cost_after
                && let Some(cost) = cost(response)
            {
                grant.settle(subject, cost);
                // What is in flight is not a matter of cost.
            }
        }
    }

    /// Adds the fields.
    #[inline(never)]
    fn tell<R>(&self, response: &mut Response<R>) {
        let told = self.granted();
        let lines: SmallVec<[Line<'_>; 4]> = told
            .flat_map(|(subject, grant)| standings(grant.limits(subject), &grant.left))
            .map(Line::from)
            .collect();
        self.core.write_fields(response.headers_mut(), &lines, None);
    }

    /// Whether something is left to do at the end of the body.
    #[inline]
    fn holds_on(&self) -> bool {
        self.core.holds_on
            && self.granted().any(|(subject, grant)| {
                subject.sends_bytes() || grant.limits(subject).count_in_flight()
            })
    }
}

/// A response on its way, after so many bytes.
struct Sending {
    held: Held,
    bytes: u64,
}

impl Watch for Sending {
    fn sent(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        for (subject, grant) in self.held.granted() {
            if subject.sends_bytes() {
                grant.settle(subject, self.bytes);
            }
        }
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        if !self.called {
            self.refund_all();
        } else if self.core.holds_on {
            for (subject, grant) in self.granted() {
                grant.release(subject);
            }
        }
    }
}
