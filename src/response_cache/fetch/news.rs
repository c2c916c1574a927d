//! What the leader of a flight brings to those who wait for the same resource.

use std::{sync::Arc, time::Duration};

use http::{Response, StatusCode, request::Parts};

use super::fill::{Lost, Plan, Reader, growing::Growing};
use crate::{
    clock::Moment,
    key::Key,
    ledger::Held,
    personal::Personal,
    response_cache::{
        answer::{
            body::ResponseBody,
            looked::Looked,
            report::Report,
            serve,
            stale::{self, Fallback},
        },
        core::Core,
        policy::{
            reuse::{Candidate, Reuse, reuse},
            storable::Terms,
            vary::{Selecting, Vary},
        },
        request::plan::Asked,
        stored::{entry::Entry, head::Head, variants::variant_key},
    },
};

/// What the leader of a flight brings.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and there is one for each flight"
)]
pub(crate) enum News {
    /// A response that is arriving, with its body.
    Arriving(Arriving, Arc<Growing>),
    /// A stored response that was just validated, and what the fields that select it are.
    Validated(Arc<Entry>, Selecting),
    /// The origin failed, with this status or without a response. The leader's client was given something
    /// stale.
    OriginFailed(Option<StatusCode>),
}

/// A response that is being stored.
pub(crate) struct Arriving {
    /// Where it will lie.
    pub(super) key: Key,
    head: Head,
    terms: Terms,
    vary: Vary,
    selecting: Selecting,
    arrived: Moment,
    initial_age: Duration,
    /// The marker to ask before anybody else is given the response; `None` if it is one user's alone.
    personal: Option<Personal>,
    held: Held,
}

/// Who asks whether the news are for it.
pub(crate) struct Asking<'a> {
    pub(crate) core: &'a Core,
    pub(crate) parts: &'a Parts,
    pub(crate) asked: &'a Asked,
    pub(crate) looked: &'a Looked,
    /// What was invalidated up to this position is older than the request.
    pub(crate) since: u64,
}

/// What the news are to somebody.
pub(crate) enum Received<B> {
    /// The answer.
    Answer(Response<ResponseBody<B>>),
    /// Nothing, as the resource varies like this, and another variant was meant.
    OtherVariant(Vary),
    /// Nothing, as it was invalidated before the request came.
    Overtaken,
    /// Nothing, as it came too late.
    Lost(Lost),
    /// Nothing.
    Nothing,
}

impl News {
    /// What the news are to a request, by the same rules as a stored response's.
    pub(crate) fn receive<B>(self: &Arc<Self>, asking: &Asking<'_>) -> Received<B> {
        match &**self {
            Self::Arriving(arriving, body) => {
                if arriving.selecting != arriving.vary.selecting(&asking.parts.headers) {
                    return Received::OtherVariant(arriving.vary.clone());
                }
                if asking.came_after_invalidation(&arriving.held) {
                    return Received::Overtaken;
                }
                arriving.answer(body, self, asking)
            }
            Self::Validated(entry, selecting) => {
                if *selecting != entry.vary.selecting(&asking.parts.headers) {
                    return Received::OtherVariant(entry.vary.clone());
                }
                if asking.came_after_invalidation(&entry.held) {
                    return Received::Overtaken;
                }
                validated(entry, asking).map_or(Received::Nothing, Received::Answer)
            }
            Self::OriginFailed(status) => {
                let Asking {
                    core,
                    parts,
                    asked,
                    looked,
                    ..
                } = asking;
                let failed = stale::Failed {
                    status: *status,
                    collapsed: true,
                };
                let allowed = Fallback::IfAllowed;
                let stale = stale::instead(core, asked, &parts.headers, looked, failed, allowed);
                let lost = match status {
                    Some(_) => Lost::GivenUp,
                    None => Lost::Failed,
                };
                stale.map_or(Received::Lost(lost), Received::Answer)
            }
        }
    }
}

impl Asking<'_> {
    fn may_use(&self, candidate: Candidate<'_>) -> bool {
        let verdict = reuse(&self.core.settings.rules, &self.asked.facts, candidate).verdict;
        matches!(verdict, Reuse::Serve | Reuse::Refresh)
    }

    fn came_after_invalidation(&self, held: &Held) -> bool {
        held.is_invalidated_upto(&self.core.ledger, self.since)
    }

    fn report(&self, ttl: i64) -> Report<'_> {
        let decision = &self.looked.decision;
        Report::collapsed(decision.reason, decision.trail, ttl, &self.asked.key)
    }

    fn form(&self) -> serve::Asked<'_> {
        serve::Asked {
            method: &self.parts.method,
            headers: &self.parts.headers,
        }
    }
}

impl Arriving {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            key: plan.key.clone(),
            head: plan.head.clone(),
            terms: plan.terms.clone(),
            vary: plan.vary.clone(),
            selecting: plan.selecting.clone(),
            arrived: plan.arrived,
            initial_age: plan.initial_age,
            personal: plan.personal.clone(),
            held: plan.held.clone(),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The key of the variant that it is, if the resource varies.
    pub(super) fn variant(&self) -> Option<Key> {
        let Self {
            key,
            vary,
            selecting,
            ..
        } = self;
        (!vary.is_empty()).then(|| variant_key(key, vary, selecting))
    }

    /// How the response would be looked at if it was stored.
    pub(super) fn candidate(&self, now: Moment) -> Candidate<'_> {
        let age = self.initial_age + now.duration_since(self.arrived);
        Candidate::untouched(&self.terms, age)
    }

    fn answer<B>(&self, body: &Arc<Growing>, news: &Arc<News>, asking: &Asking<'_>) -> Received<B> {
        let candidate = self.candidate(asking.core.settings.clock.now());
        let shared = || self.personal.as_ref().is_none_or(Personal::share);
        if !asking.may_use(candidate) || !shared() {
            return Received::Nothing;
        }
        let reader = match Reader::following(body, Some(Arc::clone(news))) {
            Ok(reader) => reader,
            Err(lost) => return Received::Lost(lost),
        };
        let report = asking.report(candidate.ttl());
        Received::Answer(serve::arriving(
            asking.core,
            &self.head,
            reader,
            &asking.form(),
            candidate.age,
            &report,
        ))
    }
}

fn validated<B>(entry: &Entry, asking: &Asking<'_>) -> Option<Response<ResponseBody<B>>> {
    let now = asking.core.settings.clock.now();
    let candidate = entry.candidate(&asking.core.ledger, now).ok()?;
    if !asking.may_use(candidate) {
        return None;
    }
    let report = asking.report(candidate.ttl());
    Some(serve::from_store(
        asking.core,
        entry,
        &asking.form(),
        candidate.age,
        &report,
    ))
}
