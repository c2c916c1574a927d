//! The layer. Its settings are in [`settings`](super::settings).

use std::{fmt, future::Future, sync::Arc};

use http::Request;
use tower_layer::Layer;

use super::{
    Background, CachedResponse, Inspection, Purger, ResponseCache, Stats,
    core::Core,
    fetch::in_flight::next_id,
    inspect,
    paths::{InvalidPath, PathRules},
};
use crate::{
    clock::Clock,
    store::{BoxStore, MemoryStore, Store, StoreError},
};

/// Puts a response cache around a service. See the [module docs](super).
///
/// Clones share the store and the counters, each with settings of its own: a clone for each route.
#[derive(Clone)]
pub struct ResponseCacheLayer {
    pub(super) core: Core,
    paths: PathRules,
}

impl Default for ResponseCacheLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseCacheLayer {
    /// A shared cache with a [`MemoryStore`] of 64 MiB and entries of 2 MiB at most, which obeys the fields of the responses.
    #[must_use]
    pub fn new() -> Self {
        Self::with_store(MemoryStore::new())
    }

    /// The same with a store of your own: a [`MemoryStore`] of another capacity, or any [`Store`].
    #[must_use]
    pub fn with_store(store: impl Store<CachedResponse>) -> Self {
        Self {
            core: Core::new(BoxStore::new(store)),
            paths: PathRules::default(),
        }
    }

    /// Makes it one user's own cache rather than one that users share (RFC 9111 1): `private` responses,
    /// those to requests with Authorization or Cookie, and Set-Cookie are stored; `s-maxage` and
    /// `proxy-revalidate` mean nothing, and no targeted field is looked at. For HTTP clients that act for one
    /// user.
    ///
    /// What it stores is for its own clones: each call of this method makes a compartment of its own, also in a
    /// store that others use. So call it once for each user.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.core.settings.compartment = Some(next_id());
        self.rules().private = true;
        self.rules().targeted.clear();
        self
    }

    /// What invalidates responses that are stored. It knows keys as they are set now: call it after
    /// [`key`](Self::key).
    #[must_use]
    pub fn purger(&self) -> Purger {
        Purger::new(self.core())
    }

    /// The work that goes on in the background, to end it at shutdown.
    #[must_use]
    pub fn background(&self) -> Background {
        self.core.background.clone()
    }

    /// Gives the paths that match a pattern settings of their own, where no layer can be put around their routes:
    /// in a bare hyper service, a tonic server, a proxy. The closure gets a layer with the settings so far, so
    /// make the rules last: what is set on this layer later does not reach them.
    ///
    /// * Patterns are those of axum 0.8: `/users/{id}`, `/users/{id}/avatar`, `/files/{*path}`. The last does not
    ///   match `/files/` itself. Of several that match the most specific one counts, alone; `{id}` and `{*rest}` in
    ///   one place conflict.
    /// * The path is that of the effective URI (also inside of axum's `nest`, with the feature `axum`), as the
    ///   client wrote it: `/%61pi` is not `/api`. Rules loosen what the layer says, they do not guard: a server
    ///   that decodes paths answers both. Give the layer itself the strictest settings.
    /// * What the whole cache shares is that of this layer: the store, the counters, the
    ///   [clock](Self::clock), the [background](Self::background), the [fill budget](Self::fill_budget).
    /// * What an unsafe request invalidates is found by the [key](Self::key) of each path: its own, and those that
    ///   Location and Content-Location of its response name.
    ///
    /// ```
    /// use tower_keep::{ResponseCacheLayer, minutes, response_cache::CacheKey, seconds};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let layer = ResponseCacheLayer::new()
    ///     .path("/api/{*rest}", |route| route.default_ttl(seconds(5)))?
    ///     .path("/pages/{*page}", |route| {
    ///         route.default_ttl(minutes(10)).key(CacheKey::new().ignore_query())
    ///     })?;
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the pattern is none, does not begin with a slash, or conflicts with that of another rule, and if the
    /// closure makes rules for paths itself.
    pub fn path(
        mut self,
        pattern: &str,
        set: impl FnOnce(Self) -> Self,
    ) -> Result<Self, InvalidPath> {
        let so_far = Self {
            core: self.core.clone(),
            paths: PathRules::default(),
        };
        let route = set(so_far);
        self.paths.add(pattern, route.core.settings, &route.paths)?;
        Ok(self)
    }

    /// The clock: for tests, or a faster one.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.core.settings.clock = clock;
        self
    }

    /// What the cache has counted so far, all clones together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.stats.snapshot()
    }

    /// What is stored for a request like this one. To the store it is a look-up like any other.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub fn inspect<B>(
        &self,
        request: &Request<B>,
    ) -> impl Future<Output = Result<Option<Inspection>, StoreError>> + Send + use<'_, B> {
        let (core, parts) = (self.core(), inspect::head(request));
        async move { inspect::inspect(core.at(&parts), &parts).await }
    }

    /// The cache as a service has it.
    pub(super) fn core(&self) -> Arc<Core> {
        Arc::new(self.paths.over(&self.core))
    }

    pub(super) fn rules(&mut self) -> &mut super::policy::rules::Rules {
        &mut self.core.settings.rules
    }
}

impl<S> Layer<S> for ResponseCacheLayer {
    type Service = ResponseCache<S>;

    fn layer(&self, inner: S) -> ResponseCache<S> {
        ResponseCache::new(inner, self.core())
    }
}

impl fmt::Debug for ResponseCacheLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCacheLayer")
            .field("core", &self.core)
            .field("paths", &self.paths)
            .finish()
    }
}
