//! Whether a stored response may answer a request (RFC 9111 4).

use std::time::Duration;

use super::{
    Decision,
    request::RequestFacts,
    rule::{Rule, Trail},
    rules::Rules,
    stale,
    storable::{Terms, seconds_left},
};
use crate::header::cache_control::MaxStale;

/// What a stored response is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// It answers the request.
    Serve,
    /// It answers the request, and is validated behind it.
    Refresh,
    /// It answers once the origin has confirmed it.
    Validate,
    /// It must not be used for this request, nor for its validation.
    Never,
}

/// A stored response as the decision sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) terms: &'a Terms,
    /// How long it is fresh: as its terms say, or until it was made stale.
    pub(crate) lifetime: Duration,
    pub(crate) age: Duration,
    /// An invalidation made it stale.
    pub(crate) softly_invalidated: bool,
    /// RFC 9111 4.3.5: a HEAD response contradicted it.
    pub(crate) contradicted: bool,
    /// Any number of its own, to tell it from others by.
    pub(crate) spread: u64,
}

impl<'a> Candidate<'a> {
    /// A response of this age that nothing has happened to.
    pub(crate) fn untouched(terms: &'a Terms, age: Duration) -> Self {
        Self {
            terms,
            lifetime: terms.lifetime,
            age,
            softly_invalidated: false,
            contradicted: false,
            spread: 0,
        }
    }

    /// The seconds of freshness that are left, negative for a stale response.
    pub(crate) fn ttl(&self) -> i64 {
        seconds_left(self.lifetime, self.age)
    }

    /// For how long it has been stale.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        self.age.checked_sub(self.lifetime)
    }
}

/// Decides what `candidate`, selected by key and Vary, is good for.
pub(crate) fn reuse(
    rules: &Rules,
    request: &RequestFacts,
    candidate: Candidate<'_>,
) -> Decision<Reuse> {
    let mut trail = Trail::default();
    let (verdict, reason) = match excluded(rules, request, candidate.terms) {
        Some(rule) => (Reuse::Never, rule),
        None => match needs_validation(rules, request, candidate, &mut trail) {
            Ok(rule @ (Rule::StaleWhileRevalidate | Rule::EarlyRefresh)) => (Reuse::Refresh, rule),
            Ok(rule) => (Reuse::Serve, rule),
            Err(rule) => (Reuse::Validate, rule),
        },
    };
    trail.note(reason);
    Decision {
        verdict,
        reason,
        trail,
    }
}

/// What a shared cache must not hand to this request at all.
fn excluded(rules: &Rules, request: &RequestFacts, terms: &Terms) -> Option<Rule> {
    if rules.private {
        None
    } else if request.authorization && !(terms.authorized && terms.explicit) {
        Some(Rule::Authorization)
    } else if request.unkeyed_cookie && !terms.explicit {
        Some(Rule::Cookie)
    } else if request.personal && !request.user_in_key && !terms.explicit {
        Some(Rule::Personal)
    } else {
        None
    }
}

/// `Ok` with the rule that lets the response be served, or the rule that wants it validated.
fn needs_validation(
    rules: &Rules,
    request: &RequestFacts,
    candidate: Candidate<'_>,
    trail: &mut Trail,
) -> Result<Rule, Rule> {
    let Candidate {
        terms,
        lifetime,
        age,
        contradicted,
        ..
    } = candidate;
    if contradicted {
        return Err(Rule::Contradicted);
    }
    if terms.validate_always {
        return Err(Rule::ResponseNoCache);
    }
    let fresh_for = lifetime.saturating_sub(age);
    let fresh = age < lifetime;
    if rules.request_directives {
        request_wants(request, terms, age, fresh_for, trail)?;
    }
    if fresh {
        let early = stale::early(rules, &candidate);
        return Ok(if early {
            Rule::EarlyRefresh
        } else {
            Rule::Fresh
        });
    }
    if candidate.softly_invalidated {
        trail.note(Rule::SoftlyInvalidated);
    }
    trail.note(Rule::Stale);
    stale_use(rules, request, &candidate)
}

/// What lets a stale response be served, or why it has to be validated first.
fn stale_use(
    rules: &Rules,
    request: &RequestFacts,
    candidate: &Candidate<'_>,
) -> Result<Rule, Rule> {
    let max_stale = request
        .directives
        .max_stale
        .filter(|_| rules.request_directives);
    let allowed =
        max_stale.is_some_and(|limit| within(limit, candidate.staleness().unwrap_or_default()));
    // Where serving stale is forbidden, this window is empty.
    if stale::while_revalidate(candidate) {
        Ok(Rule::StaleWhileRevalidate)
    } else if candidate.terms.never_stale {
        Err(if allowed {
            Rule::MustRevalidate
        } else {
            Rule::Stale
        })
    } else if allowed {
        Ok(Rule::RequestMaxStale)
    } else {
        Err(Rule::Stale)
    }
}

/// What the request asks beyond freshness (RFC 9111 5.2.1).
fn request_wants(
    request: &RequestFacts,
    terms: &Terms,
    age: Duration,
    fresh_for: Duration,
    trail: &mut Trail,
) -> Result<(), Rule> {
    let asks = &request.directives;
    if asks.no_cache {
        return Err(Rule::RequestNoCache);
    }
    if asks
        .max_age
        .is_some_and(|max| age > Duration::from_secs(max))
    {
        // RFC 8246: a reload (max-age=0) does not validate what is immutable and fresh.
        if !(terms.immutable && fresh_for > Duration::ZERO) {
            return Err(Rule::RequestMaxAge);
        }
        trail.note(Rule::Immutable);
    }
    if asks
        .min_fresh
        .is_some_and(|min| fresh_for < Duration::from_secs(min))
    {
        return Err(Rule::RequestMinFresh);
    }
    Ok(())
}

fn within(limit: MaxStale, staleness: Duration) -> bool {
    match limit {
        MaxStale::Any => true,
        MaxStale::Seconds(seconds) => staleness <= Duration::from_secs(seconds),
    }
}

#[cfg(test)]
mod tests;
