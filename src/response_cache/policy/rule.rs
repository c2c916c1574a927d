//! The rules that decisions cite, and the trail that they leave.

use std::fmt;

/// Declares the rules once: variant, name on the wire and in metrics, section, and what it says.
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $section:literal;)+) => {
        /// A rule of HTTP caching that a decision rested on.
        ///
        /// Each one has a [`name`](Rule::name), used in `Cache-Status` and in counters, and names its
        /// [`section`](Rule::section). The order is that in which the rules are looked at.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Rule {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Rule {
            /// All rules, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// A short name of lower-case letters and hyphens, such as `set-cookie`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Where the rule is written, such as `RFC 9111 5.2.2.5`.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)+ }
            }

            /// What the rule says of a request or response that it decided about, in a sentence or two.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_start(),)+ }
            }
        }
    };
}

rules! {
    /// The method is one whose responses this cache does not keep.
    Method = "method", "RFC 9111 3";
    /// The request names its host twice, or in two ways that differ.
    AmbiguousHost = "ambiguous-host", "RFC 9112 3.2";
    /// Connection names a field that the request has: a proxy behind would drop what is selected by here.
    ConnectionFields = "connection-fields", "RFC 9110 7.6.1";
    /// The request wants the connection for another protocol, which no stored response can give it.
    Upgrade = "upgrade", "RFC 9110 7.8";
    /// A GET or HEAD with a body: what it means is unknown, so it is left alone.
    RequestBody = "request-body", "RFC 9110 9.3.1";
    /// The key was said to have a part that this request lacks, or refused it.
    NoKey = "no-key", "setting";
    /// The store failed or did not answer in time; the origin was asked instead.
    StoreFailed = "store-failed", "setting";
    /// The requests failed that this one waited for, as they had asked for the same.
    CollapsedFailed = "collapsed-failed", "RFC 9111 4";
    /// The requests took too long that this one waited for, as they had asked for the same.
    CollapsedTimedOut = "collapsed-timed-out", "setting";
    /// Nothing is stored under the key.
    NothingStored = "nothing-stored", "RFC 9111 4";
    /// What was stored made room for something else.
    Evicted = "evicted", "RFC 9111 4";
    /// What is stored is past all use.
    Expired = "expired", "RFC 9111 4";
    /// What was stored was invalidated by an unsafe request.
    InvalidatedByWrite = "invalidated-write", "RFC 9111 4.4";
    /// What was stored was invalidated by its URI.
    InvalidatedByUri = "invalidated-uri", "RFC 9111 4.4";
    /// What was stored was invalidated by a tag.
    InvalidatedByTag = "invalidated-tag", "setting";
    /// What was stored was invalidated by a cache group.
    InvalidatedByGroup = "invalidated-group", "RFC 9875 3";
    /// What was stored was invalidated by a pattern.
    InvalidatedByPattern = "invalidated-pattern", "setting";
    /// What was stored was invalidated with everything else.
    InvalidatedAll = "invalidated-all", "setting";
    /// Parts of the content are stored, but not those that are asked for.
    PartMissing = "part-missing", "RFC 9111 3.3";
    /// Something is stored, but for other values of the fields that Vary names.
    VaryMismatch = "vary-mismatch", "RFC 9111 4.1";
    /// The stored response says `no-cache`: it is validated at each use.
    ResponseNoCache = "no-cache", "RFC 9111 5.2.2.4";
    /// The request says `no-cache`.
    RequestNoCache = "request-no-cache", "RFC 9111 5.2.1.4";
    /// The stored response is older than the request's `max-age`.
    RequestMaxAge = "request-max-age", "RFC 9111 5.2.1.1";
    /// The stored response is not fresh for as long as the request's `min-fresh` wants.
    RequestMinFresh = "request-min-fresh", "RFC 9111 5.2.1.3";
    /// The stored response is `immutable` and fresh: a reload does not validate it.
    Immutable = "immutable", "RFC 8246 2";
    /// The stored response is fresh.
    Fresh = "fresh", "RFC 9111 4.2";
    /// The stored response was made stale by an invalidation.
    SoftlyInvalidated = "softly-invalidated", "setting";
    /// The stored response is stale.
    Stale = "stale", "RFC 9111 4.2.4";
    /// The stored response was made stale by a later response that contradicted it.
    Contradicted = "contradicted", "RFC 9111 4.3.5";
    /// A directive of the stored response forbids serving it stale.
    MustRevalidate = "must-revalidate", "RFC 9111 5.2.2.2";
    /// The request's `max-stale` allows what is stored although it is stale.
    RequestMaxStale = "request-max-stale", "RFC 9111 5.2.1.2";
    /// The stored response is stale and served while it is validated in the background.
    StaleWhileRevalidate = "stale-while-revalidate", "RFC 5861 3";
    /// The stored response is fresh, soon to be stale, and in use: it is refreshed in the background.
    EarlyRefresh = "early-refresh", "setting";
    /// The origin failed, and the stored response is served although it is stale.
    StaleIfError = "stale-if-error", "RFC 5861 4";
    /// The request says `only-if-cached` and nothing stored may answer it.
    OnlyIfCached = "only-if-cached", "RFC 9111 5.2.1.7";
    /// Interim responses, and those to a range or a condition (304, 412, 416, and 206 unless it is one part that
    /// can be relied on), are not stored as themselves.
    NotComplete = "not-complete", "RFC 9111 3";
    /// The request says `no-store`.
    RequestNoStore = "request-no-store", "RFC 9111 5.2.1.5";
    /// The response says `must-understand` and its status is unknown here.
    NotUnderstood = "not-understood", "RFC 9111 5.2.2.3";
    /// The response says `must-understand` and its status is known: `no-store` is ignored.
    Understood = "understood", "RFC 9111 5.2.2.3";
    /// The handler said so in its `CachePolicy`.
    PolicyNoStore = "policy-no-store", "setting";
    /// The response says `no-store`.
    ResponseNoStore = "no-store", "RFC 9111 5.2.2.5";
    /// The response says `private`, and this cache is shared.
    Private = "private", "RFC 9111 5.2.2.7";
    /// The request has Authorization, and nothing in the response permits to share it.
    Authorization = "authorization", "RFC 9111 3.5";
    /// The response sets a cookie.
    SetCookie = "set-cookie", "RFC 9111 7.3";
    /// The response's Set-Cookie was left out of what is stored.
    SetCookieStripped = "set-cookie-stripped", "setting";
    /// Vary has the member `*`.
    VaryAny = "vary-any", "RFC 9111 4.1";
    /// Vary names more fields, or the request has longer values in them, than this cache keeps.
    VaryTooLong = "vary-too-long", "setting";
    /// Something on the way said that the response is personal.
    Personal = "personal", "setting";
    /// The request has a cookie that is not part of the key, and only a default made the response fresh.
    Cookie = "cookie", "setting";
    /// The handler gave the lifetime in its `CachePolicy`.
    PolicyTtl = "policy-ttl", "setting";
    /// A targeted field, such as CDN-Cache-Control, replaced Cache-Control and Expires.
    Targeted = "targeted", "RFC 9213 2.2";
    /// `s-maxage` gave the lifetime.
    SMaxAge = "s-maxage", "RFC 9111 5.2.2.10";
    /// `max-age` gave the lifetime.
    MaxAge = "max-age", "RFC 9111 5.2.2.1";
    /// Expires minus Date gave the lifetime.
    Expires = "expires", "RFC 9111 5.3";
    /// Expires is invalid, which means: already expired.
    InvalidExpires = "invalid-expires", "RFC 9111 5.3";
    /// A default of the layer gave the lifetime.
    DefaultTtl = "default-ttl", "setting";
    /// A share of the time since Last-Modified gave the lifetime.
    Heuristic = "heuristic", "RFC 9111 4.2.2";
    /// Nothing permits to store the response: no explicit freshness and no status that may go without.
    NotCacheable = "not-cacheable", "RFC 9111 3";
    /// Stored, it could never be used: it is not fresh and there is nothing to validate it with.
    NoUse = "no-use", "RFC 9111 4";
    /// A POST whose Content-Location is not its own URI, or without explicit freshness.
    PostNotReusable = "post-not-reusable", "RFC 9110 9.3.3";
    /// Something else was asked for, or invalidated, between a request that changes its target and the response.
    Overtaken = "overtaken", "RFC 9111 4.4";
    /// The response no longer says the same of its query parameters.
    SearchChanged = "search-changed", "No-Vary-Search";
    /// The response has more tags, or longer ones, than this cache keeps: to drop some would keep their purges from it.
    TooManyTags = "too-many-tags", "setting";
    /// The body is larger than an entry may be.
    TooLarge = "too-large", "setting";
    /// There is no room for one more response on its way into the store.
    FillBudget = "fill-budget", "setting";
    /// The body ended early, or its reader left.
    Incomplete = "incomplete", "RFC 9111 3.3";
    /// The response is stored.
    Stored = "stored", "RFC 9111 3";
}

