//! The handle that purges.

use std::{fmt, future::Future, sync::Arc};

use http::Uri;

use super::{
    apply,
    listen::{Missed, Purged, Purges},
    request::Purge,
};
use crate::{
    key::Key,
    ledger::{Effect, Event, Subject},
    response_cache::{core::Core, stored::place::Place},
};

/// Invalidates what a response cache has stored. Made by
/// [`ResponseCacheLayer::purger`](crate::ResponseCacheLayer::purger); clones are the same.
///
/// It reaches everything in the store, whichever layer put it there. When a call returns, the invalidation has
/// taken place: no request that comes afterwards gets what was asked for before, not even what was on its way at
/// that time. How long a call takes does not depend on how much is stored.
///
/// What is purged for good is freed within a second or so, outside of a tokio runtime at once.
///
/// ```
/// use tower_keep::{ResponseCacheLayer, response_cache::{Named, Purge}};
///
/// let layer = ResponseCacheLayer::new();
/// let purger = layer.purger();
/// let receipt = purger.tag("product:7");
/// assert_eq!(receipt.named, Named::Exactly(0));
/// purger.purge(&Purge::new().prefix("/products/").soft());
/// ```
#[derive(Clone)]
pub struct Purger {
    core: Arc<Core>,
}

/// What a purge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Its place in the order of all that was asked for and invalidated in this store.
    pub position: u64,
    /// How many stored responses it named.
    pub named: Named,
}

/// How many stored responses a purge named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// So many.
    Exactly(u64),
    /// So many at most: some may be in the midst of being replaced, or removed, or have several of the names.
    AtMost(u64),
    /// That is not known: patterns are not searched for.
    Unknown,
}

impl Named {
    pub(super) fn of(named: Option<u64>) -> Self {
        match named {
            Some(0) => Self::Exactly(0),
            Some(most) => Self::AtMost(most),
            None => Self::Unknown,
        }
    }
}

#[expect(
    clippy::must_use_candidate,
    reason = "what they are called for is what they do: a receipt can be left"
)]
impl Purger {
    pub(in crate::response_cache) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Purges all that is named, in one moment.
    pub fn purge(&self, purge: &Purge) -> Receipt {
        let (event, keys) = self.event(purge);
        let appended = apply::invalidate(&self.core, &event, &keys);
        if event.effect == Effect::Hard && appended.named != Some(0) {
            let core = Arc::clone(&self.core);
            self.core
                .background
                .run(async move { apply::free(&core, &keys, appended.named).await });
        }
        Receipt {
            position: appended.position,
            named: Named::of(appended.named),
        }
    }

    /// Removes the responses of one resource: see [`Purge::url`].
    pub fn url(&self, url: Uri) -> Receipt {
        self.purge(&Purge::new().url(url))
    }

    /// Removes the responses that carry a tag: see [`Purge::tag`].
    pub fn tag(&self, tag: impl Into<String>) -> Receipt {
        self.purge(&Purge::new().tag(tag))
    }

    /// Removes all responses.
    pub fn all(&self) -> Receipt {
        self.purge(&Purge::new().all())
    }

    /// All invalidations from now on, those by unsafe requests included, of this layer and its clones. Who is slow
    /// loses the oldest, and is told how many.
    #[must_use]
    pub fn subscribe(&self) -> Purges {
        self.core.purged.subscribe()
    }

    /// Calls `listener` with each invalidation from now on, one after the other, in a task of its own: a listener that
    /// is slow or panics holds up nobody. It ends with
    /// [`Background::shutdown`](crate::response_cache::Background::shutdown).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn listen<F, R>(&self, listener: F)
    where
        F: FnMut(Result<Arc<Purged>, Missed>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let purges = self.subscribe();
        self.core
            .background
            .until_shutdown(purges.call_each(listener));
    }

    fn event(&self, purge: &Purge) -> (Event, Vec<Key>) {
        let mut event = Event::new(purge.effect);
        let mut keys = Vec::with_capacity(purge.urls.len());
        for url in &purge.urls {
            let (key, place) = self.resource(url);
            event.add(place.subject());
            keys.push(key);
        }
        for tag in &purge.tags {
            event.add(Subject::Tag(tag.as_str().into()));
        }
        for (origin, group) in &purge.groups {
            let (_, origin) = self.resource(origin);
            event.add(group_of(&origin, group));
        }
        for pattern in &purge.patterns {
            event.add(Subject::Pattern(pattern.clone()));
        }
        (event, keys)
    }

    fn resource(&self, uri: &Uri) -> (Key, Place) {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        self.core.resource(uri, host.as_bytes())
    }
}

/// A cache group of an origin.
pub(in crate::response_cache) fn group_of(origin: &Place, group: &str) -> Subject {
    Subject::Group {
        origin: origin.origin().into(),
        name: group.into(),
    }
}

impl fmt::Debug for Purger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purger").finish_non_exhaustive()
    }
}
