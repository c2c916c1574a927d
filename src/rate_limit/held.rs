//! What an admitted request holds on its way through a layer.

use std::sync::Arc;

use http::{Extensions, Response};
use http_body::Body;
use smallvec::SmallVec;

use super::{
    adaptive::Overloaded,
    decision::{Refusal, standing},
    grants::Grants,
    layer::Core,
    subject::CostAfter,
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
    pub(super) grants: Grants,
    called: bool,
}

impl Held {
    /// What a request holds that waits for a key, or for its turn.
    pub(super) fn waiting(core: Arc<Core>, grants: Grants) -> Self {
        Self {
            core,
            grants,
            called: false,
        }
    }

    /// What a request holds that is passed on.
    #[inline]
    pub(super) fn called(core: Arc<Core>, grants: Grants) -> Self {
        Self {
            core,
            grants,
            called: true,
        }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Waits for the turn, that of each subject. Nobody waits for a shadow.
    pub(super) async fn turn(&self) {
        if !self.core.shadow {
            for (subject, grant) in self.grants.with(&self.core.subjects) {
                subject.limiter.core().turn(grant.charge).await;
            }
        }
    }

    /// The request is passed on: what it was charged for has begun.
    pub(super) fn call(&mut self) {
        self.called = true;
    }

    /// The response of the inner service: what it means for what was charged, what it is to say, and a body that goes
    /// on holding what it has to.
    pub(super) fn finish<R: Body>(
        mut self,
        mut response: Response<R>,
    ) -> Response<ResponseBody<R>> {
        if self.core.refunds_inside && refused_further_in(response.extensions()) {
            self.grants.forgo(&self.core.subjects);
            return response.map(ResponseBody::passed);
        }
        if self.core.looks_at_responses {
            self.look_at(&ResponseHead::of(&response));
        }
        if self.core.tells() {
            self.tell(&mut response);
        }
        if self.holds_on() {
            response.map(|body| self.sending(body))
        } else {
            response.map(ResponseBody::passed)
        }
    }

    fn look_at(&mut self, response: &ResponseHead<'_>) {
        for (subject, grant) in self.grants.with_mut(&self.core.subjects) {
            if subject
                .counts
                .as_ref()
                .is_some_and(|counts| !counts(response))
            {
                grant.uncount(subject);
            } else if let Some(CostAfter::Said(cost)) = &subject.cost_after
                && let Some(cost) = cost(response)
            {
                grant.settle(subject, cost);
            }
        }
    }

    /// Adds the fields: what is left after all that is known by now.
    fn tell<R>(&mut self, response: &mut Response<R>) {
        let mut lefts = self.grants.take_lefts();
        if self.core.looks_at_responses {
            lefts = self.lefts_now();
        }
        let limits = self.grants.with(&self.core.subjects);
        let limits = limits.flat_map(|(subject, grant)| grant.limits(subject).iter());
        let lines: SmallVec<[Line<'_>; 4]> = limits
            .zip(&lefts)
            .map(|(limit, left)| standing(limit, *left).into())
            .collect();
        self.core.write_fields(response.headers_mut(), &lines, None);
    }

    fn lefts_now(&self) -> Lefts {
        let granted = self.grants.with(&self.core.subjects);
        let left = granted.map(|(subject, grant)| {
            let core = subject.limiter.core();
            core.left(grant.charge, grant.limits(subject))
        });
        left.flatten().collect()
    }

    /// Whether something is left to do at the end of the body.
    fn holds_on(&self) -> bool {
        self.core.holds_on
            && self
                .grants
                .with(&self.core.subjects)
                .any(|(subject, grant)| {
                    subject.sends_bytes() || grant.limits(subject).count_in_flight()
                })
    }

    fn sending<R: Body>(self, body: R) -> ResponseBody<R> {
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
}

/// Whether a limiter further in has refused the request: nobody has been served then.
fn refused_further_in(said: &Extensions) -> bool {
    said.get::<Refusal>().is_some()
        || said.get::<ServiceLimited>().is_some()
        || said.get::<Overloaded>().is_some()
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
        for (subject, grant) in self.held.grants.with(&self.held.core.subjects) {
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
            self.grants.forgo(&self.core.subjects);
        } else if self.core.holds_on {
            for (subject, grant) in self.grants.with(&self.core.subjects) {
                grant.release(subject);
            }
        }
    }
}
