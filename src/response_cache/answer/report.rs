//! Saying what the cache did: Cache-Status, the typed outcome, counters and the log are views of one
//! [`Report`].

use http::{HeaderValue, Response, StatusCode};

use crate::{
    header::cache_status::{self, CacheName, CacheStatus, Fwd},
    key::Key,
    response_cache::{
        core::Core,
        policy::{Rule, Trail},
    },
};

/// What the cache did with a request, in the response's extensions if
/// [`outcome`](crate::response_cache::ResponseCacheLayer::outcome) is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Whether the response came from store without asking the inner service.
    pub hit: bool,
    /// Whether another request asked the inner service, and this one was given what came.
    pub collapsed: bool,
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
pub(crate) struct Report<'a> {
    pub(crate) outcome: Outcome,
    /// Seconds of freshness left, negative if stale.
    pub(crate) ttl: Option<i64>,
    /// Why the request went to the inner service, if it did.
    pub(crate) fwd: Option<Fwd>,
    /// The status that the inner service answered with.
    pub(crate) fwd_status: Option<u16>,
    pub(crate) key: Option<&'a Key>,
    /// No client gets the answer.
    background: bool,
}

impl<'a> Report<'a> {
    fn of(hit: bool, reason: Rule, trail: Trail) -> Self {
        Self {
            outcome: Outcome {
                hit,
                collapsed: false,
                reason,
                trail,
                storing: None,
            },
            ttl: None,
            fwd: None,
            fwd_status: None,
            key: None,
            background: false,
        }
    }

    /// From store.
    pub(crate) fn hit(reason: Rule, trail: Trail, ttl: i64, key: &'a Key) -> Self {
        Self {
            ttl: Some(ttl),
            key: Some(key),
            ..Self::of(true, reason, trail)
        }
    }

    /// The inner service's own response.
    pub(crate) fn forwarded(reason: Rule, trail: Trail, status: u16, key: Option<&'a Key>) -> Self {
        Self {
            fwd: Some(fwd(reason)),
            fwd_status: Some(status),
            key,
            ..Self::of(false, reason, trail)
        }
    }

    /// What another request fetched; `reason` is why this one had to wait for it.
    pub(crate) fn collapsed(reason: Rule, trail: Trail, ttl: i64, key: &'a Key) -> Self {
        Self {
            ttl: Some(ttl),
            fwd: Some(fwd(reason)),
            key: Some(key),
            ..Self::of(false, reason, trail)
        }
        .collapsing(true)
    }

    /// From store, instead of the inner service's failure; `asked` is why that was asked.
    pub(crate) fn instead(
        asked: Rule,
        reason: Rule,
        trail: Trail,
        status: Option<StatusCode>,
        ttl: i64,
        key: &'a Key,
    ) -> Self {
        Self {
            ttl: Some(ttl),
            fwd: Some(fwd(asked)),
            fwd_status: status.map(|status| status.as_u16()),
            key: Some(key),
            ..Self::of(false, reason, trail)
        }
    }

    /// Neither from store nor forwarded: a refusal.
    pub(crate) fn refused(reason: Rule, trail: Trail) -> Self {
        Self::of(false, reason, trail)
    }

    /// Whether it was another request that went to the inner service.
    pub(crate) fn collapsing(mut self, collapsed: bool) -> Self {
        self.outcome.collapsed = collapsed;
        self
    }

    /// A refresh is counted apart: it answers nobody.
    pub(crate) fn in_background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// Adds what became of the response.
    pub(crate) fn storing(mut self, reason: Rule, trail: Trail, ttl: Option<i64>) -> Self {
        self.outcome.storing = Some(reason);
        self.outcome.trail = self.outcome.trail.joined(trail);
        self.ttl = ttl;
        self
    }

    /// Counts it and writes it to the response.
    pub(crate) fn write<B>(&self, core: &Core, response: &mut Response<B>) {
        let Outcome {
            hit,
            reason,
            trail,
            storing,
            collapsed,
        } = self.outcome;
        if self.background {
            core.stats.refreshed();
            return;
        }
        core.stats.answered(hit, reason);
        if collapsed {
            core.stats.collapsed();
        }
        tracing::debug!(hit, %reason, ?trail, ?storing, "answered");
        if core.settings.outcome {
            response.extensions_mut().insert(self.outcome);
        }
        if core.settings.shadow {
            return;
        }
        match &core.settings.name {
            Some(name) => cache_status::add(self.value(core, name), response.headers_mut()),
            None => cache_status::release(response.headers_mut()),
        }
    }

    fn value(&self, core: &Core, name: &CacheName) -> HeaderValue {
        let Outcome { hit, storing, .. } = self.outcome;
        let plain = hit && storing.is_none() && !core.settings.key_in_status;
        let ttl = self.ttl.filter(|_| plain);
        let ready = ttl.and_then(|ttl| cache_status::of_a_hit(name, ttl));
        ready.unwrap_or_else(|| self.status(core).value(name))
    }

    fn status(&self, core: &Core) -> CacheStatus {
        let Outcome {
            hit,
            reason,
            storing,
            collapsed,
            ..
        } = self.outcome;
        let stored = storing == Some(Rule::Stored);
        let unstored = storing.filter(|rule| *rule != Rule::Stored);
        CacheStatus {
            hit,
            fwd: self.fwd,
            fwd_status: self.fwd_status,
            ttl: self.ttl.filter(|_| hit || stored || storing.is_none()),
            stored,
            collapsed,
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
        Rule::NothingStored | Rule::VaryMismatch | Rule::PartMissing | Rule::Method | Rule::Stale
    );
    (!hit && !said).then_some(reason)
}

/// RFC 9211 2.2: why a request went forward.
fn fwd(reason: Rule) -> Fwd {
    match reason {
        Rule::Method => Fwd::Method,
        Rule::VaryMismatch => Fwd::VaryMiss,
        missing if missing.is_a_miss() => Fwd::UriMiss,
        Rule::PartMissing => Fwd::Partial,
        Rule::StoreFailed => Fwd::Miss,
        Rule::RequestNoCache | Rule::RequestMaxAge | Rule::RequestMinFresh => Fwd::Request,
        Rule::Stale
        | Rule::StaleIfError
        | Rule::StaleWhileRevalidate
        | Rule::EarlyRefresh
        | Rule::ResponseNoCache
        | Rule::MustRevalidate
        | Rule::Contradicted => Fwd::Stale,
        _ => Fwd::Bypass,
    }
}

/// The key as it can be shown: its parts one after the other.
fn printable(key: &Key) -> String {
    String::from_utf8_lossy(key.as_bytes())
        .trim_start_matches('\n')
        .replace('\n', " ")
}
