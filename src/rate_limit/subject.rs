//! Whom one set of limits is for, and what counts.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    Limits, RateLimiter,
    core::Asking,
    decision::Refusal,
    grants::{Grant, Grants},
    table::{Lefts, Refused},
};
use crate::{
    head::{RequestHead, ResponseHead},
    peer::ClientIp,
    request_key::{AsyncKey, AsyncKeyExtractor, KeyExtractor, KeyWriter, MissingKey},
};

/// What happens to a request that has no key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WithoutKey {
    /// All such requests share one key: the default. Nobody goes free, and nobody else pays.
    #[default]
    Share,
    /// It is refused, with the status 400 (Bad Request).
    Refuse,
    /// It is not limited.
    Skip,
}

type Shared<F> = Option<Arc<F>>;
type Cost = dyn Fn(&RequestHead<'_>) -> u64 + Send + Sync;
type Skip = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;
type Plan = dyn Fn(&RequestHead<'_>) -> Option<Limits> + Send + Sync;
type Counts = dyn Fn(&ResponseHead<'_>) -> bool + Send + Sync;
type CostSaid = dyn Fn(&ResponseHead<'_>) -> Option<u64> + Send + Sync;

/// One limiter, and how a layer uses it.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) limiter: RateLimiter,
    pub(super) key: Source,
    pub(super) without_key: WithoutKey,
    pub(super) cost: Shared<Cost>,
    pub(super) skip: Shared<Skip>,
    pub(super) plan: Shared<Plan>,
    pub(super) counts: Shared<Counts>,
    pub(super) cost_after: Option<CostAfter>,
}

#[derive(Clone)]
pub(super) enum Source {
    Now(Arc<dyn KeyExtractor>),
    Later(Arc<dyn AsyncKeyExtractor>),
}

/// A cost that is known afterwards.
#[derive(Clone)]
pub(super) enum CostAfter {
    Said(Arc<CostSaid>),
    BytesSent,
}

/// What a layer wants besides a verdict.
#[derive(Clone, Copy)]
pub(super) struct How {
    /// What is left of the limits.
    pub(super) tell: bool,
    /// Nobody is refused, whatever the verdict.
    pub(super) shadow: bool,
}

/// What a subject makes of a request.
pub(super) enum Asked {
    /// It is admitted, or not limited.
    Passed,
    Refused(Refusing),
    /// The key has to be waited for, and then [`Subject::decide_later`].
    Wait(BoxFuture<'static, AsyncKey>),
}

/// What a [`Refusal`] is made of, when there is time for that.
pub(super) enum Refusing {
    Limited {
        /// The limits, if they are not those of the limiter.
        plan: Option<Limits>,
        refused: Refused,
    },
    MissingKey,
}

impl Subject {
    pub(super) fn new(limiter: RateLimiter) -> Self {
        Self {
            limiter,
            key: Source::Now(Arc::new(ClientIp::default())),
            without_key: WithoutKey::default(),
            cost: None,
            skip: None,
            plan: None,
            counts: None,
            cost_after: None,
        }
    }

    /// Whether something is left to do when there is a response.
    pub(super) fn looks_at_responses(&self) -> bool {
        self.counts.is_some() || matches!(self.cost_after, Some(CostAfter::Said(_)))
    }

    /// Whether it costs the bytes that are sent.
    pub(super) fn sends_bytes(&self) -> bool {
        matches!(self.cost_after, Some(CostAfter::BytesSent))
    }

    #[inline]
    pub(super) fn ask(&self, head: &RequestHead<'_>, grants: &mut Grants, how: How) -> Asked {
        if self.skip.as_ref().is_some_and(|skip| skip(head)) {
            grants.push(None);
            return Asked::Passed;
        }
        match &self.key {
            Source::Now(key) => self.decide(head, grants, how, |to| key.extract(head, to)),
            Source::Later(key) => Asked::Wait(key.extract(head)),
        }
    }

    pub(super) fn decide_later(
        &self,
        head: &RequestHead<'_>,
        grants: &mut Grants,
        how: How,
        key: &AsyncKey,
    ) -> Asked {
        self.decide(head, grants, how, |to| {
            key.as_ref().ok_or(MissingKey)?.write(to);
            Ok(())
        })
    }

    #[inline]
    fn decide(
        &self,
        head: &RequestHead<'_>,
        grants: &mut Grants,
        how: How,
        write: impl Fn(&mut KeyWriter<'_>) -> Result<(), MissingKey>,
    ) -> Asked {
        let core = self.limiter.core();
        let Ok(fingerprint) = core.keys.of(&write) else {
            return self.decide_without_key(head, grants, how);
        };
        self.decide_for(fingerprint, head, grants, how, write)
    }

    #[cold]
    fn decide_without_key(&self, head: &RequestHead<'_>, grants: &mut Grants, how: How) -> Asked {
        let core = self.limiter.core();
        core.without_key(self.without_key);
        match self.without_key {
            WithoutKey::Refuse if !how.shadow => Asked::Refused(Refusing::MissingKey),
            WithoutKey::Refuse | WithoutKey::Skip => {
                grants.push(None);
                Asked::Passed
            }
            WithoutKey::Share => self.decide_for(core.keys.of_missing(), head, grants, how, |to| {
                to.missing();
                Ok(())
            }),
        }
    }

    #[inline]
    fn decide_for(
        &self,
        fingerprint: u64,
        head: &RequestHead<'_>,
        grants: &mut Grants,
        how: How,
        write: impl Fn(&mut KeyWriter<'_>) -> Result<(), MissingKey>,
    ) -> Asked {
        let core = self.limiter.core();
        let plan = self.plan.as_ref().and_then(|plan| plan(head));
        let limits = plan.as_ref().unwrap_or(&core.limits);
        let cost = self.cost.as_ref().map_or(1, |cost| cost(head));
        let asking = Asking {
            fingerprint,
            limits,
            cost,
            shadow: how.shadow,
        };
        let lefts = if how.tell { Some(grants.lefts()) } else { None };
        match core.decide(asking, lefts) {
            Ok(charge) => {
                grants.push(Some(Grant {
                    charge,
                    plan,
                    counts: true,
                }));
                Asked::Passed
            }
            Err(refused) => {
                core.refused(fingerprint, write);
                Asked::Refused(Refusing::Limited { plan, refused })
            }
        }
    }

    /// What the response to a request that this subject refuses says, and what is left of its limits.
    pub(super) fn refusal(&self, refusing: Refusing, left: Lefts) -> Refusal {
        let limits = &self.limiter.core().limits;
        match refusing {
            Refusing::MissingKey => Refusal::missing_key(limits.clone()),
            Refusing::Limited { plan, refused } => {
                let limits = plan.unwrap_or_else(|| limits.clone());
                Refusal::new(limits, refused, left)
            }
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("limiter", &self.limiter)
            .field("without_key", &self.without_key)
            .finish_non_exhaustive()
    }
}
