//! Two attempts at once.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures_util::future::{Either, select};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    super::{
        answer::RetryBody,
        attempt::{Ended, attempt},
        body::{Recording, ReplayBody},
        classifier::Classify,
        flow::Session,
        judge::Verdict,
    },
    Plan,
};
use crate::{classify::GaveUp, error::BoxError};

/// An attempt that is over, and what is to be thought of it.
type Judged<R, E> = (Ended<R, E>, Verdict);

impl<S, B, C, R> Session<S, B, C>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    C: Classify<S::Error>,
    R: Body,
    R::Error: Into<BoxError>,
{
    /// With the first attempt, which has been made, and perhaps another one beside it.
    pub(in super::super) async fn run_hedged(
        mut self,
        first: S::Future,
        plan: Plan,
    ) -> Result<Response<RetryBody<R>>, S::Error> {
        let start = self.core.clock.now();
        let (mut ended, verdict) = self.hedged(first, plan.delay(start)).await;
        let timed_out = matches!(ended, Ended::TimedOut(_));
        if timed_out || !self.has_failed(&ended, verdict) {
            // Since the first attempt began, also if it is the second one's: had that one's own time counted, slow
            // answers would be unknown, and what counts as slow would get shorter and shorter.
            let now = self.core.clock.now();
            plan.record(now, now.duration_since(start));
        }
        let reason = self.settle(&mut ended, verdict).await;
        self.go_on(ended, reason).await
    }

    async fn hedged(&mut self, first: S::Future, delay: Option<Duration>) -> Judged<R, S::Error> {
        let core = Arc::clone(&self.core);
        let (facts, until) = (self.facts, self.until);
        let mut first = pin!(attempt(&core, facts, until, first));
        if let Some(delay) = delay {
            if let Either::Left((ended, _)) = select(first.as_mut(), core.clock.sleep(delay)).await
            {
                return self.judged(ended);
            }
            if let Some(request) = self.hedge().await {
                tracing::debug!(?delay, "a second attempt beside the first one");
                let second = pin!(attempt(&core, facts, until, self.inner.call(request)));
                return self.race(first, second).await;
            }
        }
        let ended = first.await;
        self.judged(ended)
    }

    /// The request of a second attempt, if one may be made now.
    async fn hedge(&mut self) -> Option<Request<ReplayBody<B>>> {
        if let Err(why) = self.may_hedge().await {
            self.core.counts.not_hedged(why);
            return None;
        }
        self.core.counts.hedged();
        self.outcome.hedge();
        Some(self.next_request())
    }

    async fn may_hedge(&mut self) -> Result<(), GaveUp> {
        // What the first attempt has yet to read cannot be read by two.
        let whole = self.body.as_ref().is_none_or(Recording::has_ended);
        if !whole {
            return Err(GaveUp::Body);
        }
        let refused = match self.readiness().await {
            Some(Ok(())) if self.core.pays_for_a_retry() => return Ok(()),
            Some(Ok(())) => GaveUp::Budget,
            _ => GaveUp::NotReady,
        };
        // A clone holds no permit, and no place in a queue for one, while the first attempt goes on.
        self.inner = self.inner.clone();
        Err(refused)
    }

    /// The first head to come wins, and the other attempt is dropped by the caller. What has failed does not win as
    /// long as the other one goes on.
    async fn race<F>(&mut self, first: Pin<&mut F>, second: Pin<&mut F>) -> Judged<R, S::Error>
    where
        F: Future<Output = Ended<R, S::Error>>,
    {
        let (ended, other, second_was_faster) = match select(first, second).await {
            Either::Left((ended, other)) => (ended, other, false),
            Either::Right((ended, other)) => (ended, other, true),
        };
        let (ended, verdict) = self.judged(ended);
        if !self.has_failed(&ended, verdict) {
            if second_was_faster {
                self.core.counts.hedge_won();
            }
            return (ended, verdict);
        }
        let other = other.await;
        let (other, other_verdict) = self.judged(other);
        if !second_was_faster && !self.has_failed(&other, other_verdict) {
            self.core.counts.hedge_won();
        }
        self.later((ended, verdict), (other, other_verdict))
    }

    /// Which of two that are over counts: the later one, but an answer, which may say when to come back, before an error.
    fn later(
        &mut self,
        earlier: Judged<R, S::Error>,
        later: Judged<R, S::Error>,
    ) -> Judged<R, S::Error> {
        let (last, before) = match (&earlier.0, &later.0) {
            (Ended::Answered(_), Ended::Failed(_) | Ended::TimedOut(_)) => (earlier, later),
            _ => (later, earlier),
        };
        if let Some(reason) = before.1.for_request(self.facts) {
            self.outcome.failed(reason);
        }
        last
    }

    fn judged(&self, ended: Ended<R, S::Error>) -> Judged<R, S::Error> {
        let verdict = self.judge(&ended);
        (ended, verdict)
    }

    fn has_failed(&self, ended: &Ended<R, S::Error>, verdict: Verdict) -> bool {
        match ended {
            Ended::Answered(_) => verdict.for_request(self.facts).is_some(),
            Ended::Failed(_) | Ended::TimedOut(_) => true,
        }
    }
}
