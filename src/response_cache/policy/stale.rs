//! Serving what is stale (RFC 9111 4.2.4, RFC 5861).

use std::time::Duration;

use http::StatusCode;

use super::{request::RequestFacts, reuse::Candidate, rule::Rule, rules::Rules, said::Said};
use crate::header::cache_control::{Fields, ResponseDirectives};

/// For how long past its freshness a response may be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// RFC 5861 3: while it is validated in the background.
    pub(crate) while_revalidate: Duration,
    /// RFC 5861 4: if the origin fails.
    pub(crate) if_error: Duration,
}

/// The windows of a response: its handler's, or else those of its fields, or else the layer's. Where a directive
/// forbids to serve it stale there is none; with `s-maxage`, which forbids it too, an explicit window counts if
/// the layer was told so.
pub(crate) fn windows(rules: &Rules, says: &ResponseDirectives, said: Option<&Said>) -> Windows {
    let shared = !rules.private;
    let by_age = shared && says.s_maxage.is_some();
    let otherwise =
        says.must_revalidate || says.no_cache == Fields::All || (shared && says.proxy_revalidate);
    if otherwise || (by_age && !rules.stale_despite_s_maxage) {
        return Windows::default();
    }
    let window = |said: Option<Duration>, own: Option<u64>, default: Duration| {
        let explicit = said.or(own.map(Duration::from_secs));
        explicit.unwrap_or(if by_age { Duration::ZERO } else { default })
    };
    Windows {
        while_revalidate: window(
            said.and_then(|said| said.while_revalidate),
            says.stale_while_revalidate,
            rules.while_revalidate,
        ),
        if_error: window(
            said.and_then(|said| said.if_error),
            says.stale_if_error,
            rules.if_error,
        ),
    }
}

/// Whether a stored response that needs validation may be served at once, to be validated behind it.
pub(crate) fn while_revalidate(candidate: &Candidate<'_>) -> bool {
    let window = candidate.terms.windows.while_revalidate;
    candidate
        .staleness()
        .is_some_and(|staleness| staleness < window)
}

/// Whether a fresh response is close enough to its end to be validated behind the request that it answers:
/// within a share of its lifetime that differs from one response to the next, so that those stored together
/// are not refreshed together.
pub(crate) fn early(rules: &Rules, candidate: &Candidate<'_>) -> bool {
    let Candidate {
        lifetime,
        age,
        spread,
        ..
    } = *candidate;
    let Some(percent) = rules.early_refresh else {
        return false;
    };
    // From half of the share up to all of it.
    let share = lifetime.saturating_mul(percent) / 100;
    let jitter = u32::try_from(spread % 1024).unwrap_or(0);
    let before = share / 2 + (share / 2).saturating_mul(jitter) / 1024;
    age < lifetime && lifetime.saturating_sub(age) <= before
}

/// Whether a response of the origin counts as its failure (RFC 5861 4).
pub(crate) fn is_error(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// The rule that lets a stored response answer although its validation failed: within the response's window,
/// or within the one that the request gives.
pub(crate) fn if_error(
    rules: &Rules,
    request: &RequestFacts,
    candidate: &Candidate<'_>,
) -> Option<Rule> {
    let terms = candidate.terms;
    let asks = &request.directives;
    let asked = asks.stale_if_error.filter(|_| rules.request_directives);
    let asked = asked.filter(|_| !terms.never_stale && !terms.validate_always);
    let window = terms
        .windows
        .if_error
        .max(Duration::from_secs(asked.unwrap_or(0)));
    let wanted_fresh = rules.request_directives && asks.no_cache;
    let staleness = candidate.staleness().unwrap_or_default();
    let allowed = staleness < window && !wanted_fresh && !candidate.contradicted;
    allowed.then_some(Rule::StaleIfError)
}

#[cfg(test)]
mod tests;
