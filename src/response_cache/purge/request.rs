//! What is to be purged: [`Purge`].

use http::Uri;

use crate::ledger::{Effect, InvalidPattern, Pattern};

/// What is to be purged, all of it in one moment: for a [`Purger`](super::Purger).
///
/// ```
/// use tower_keep::response_cache::Purge;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let product = Purge::new()
///     .tag("product:7")
///     .url("https://shop.example/products/7".parse()?)
///     .glob("/categories/*/products")?;
/// let prices = Purge::new().tags(["prices", "offers"]).soft();
/// # let _ = (product, prices);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Purge {
    pub(super) urls: Vec<Uri>,
    pub(super) tags: Vec<String>,
    pub(super) groups: Vec<(Uri, String)>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) effect: Effect,
}

impl Purge {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The responses of one resource: all variants of it, and those for all users where the key tells them apart.
    /// The URI has the host that requests name; without one it is that of requests that name none.
    pub fn url(mut self, url: Uri) -> Self {
        self.urls.push(url);
        self
    }

    /// The responses of one path on every host, whatever their query.
    pub fn path(self, path: &str) -> Self {
        self.pattern(Pattern::path(path))
    }

    /// The responses that carry a tag, by `Cache-Tag`, `Surrogate-Key` or
    /// [`CachePolicy`](crate::CachePolicy). Tags are compared byte by byte.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// The same for several tags.
    pub fn tags<I>(mut self, tags: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// The responses that an origin put into a cache group (RFC 9875 2). Of the origin's URI only the authority
    /// matters.
    pub fn group(mut self, origin: Uri, group: impl Into<String>) -> Self {
        self.groups.push((origin, group.into()));
        self
    }

    /// The responses whose path begins so: see [`Pattern::prefix`].
    pub fn prefix(self, prefix: &str) -> Self {
        self.pattern(Pattern::prefix(prefix))
    }

    /// The responses whose path matches: see [`Pattern::glob`].
    ///
    /// # Errors
    /// If the pattern is none.
    pub fn glob(self, pattern: &str) -> Result<Self, InvalidPattern> {
        Ok(self.pattern(Pattern::glob(pattern)?))
    }

    /// The responses whose host and path match.
    pub fn pattern(mut self, pattern: Pattern) -> Self {
        self.patterns.push(pattern);
        self
    }

    /// All responses.
    pub fn all(self) -> Self {
        self.pattern(Pattern::all())
    }

    /// Makes them stale instead of removing them: they are validated at their next use, and answer meanwhile where
    /// stale responses may (RFC 5861).
    pub fn soft(mut self) -> Self {
        self.effect = Effect::Soft;
        self
    }

    /// Whether nothing is named.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            urls,
            tags,
            groups,
            patterns,
            effect: _,
        } = self;
        urls.is_empty() && tags.is_empty() && groups.is_empty() && patterns.is_empty()
    }
}
