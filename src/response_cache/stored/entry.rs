//! What is stored.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};

use super::{
    head::{BYTES, Head, weight_of, weight_of_name},
    parts::Parts,
    search::SearchRule,
    variants::Variants,
};
use crate::{
    clock::Moment,
    ledger::{Cause, Held, Ledger, Standing},
    response_cache::{
        fetch::in_flight::next_id,
        policy::{reuse::Candidate, said::Said, storable::Terms, validation, vary::Vary},
    },
    store::Stored,
};

/// Makes numbers in a row look unlike one another (the golden ratio in 64 bits).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The allocations that an `Arc` adds to its value: two counters.
pub(super) const ARC: usize = 2 * size_of::<usize>();

/// What a response cache keeps in its [`Store`](crate::store::Store): a response, or the variants of a
/// resource. Opaque; cheap to clone.
#[derive(Clone, Debug)]
pub struct CachedResponse(pub(crate) Kept);

#[derive(Clone, Debug)]
pub(crate) enum Kept {
    /// The only response of a resource, or one of its variants under a key of its own.
    Response(Arc<Entry>),
    /// The variants of a resource that varies.
    Variants(Arc<Variants>),
    /// What a path says about its query.
    Search(Arc<SearchRule>),
}

impl Stored for CachedResponse {
    fn key(&self) -> &[u8] {
        match &self.0 {
            Kept::Response(entry) => &entry.key,
            Kept::Variants(variants) => &variants.key,
            Kept::Search(rule) => &rule.key,
        }
    }

    fn weight(&self) -> usize {
        match &self.0 {
            Kept::Response(entry) => entry.weight(),
            Kept::Variants(variants) => variants.weight(),
            Kept::Search(rule) => ARC + rule.weight(),
        }
    }
}

/// A stored response.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Box<[u8]>,
    /// Tells this entry from any other of this process: what a later change of it compares.
    pub(crate) id: u64,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<Box<HeaderMap>>,
    /// What is there of it, if that is not all; the body is empty then.
    pub(crate) parts: Option<Box<Parts>>,
    pub(crate) terms: Terms,
    pub(crate) vary: Vary,
    /// The Date (RFC 9110 6.6.1), in Unix seconds.
    pub(crate) date: i64,
    /// What invalidates it, and its place (or that of its validation) among all that was asked for: of two responses
    /// the one that was asked for later is newer.
    pub(crate) held: Held,
    pub(crate) arrived: Moment,
    /// RFC 9111 4.2.3: the age that it had when it arrived.
    pub(crate) initial_age: Duration,
    /// RFC 9111 4.3.5: a response to HEAD contradicted it.
    pub(crate) contradicted: bool,
}

impl Entry {
    /// RFC 9111 4.2.3.
    pub(crate) fn age(&self, now: Moment) -> Duration {
        self.initial_age
            .saturating_add(now.duration_since(self.arrived))
    }

    /// The age that it had when an invalidation made it stale, on its way still maybe.
    fn age_at(&self, since: Moment) -> Duration {
        let on_its_way = self.arrived.duration_since(since);
        self.age(since).saturating_sub(on_its_way)
    }

    /// How long after its arrival it is of any use.
    pub(crate) fn retention(&self) -> Duration {
        self.terms.retention(self.initial_age)
    }

