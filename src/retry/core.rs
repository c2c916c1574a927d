//! What the clones of a layer share.

use std::{fmt, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Method, Request,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

use super::{
    RetryBudget, RetryPolicy,
    grpc::{self, Pushback},
    hedge::{Hedge, Plan},
    judge::{Facts, is_idempotent},
    policy::Hedging,
    stats::Counts,
};
use crate::{backoff::Backoff, classify::GaveUp, clock::Clock};

type Idempotent = dyn Fn(&Method, &http::Uri, &HeaderMap) -> bool + Send + Sync;

/// The settings, and what is counted.
#[derive(Clone)]
pub(super) struct Core<C> {
    pub(super) classifier: C,
    pub(super) retries: u32,
    pub(super) backoff: Backoff,
    pub(super) budget: Option<RetryBudget>,
    /// The longest wait that a server may ask for.
    pub(super) most_retry_after: Duration,
    /// The most bytes of a body that are kept.
    pub(super) replay: usize,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) idempotent: Option<Arc<Idempotent>>,
    /// Whether attempts are numbered.
    pub(super) numbered: bool,
    /// When a second attempt is made beside the first.
    pub(super) hedge: Option<Plan>,
    pub(super) clock: Clock,
    pub(super) counts: Arc<Counts>,
}

impl<C> Core<C> {
    pub(super) fn retries(&self, policy: RetryPolicy) -> u32 {
        policy.retries.unwrap_or(self.retries)
    }

    pub(super) fn has_timers(&self) -> bool {
        self.attempt_timeout.is_some() || self.deadline.is_some()
    }

    pub(super) fn facts<B>(&self, request: &Request<B>, policy: RetryPolicy) -> Facts {
        let by_rule = || {
            is_idempotent(request.method())
                || self.idempotent.as_ref().is_some_and(|idempotent| {
                    idempotent(request.method(), request.uri(), request.headers())
                })
        };
        Facts {
            idempotent: policy.idempotent.unwrap_or_else(by_rule),
            grpc: is_grpc(request.headers()),
        }
    }

    /// The next wait of the schedule, after so many failures and a wait of `previous`.
    pub(super) fn backoff(&self, failures: usize, previous: Duration) -> Duration {
        let retry = u32::try_from(failures).unwrap_or(u32::MAX);
        self.backoff.draw(retry.saturating_sub(1), previous)
    }

    /// Takes a retry out of the budget.
    pub(super) fn pays_for_a_retry(&self) -> bool {
        let budget = self.budget.as_ref();
        budget.is_none_or(|budget| budget.withdraw(self.clock.now()))
    }

    /// How a request of this kind is hedged, if it is: safe methods only (RFC 9110, section 9.2.1), as both attempts
    /// may be processed.
    pub(super) fn hedge(&self, method: &Method, policy: RetryPolicy, facts: Facts) -> Option<Plan> {
        let plan = match policy.hedging {
            Hedging::AsTheLayer => self.hedge.clone()?,
            Hedging::Off => return None,
            Hedging::After(delay) => Plan::of(Hedge::after(delay)),
        };
        (method.is_safe() && facts.idempotent).then_some(plan)
    }

    /// How long the server asks for, by what it speaks.
    pub(super) fn asked_to_wait(
        &self,
        facts: Facts,
        headers: &HeaderMap,
    ) -> Result<Option<Duration>, GaveUp> {
        let pushback = facts.grpc.then(|| grpc::pushback(headers)).flatten();
        match pushback {
            Some(Pushback::After(wait)) => Ok(Some(wait)),
            Some(Pushback::Never) => Err(GaveUp::RetryAfter),
            None => Ok(self.retry_after(headers)),
        }
    }

    /// RFC 9110 10.2.3: seconds, or until a date. What cannot be read is ignored.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than a number has are longer than anybody waits.
            return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(self.clock.wall()).unwrap_or_default())
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

impl<C> fmt::Debug for Core<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("retries", &self.retries)
            .field("backoff", &self.backoff)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
