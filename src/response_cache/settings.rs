//! What a [`ResponseCacheLayer`] can be told: for how long what is fresh, what it keeps, what it says.

use std::time::Duration;

use http::{HeaderName, StatusCode};

use super::{
    CacheKey, Collapsing, EntityTags, ResponseCacheLayer, SetCookie, fetch::fill::budget::Budget,
    policy::rules::Heuristic,
};
use crate::header::cache_status::{CacheName, InvalidName};

/// # Freshness, and what may be stored
impl ResponseCacheLayer {
    /// How long successful and redirecting responses are fresh that do not say so themselves: statuses 200,
    /// 203, 204, 300, 301 and 308.
    ///
    /// It never applies to requests with Authorization, or with a Cookie that is not part of the key. Off
    /// by default.
    #[must_use]
    pub fn default_ttl(mut self, ttl: impl Into<Option<Duration>>) -> Self {
        self.rules().default_ttl = ttl.into();
        self
    }

    /// How long responses with this status are fresh that do not say so themselves: the same as
    /// [`default_ttl`](Self::default_ttl), for one status, such as a short time for 404.
    #[must_use]
    pub fn default_ttl_for(mut self, status: StatusCode, ttl: Duration) -> Self {
        let known = &mut self.rules().status_ttl;
        known.retain(|(other, _)| *other != status);
        known.push((status, ttl));
        self
    }

    /// How responses with Last-Modified that do not say how long they are fresh are treated: fresh for this
    /// percentage of the time since then, at most for `cap` (RFC 9111 4.2.2). By default 10 % and a day.
    #[must_use]
    pub fn heuristic(mut self, percent: u32, cap: Duration) -> Self {
        self.rules().heuristic = Some(Heuristic { percent, cap });
        self
    }

    /// Switches heuristic freshness off.
    #[must_use]
    pub fn no_heuristic(mut self) -> Self {
        self.rules().heuristic = None;
        self
    }

    /// How long past its freshness a response is kept for validation. One hour by default.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.rules().keep = keep;
        self
    }

    /// For how long past its freshness a response is served at once while it is validated in the background,
    /// one request at a time (RFC 5861 3). For responses that do not say so themselves; off by default.
    ///
    /// Beyond that, and where a directive forbids it (`must-revalidate`, `proxy-revalidate`, `no-cache`,
    /// `s-maxage`), a request waits for the validation. So it does outside of a tokio runtime.
    #[must_use]
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.rules().while_revalidate = window;
        self
    }

    /// For how long past its freshness a response is served if the inner service fails: if it or its
    /// readiness is an error, or answers 500, 502, 503 or 504 (RFC 5861 4). For responses that do not say so
    /// themselves; off by default. The same directives forbid it.
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.rules().if_error = window;
        self
    }

    /// Lets an explicit `stale-while-revalidate` or `stale-if-error` count beside `s-maxage`, which by the
    /// letter of RFC 9111 5.2.2.10 forbids to serve what is stale. Many origins mean it so.
    #[must_use]
    pub fn stale_despite_s_maxage(mut self) -> Self {
        self.rules().stale_despite_s_maxage = true;
        self
    }

    /// Refreshes what is in use before it becomes stale: a request in the last part of the lifetime, in per
    /// cent, is answered from store and brings a refresh behind it. The part differs from one response to the
    /// next, between half of `percent` and all of it. Off by default.
    #[must_use]
    pub fn early_refresh(mut self, percent: u32) -> Self {
        self.rules().early_refresh = Some(percent.min(100));
        self
    }

    /// The fields that are looked at instead of Cache-Control and Expires, the first valid one in this order
    /// (RFC 9213). `CDN-Cache-Control` by default. They reach the client unchanged.
    #[must_use]
    pub fn targeted_fields(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        self.rules().targeted = names.into_iter().collect();
        self
    }

    /// Ignores `max-age`, `min-fresh`, `max-stale` and `no-cache` of requests, so that clients cannot force
    /// requests to the origin. `no-store` and `only-if-cached` still count.
    #[must_use]
    pub fn ignore_request_directives(mut self) -> Self {
        self.rules().request_directives = false;
        self
    }

    /// Ignores `Pragma: no-cache` in requests without Cache-Control, which is deprecated (RFC 9111 5.4).
    #[must_use]
    pub fn ignore_pragma(mut self) -> Self {
        self.rules().pragma = false;
        self
    }

    /// What becomes of responses that set a cookie. Refused by default.
    #[must_use]
    pub fn set_cookie(mut self, set_cookie: SetCookie) -> Self {
        self.rules().set_cookie = set_cookie;
        self
    }

    /// Lets default lifetimes and heuristics apply to requests with cookies that are not part of the key,
    /// and lets what they store answer such requests.
    ///
    /// Dangerous: if any response depends on a cookie and does not say so, one user gets the page of
    /// another.
    #[must_use]
    pub fn danger_ignore_cookies(mut self) -> Self {
        self.core.settings.ignore_cookies = true;
        self
    }
}

