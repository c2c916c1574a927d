//! The handler's word on one response.

use std::time::Duration;

use http::HeaderName;

use super::policy::said::Said;

/// What a handler says of its own response, in the response's extensions. It is nearer than the layer's
/// settings and the response's fields and wins over them, except that it never loosens what forbids: not to
/// store (`no-store`, `private`), and not to serve what is stale (`must-revalidate`, `proxy-revalidate`,
/// `no-cache`, `s-maxage`).
///
/// What it says holds for as long as the response is stored: a 304 that confirms the response and says nothing
/// else leaves it in force (RFC 9111 4.3.4).
///
/// ```
/// use tower_keep::{hours, minutes, response_cache::CachePolicy};
///
/// let mut response = http::Response::new("today's offers");
/// let policy = CachePolicy::new()
///     .ttl(minutes(5))
///     .stale_if_error(hours(6))
///     .vary([http::header::ACCEPT_LANGUAGE]);
/// response.extensions_mut().insert(policy);
/// ```
///
/// With the feature `axum` it is a response part: `(CachePolicy::new().ttl(minutes(5)), "today's offers")`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachePolicy {
    pub(super) said: Said,
    pub(super) no_store: bool,
}

impl CachePolicy {
    /// Says nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The response is fresh for so long from its creation, whatever lifetime its fields give. The fields that
    /// clients see stay as they are. With `no-cache` in the response each use is validated all the same.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.said.ttl = Some(ttl);
        self
    }

    /// For how long past its freshness the response is served at once while it is validated in the background
    /// (RFC 5861 3); zero for not at all.
    ///
    /// Beside `s-maxage` it counts as the directive does: if the layer says
    /// [`stale_despite_s_maxage`](super::ResponseCacheLayer::stale_despite_s_maxage).
    #[must_use]
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.said.while_revalidate = Some(window);
        self
    }

    /// For how long past its freshness the response is served if the origin fails (RFC 5861 4); zero for not at
    /// all. Beside `s-maxage` the same holds as for [`stale_while_revalidate`](Self::stale_while_revalidate). A
    /// request may ask for more in a directive of its own.
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.said.if_error = Some(window);
        self
    }

    /// How long past its freshness the response is kept for validation. It stays for as long as it may be served
    /// stale in any case.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.said.keep = Some(keep);
        self
    }

    /// Fields of the request that the response depends on, beside those that its Vary names (RFC 9110 12.5.5).
    ///
    /// They are added to the Vary that clients and other caches see, each name once. A second call adds to the
    /// first.
    #[must_use]
    pub fn vary(mut self, names: impl IntoIterator<Item = HeaderName>) -> Self {
        for name in names {
            if !self.said.vary.contains(&name) {
                self.said.vary.push(name);
            }
        }
        self
    }

    /// Tags that the response is stored with, to invalidate all that carry one at once. Clients do not see
    /// them. A second call adds to the first.
    #[must_use]
    pub fn tags<I>(mut self, tags: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        for tag in tags.into_iter().map(Into::into) {
            if !self.said.tags.contains(&tag) {
                self.said.tags.push(tag);
            }
        }
        self
    }

    /// The response is not stored.
    #[must_use]
    pub fn do_not_store(mut self) -> Self {
        self.no_store = true;
        self
    }
}

impl CachePolicy {
    /// The tags that the handler gave.
    pub(super) fn tag_names(&self) -> impl Iterator<Item = &str> {
        self.said.tags.iter().map(String::as_str)
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponseParts for CachePolicy {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut parts: axum::response::ResponseParts,
    ) -> Result<axum::response::ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}
