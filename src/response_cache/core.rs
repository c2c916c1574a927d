//! What the layer, its services and all that they start share.

use std::sync::{Arc, Weak};

use http::{HeaderMap, Uri, request::Parts};

use super::{
    CachePolicy,
    background::Background,
    collapsing::Collapsing,
    fetch::{fill::budget::Budget, in_flight::InFlight, news::News, uncacheable::Uncacheable},
    paths::Paths,
    policy::{Rule, rules::Rules},
    purge::Announcements,
    request::cache_key::{CacheKey, Extra, Keyed},
    stats::Counters,
    stored::{
        entity_tag::EntityTags,
        entry::CachedResponse,
        place::Place,
        tags::{self, Tags},
    },
};
use crate::{
    clock::Clock,
    flight::Flights,
    header::cache_status::CacheName,
    key::Key,
    ledger::Ledger,
    store::{BoxStore, Store},
};

/// The room that an entry needs beside its body, reserved when a body's limit is set.
const HEAD_ROOM: usize = 16 * 1024;

/// The bytes that responses may take on their way into the store, unless set otherwise.
const FILL_BUDGET: usize = 64 << 20;

/// One cache: where it keeps things, how it decides, what it counted.
///
/// Each request counts a reference to it, so its count stands in a cache line of its own: what every hit only
/// reads is not taken from one core by another.
#[derive(Clone, Debug)]
#[repr(align(128))]
pub(crate) struct Core {
    pub(crate) store: BoxStore<CachedResponse>,
    pub(crate) ledger: Ledger,
    pub(crate) stats: Counters,
    pub(crate) background: Background,
    pub(crate) in_flight: InFlight,
    pub(crate) flights: Flights<News>,
    pub(crate) uncacheable: Uncacheable,
    pub(crate) budget: Budget,
    pub(crate) purged: Announcements,
    pub(crate) settings: Settings,
    /// Where there are rules for paths: only what a service has knows them.
    pub(crate) paths: Option<Arc<Paths>>,
    /// The rules that this is the cache of one of.
    pub(crate) family: Weak<Paths>,
}

/// What a layer can be told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) rules: Rules,
    pub(crate) key: CacheKey,
    pub(crate) clock: Clock,
    /// Under which name the cache speaks in Cache-Status, if it does.
    pub(crate) name: Option<CacheName>,
    pub(crate) key_in_status: bool,
    pub(crate) outcome: bool,
    pub(crate) etag: EntityTags,
    pub(crate) max_variants: usize,
    /// How many tags a response may have to be stored.
    pub(crate) max_tags: usize,
    /// Whether clients do not get to see tags.
    pub(crate) strip_tags: bool,
    pub(crate) max_body: usize,
    pub(crate) ignore_cookies: bool,
    /// What a private cache stores is for itself: apart from what others keep in the same store.
    pub(crate) compartment: Option<u64>,
    pub(crate) no_vary_search: bool,
    pub(crate) collapsing: Collapsing,
    pub(crate) whole_behind_ranges: bool,
    /// Nothing is answered from store.
    pub(crate) shadow: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            key: CacheKey::default(),
            clock: Clock::default(),
            name: Some(CacheName::product()),
            key_in_status: false,
            outcome: false,
            etag: EntityTags::default(),
            max_variants: 32,
            max_tags: 128,
            strip_tags: true,
            max_body: usize::MAX,
            ignore_cookies: false,
            compartment: None,
            no_vary_search: false,
            collapsing: Collapsing::new(),
            whole_behind_ranges: false,
            shadow: false,
        }
    }
}

impl Core {
    pub(crate) fn new(store: BoxStore<CachedResponse>) -> Self {
        Self {
            ledger: store.ledger(),
            store,
            stats: Counters::default(),
            background: Background::default(),
            in_flight: InFlight::default(),
            flights: Flights::default(),
            uncacheable: Uncacheable::default(),
            budget: Budget::new(FILL_BUDGET),
            purged: Announcements::default(),
            settings: Settings::default(),
            paths: None,
            family: Weak::new(),
        }
    }

    /// The key of a request to this URI.
    #[inline]
    pub(crate) fn key_of(
        &self,
        parts: &Parts,
        uri: &Uri,
        mut extra: Extra<'_>,
    ) -> Result<Keyed, Rule> {
        extra.compartment = self.settings.compartment;
        self.settings.key.of(parts, uri, &extra)
    }

    /// The resource that a key belongs to.
    pub(crate) fn place_of(&self, key: &Key) -> Place {
        // What a response says of its query makes several queries one resource, and which is known only to it.
        Place::of(key, self.settings.no_vary_search)
    }

    /// The tags of a response to a request with this key.
    pub(crate) fn tags_of(
        &self,
        key: &Key,
        headers: &HeaderMap,
        policy: Option<&CachePolicy>,
    ) -> Result<Tags, Rule> {
        let origin = || self.place_of(key);
        let more = policy.into_iter().flat_map(CachePolicy::tag_names);
        Tags::read(headers, more, origin, self.settings.max_tags)
    }

    /// Removes the tags from a response, which are meant for this cache.
    pub(crate) fn strip_tags(&self, headers: &mut HeaderMap) {
        if self.settings.strip_tags && !self.settings.shadow {
            tags::strip(headers);
        }
    }

    /// The longest body that is recorded.
    pub(crate) fn max_body(&self) -> usize {
        self.store
            .max_entry()
            .saturating_sub(HEAD_ROOM.min(self.store.max_entry() / 4))
            .min(self.settings.max_body)
    }

    /// Whether the request has cookies that count.
    pub(crate) fn has_unkeyed_cookie(
        &self,
        headers: &HeaderMap,
        extensions: &http::Extensions,
    ) -> bool {
        if self.settings.ignore_cookies || !headers.contains_key(http::header::COOKIE) {
            return false;
        }
        self.settings
            .key
            .has_unkeyed_cookie(headers, crate::personal::OwnedCookie::names(extensions))
    }
}
