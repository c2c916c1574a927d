//! A request whose first attempt was not the last one.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::future::{Either, select};
use http::{HeaderValue, Method, Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{
    answer::{RetryBody, timed_out},
    attempt::{ATTEMPT, Ended, attempt},
    body::{Recording, ReplayBody},
    classifier::{Attempt, Classify},
    core::Core,
    grpc,
    judge::{self, Facts, Reason, Verdict},
    outcome::{RetryOutcome, TimedOut},
};
use crate::{classify::GaveUp, clock::Moment, error::BoxError, head::ResponseHead};

/// A request that may be tried again.
pub(super) struct Session<S, B, C> {
    pub(super) core: Arc<Core<C>>,
    /// The service that the last attempt was made with.
    pub(super) inner: S,
    /// None once the last attempt there may be is under way.
    pub(super) head: Option<Parts>,
    pub(super) method: Method,
    pub(super) body: Option<Recording<B>>,
    pub(super) facts: Facts,
    /// How many retries there may still be.
    pub(super) left: u32,
    pub(super) until: Option<Moment>,
    pub(super) waited: Duration,
    pub(super) outcome: RetryOutcome,
}

impl<S, B, C, R> Session<S, B, C>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    C: Classify<S::Error>,
    R: Body,
    R::Error: Into<BoxError>,
{
    /// With the first attempt, which has been made, or is to be made under a time limit.
    pub(super) async fn run(
        mut self,
        first: impl Future<Output = Result<Response<R>, S::Error>>,
    ) -> Result<Response<RetryBody<R>>, S::Error> {
        let mut first = self.attempt(first).await;
        let verdict = self.judge(&first);
        let reason = self.settle(&mut first, verdict).await;
        self.go_on(first, reason).await
    }

    /// After a first attempt that is judged already, but for what stands in its body.
    pub(super) async fn look_on(
        mut self,
        mut first: Ended<R, S::Error>,
        verdict: Verdict,
    ) -> Result<Response<RetryBody<R>>, S::Error> {
        let reason = self.settle(&mut first, verdict).await;
        self.go_on(first, reason).await
    }

    pub(super) async fn go_on(
        mut self,
        mut last: Ended<R, S::Error>,
        mut failure: Option<Reason>,
    ) -> Result<Response<RetryBody<R>>, S::Error> {
        while let Some(reason) = failure {
            self.outcome.failed(reason);
            let wait = match self.leave(&last) {
                Ok(wait) => wait,
                Err(why) => return self.give_up(last, why),
            };
            self.core.clock.sleep(wait).await;
            self.outcome.waited_for(wait);
            let Some(ready) = self.readiness().await else {
                return self.give_up(last, GaveUp::NotReady);
            };
            self.core.counts.retried(reason);
            tracing::debug!(
                ?reason,
                ?wait,
                retry = self.outcome.reasons().len(),
                "retrying"
            );
            last = match ready {
                Ok(()) => self.again(last).await,
                Err(error) => {
                    self.left -= 1;
                    self.outcome.another();
                    Ended::Failed(error)
                }
            };
            let verdict = self.judge(&last);
            failure = self.settle(&mut last, verdict).await;
        }
        if let Ended::Answered(_) = last {
            let retries = self.outcome.reasons().len();
            self.core.counts.succeeded_after(retries);
        }
        self.finish(last)
    }

    /// The next attempt. What the one before has come to is let go before it begins: it may hold a connection.
    async fn again(&mut self, before: Ended<R, S::Error>) -> Ended<R, S::Error> {
        drop(before);
        let request = self.next_request();
        let attempt = self.inner.call(request);
        self.attempt(attempt).await
    }

    async fn attempt(
        &mut self,
        made: impl Future<Output = Result<Response<R>, S::Error>>,
    ) -> Ended<R, S::Error> {
        attempt(&self.core, self.facts, self.until, made).await
    }

    /// What the classifier makes of it.
    pub(super) fn judge(&self, last: &Ended<R, S::Error>) -> Verdict {
        let result = match last {
            Ended::TimedOut(TimedOut { whole: true }) => return Verdict::Final,
            Ended::TimedOut(_) => return Verdict::Retry(Reason::AttemptTimeout),
            Ended::Failed(error) => Err(error),
            Ended::Answered(response) => Ok(ResponseHead::of(response)),
        };
        self.core.classify(&Attempt {
            method: &self.method,
            result,
        })
    }

    /// Why the request is to be tried again, if it is: the verdict, and what stands in the body.
    pub(super) async fn settle(
        &mut self,
        last: &mut Ended<R, S::Error>,
        verdict: Verdict,
    ) -> Option<Reason> {
        let verdict = match last {
            Ended::Answered(response) => self.in_body(response, verdict).await,
            _ => verdict,
        };
        verdict.for_request(self.facts)
    }

    async fn in_body(
        &mut self,
        response: &mut Response<RetryBody<R>>,
        verdict: Verdict,
    ) -> Verdict {
        if verdict != Verdict::Final || !self.facts.looks_into_bodies() {
            return verdict;
        }
        // Whoever waits in vain for the body reads in it that the deadline has passed.
        let status = match self.until {
            None => grpc::status(response).await,
            Some(until) => {
                let passes = self.core.clock.sleep_until(until);
                match select(pin!(grpc::status(response)), passes).await {
                    Either::Left((status, _)) => status,
                    Either::Right(_) => None,
                }
            }
        };
        status.map_or(Verdict::Final, judge::of_grpc)
    }

    /// Whether there may be another attempt, and after which wait.
    fn leave(&mut self, last: &Ended<R, S::Error>) -> Result<Duration, GaveUp> {
        if self.left == 0 {
            return Err(GaveUp::Attempts);
        }
        let body_is_there = match (&self.body, last) {
            (None, _) => true,
            (Some(body), Ended::Answered(_)) => body.has_ended(),
            (Some(body), _) => body.can_replay(),
        };
        if !body_is_there {
            return Err(GaveUp::Body);
        }
        let asked = match last {
            Ended::Answered(response) => self.core.asked_to_wait(self.facts, response.headers())?,
            _ => None,
        };
        let failures = self.outcome.reasons().len();
        self.waited = self.core.backoff(failures, self.waited);
        let wait = judge::wait(asked, self.core.most_retry_after, self.waited);
        let wait = wait.ok_or(GaveUp::RetryAfter)?;
        let now = self.core.clock.now();
        if self.until.is_some_and(|until| now + wait >= until) {
            return Err(GaveUp::Deadline);
        }
        if self.core.pays_for_a_retry() {
            Ok(wait)
        } else {
            Err(GaveUp::Budget)
        }
    }

    /// Whether the service can be called now. Nobody waits for that: there is an answer already.
    pub(super) async fn readiness(&mut self) -> Option<Result<(), S::Error>> {
        poll_fn(|cx| {
            Poll::Ready(match self.inner.poll_ready(cx) {
                Poll::Ready(ready) => Some(ready),
                Poll::Pending => None,
            })
        })
        .await
    }

    pub(super) fn next_request(&mut self) -> Request<ReplayBody<B>> {
        self.left -= 1;
        self.outcome.another();
        let head = if self.left == 0 {
            self.head.take()
        } else {
            self.head.clone()
        };
        let mut head = head.expect("the head is there until the last attempt takes it");
        if self.core.numbered {
            let number = self.outcome.attempts();
            head.headers.insert(ATTEMPT, HeaderValue::from(number));
        }
        let body = self.body.as_ref();
        Request::from_parts(head, body.map_or_else(ReplayBody::empty, Recording::replay))
    }

    fn give_up(
        mut self,
        last: Ended<R, S::Error>,
        why: GaveUp,
    ) -> Result<Response<RetryBody<R>>, S::Error> {
        self.core.counts.gave_up(why);
        tracing::debug!(?why, reasons = ?self.outcome.reasons(), "not retried any more");
        self.outcome.give_up(why);
        self.finish(last)
    }

    fn finish(self, last: Ended<R, S::Error>) -> Result<Response<RetryBody<R>>, S::Error> {
        let mut response = match last {
            Ended::Failed(error) => return Err(error),
            Ended::TimedOut(reason) => timed_out(reason),
            Ended::Answered(response) => {
                let clock = &self.core.clock;
                let deadline = self.until.map(|until| clock.sleep_until(until));
                response.map(|body| body.until(deadline))
            }
        };
        if self.outcome.tells_something() {
            response.extensions_mut().insert(self.outcome);
        }
        Ok(response)
    }
}
