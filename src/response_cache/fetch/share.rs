//! What an exchange means to those who wait for the same resource.

use std::sync::Arc;

use http::StatusCode;

use super::{
    collapse::Part,
    exchange::Exchange,
    fill::growing::Growing,
    news::{Arriving, News},
    uncacheable,
};
use crate::{
    flight::{Failure, Lead},
    response_cache::{
        answer::stale::Fallback,
        policy::{
            Rule,
            reuse::{Candidate, Reuse, reuse},
        },
        stored::entry::Entry,
    },
};

impl Exchange {
    /// The origin gave nothing.
    pub(super) fn failed(&mut self) {
        if let Some(lead) = self.lead() {
            lead.failed(Failure::Failed);
        }
    }

    /// The origin gave nothing, and what is stale took its place.
    pub(super) fn failed_but_stale(&mut self, status: Option<StatusCode>, fallback: Fallback) {
        match self.lead() {
            // Whether the others may have it too is for them to say.
            Some(lead) if fallback == Fallback::IfAllowed => {
                lead.deliver(&Arc::new(News::OriginFailed(status)));
            }
            Some(lead) => lead.failed(Failure::Failed),
            None => {}
        }
    }

    /// The response is for this request alone. That is remembered of the resource, unless it is an error of the
    /// server's or comes of this one request.
    pub(super) fn unshared(&mut self, status: StatusCode, reason: Rule) {
        let Some(part) = self.part.take() else {
            return;
        };
        if !status.is_server_error() && uncacheable::is_lasting(reason) {
            let settings = &self.core.settings;
            let until = settings.clock.now() + settings.collapsing.remember;
            let facts = &self.asked.facts;
            self.core
                .uncacheable
                .remember(&part.place, facts, reason, until);
        }
        let Some(lead) = part.lead else { return };
        if reason == Rule::Overtaken && !part.inherited {
            // What the next one asks for now is for all who wait; if it is overtaken too, they go by themselves.
            drop(lead);
        } else {
            lead.unshared();
        }
    }

    /// Gives a response that is being stored to those who wait, and to those who come until it is stored.
    /// Returns what its readers have to hold for that.
    pub(super) fn share(&mut self, arriving: Arriving, body: &Arc<Growing>) -> Option<Arc<News>> {
        let now = self.core.settings.clock.now();
        if let Err(reason) = self.is_shareable(arriving.candidate(now)) {
            self.unshared(arriving.status(), reason);
            return None;
        }
        if arriving.key != self.asked.key {
            self.unshared(arriving.status(), Rule::SearchChanged);
            return None;
        }
        let Part {
            place,
            lead,
            shares,
            ..
        } = self.part.take()?;
        self.core.uncacheable.forget(&place, &self.asked.facts);
        let lead = lead?;
        if !shares {
            lead.unshared();
            return None;
        }
        let variant = arriving.variant();
        let news = Arc::new(News::Arriving(arriving, Arc::clone(body)));
        if let Some(landing) = lead.land(&news, variant) {
            body.landed(landing);
        }
        Some(news)
    }

    /// Gives a validated response to those who wait.
    pub(super) fn share_validated(&mut self, entry: &Entry) {
        let now = self.core.settings.clock.now();
        let shareable = match entry.candidate(&self.core.ledger, now) {
            Ok(candidate) if !candidate.softly_invalidated => self.is_shareable(candidate),
            // That says nothing about what comes next.
            Ok(_) | Err(_) => Err(Rule::Overtaken),
        };
        if let Err(reason) = shareable {
            self.unshared(StatusCode::NOT_MODIFIED, reason);
        } else if let Some(lead) = self.lead() {
            let selecting = entry.vary.selecting(&self.headers);
            lead.deliver(&Arc::new(News::Validated(
                Arc::new(entry.clone()),
                selecting,
            )));
        }
    }

    /// Whether a response could answer another request like this one; otherwise why not.
    fn is_shareable(&self, candidate: Candidate<'_>) -> Result<(), Rule> {
        let decision = reuse(&self.core.settings.rules, &self.asked.facts, candidate);
        match decision.verdict {
            Reuse::Serve | Reuse::Refresh => Ok(()),
            Reuse::Validate | Reuse::Never => Err(decision.reason),
        }
    }

    fn lead(&mut self) -> Option<Lead<News>> {
        self.part.take()?.lead
    }
}
