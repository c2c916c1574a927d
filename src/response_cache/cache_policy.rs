//! The handler's word on one response.

use std::time::Duration;

/// What a handler says of its own response, in the response's extensions. It is nearer than the layer's
/// settings and the response's fields and wins over them, except that it never loosens a field that
/// forbids to store (`no-store`, `private`).
///
/// ```
/// use tower_keep::{minutes, response_cache::CachePolicy};
///
/// let mut response = http::Response::new("today's offers");
/// response.extensions_mut().insert(CachePolicy::new().ttl(minutes(5)));
/// ```
///
/// With the feature `axum` it is a response part: `(CachePolicy::new().ttl(minutes(5)), "today's offers")`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachePolicy {
    pub(super) ttl: Option<Duration>,
    pub(super) no_store: bool,
    tags: Vec<String>,
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
        self.ttl = Some(ttl);
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
        self.tags.iter().map(String::as_str)
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
