//! What an admitted request holds on its way through a layer.

use std::sync::Arc;

use http::{Extensions, Response};
use http_body::Body;
use smallvec::SmallVec;

use super::{
    adaptive::Overloaded,
    decision::{Refusal, standing},
    grants::{Grant, Grants},
    layer::Core,
    subject::{CostAfter, Refusing, Subject},
    table::Lefts,
    whole::ServiceLimited,
    wire::fields::Line,
};
use crate::{
    head::ResponseHead,
    wire::body::{ResponseBody, Watch},
};

/// What is given back when it is dropped: all before the call, afterwards the places in flight.
pub(super) struct Held {
    core: Arc<Core>,
    grants: Grants,
    /// What is left of the limits of each, where that is to be told: one after the other. Boxed, as moves count here
    /// and most of the time there is none.
    lefts: Option<Box<Lefts>>,
    called: bool,
}

impl Held {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            grants: Grants::default(),
            lefts: None,
            called: false,
        }
    }

    /// What the next subject has said.
    #[inline]
    pub(super) fn push(&mut self, grant: Option<Grant>) {
        self.grants.push(grant);
    }

    /// Where the next subject adds what is left, if that is to be told.
    #[inline]
    pub(super) fn lefts(&mut self) -> Option<&mut Lefts> {
        self.core
            .tells()
            .then(|| &mut **self.lefts.get_or_insert_default())
    }

    /// The refusal of the next subject.
    pub(super) fn refusal(&mut self, refusing: Refusing) -> Refusal {
        let of_others: usize = self
            .granted()
            .map(|(s, grant)| grant.limits(s).iter().len())
            .sum();
        let mut lefts = self.lefts.take().map(|lefts| *lefts).unwrap_or_default();
        // Where nothing is told there are none.
        lefts.drain(..of_others.min(lefts.len()));
        let core = Arc::clone(&self.core);
        core.subjects[self.len()].refusal(refusing, lefts)
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
            .zip(self.grants.iter())
            .filter_map(|(subject, grant)| Some((subject, grant.as_ref()?)))
    }

    /// There is a response of the inner service: what it means for what was charged, and what it is to say.
    #[inline]
    pub(super) fn respond<R>(&mut self, response: &mut Response<R>) {
        if refused_further_in(response.extensions()) {
            return self.refund_all();
        }
        if self.core.tells() {
            self.tell(response);
        }
        if self.core.looks_at_responses {
            self.look_at(&ResponseHead::of(response));
        }
    }

    /// The body, which goes on holding what it has to.
    pub(super) fn sending<R: Body>(self, body: R) -> ResponseBody<R> {
        let sending = Box::new(Sending {
            held: self,
            bytes: 0,
        });
        if body.is_end_stream() {
            // It may never be polled, and lie about for long.
            drop(sending);
            ResponseBody::passed(body)
        } else {
            ResponseBody::watched(body, sending)
        }
    }

    fn refund_all(&mut self) {
        for (subject, grant) in self.granted() {
            grant.refund(subject);
        }
        self.grants = Grants::default();
    }

    fn look_at(&mut self, response: &ResponseHead<'_>) {
        for (subject, held) in self.core.subjects.iter().zip(self.grants.iter_mut()) {
            let Some(grant) = held.as_ref() else { continue };
            if subject
                .counts
                .as_ref()
                .is_some_and(|counts| !counts(response))
            {
                *held = held.take().and_then(|grant| grant.uncount(subject));
            } else if let Some(CostAfter::Said(cost)) = &subject.cost_after
                && let Some(cost) = cost(response)
            {
                grant.settle(subject, cost);
            }
        }
    }

    /// Adds the fields.
    #[inline(never)]
    fn tell<R>(&self, response: &mut Response<R>) {
        let limits = self.granted().flat_map(|(s, grant)| grant.limits(s).iter());
        let lefts = self.lefts.iter().flat_map(|lefts| lefts.iter());
        let lines: SmallVec<[Line<'_>; 4]> = limits
            .zip(lefts)
            .map(|(limit, left)| standing(limit, *left).into())
            .collect();
        self.core.write_fields(response.headers_mut(), &lines, None);
    }

    /// Whether something is left to do at the end of the body.
    #[inline]
    pub(super) fn holds_on(&self) -> bool {
        self.core.holds_on
            && self.granted().any(|(subject, grant)| {
                subject.sends_bytes() || grant.limits(subject).count_in_flight()
            })
    }
}

/// Whether a limiter further in has refused the request: nobody has been served then.
#[inline]
fn refused_further_in(said: &Extensions) -> bool {
    !said.is_empty()
        && (said.get::<Refusal>().is_some()
            || said.get::<ServiceLimited>().is_some()
            || said.get::<Overloaded>().is_some())
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
            if subject.sends_bytes() && grant.counts {
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
