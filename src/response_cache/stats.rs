//! Counters: one for each way in which a request was answered and a response stored or not.

mod metric;

use std::{collections::BTreeMap, sync::Arc};

use self::metric::metric;
use super::policy::Rule;
use crate::{stats::Counters as Table, store::Updated};

/// The number of rules.
const RULES: usize = Rule::ALL.len();

/// Where each kind of count begins in the table.
const HITS: usize = 0;
const FORWARDED: usize = RULES;
const NOT_STORED: usize = 2 * RULES;
const STORED: usize = 3 * RULES;
const REFUSED: usize = STORED + 1;
const STORE_ERRORS: usize = STORED + 2;
const VALIDATED: usize = STORED + 3;
const INVALIDATED: usize = STORED + 4;
const REFRESHED: usize = STORED + 5;
const COLLAPSED: usize = STORED + 6;
const UNMET_TAGS: usize = STORED + 7;
const SHADOW_DIFFERED: usize = STORED + 8;
const NOT_COLLAPSED: usize = STORED + 9;
const SHADOWED: usize = NOT_COLLAPSED + RULES;

/// The live counters of a cache, shared by the clones of its layer.
#[derive(Clone, Debug)]
pub(crate) struct Counters(Arc<Table>);

impl Default for Counters {
    fn default() -> Self {
        Self(Arc::new(Table::new(SHADOWED + RULES, metric)))
    }
}

impl Counters {
    pub(super) fn answered(&self, hit: bool, reason: Rule) {
        self.0
            .add(if hit { HITS } else { FORWARDED } + reason as usize);
    }

    /// A request would have been answered from store.
    pub(super) fn shadowed(&self, reason: Rule) {
        self.0.add(SHADOWED + reason as usize);
    }

    /// Otherwise than the inner service did.
    pub(super) fn shadow_differed(&self) {
        self.0.add(SHADOW_DIFFERED);
    }

    pub(super) fn not_stored(&self, reason: Rule) {
        tracing::debug!(%reason, "not stored");
        self.0.add(NOT_STORED + reason as usize);
    }

    /// What the store made of a response; `None` if it failed.
    pub(super) fn written(&self, result: Option<&Updated>) {
        match result {
            Some(Updated::Stored) => self.0.add(STORED),
            Some(Updated::Refused) => self.0.add(REFUSED),
            Some(_) => {}
            None => self.0.add(STORE_ERRORS),
        }
    }

    pub(super) fn store_failed(&self) {
        self.0.add(STORE_ERRORS);
    }

    pub(super) fn validated(&self) {
        self.0.add(VALIDATED);
    }

    pub(super) fn refreshed(&self) {
        self.0.add(REFRESHED);
    }

    pub(super) fn collapsed(&self) {
        self.0.add(COLLAPSED);
    }

    pub(super) fn not_collapsed(&self, reason: Rule) {
        self.0.add(NOT_COLLAPSED + reason as usize);
    }

    pub(super) fn invalidated(&self, names: u64, unmet_tags: u64) {
        (0..names).for_each(|_| self.0.add(INVALIDATED));
        (0..unmet_tags).for_each(|_| self.0.add(UNMET_TAGS));
    }

    pub(super) fn snapshot(&self) -> Stats {
        let counts = self.0.snapshot();
        let by_rule = |start: usize| {
            let count = |rule: &Rule| counts[start + *rule as usize];
            Rule::ALL
                .iter()
                .filter(|rule| count(rule) > 0)
                .map(|rule| (*rule, count(rule)))
                .collect()
        };
        Stats {
            hits: by_rule(HITS),
            forwarded: by_rule(FORWARDED),
            not_stored: by_rule(NOT_STORED),
            stored: counts[STORED],
            refused: counts[REFUSED],
            store_errors: counts[STORE_ERRORS],
            validated: counts[VALIDATED],
            invalidated: counts[INVALIDATED],
            unmet_tags: counts[UNMET_TAGS],
            refreshed: counts[REFRESHED],
            collapsed: counts[COLLAPSED],
            not_collapsed: by_rule(NOT_COLLAPSED),
            shadowed: by_rule(SHADOWED),
            shadow_differed: counts[SHADOW_DIFFERED],
        }
    }
}

