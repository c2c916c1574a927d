//! The rules for who uses tower's own layer.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response};
use tower::retry::Policy;

use super::{
    GaveUp, ResponseHead, RetryLayer, RetryOutcome, RetryPolicy,
    attempt::ATTEMPT,
    classifier::{Attempt, Classify, Transient},
    core::Core,
    grpc,
    judge::{self, Facts, Reason, Verdict},
};
use crate::clock::Sleep;

/// The rules of a [`RetryLayer`] for `tower::retry::RetryLayer`: from [`RetryLayer::tower_policy`].
///
/// The classifier, idempotent methods, the [`RetryPolicy`] of a request, the backoff, the budget, `Retry-After` up to
/// its cap and the statuses of gRPC in heads are as they are in our own layer, and so are the [`RetryOutcome`] and the
/// counters. Requests have to be cloned, with their bodies.
///
/// What tower's layer leaves no room for:
///
/// - bodies that stream: they are no clones of themselves. Ours keeps what the first attempt has sent.
/// - [timeouts](RetryLayer::attempt_timeout), [deadlines](RetryLayer::deadline) and [second attempts](RetryLayer::hedge)
///   beside the first. Those settings do nothing here.
/// - statuses of gRPC in trailers.
/// - a service that is not ready when a retry is due: it is waited for, as long as that takes, and if its readiness
///   fails, that error is returned and not judged.
/// - a request that is answered before its body was read is sent again like any other.
/// - the request is cloned before each attempt, also the last one; and the first one has no number.
///
/// ```
/// use std::io;
///
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Empty;
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_keep::RetryLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = service_fn(|_: Request<Empty<Bytes>>| async {
///     Ok::<_, io::Error>(Response::new("hello"))
/// });
/// let rules = RetryLayer::new().tower_policy();
/// let client = tower::retry::RetryLayer::new(rules).layer(client);
/// assert_eq!(*client.oneshot(Request::default()).await?.body(), "hello");
/// # Ok(())
/// # }
/// ```
pub struct TowerPolicy<C = Transient> {
    core: Arc<Core<C>>,
    /// Of the one request that a clone is for.
    waited: Duration,
    outcome: RetryOutcome,
}

impl<C> RetryLayer<C> {
    /// The same rules for tower's own layer, with the same budget and counters.
    #[must_use]
    pub fn tower_policy(&self) -> TowerPolicy<C> {
        TowerPolicy {
            core: self.core(),
            waited: Duration::ZERO,
            outcome: RetryOutcome::default(),
        }
    }
}

impl<B, R, E, C> Policy<Request<B>, Response<R>, E> for TowerPolicy<C>
where
    B: Clone,
    C: Classify<E>,
{
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<B>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<Sleep> {
        let policy = policy_of(request);
        let facts = self.core.facts(request, policy);
        let verdict = self.judge(request, result, facts);
        let Some(reason) = verdict.for_request(facts) else {
            self.finish(result);
            return None;
        };
        self.outcome.failed(reason);
        match self.leave(self.core.retries(policy), facts, result.as_ref().ok()) {
            Ok(wait) => Some(self.again(request, reason, wait)),
            Err(why) => {
                self.core.counts.gave_up(why);
                tracing::debug!(?why, reasons = ?self.outcome.reasons(), "not retried any more");
                self.outcome.give_up(why);
                self.tell(result);
                None
            }
        }
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        if self.core.retries(policy_of(request)) == 0 {
            return None;
        }
        // Tower clones the policy for the request when its first attempt is made, and this is the original.
        if self.outcome.attempts() == 1
            && let Some(budget) = &self.core.budget
        {
            budget.deposit(self.core.clock.now());
        }
        Some(request.clone())
    }
}

fn policy_of<B>(request: &Request<B>) -> RetryPolicy {
    let policy = request.extensions().get::<RetryPolicy>();
    policy.copied().unwrap_or_default()
}

impl<C> TowerPolicy<C> {
    fn judge<B, R, E>(
        &self,
        request: &Request<B>,
        result: &Result<Response<R>, E>,
        facts: Facts,
    ) -> Verdict
    where
        C: Classify<E>,
    {
        let verdict = self.core.classify(&Attempt {
            method: request.method(),
            result: result.as_ref().map(ResponseHead::of),
        });
        match result {
            Ok(response) if verdict == Verdict::Final && facts.looks_into_bodies() => {
                let status = grpc::status_in(response.headers());
                status.map_or(verdict, judge::of_grpc)
            }
            _ => verdict,
        }
    }

    /// Whether there may be another attempt, and after which wait.
    fn leave<R>(
        &mut self,
        retries: u32,
        facts: Facts,
        answer: Option<&Response<R>>,
    ) -> Result<Duration, GaveUp> {
        if self.outcome.attempts() > retries as usize {
            return Err(GaveUp::Attempts);
        }
        let asked = match answer {
            Some(response) => self.core.asked_to_wait(facts, response.headers())?,
            None => None,
        };
        let failures = self.outcome.reasons().len();
        self.waited = self.core.backoff(failures, self.waited);
        let wait = judge::wait(asked, self.core.most_retry_after, self.waited);
        let wait = wait.ok_or(GaveUp::RetryAfter)?;
        if self.core.pays_for_a_retry() {
            Ok(wait)
        } else {
            Err(GaveUp::Budget)
        }
    }

    fn again<B>(&mut self, request: &mut Request<B>, reason: Reason, wait: Duration) -> Sleep {
        self.core.counts.retried(reason);
        self.outcome.waited_for(wait);
        self.outcome.another();
        let attempt = self.outcome.attempts();
        tracing::debug!(?reason, ?wait, attempt, "retrying");
        if self.core.numbered {
            let number = HeaderValue::from(attempt);
            request.headers_mut().insert(ATTEMPT, number);
        }
        self.core.clock.sleep(wait)
    }

    fn finish<R, E>(&mut self, result: &mut Result<Response<R>, E>) {
        if result.is_ok() {
            let retries = self.outcome.reasons().len();
            self.core.counts.succeeded_after(retries);
        }
        self.tell(result);
    }

    fn tell<R, E>(&mut self, result: &mut Result<Response<R>, E>) {
        if let Ok(response) = result
            && self.outcome.tells_something()
        {
            response.extensions_mut().insert(self.outcome.clone());
        }
    }
}

impl<C> Clone for TowerPolicy<C> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            waited: self.waited,
            outcome: self.outcome.clone(),
        }
    }
}

impl<C> fmt::Debug for TowerPolicy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerPolicy")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}
