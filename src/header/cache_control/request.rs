//! `Cache-Control` of a request, and `Pragma`.

use http::{HeaderMap, HeaderValue, header};

use super::{
    super::{delta::MAX_DELTA, list},
    Argument, keep_least,
    scan::{Member, scan},
};

/// How much staleness a client takes (RFC 9111 5.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxStale {
    /// Any: the directive has no argument.
    Any,
    /// Up to that many seconds past freshness.
    Seconds(u64),
}

/// The directives of a request that concern a cache. Of contradicting ones the most restrictive
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives {
    /// RFC 9111 5.2.1.5
    pub(crate) no_store: bool,
    /// RFC 9111 5.2.1.4
    pub(crate) no_cache: bool,
    /// RFC 9111 5.2.1.7
    pub(crate) only_if_cached: bool,
    /// Seconds, RFC 9111 5.2.1.1; 0 if it cannot be read
    pub(crate) max_age: Option<u64>,
    /// Seconds, RFC 9111 5.2.1.3; the maximum if it cannot be read
    pub(crate) min_fresh: Option<u64>,
    /// Seconds past freshness, RFC 5861 4; absent if it cannot be read
    pub(crate) stale_if_error: Option<u64>,
    /// RFC 9111 5.2.1.2; absent if it cannot be read
    pub(crate) max_stale: Option<MaxStale>,
}

impl RequestDirectives {
    /// All lines of `Cache-Control` together.
    ///
    /// With `pragma`, `Pragma: no-cache` counts where there is no `Cache-Control` at all
    /// (RFC 9111 5.4).
    pub(crate) fn from_headers(headers: &HeaderMap, pragma: bool) -> Self {
        let mut directives = Self::default();
        if !headers.contains_key(header::CACHE_CONTROL) {
            directives.no_cache = pragma && has_pragma_no_cache(headers);
            return directives;
        }
        let lines = headers.get_all(header::CACHE_CONTROL).iter();
        scan(lines.map(HeaderValue::as_bytes), |member| match member {
            Member::Directive(name, argument) => directives.add(name, argument),
            Member::Stray(word) => directives.add_stray(word),
        });
        directives
    }

    fn add(&mut self, name: &[u8], argument: Argument<'_>) {
        let is = |directive: &str| name.eq_ignore_ascii_case(directive.as_bytes());
        if is("no-cache") {
            self.no_cache = true;
        } else if is("no-store") {
            self.no_store = true;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("max-age") {
            keep_least(&mut self.max_age, argument.delta().or(Some(0)));
        } else if is("min-fresh") {
            self.min_fresh = self.min_fresh.max(argument.delta().or(Some(MAX_DELTA)));
        } else if is("max-stale") {
            self.add_max_stale(argument);
        } else if is("stale-if-error") {
            keep_least(&mut self.stale_if_error, argument.delta());
        }
    }

    fn add_max_stale(&mut self, argument: Argument<'_>) {
        self.max_stale = match (self.max_stale, argument, argument.delta()) {
            (None, Argument::Absent, _) => Some(MaxStale::Any),
            (Some(MaxStale::Seconds(known)), _, Some(other)) => {
                Some(MaxStale::Seconds(known.min(other)))
            }
            (None | Some(MaxStale::Any), _, Some(seconds)) => Some(MaxStale::Seconds(seconds)),
            (known, _, None) => known,
        };
    }

    /// A word of a malformed part of the field: only restrictions are read into it.
    fn add_stray(&mut self, word: &[u8]) {
        let is = |directive: &str| word.eq_ignore_ascii_case(directive.as_bytes());
        self.no_store |= is("no-store");
        self.no_cache |= is("no-cache");
        if is("max-age") {
            self.max_age = Some(0);
        } else if is("min-fresh") {
            self.min_fresh = Some(MAX_DELTA);
        }
    }
}

fn has_pragma_no_cache(headers: &HeaderMap) -> bool {
    list::members(headers, &header::PRAGMA).any(|member| member.eq_ignore_ascii_case(b"no-cache"))
}