    /// How decisions see it, unless it is gone.
    #[inline]
    pub(crate) fn candidate(&self, ledger: &Ledger, now: Moment) -> Result<Candidate<'_>, Cause> {
        let age = self.age(now);
        let softly = match self.held.standing(ledger) {
            Standing::Valid => None,
            Standing::Stale(since, _) => Some(self.age_at(since)),
            Standing::Gone(cause) => return Err(cause),
        };
        let lifetime = self.terms.lifetime;
        Ok(Candidate {
            terms: &self.terms,
            lifetime: softly.map_or(lifetime, |age| age.min(lifetime)),
            age,
            contradicted: self.contradicted,
            softly_invalidated: softly.is_some(),
            spread: self.id.wrapping_mul(SPREAD) >> 32,
        })
    }

    pub(crate) fn is_gone(&self, ledger: &Ledger) -> bool {
        self.gone(ledger).is_some()
    }

    /// By what it was invalidated for good, if it was.
    pub(crate) fn gone(&self, ledger: &Ledger) -> Option<Cause> {
        match self.held.standing(ledger) {
            Standing::Gone(cause) => Some(cause),
            Standing::Valid | Standing::Stale(..) => None,
        }
    }

    /// The same, as a process has it that holds the names like this, where it has been stale since a moment.
    pub(crate) fn with_names(&self, held: Held, stale_since: Option<Moment>) -> Self {
        let mut entry = Self {
            held,
            ..self.clone()
        };
        if let Some(since) = stale_since {
            entry.terms.lifetime = entry.terms.lifetime.min(entry.age_at(since));
        }
        entry
    }

    /// The same, made stale by a newer response that could not take its place.
    pub(crate) fn contradicted(&self) -> Self {
        Self {
            contradicted: true,
            id: next_id(),
            ..self.clone()
        }
    }

    /// The length of its content as a whole.
    pub(crate) fn length(&self) -> u64 {
        let parts = self.parts.as_ref();
        parts.map_or(self.body.len() as u64, |parts| parts.complete())
    }

    /// A part of its content, if that is there.
    pub(crate) fn slice(&self, first: u64, last: u64) -> Option<VecDeque<Bytes>> {
        if let Some(parts) = &self.parts {
            return parts.slice(first, last);
        }
        let end = usize::try_from(last).ok()?.checked_add(1)?;
        let start = usize::try_from(first).ok()?;
        let inside = start < end && end <= self.body.len();
        inside.then(|| VecDeque::from([self.body.slice(start..end)]))
    }

    /// What becomes of it where `old` stands: `None` if that stays. Parts of one representation, which have the
    /// same strong validator, are joined, and are whole once nothing is missing (RFC 9111 3.4).
    pub(crate) fn in_place_of(&self, old: &Self) -> Option<Self> {
        let Some(new) = &self.parts else {
            return Some(self.clone());
        };
        let same = validation::same_strong_tag(&self.head.headers, &old.head.headers);
        let Some(older) = &old.parts else {
            // All of it is there, unless this is a part of something else or that is of no use any more.
            let other = validation::has_strong_tag(&self.head.headers) && !same;
            return (other || old.is_over(self.arrived)).then(|| self.clone());
        };
        let joined = if same { new.over(older) } else { None };
        Some(joined.map_or_else(|| self.clone(), |joined| self.with(joined)))
    }

    fn with(&self, parts: Parts) -> Self {
        let Some(whole) = parts.whole() else {
            return Self {
                parts: Some(Box::new(parts)),
                ..self.clone()
            };
        };
        let mut entry = Self {
            body: whole,
            parts: None,
            ..self.clone()
        };
        entry.head.status = StatusCode::OK;
        entry
    }

    /// When it is past all use.
    pub(crate) fn over(&self) -> Moment {
        self.arrived + self.retention()
    }

    /// Whether it is past all use.
    pub(crate) fn is_over(&self, now: Moment) -> bool {
        // What is fresh is of use: most often no sum has to be made.
        self.age(now) >= self.terms.lifetime && now > self.over()
    }

    fn weight(&self) -> usize {
        let body = if self.body.is_empty() {
            0
        } else {
            self.body.len() + BYTES
        };
        let trailers = self
            .trailers
            .as_deref()
            .map_or(0, |trailers| size_of::<HeaderMap>() + weight_of(trailers));
        ARC + size_of::<Self>()
            + self.key.len()
            + self.head.weight()
            + body
            + trailers
            + self.held.weight()
            + self.terms.said.as_deref().map_or(0, weight_of_said)
            + self.parts.as_ref().map_or(0, |parts| parts.weight())
            + size_of_val(self.vary.names())
            + self.vary.names().iter().map(weight_of_name).sum::<usize>()
    }
}

fn weight_of_said(said: &Said) -> usize {
    let names = said.vary.iter().map(weight_of_name);
    let tags = said.tags.iter().map(String::capacity);
    ARC + size_of::<Said>()
        + said.vary.capacity() * size_of::<HeaderName>()
        + said.tags.capacity() * size_of::<String>()
        + names.chain(tags).sum::<usize>()
}
