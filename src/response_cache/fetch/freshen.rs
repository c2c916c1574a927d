//! Freshening what is stored: by a 304 (RFC 9111 4.3.4) or by a response to HEAD (RFC 9111 4.3.5).

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Method, Response, StatusCode};

use super::{
    accept::{add_date, stored_head},
    exchange::{Arrival, Bases, Exchange, Update},
    in_flight::next_id,
};
use crate::response_cache::{
    CachePolicy,
    answer::{body::ResponseBody, serve},
    policy::{
        Decision, Rule, Trail,
        reuse::Reuse,
        said::Said,
        storable::{Circumstances, storable, supersedes},
        validation,
        vary::Vary,
    },
    stored::{entry::Entry, head::Head, resource, search},
};

/// A stored response with its news.
struct Updated {
    headers: HeaderMap,
    /// What to store, or why nothing.
    entry: Result<Entry, Rule>,
    /// The age with the news, when they came.
    initial_age: Duration,
    trail: Trail,
}

impl Exchange {
    /// The stored response that a 304 confirms.
    pub(crate) fn confirmed(&self, update: &HeaderMap) -> Option<Arc<Entry>> {
        let Bases { selected, others } = &self.bases;
        let confirms_selected = |base: &&Arc<Entry>| {
            let stored = &base.head.headers;
            let alone = others.is_empty() && validation::asks_only_about(&self.headers, stored);
            validation::confirms(update, stored, alone)
        };
        let confirms_other =
            |base: &&Arc<Entry>| validation::confirms_variant(update, &base.head.headers);
        selected
            .iter()
            .find(confirms_selected)
            .or_else(|| others.iter().find(confirms_other))
            .cloned()
    }

    /// RFC 9111 4.3.5: a 200 to HEAD freshens the stored response to GET, or makes it stale.
    ///
    /// It takes what it needs of the response, which cannot be lent across an await.
    pub(crate) async fn learn_from_head(
        &self,
        headers: HeaderMap,
        policy: Option<CachePolicy>,
        arrival: Arrival,
    ) {
        // It speaks of what could have answered it.
        let could = self.looked.decision.verdict != Reuse::Never;
        let stored = self.looked.entry.as_ref().filter(|_| could);
        let Some(entry) = stored.filter(|entry| entry.head.status == StatusCode::OK) else {
            return;
        };
        let stored = &entry.head.headers;
        let update = Update {
            headers: &headers,
            policy: policy.as_ref(),
        };
        let changed = if validation::head_contradicts(&headers, stored, entry.body.len()) {
            Some(entry.contradicted())
        } else {
            self.updated(entry, update, arrival).entry.ok()
        };
        if let Some(changed) = changed {
            self.replace(entry, changed).await;
        }
    }

    pub(crate) async fn replace(&self, old: &Entry, new: Entry) {
        let selecting = new.vary.selecting(&self.headers);
        let result = resource::replace(&self.core, &self.asked.key, old, new, &selecting).await;
        if let Err(error) = result {
            tracing::debug!(%error, "a validated response could not be stored");
            self.core.stats.store_failed();
        }
    }

    /// RFC 9111 4.3.4: the stored response with the fields of an update.
    fn updated(&self, base: &Entry, update: Update<'_>, arrival: Arrival) -> Updated {
        let mut news = update.headers.clone();
        add_date(&mut news, arrival.wall);
        let mut headers = validation::freshened(&base.head.fields(), &news);
        // What the handler said of the response holds until it says something else.
        let news = update.policy.map(|policy| &policy.said);
        let said = Said::updated(base.terms.said.as_ref(), news);
        Vary::add(&mut headers, said.as_ref().map_or(&[], |said| &said.vary));
        self.core.strip_tags(&mut headers);
        let facts = self.facts(base.head.status, &headers, arrival);
        let also = Circumstances {
            said,
            no_store: update.policy.is_some_and(|policy| policy.no_store),
            personal: self.personal.is_marked(),
            part: false,
            content_of_target: false,
        };
        // What was stored for a GET stays that, also when a HEAD brought the news.
        let mut request = self.asked.facts.clone();
        request.method = Method::GET;
        let Decision {
            verdict,
            reason,
            trail,
        } = storable(&self.core.settings.rules, &request, &facts, &headers, &also);
        let same_rule = self.rekeyed.is_none() || search::same_rule(&headers, &base.head.headers);
        let initial_age = facts.initial_age(arrival.wall, arrival.delay);
        // A tag that is not named any more may still be how somebody thinks of it.
        let held = self
            .tags(update.headers, update.policy)
            .and_then(|tags| self.hold(base.held.tags().chain(tags.names())));
        let entry = match (verdict, held) {
            (None, _) => Err(reason),
            (Some(_), _) if !same_rule => Err(Rule::SearchChanged),
            (Some(_), Err(reason)) => Err(reason),
            (Some(storing), Ok(held)) => Ok(Entry {
                id: next_id(),
                head: stored_head(base.head.status, &headers, &storing),
                terms: storing.terms,
                vary: storing.vary,
                date: facts.date,
                held,
                arrived: arrival.at,
                initial_age,
                contradicted: false,
                ..base.clone()
            }),
        };
        Updated {
            headers,
            trail: trail.ending_in(&entry),
            entry,
            initial_age,
        }
    }

    /// Answers with what a 304 confirmed.
    pub(crate) async fn freshen<R>(
        mut self: Box<Self>,
        base: &Arc<Entry>,
        update: Update<'_>,
    ) -> Response<ResponseBody<R>> {
        let arrival = self.arrival();
        self.core.stats.validated();
        let Updated {
            headers,
            entry,
            initial_age,
            trail,
        } = self.updated(base, update, arrival);
        let reason = match &entry {
            Ok(fresh) => {
                self.keep(base, fresh).await;
                self.share_validated(fresh);
                Rule::Stored
            }
            Err(reason) => {
                self.unshared(StatusCode::NOT_MODIFIED, *reason);
                if supersedes(*reason) {
                    self.remove(base).await;
                }
                *reason
            }
        };
        // What may not be kept still answers the request that brought it, which gets all fields of the update.
        let fresh = entry.unwrap_or_else(|_| Entry {
            initial_age,
            arrived: arrival.at,
            ..Entry::clone(base)
        });
        let head = Head::plain(base.head.status, headers);
        let fresh = Entry { head, ..fresh };
        let age = fresh.age(arrival.at);
        let report = self.report(StatusCode::NOT_MODIFIED).storing(
            reason,
            trail,
            Some(fresh.terms.ttl(age)),
        );
        let asked = serve::Asked {
            method: &self.asked.facts.method,
            headers: &self.headers,
        };
        serve::from_store(&self.core, &fresh, &asked, age, &report)
    }

    /// Stores a freshened response in the place of the one that was confirmed.
    async fn keep(&self, base: &Entry, fresh: &Entry) {
        let selected = self
            .bases
            .selected
            .as_ref()
            .is_some_and(|selected| selected.id == base.id);
        if selected && fresh.vary == base.vary {
            self.replace(base, fresh.clone()).await;
            return;
        }
        // Another variant turned out to be this request's, or the resource varies differently by now.
        let selecting = fresh.vary.selecting(&self.headers);
        let own = Entry {
            key: self.asked.key.as_bytes().into(),
            ..fresh.clone()
        };
        resource::store(&self.core, &self.asked.key, own, &selecting).await;
    }
}