/// What a cache has counted since it was made. Counts of one snapshot may be apart by requests in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests answered from store, by the rule that allowed it.
    pub hits: BTreeMap<Rule, u64>,
    /// Requests that went to the inner service (or were refused), by the reason. Those that what is stored
    /// answered in the end, because the inner service failed, are under [`Rule::StaleIfError`].
    pub forwarded: BTreeMap<Rule, u64>,
    /// Responses not stored, by the reason.
    pub not_stored: BTreeMap<Rule, u64>,
    /// Responses stored.
    pub stored: u64,
    /// Responses that the store refused for their weight.
    pub refused: u64,
    /// Times that the store failed.
    pub store_errors: u64,
    /// Stored responses that the origin confirmed.
    pub validated: u64,
    /// Resources, tags and groups that were invalidated while something stored belonged to them, and patterns.
    pub invalidated: u64,
    /// Tags and groups that were invalidated and that nothing stored carried: misspelt ones, perhaps.
    pub unmet_tags: u64,
    /// Refreshes in the background that came to an answer, a failure of the origin included.
    pub refreshed: u64,
    /// Requests that were answered with what another one fetched. They are counted among
    /// [`forwarded`](Self::forwarded) too, by the reason why nothing stored could answer them.
    pub collapsed: u64,
    /// Requests that did not wait for others, as it was known that the response cannot be shared: by the reason.
    pub not_collapsed: BTreeMap<Rule, u64>,
    /// Requests that would have been answered from store, by the rule that allows it, had the cache not been a
    /// [shadow](super::ResponseCacheLayer::shadow).
    pub shadowed: BTreeMap<Rule, u64>,
    /// Those of [`shadowed`](Self::shadowed) that the inner service answered with another status, another validator
    /// (entity tag, Last-Modified) or another length than what is stored: clients would have got something else. Only
    /// GETs without conditions and ranges are compared.
    pub shadow_differed: u64,
}

impl Stats {
    /// Requests answered from store.
    #[must_use]
    pub fn hit_count(&self) -> u64 {
        self.hits.values().sum()
    }

    /// Requests for which nothing stored was of use, by the reason: never seen
    /// ([`NothingStored`](Rule::NothingStored)), evicted, expired, invalidated and by what, or stored for other values
    /// of the fields that Vary names. They are part of [`forwarded`](Self::forwarded).
    #[must_use]
    pub fn misses(&self) -> BTreeMap<Rule, u64> {
        let missed = self.forwarded.iter().filter(|(rule, _)| rule.is_a_miss());
        missed.map(|(rule, count)| (*rule, *count)).collect()
    }

    /// The share of the requests that what is stored might have answered which it did, without asking the inner
    /// service; `None` before the first of them. Requests that pass, such as unsafe ones, do not count.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 52 bits"
    )]
    pub fn hit_rate(&self) -> Option<f64> {
        (self.request_count() > 0).then(|| self.hit_count() as f64 / self.request_count() as f64)
    }

    /// Requests that would have been answered from store.
    #[must_use]
    pub fn shadowed_count(&self) -> u64 {
        self.shadowed.values().sum()
    }

    /// What [`hit_rate`](Self::hit_rate) would be if what was [shadowed](Self::shadowed) had been answered from
    /// store.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 52 bits"
    )]
    pub fn shadow_hit_rate(&self) -> Option<f64> {
        let would = self.hit_count() + self.shadowed_count();
        (self.request_count() > 0).then(|| would as f64 / self.request_count() as f64)
    }

    fn request_count(&self) -> u64 {
        let looked_up = self.forwarded.iter().filter(|(rule, _)| !rule.passes());
        let forwarded: u64 = looked_up.map(|(_, count)| count).sum();
        self.hit_count() + self.shadowed_count() + forwarded
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests;