impl Rule {
    /// Whether a request passes by it, without a look at what is stored.
    pub(crate) const fn passes(self) -> bool {
        matches!(
            self,
            Self::Method
                | Self::AmbiguousHost
                | Self::ConnectionFields
                | Self::Upgrade
                | Self::RequestBody
                | Self::NoKey
        )
    }

    /// Whether nothing was there for a request by it.
    pub(crate) const fn is_a_miss(self) -> bool {
        matches!(
            self,
            Self::NothingStored
                | Self::Evicted
                | Self::Expired
                | Self::InvalidatedByWrite
                | Self::InvalidatedByUri
                | Self::InvalidatedByTag
                | Self::InvalidatedByGroup
                | Self::InvalidatedByPattern
                | Self::InvalidatedAll
                | Self::VaryMismatch
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.section())
    }
}

/// The rules that led to a decision, in the order in which they were looked at.
///
/// A set of bits: leaving a trail costs a hit one instruction per rule and no memory.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Trail(u128);

impl Trail {
    /// Adds a rule.
    pub(crate) const fn note(&mut self, rule: Rule) {
        self.0 |= 1 << rule as u8;
    }

    /// The trail of both.
    #[must_use]
    pub(crate) const fn joined(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The trail of what was to be stored and is not, for this rule.
    #[must_use]
    pub(crate) const fn not_stored(self, rule: Rule) -> Self {
        let mut trail = Self(self.0 & !(1 << Rule::Stored as u8));
        trail.note(rule);
        trail
    }

    /// The trail of what was to be stored, if something came in between.
    #[must_use]
    pub(crate) fn ending_in<T>(self, kept: &Result<T, Rule>) -> Self {
        kept.as_ref()
            .map_or_else(|rule| self.not_stored(*rule), |_| self)
    }

    /// Whether the rule is part of the trail.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u8) != 0
    }

