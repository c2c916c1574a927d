//! Whether a response may be stored, and for what use (RFC 9111 3).

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use super::{
    Decision,
    freshness::{Lifetime, ResponseFacts, lifetime},
    request::RequestFacts,
    rule::{Rule, Trail},
    rules::{Rules, SetCookie, heuristically_cacheable, understood},
    said::Said,
    stale::{Windows, windows},
    vary::Vary,
};
use crate::header::cache_control::Fields;

/// On what terms a stored response may be used: all that [`reuse`](super::reuse) needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) lifetime: Duration,
    /// What the handler said in its `CachePolicy`, from which some of these terms come.
    pub(crate) said: Option<Arc<Said>>,
    /// Whether the response said itself how long it is fresh, or that it is public.
    pub(crate) explicit: bool,
    /// RFC 9111 3.5: whether it may answer requests with Authorization.
    pub(crate) authorized: bool,
    /// RFC 9111 5.2.2.4: whether each use has to be validated.
    pub(crate) validate_always: bool,
    /// RFC 9111 4.2.4: whether it must never be served stale.
    pub(crate) never_stale: bool,
    /// RFC 8246.
    pub(crate) immutable: bool,
    /// How long past its freshness it may be served.
    pub(crate) windows: Windows,
    /// How long past its freshness it is of use.
    pub(crate) keep: Duration,
}

impl Terms {
    /// How long a response is of any use that had this age when it arrived.
    pub(crate) fn retention(&self, initial_age: Duration) -> Duration {
        self.lifetime
            .saturating_sub(initial_age)
            .saturating_add(self.keep)
    }

    /// The seconds of freshness that are left at this age, negative for a stale response.
    pub(crate) fn ttl(&self, age: Duration) -> i64 {
        seconds_left(self.lifetime, age)
    }
}

/// The seconds that are left of a lifetime at this age, negative once it is over.
pub(crate) fn seconds_left(lifetime: Duration, age: Duration) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    seconds(lifetime).saturating_sub(seconds(age))
}

/// How a response is stored: what [`storable`] decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storing {
    pub(crate) terms: Terms,
    pub(crate) vary: Vary,
    /// Fields that are left out of what is stored.
    pub(crate) without: Vec<HeaderName>,
}

/// What is known beside the head: the handler's word, and how the response came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// What the handler said in its `CachePolicy`.
    pub(crate) said: Option<Arc<Said>>,
    /// The handler forbade to store the response.
    pub(crate) no_store: bool,
    /// The `Personal` marker is set.
    pub(crate) personal: bool,
    /// The response is one part of the content, and says which (RFC 9110 14.4).
    pub(crate) part: bool,
    /// Content-Location says that the content is that of the target URI (RFC 9110 8.7).
    pub(crate) content_of_target: bool,
}

/// Decides whether the response to `request` may be stored. The trail's last rule is the reason.
pub(crate) fn storable(
    rules: &Rules,
    request: &RequestFacts,
    facts: &ResponseFacts,
    headers: &HeaderMap,
    also: &Circumstances,
) -> Decision<Option<Storing>> {
    let mut trail = Trail::default();
    let said = also.said.as_ref();
    let lifetime = lifetime(rules, facts, said.and_then(|said| said.ttl));
    let decided = forbidden(rules, request, facts, also, &mut trail)
        .and_then(|()| set_cookie(rules, facts, headers, &mut trail))
        .and_then(|strip_cookie| {
            let vary = Vary::read(headers, rules.max_vary)?;
            permitted(rules, request, facts, also, lifetime.as_ref())?;
            let terms = terms(rules, facts, said, lifetime.as_ref());
            Ok(storing(rules, facts, terms, vary, strip_cookie))
        })
        .and_then(|storing| useful(storing, facts, headers));
    if facts.targeted {
        trail.note(Rule::Targeted);
    }
    if let Some(lifetime) = lifetime {
        trail.note(lifetime.source);
    }
    let (verdict, reason) = match decided {
        Ok(storing) => (Some(storing), Rule::Stored),
        Err(rule) => (None, rule),
    };
    trail.note(reason);
    Decision {
        verdict,
        reason,
        trail,
    }
}

/// What forbids to store a response, whatever its freshness.
fn forbidden(
    rules: &Rules,
    request: &RequestFacts,
    facts: &ResponseFacts,
    also: &Circumstances,
    trail: &mut Trail,
) -> Result<(), Rule> {
    let says = &facts.directives;
    if !matches!(request.method, Method::GET | Method::POST) {
        return Err(Rule::Method);
    }
    if facts.status.is_informational() || (answers_a_condition(facts.status) && !also.part) {
        return Err(Rule::NotComplete);
    }
    if request.directives.no_store {
        return Err(Rule::RequestNoStore);
    }
    if also.no_store {
        return Err(Rule::PolicyNoStore);
    }
    if says.must_understand && !understood(facts.status) {
        return Err(Rule::NotUnderstood);
    }
    if says.no_store && !says.must_understand {
        return Err(Rule::ResponseNoStore);
    }
    if says.no_store {
        trail.note(Rule::Understood);
    }
    if rules.private {
        return Ok(());
    }
    // With the user in the key, what is stored is for that one user, as in a private cache.
    if says.private == Fields::All && !request.user_in_key {
        return Err(Rule::Private);
    }
    if also.personal && !request.user_in_key {
        return Err(Rule::Personal);
    }
    if request.authorization && !authorized(facts) {
        return Err(Rule::Authorization);
    }
    Ok(())
}

/// Statuses that answer a range or a condition of one request (RFC 9110 13, 14), and say nothing to a request
/// without it: stored, a 412 or 416 that one client provoked would be everybody's answer.
fn answers_a_condition(status: StatusCode) -> bool {
    matches!(status.as_u16(), 206 | 304 | 412 | 416 | 417)
}

