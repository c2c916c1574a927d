//! What was found for a request, and what it is good for.

use std::{sync::Arc, time::Duration};

use http::{Response, request::Parts};

use super::{body::ResponseBody, report::Report, serve};
use crate::{
    clock::Moment,
    key::Key,
    response_cache::{
        core::Core,
        policy::{
            Decision, Rule, Trail,
            reuse::{Reuse, reuse},
            storable::seconds_left,
        },
        request::plan::Asked,
        stored::{
            departed,
            entry::Entry,
            search,
            select::{self, Selection},
            variants::Variants,
        },
    },
    store::StoreError,
};

/// What was found for a request, and what it is good for.
pub(crate) struct Looked {
    pub(crate) entry: Option<Arc<Entry>>,
    pub(crate) others: Option<Arc<Variants>>,
    pub(crate) decision: Decision<Reuse>,
    /// How long the entry is fresh.
    lifetime: Duration,
    /// No client waits: it is a refresh.
    pub(crate) background: bool,
}

impl Looked {
    /// Nothing is there, for this reason as far as that is known.
    fn missing(core: &Core, key: &Key) -> Self {
        let departure = core.ledger.departures().of(key);
        Self::absent(departure.map_or(Rule::NothingStored, departed::rule))
    }

    pub(crate) fn absent(reason: Rule) -> Self {
        let mut trail = Trail::default();
        trail.note(reason);
        Self {
            entry: None,
            others: None,
            decision: Decision {
                verdict: Reuse::Never,
                reason,
                trail,
            },
            lifetime: Duration::ZERO,
            background: false,
        }
    }

    /// What is to be fetched behind a request for a part of it.
    pub(crate) fn fetching(reason: Rule) -> Self {
        Self {
            background: true,
            ..Self::absent(reason)
        }
    }

    /// What was served a moment ago and is to be refreshed behind that.
    pub(crate) fn refreshing(entry: Arc<Entry>, reason: Rule) -> Self {
        let mut this = Self::absent(reason);
        this.decision.verdict = Reuse::Validate;
        this.entry = Some(entry);
        this.background = true;
        this
    }

    /// Decides about parts: they answer a request that asks for nothing else, as long as they are fresh.
    fn judge_parts(
        core: &Core,
        parts: &Parts,
        asked: &Asked,
        entry: Arc<Entry>,
        now: Moment,
    ) -> Self {
        let candidate = match entry.candidate(&core.ledger, now) {
            Ok(candidate) => candidate,
            Err(cause) => return Self::absent(departed::invalidated(cause)),
        };
        let decision = reuse(&core.settings.rules, &asked.facts, candidate);
        let fresh = matches!(decision.reason, Rule::Fresh | Rule::EarlyRefresh);
        if !fresh || !serve::has_parts(core, &entry, &parts.headers, &asked.facts.method) {
            return Self::absent(Rule::PartMissing);
        }
        let lifetime = candidate.lifetime;
        Self {
            lifetime,
            entry: Some(entry),
            others: None,
            decision: Decision {
                verdict: Reuse::Serve,
                ..decision
            },
            background: false,
        }
    }

    /// Decides about what a request selected.
    pub(crate) fn judge(
        core: &Core,
        parts: &Parts,
        asked: &Asked,
        selection: Selection,
        now: Moment,
    ) -> Self {
        match selection {
            Selection::Nothing => Self::missing(core, &asked.key),
            Selection::OtherVariants(others) => Self {
                others: Some(others),
                ..Self::absent(Rule::VaryMismatch)
            },
            Selection::LostVariant(others, place) => {
                let departure = core.ledger.departures().of(&others.list[place].key);
                let reason = departure.map_or(Rule::VaryMismatch, departed::rule);
                Self {
                    others: Some(others),
                    ..Self::absent(reason)
                }
            }
            Selection::Response(entry) if entry.is_over(now) => Self::absent(Rule::Expired),
            Selection::Response(entry) if entry.parts.is_some() => {
                Self::judge_parts(core, parts, asked, entry, now)
            }
            Selection::Response(entry) => {
                let candidate = match entry.candidate(&core.ledger, now) {
                    Ok(candidate) => candidate,
                    Err(cause) => return Self::absent(departed::invalidated(cause)),
                };
                let mut decision = reuse(&core.settings.rules, &asked.facts, candidate);
                let lifetime = candidate.lifetime;
                // Asked only where it matters: it takes a lock.
                if decision.verdict == Reuse::Refresh
                    && !(asked.may_be_refreshed() && core.background.can_refresh())
                {
                    (decision.verdict, decision.reason) = without_refresh(decision.reason);
                }
                Self {
                    lifetime,
                    entry: Some(entry),
                    others: None,
                    decision,
                    background: false,
                }
            }
        }
    }

    /// Looks for what is stored, waiting for the store.
    pub(crate) async fn look(core: &Core, parts: &Parts, asked: &mut Asked) -> Self {
        Self::try_look(core, parts, asked)
            .await
            .unwrap_or_else(|error| {
                tracing::debug!(%error, "the store failed: asking the origin");
                core.stats.store_failed();
                Self::absent(Rule::StoreFailed)
            })
    }

    /// The same, where it is an error that the store fails.
    pub(crate) async fn try_look(
        core: &Core,
        parts: &Parts,
        asked: &mut Asked,
    ) -> Result<Self, StoreError> {
        if !asked.may_be_answered() {
            return Ok(Self::absent(Rule::Method));
        }
        search::rekey(core, parts, asked).await?;
        let selection = select::select(core, &asked.key, &parts.headers).await?;
        let now = core.settings.clock.now();
        Ok(Self::judge(core, parts, asked, selection, now))
    }

    /// What answers, if that was decided on.
    pub(crate) fn served(&self) -> Option<&Arc<Entry>> {
        let served = matches!(self.decision.verdict, Reuse::Serve | Reuse::Refresh);
        self.entry.as_ref().filter(|_| served)
    }

    /// The answer from store by the entry that [is served](Self::served).
    pub(crate) fn answer<B>(
        &self,
        core: &Core,
        entry: &Entry,
        parts: &Parts,
        asked: &Asked,
        now: Moment,
    ) -> Response<ResponseBody<B>> {
        let age = entry.age(now);
        let Decision { reason, trail, .. } = self.decision;
        let report = Report::hit(reason, trail, seconds_left(self.lifetime, age), &asked.key);
        if asked.for_whole {
            return serve::whole_from_store(core, entry, age, &report);
        }
        let asked = serve::Asked {
            method: &parts.method,
            headers: &parts.headers,
        };
        serve::from_store(core, entry, &asked, age, &report)
    }
}

/// What becomes of a response that was to be served and refreshed, where it cannot be refreshed.
fn without_refresh(reason: Rule) -> (Reuse, Rule) {
    if reason == Rule::EarlyRefresh {
        (Reuse::Serve, Rule::Fresh)
    } else {
        (Reuse::Validate, Rule::Stale)
    }
}