    /// The rules, in the order in which they are looked at.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL
            .iter()
            .copied()
            .filter(move |rule| self.has(*rule))
    }
}

/// The names of the rules, between commas.
impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(index, rule)| {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(rule.name())
        })
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Rule::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::subsequence};

    use super::*;

    #[test]
    fn a_trail_keeps_the_rules_in_their_order() {
        let mut trail = Trail::default();
        trail.note(Rule::Stored);
        trail.note(Rule::Fresh);
        assert_eq!(
            trail.iter().collect::<Vec<_>>(),
            [Rule::Fresh, Rule::Stored]
        );
        assert!(trail.has(Rule::Fresh) && !trail.has(Rule::Stale));
        assert_eq!(format!("{trail:?}"), r#"{"fresh", "stored"}"#);
        assert_eq!(trail.to_string(), "fresh, stored");
    }

    #[test]
    fn a_joined_trail_has_the_rules_of_both() {
        let (mut one, mut two) = (Trail::default(), Trail::default());
        one.note(Rule::Fresh);
        two.note(Rule::Fresh);
        two.note(Rule::MaxAge);
        assert_eq!(one.joined(two), two);
    }

    #[test]
    fn every_rule_fits_a_trail_and_has_a_name_of_its_own() {
        assert!(Rule::ALL.len() <= 128);
        let names: std::collections::HashSet<_> =
            Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
    }

    #[test]
    fn a_rule_is_written_with_its_section() {
        assert_eq!(Rule::Private.to_string(), "private (RFC 9111 5.2.2.7)");
        assert_eq!(Rule::Cookie.to_string(), "cookie (setting)");
    }

    #[test]
    fn names_are_of_lower_case_letters_and_hyphens_and_meanings_are_sentences() {
        for rule in Rule::ALL {
            let name = rule.name().as_bytes();
            assert!(name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'-')));
            assert!(!name.is_empty() && !rule.section().is_empty());
            let meaning = rule.meaning();
            assert!(meaning.ends_with('.') && !meaning.starts_with(' ') && !meaning.contains("  "));
        }
    }

    proptest! {
        #[test]
        fn a_trail_has_exactly_what_was_noted(rules in subsequence(Rule::ALL, 0..=Rule::ALL.len())) {
            let mut trail = Trail::default();
            for rule in &rules {
                trail.note(*rule);
                trail.note(*rule);
            }
            prop_assert_eq!(trail.iter().collect::<Vec<_>>(), rules);
        }
    }
}
