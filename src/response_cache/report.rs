//! Saying what the cache did: Cache-Status, the typed outcome, counters and the log are views of one
//! [`Report`].

use http::Response;

use super::{
    core::Core,
    policy::{Rule, Trail},
};
use crate::{
    header::cache_status::{self, CacheStatus, Fwd},
    key::Key,
};

/// What the cache did with a request, in the response's extensions if
/// [`outcome`](super::ResponseCacheLayer::outcome) is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether the response came from store without asking the inner service.
    pub hit: bool,
    /// The rule that decided so.
    pub reason: Rule,
    /// All rules that led there, those about storing the response included.
    pub trail: Trail,
    /// The rule that decided whether the response is stored; [`Rule::Stored`] if it is. `None` where
    /// there was nothing to decide.
    pub storing: Option<Rule>,
}

/// What there is to say about one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'a> {
    pub(super) outcome: Outcome,
    /// Seconds of freshness left, negative if stale.
    pub(super) ttl: Option<i64>,
    /// The status that the inner service answered with.
    pub(super) forwarded: Option<u16>,
    pub(super) key: Option<&'a Key>,
}

impl<'a> Report<'a> {
    pub(super) fn hit(reason: Rule, trail: Trail, ttl: i64, key: &'a Key) -> Self {
        let outcome = Outcome {
            hit: true,
            reason,
            trail,
            storing: None,
        };
        Self {
            outcome,
            ttl: Some(ttl),
            forwarded: None,
            key: Some(key),
        }
    }

    pub(super) fn forwarded(reason: Rule, trail: Trail, status: u16, key: Option<&'a Key>) -> Self {
        let outcome = Outcome {
            hit: false,
            reason,
            trail,
            storing: None,
        };
        Self {
            outcome,
            ttl: None,
            forwarded: Some(status),
            key,
        }
    }

    /// Neither from store nor forwarded: a refusal.
    pub(super) fn forwardless(reason: Rule, trail: Trail) -> Self {
        let outcome = Outcome {
            hit: false,
            reason,
            trail,
            storing: None,
        };
        Self {
            outcome,
            ttl: None,
            forwarded: None,
            key: None,
        }
    }

    /// Adds what became of the response.
    pub(super) fn storing(mut self, reason: Rule, trail: Trail, ttl: Option<i64>) -> Self {
        self.outcome.storing = Some(reason);
        self.outcome.trail = self.outcome.trail.joined(trail);
        self.ttl = ttl;
        self
    }

    /// Counts it and writes it to the response.
    pub(super) fn write<B>(&self, core: &Core, response: &mut Response<B>) {
        let Outcome {
            hit,
            reason,
            trail,
            storing,
        } = self.outcome;
        core.stats.answered(hit, reason);
        tracing::debug!(hit, %reason, ?trail, ?storing, "answered");
        if core.settings.outcome {
            response.extensions_mut().insert(self.outcome);
        }
        match &core.settings.name {
            Some(name) => self.status(core).write(name, response.headers_mut()),
            None => cache_status::release(response.headers_mut()),
        }
    }

    fn status(&self, core: &Core) -> CacheStatus {
        let Outcome {
            hit,
            reason,
            storing,
            ..
        } = self.outcome;
        let stored = storing == Some(Rule::Stored);
        let unstored = storing.filter(|rule| *rule != Rule::Stored);
        CacheStatus {
            hit,
            fwd: self.forwarded.map(|_| fwd(reason)),
            fwd_status: self.forwarded,
            ttl: self.ttl.filter(|_| hit || stored),
            stored,
            collapsed: false,
            key: self
                .key
                .filter(|_| core.settings.key_in_status)
                .map(printable),
            detail: unstored.or(speaking(hit, reason)).map(Rule::name),
        }
    }
}

/// The reason, where it says more than `hit` or `fwd` do.
fn speaking(hit: bool, reason: Rule) -> Option<Rule> {
    let said = matches!(
        reason,
        Rule::NothingStored | Rule::VaryMismatch | Rule::Method | Rule::Stale
    );
    (!hit && !said).then_some(reason)
}

/// RFC 9211 2.2: why a request went forward.
fn fwd(reason: Rule) -> Fwd {
    match reason {
        Rule::Method => Fwd::Method,
        Rule::NothingStored => Fwd::UriMiss,
        Rule::VaryMismatch => Fwd::VaryMiss,
        Rule::StoreFailed => Fwd::Miss,
        Rule::RequestNoCache | Rule::RequestMaxAge | Rule::RequestMinFresh => Fwd::Request,
        Rule::Stale | Rule::ResponseNoCache | Rule::MustRevalidate | Rule::Contradicted => {
            Fwd::Stale
        }
        _ => Fwd::Bypass,
    }
}

/// The key as it can be shown: its parts one after the other.
fn printable(key: &Key) -> String {
    String::from_utf8_lossy(key.as_bytes())
        .trim_start_matches('\n')
        .replace('\n', " ")
}