/// Whether a response that is not stored for this reason takes the place of what is stored nevertheless: the
/// origin does not want that used any more. What is refused because of the request says nothing about it.
pub(crate) fn supersedes(reason: Rule) -> bool {
    matches!(
        reason,
        Rule::ResponseNoStore
            | Rule::Private
            | Rule::PolicyNoStore
            | Rule::NotUnderstood
            | Rule::NoUse
            | Rule::SearchChanged
    )
}

/// Whether a successful response that is not stored for this reason is newer than what is stored nevertheless.
pub(crate) fn is_newer_content(reason: Rule) -> bool {
    matches!(
        reason,
        Rule::VaryAny | Rule::VaryTooLong | Rule::SetCookie | Rule::TooLarge
    )
}

/// RFC 9111 3.5: what lets a shared cache reuse a response for requests with Authorization.
fn authorized(facts: &ResponseFacts) -> bool {
    let says = &facts.directives;
    says.public || says.s_maxage.is_some() || says.must_revalidate
}

/// RFC 9111 7.3: whether Set-Cookie is left out of what is stored; an error where it forbids to store.
fn set_cookie(
    rules: &Rules,
    facts: &ResponseFacts,
    headers: &HeaderMap,
    trail: &mut Trail,
) -> Result<bool, Rule> {
    let stripped_anyway = named(&facts.directives.private).chain(named(&facts.directives.no_cache));
    if rules.private || !headers.contains_key(header::SET_COOKIE) {
        return Ok(false);
    }
    if rules.set_cookie == SetCookie::Strip
        || stripped_anyway
            .into_iter()
            .any(|name| name == header::SET_COOKIE)
    {
        trail.note(Rule::SetCookieStripped);
        return Ok(true);
    }
    match rules.set_cookie {
        SetCookie::Store => Ok(false),
        SetCookie::Refuse | SetCookie::Strip => Err(Rule::SetCookie),
    }
}

/// What permits to store a response: explicit freshness, `public`, a default that was set for its status,
/// or a status that may go without.
fn permitted(
    rules: &Rules,
    request: &RequestFacts,
    facts: &ResponseFacts,
    also: &Circumstances,
    lifetime: Option<&Lifetime>,
) -> Result<(), Rule> {
    let explicit = is_explicit(facts, lifetime);
    if request.method == Method::POST && !request.body_in_key {
        let fresh = lifetime.is_some_and(Lifetime::is_explicit);
        if !fresh || !also.content_of_target {
            return Err(Rule::PostNotReusable);
        }
    }
    if !explicit && lifetime.is_none() && !heuristically_cacheable(facts.status) {
        return Err(Rule::NotCacheable);
    }
    if explicit || rules.private {
        return Ok(());
    }
    // A default must not share what may depend on its user.
    if request.authorization {
        return Err(Rule::Authorization);
    }
    if request.unkeyed_cookie {
        return Err(Rule::Cookie);
    }
    Ok(())
}

/// Whether the response itself permits to share it with anybody: by its lifetime, or as `public` without one. A
/// default of ours never does, whatever the response says besides.
fn is_explicit(facts: &ResponseFacts, lifetime: Option<&Lifetime>) -> bool {
    lifetime.map_or(facts.directives.public, Lifetime::is_explicit)
}

fn storing(
    rules: &Rules,
    facts: &ResponseFacts,
    terms: Terms,
    vary: Vary,
    strip_cookie: bool,
) -> Storing {
    let says = &facts.directives;
    let shared = !rules.private;
    let own_fields = named(&says.private)
        .filter(|_| shared)
        .chain(named(&says.no_cache));
    let cookie = strip_cookie.then_some(header::SET_COOKIE);
    Storing {
        terms,
        vary,
        without: own_fields.cloned().chain(cookie).collect(),
    }
}

fn terms(
    rules: &Rules,
    facts: &ResponseFacts,
    said: Option<&Arc<Said>>,
    lifetime: Option<&Lifetime>,
) -> Terms {
    let says = &facts.directives;
    let shared = !rules.private;
    let windows = windows(rules, says, said.map(Arc::as_ref));
    let keep = said.and_then(|said| said.keep).unwrap_or(rules.keep);
    Terms {
        lifetime: lifetime.map_or(Duration::ZERO, |lifetime| lifetime.fresh_for),
        said: said.cloned(),
        explicit: is_explicit(facts, lifetime),
        authorized: authorized(facts),
        validate_always: says.no_cache == Fields::All,
        never_stale: says.must_revalidate
            || (shared && (says.proxy_revalidate || says.s_maxage.is_some())),
        immutable: says.immutable,
        windows,
        keep: keep.max(windows.while_revalidate).max(windows.if_error),
    }
}

/// An entry that is never fresh and cannot be validated is no use to anybody.
fn useful(storing: Storing, facts: &ResponseFacts, headers: &HeaderMap) -> Result<Storing, Rule> {
    let Terms {
        lifetime,
        windows,
        validate_always,
        ..
    } = storing.terms;
    let served = lifetime.max(windows.while_revalidate).max(windows.if_error);
    let usable = served > Duration::ZERO && !validate_always;
    if usable || facts.has_validator(headers) {
        Ok(storing)
    } else {
        Err(Rule::NoUse)
    }
}

fn named(fields: &Fields) -> impl Iterator<Item = &HeaderName> {
    match fields {
        Fields::Named(names) => names.as_slice(),
        Fields::No | Fields::All => &[],
    }
    .iter()
}

#[cfg(test)]
mod tests;
