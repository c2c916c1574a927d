//! `Cache-Control` of a response.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    Argument, Fields, keep_least,
    scan::{Member, scan},
    targeted,
};

/// The directives of a response that concern a cache.
///
/// Of contradicting ones the most restrictive counts. A lifetime that cannot be read is 0: its
/// author did state one, and RFC 9111 4.2.1 encourages taking such a response as stale. A stale
/// window that cannot be read is absent, since it would permit something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own"
)]
pub(crate) struct ResponseDirectives {
    /// RFC 9111 5.2.2.5
    pub(crate) no_store: bool,
    /// RFC 9111 5.2.2.9
    pub(crate) public: bool,
    /// RFC 9111 5.2.2.2
    pub(crate) must_revalidate: bool,
    /// RFC 9111 5.2.2.8
    pub(crate) proxy_revalidate: bool,
    /// RFC 9111 5.2.2.3
    pub(crate) must_understand: bool,
    /// RFC 8246
    pub(crate) immutable: bool,
    /// RFC 9111 5.2.2.4
    pub(crate) no_cache: Fields,
    /// RFC 9111 5.2.2.7
    pub(crate) private: Fields,
    /// Seconds, RFC 9111 5.2.2.1
    pub(crate) max_age: Option<u64>,
    /// Seconds, RFC 9111 5.2.2.10
    pub(crate) s_maxage: Option<u64>,
    /// Seconds past freshness, RFC 5861 3
    pub(crate) stale_while_revalidate: Option<u64>,
    /// Seconds past freshness, RFC 5861 4
    pub(crate) stale_if_error: Option<u64>,
}

impl ResponseDirectives {
    /// All lines of `Cache-Control` together.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::CACHE_CONTROL).iter();
        Self::from_lines(lines.map(HeaderValue::as_bytes))
    }

    /// The lines of one field, in order.
    pub(crate) fn from_lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut directives = Self::default();
        scan(lines, |member| match member {
            Member::Directive(name, argument) => directives.add(name, argument),
            Member::Stray(word) => directives.add_stray(word),
        });
        directives
    }

    /// The directives of a targeted field (RFC 9213 2.1), which is a structured Dictionary.
    ///
    /// `None` if the field is absent, empty or malformed; it is then as if it had not been sent.
    /// A lifetime that is no Integer counts as 0: without it the response would fall to a
    /// heuristic lifetime, which its author did not ask for. Other values that do not fit
    /// follow the same thought: what restricts counts, what permits does not.
    pub(crate) fn from_targeted(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        targeted::parse(headers, name)
    }

    fn add(&mut self, name: &[u8], argument: Argument<'_>) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        let bare = argument == Argument::Absent;
        if is("max-age") {
            keep_least(&mut self.max_age, argument.delta().or(Some(0)));
        } else if is("s-maxage") {
            keep_least(&mut self.s_maxage, argument.delta().or(Some(0)));
        } else if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache.add(argument.fields());
        } else if is("private") {
            self.private.add(argument.fields());
        } else if is("must-revalidate") {
            self.must_revalidate = true;
        } else if is("proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if is("stale-while-revalidate") {
            keep_least(&mut self.stale_while_revalidate, argument.delta());
        } else if is("stale-if-error") {
            keep_least(&mut self.stale_if_error, argument.delta());
        } else if bare {
            self.add_permission(name);
        }
    }

    /// Directives that let a cache do more; they count only as they are defined, bare.
    fn add_permission(&mut self, name: &[u8]) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        self.public |= is("public");
        self.must_understand |= is("must-understand");
        self.immutable |= is("immutable");
    }

    /// A word of a malformed part of the field: only restrictions are read into it.
    ///
    /// The revalidating directives count as no-cache, since by themselves they would also permit
    /// storing answers to authenticated requests (RFC 9111 3.5).
    fn add_stray(&mut self, word: &[u8]) {
        let is = |directive: &str| word.eq_ignore_ascii_case(directive.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("private") {
            self.private = Fields::All;
        } else if is("no-cache") || is("must-revalidate") || is("proxy-revalidate") {
            self.no_cache = Fields::All;
        } else if is("max-age") {
            self.max_age = Some(0);
        } else if is("s-maxage") {
            self.s_maxage = Some(0);
        }
    }
}
