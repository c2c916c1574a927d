//! What is stale in the place of a failure (RFC 5861 4).

use http::{HeaderMap, Response, StatusCode};

use super::{body::ResponseBody, looked::Looked, report::Report, serve};
use crate::response_cache::{
    core::Core,
    policy::{
        Rule,
        reuse::{Candidate, Reuse},
        stale,
    },
    request::plan::Asked,
    stored::entry::Entry,
};

/// When what is stored answers although the origin failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// If it may be served stale.
    IfAllowed,
    /// Always: nobody gets it, and a failure must not take its place.
    Always,
}

/// How the origin failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed {
    /// What it answered, if it did.
    pub(crate) status: Option<StatusCode>,
    /// It was another request that it failed.
    pub(crate) collapsed: bool,
}

/// The rule by which what was found for a request answers it if the origin fails, if it does.
pub(crate) fn allowed(core: &Core, asked: &Asked, looked: &Looked) -> Option<Rule> {
    let (_, candidate) = to_validate(core, looked)?;
    stale::if_error(&core.settings.rules, &asked.facts, &candidate)
}

/// What may take the place of a failure: what was to be confirmed.
fn to_validate<'a>(core: &Core, looked: &'a Looked) -> Option<(&'a Entry, Candidate<'a>)> {
    let validates = looked.decision.verdict == Reuse::Validate;
    let entry = looked.entry.as_ref().filter(|_| validates)?;
    let now = core.settings.clock.now();
    let candidate = entry.candidate(&core.ledger, now).ok()?;
    Some((entry, candidate))
}

/// What was found for a request, if it may be used instead of what the origin has failed to give.
pub(crate) fn instead<B>(
    core: &Core,
    asked: &Asked,
    headers: &HeaderMap,
    looked: &Looked,
    failed: Failed,
    fallback: Fallback,
) -> Option<Response<ResponseBody<B>>> {
    let (entry, candidate) = to_validate(core, looked)?;
    let allowed = stale::if_error(&core.settings.rules, &asked.facts, &candidate);
    let reason =
        allowed.or_else(|| (fallback == Fallback::Always).then_some(Rule::StaleIfError))?;
    let mut trail = looked.decision.trail;
    trail.note(reason);
    let Failed { status, collapsed } = failed;
    tracing::warn!(
        ?status,
        "the origin failed: what is stored is used in its place"
    );
    let report = Report::instead(
        looked.decision.reason,
        reason,
        trail,
        status.filter(|_| !collapsed),
        candidate.ttl(),
        &asked.key,
    );
    let report = report
        .in_background(looked.background)
        .collapsing(collapsed);
    let form = serve::Asked {
        method: &asked.facts.method,
        headers,
    };
    Some(serve::from_store(
        core,
        entry,
        &form,
        candidate.age,
        &report,
    ))
}