/// # Keys, limits, and what it says
impl ResponseCacheLayer {
    /// How requests for the same thing at the same time are collapsed into one. On by default.
    #[must_use]
    pub fn collapsing(mut self, collapsing: Collapsing) -> Self {
        self.core.settings.collapsing = collapsing;
        self
    }

    /// How many bytes all responses together may take on their way into the store; 64 MiB by default. One
    /// that finds no room is passed on without being stored. Layers cloned from this one share the budget,
    /// those that it was cloned from have theirs.
    #[must_use]
    pub fn fill_budget(mut self, bytes: usize) -> Self {
        self.core.budget = Budget::new(bytes);
        self
    }

    /// Fetches the whole behind a request for a range that nothing stored can answer, so that the next one can
    /// be. The request itself goes to the inner service as it is. Off by default: only what the inner service
    /// answers with a 206 is stored, and joined with other parts of it under the same strong validator.
    #[must_use]
    pub fn whole_behind_ranges(mut self) -> Self {
        self.core.settings.whole_behind_ranges = true;
        self
    }

    /// How many tags and cache groups a response may have to be stored; 128 by default. One with more is not
    /// stored, as a purge of those that are left out would not reach it.
    #[must_use]
    pub fn max_tags(mut self, max: usize) -> Self {
        self.core.settings.max_tags = max;
        self
    }

    /// Leaves `Cache-Tag` and `Surrogate-Key` in responses, for caches further out. By default clients do not get
    /// to see them.
    #[must_use]
    pub fn pass_tags(mut self) -> Self {
        self.core.settings.strip_tags = false;
        self
    }

    /// Lets the cache look on without answering anybody, to learn what it would do before it goes live. It looks,
    /// decides, counts, stores and invalidates as ever, but each request goes to the inner service as it came, and
    /// the client gets exactly the response that comes back: no Age, no Cache-Status, nothing stale in the place of
    /// an error. No request waits for another, and none is made in the background.
    ///
    /// [`Stats::shadowed`](super::Stats::shadowed) counts what would have been answered from store, and
    /// [`Stats::shadow_differed`](super::Stats::shadow_differed) what the inner service then answered otherwise.
    /// What the cache would fetch in the background it takes from the response to the request that would start
    /// that.
    #[must_use]
    pub fn shadow(mut self) -> Self {
        self.core.settings.shadow = true;
        self
    }

    /// What makes two requests ask for the same thing.
    #[must_use]
    pub fn key(mut self, key: CacheKey) -> Self {
        self.core.settings.key = key;
        self
    }

    /// Honours `No-Vary-Search` of responses: query parameters that do not matter. A draft still, so off by
    /// default.
    #[must_use]
    pub fn no_vary_search(mut self) -> Self {
        self.core.settings.no_vary_search = true;
        self
    }

    /// Gives stored responses that have no validator an entity tag. Off by default.
    #[must_use]
    pub fn entity_tags(mut self, tags: EntityTags) -> Self {
        self.core.settings.etag = tags;
        self
    }

    /// How many variants of one resource are kept; the one stored first goes first. 32 by default, at
    /// least 1.
    #[must_use]
    pub fn max_variants(mut self, variants: usize) -> Self {
        self.core.settings.max_variants = variants;
        self
    }

    /// The longest body that is stored, in bytes. By default, and at most, what the store admits as an entry,
    /// less some room for the head.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.core.settings.max_body = bytes;
        self
    }

    /// Under which name the cache speaks in Cache-Status (RFC 9211). `tower-keep` by default.
    ///
    /// # Errors
    /// If the name is empty or has characters other than visible ASCII and spaces.
    pub fn name(mut self, name: &str) -> Result<Self, InvalidName> {
        self.core.settings.name = Some(CacheName::new(name)?);
        Ok(self)
    }

    /// Leaves Cache-Status as it comes.
    #[must_use]
    pub fn no_cache_status(mut self) -> Self {
        self.core.settings.name = None;
        self
    }

    /// Shows the key in Cache-Status. It tells clients what the key is made of, so off by default.
    #[must_use]
    pub fn key_in_cache_status(mut self) -> Self {
        self.core.settings.key_in_status = true;
        self
    }

    /// Puts an [`Outcome`](super::Outcome) into the extensions of every response. Off by default.
    #[must_use]
    pub fn outcome(mut self) -> Self {
        self.core.settings.outcome = true;
        self
    }
}
