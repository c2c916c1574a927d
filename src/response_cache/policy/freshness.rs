//! How old a response is, and how long it is fresh (RFC 9111 4.2).

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use super::{
    rule::Rule,
    rules::{Heuristic, Rules, heuristically_cacheable},
};
use crate::header::{
    age,
    cache_control::ResponseDirectives,
    date::{self, Invalid},
};

/// What a response's head says that caching depends on, read once.
#[derive(Clone, Debug)]
pub(crate) struct ResponseFacts {
    pub(crate) status: StatusCode,
    pub(crate) directives: ResponseDirectives,
    /// Whether `directives` came from a targeted field (RFC 9213), which replaces Expires too.
    pub(crate) targeted: bool,
    /// The Date, or the time of arrival where there is no valid one (RFC 9110 6.6.1).
    pub(crate) date: i64,
    expires: Result<Option<i64>, Invalid>,
    last_modified: Option<i64>,
    age: Option<u64>,
}

impl ResponseFacts {
    /// Reads a head that arrived at `now` (Unix seconds).
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, rules: &Rules, now: i64) -> Self {
        let targeted = rules
            .targeted
            .iter()
            .find_map(|name| ResponseDirectives::from_targeted(headers, name));
        let date_of = |name| date::single(headers, &name, now);
        Self {
            status,
            targeted: targeted.is_some(),
            directives: targeted.unwrap_or_else(|| ResponseDirectives::from_headers(headers)),
            date: date_of(header::DATE).ok().flatten().unwrap_or(now),
            expires: date_of(header::EXPIRES),
            last_modified: date_of(header::LAST_MODIFIED).ok().flatten(),
            age: age::parse(headers),
        }
    }

    /// RFC 9111 4.2.3: the age at arrival, where `now` is the wall clock (Unix seconds) and `delay` the
    /// time between request and response.
    pub(crate) fn initial_age(&self, now: i64, delay: Duration) -> Duration {
        let apparent = u64::try_from(now.saturating_sub(self.date)).unwrap_or(0);
        let corrected = Duration::from_secs(self.age.unwrap_or(0)).saturating_add(delay);
        corrected.max(Duration::from_secs(apparent))
    }

    /// Whether the response has what a validation needs.
    pub(crate) fn has_validator(&self, headers: &HeaderMap) -> bool {
        self.last_modified.is_some() || headers.contains_key(header::ETAG)
    }
}

/// How long a response is fresh, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) fresh_for: Duration,
    pub(crate) source: Rule,
}

impl Lifetime {
    /// Whether the response (or its handler) gave it, rather than a default of ours.
    pub(crate) fn is_explicit(&self) -> bool {
        !matches!(self.source, Rule::DefaultTtl | Rule::Heuristic)
    }
}

/// RFC 9111 4.2.1: the first that applies of the handler's word, `s-maxage` (shared caches), `max-age`,
/// Expires minus Date, a default of the layer, a heuristic. `None` where nothing does.
pub(crate) fn lifetime(
    rules: &Rules,
    facts: &ResponseFacts,
    ttl: Option<Duration>,
) -> Option<Lifetime> {
    let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
    let shared_age = facts.directives.s_maxage.filter(|_| !rules.private);
    let from = |fresh_for: Option<Duration>, source| {
        fresh_for.map(|fresh_for| Lifetime { fresh_for, source })
    };
    from(ttl, Rule::PolicyTtl)
        .or_else(|| from(seconds(shared_age), Rule::SMaxAge))
        .or_else(|| from(seconds(facts.directives.max_age), Rule::MaxAge))
        .or_else(|| expires(facts))
        .or_else(|| from(rules.ttl_of(facts.status), Rule::DefaultTtl))
        .or_else(|| from(heuristic(rules.heuristic?, facts), Rule::Heuristic))
}

/// RFC 9111 5.3: an invalid Expires means the past.
fn expires(facts: &ResponseFacts) -> Option<Lifetime> {
    if facts.targeted {
        return None;
    }
    match facts.expires {
        Ok(expires) => expires.map(|expires| Lifetime {
            fresh_for: Duration::from_secs(
                u64::try_from(expires.saturating_sub(facts.date)).unwrap_or(0),
            ),
            source: Rule::Expires,
        }),
        Err(Invalid) => Some(Lifetime {
            fresh_for: Duration::ZERO,
            source: Rule::InvalidExpires,
        }),
    }
}

/// RFC 9111 4.2.2: for statuses that may go without explicit freshness, or with `public`.
fn heuristic(heuristic: Heuristic, facts: &ResponseFacts) -> Option<Duration> {
    if !(heuristically_cacheable(facts.status) || facts.directives.public) {
        return None;
    }
    let unchanged_for = u64::try_from(facts.date.checked_sub(facts.last_modified?)?).ok()?;
    let share = unchanged_for.saturating_mul(u64::from(heuristic.percent)) / 100;
    Some(Duration::from_secs(share).min(heuristic.cap))
}

#[cfg(test)]
mod tests;
