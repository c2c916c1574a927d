//! What to change where a rule keeps a response from being stored or used.

use super::Rule;

impl Rule {
    /// What to change where the rule kept a response from being stored or used, in sentences that name settings
    /// as they are written, such as `ResponseCacheLayer::set_cookie`. `None` for rules that are plain facts or
    /// permissions, and for what passes by itself.
    ///
    /// It says how, not that it is wise: only who knows the response knows whether it may be shared.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        let mut known = ADVICE.iter();
        known
            .find(|(rule, _)| *rule == self)
            .map(|(_, advice)| *advice)
    }
}

/// In the order of the rules.
const ADVICE: &[(Rule, &str)] = &[
    (
        Rule::Method,
        "Ask with GET. Queries that are sent as POST can be stored with `CacheKey::post_body`.",
    ),
    (
        Rule::AmbiguousHost,
        "Send one Host, the one that the URI names.",
    ),
    (
        Rule::ConnectionFields,
        "Send the request without the fields that its Connection names.",
    ),
    (Rule::Upgrade, "Send the request without Upgrade."),
    (
        Rule::RequestBody,
        "Send the request without a body, or as a POST whose body is part of the key: \
         `CacheKey::post_body`.",
    ),
    (
        Rule::NoKey,
        "Let the closure of `CacheKey::with` return a value for the request.",
    ),
    (
        Rule::StoreFailed,
        "The log says at level debug why the store failed.",
    ),
    (
        Rule::CollapsedFailed,
        "Let what is stale stand in for failures: `ResponseCacheLayer::stale_if_error`.",
    ),
    (
        Rule::CollapsedTimedOut,
        "Let requests wait for longer: `Collapsing::wait`, `Collapsing::leader_time`.",
    ),
    (
        Rule::NothingStored,
        "If it was asked for before, `ResponseCacheLayer::explain_response` says why its response was \
         not stored, or for how long. `ResponseCacheLayer::key_in_cache_status` shows whether both \
         requests have one key.",
    ),
    (
        Rule::Evicted,
        "Give the store more room: `MemoryStoreBuilder::capacity`.",
    ),
    (
        Rule::Expired,
        "Let the response be fresh for longer, or keep it for validation: `ResponseCacheLayer::keep`.",
    ),
    (
        Rule::PartMissing,
        "Fetch the whole behind requests for ranges: `ResponseCacheLayer::whole_behind_ranges`.",
    ),
    (
        Rule::VaryMismatch,
        "Let Vary name fewer fields, or make their values alike before the request reaches the cache. \
         `ResponseCacheLayer::max_variants` says how many variants are kept.",
    ),
    (
        Rule::ResponseNoCache,
        "Let the response say how long it is fresh, with `max-age` in place of `no-cache`.",
    ),
    (
        Rule::RequestNoCache,
        "Send the request without `no-cache`, or ignore it: \
         `ResponseCacheLayer::ignore_request_directives`, and `ResponseCacheLayer::ignore_pragma` \
         where it stands in Pragma.",
    ),
    (
        Rule::RequestMaxAge,
        "Send the request without the directive, or ignore it: \
         `ResponseCacheLayer::ignore_request_directives`.",
    ),
    (
        Rule::RequestMinFresh,
        "Send the request without the directive, or ignore it: \
         `ResponseCacheLayer::ignore_request_directives`.",
    ),
    (
        Rule::Stale,
        "Let the response be fresh for longer, or be served while it is refreshed: \
         `ResponseCacheLayer::stale_while_revalidate`.",
    ),
    (
        Rule::Contradicted,
        "Answer HEAD with the ETag, the Last-Modified and the Content-Length that GET has. If it was a \
         response to GET, `ResponseCacheLayer::explain_response` says why that was not stored.",
    ),
    (
        Rule::MustRevalidate,
        "Let the response go without `must-revalidate`, `proxy-revalidate` and `s-maxage`.",
    ),
    (
        Rule::OnlyIfCached,
        "Send the request without `only-if-cached`.",
    ),
    (
        Rule::NotComplete,
        "Ask without conditions and ranges: the response to that can be stored.",
    ),
    (Rule::RequestNoStore, "Send the request without `no-store`."),
    (
        Rule::NotUnderstood,
        "Let the response go without `must-understand`.",
    ),
    (
        Rule::PolicyNoStore,
        "Leave out `CachePolicy::do_not_store`.",
    ),
    (
        Rule::ResponseNoStore,
        "Let the response go without `no-store`. If that is meant for other caches, say what holds for \
         this one in a field of its own: `ResponseCacheLayer::targeted_fields`.",
    ),
    (
        Rule::Private,
        "Let the response go without `private` if it is the same for everybody. Else store it for each \
         user, with `CacheKey::user`, or in a cache of one user's own, `ResponseCacheLayer::private`.",
    ),
    (
        Rule::Authorization,
        "If the response is the same for everybody, let it say `s-maxage`, or `public` and `max-age`. \
         A cache of one user's own, `ResponseCacheLayer::private`, needs neither.",
    ),
    (
        Rule::SetCookie,
        "Let the response set no cookie, or store it without: \
         `ResponseCacheLayer::set_cookie(SetCookie::Strip)`. A harmless cookie, the same for \
         everybody, can be stored: `ResponseCacheLayer::set_cookie(SetCookie::Store)`.",
    ),
    (
        Rule::VaryAny,
        "Let Vary name the fields that the response depends on, and not `*`.",
    ),
    (
        Rule::VaryTooLong,
        "Let Vary name fewer fields, or fields that have shorter values in requests.",
    ),
    (
        Rule::Personal,
        "Store it for each user, with `CacheKey::user`, or let the response not depend on the user and \
         nothing call `Personal::mark`.",
    ),
    (
        Rule::Cookie,
        "Let the response say how long it is fresh, with `max-age`. Or make the cookie part of the key, \
         `CacheKey::cookie`, or, if no response depends on cookies, ignore them: \
         `ResponseCacheLayer::danger_ignore_cookies`.",
    ),
    (
        Rule::InvalidExpires,
        "Let the response say `max-age`, or an Expires that is a date.",
    ),
    (
        Rule::NotCacheable,
        "Let the response say how long it is fresh, with `max-age`, or give its status a lifetime: \
         `ResponseCacheLayer::default_ttl_for`.",
    ),
    (
        Rule::NoUse,
        "Give the response a lifetime, with `max-age`, `CachePolicy::ttl` or, if it says nothing of its \
         own, `ResponseCacheLayer::default_ttl`. Or give it an ETag or Last-Modified to validate it by.",
    ),
    (
        Rule::PostNotReusable,
        "Let the response say how long it is fresh, and name its own URI in Content-Location. Or make \
         the body part of the key: `CacheKey::post_body`.",
    ),
    (
        Rule::TooManyTags,
        "Let the response have fewer tags, none of them longer than 1024 bytes, or admit more: \
         `ResponseCacheLayer::max_tags`.",
    ),
    (
        Rule::TooLarge,
        "Admit more: of responses with `ResponseCacheLayer::max_body` and `MemoryStoreBuilder::max_entry`, \
         of the bodies of POST requests with `CacheKey::post_body`.",
    ),
    (
        Rule::FillBudget,
        "Admit more at a time: `ResponseCacheLayer::fill_budget`.",
    ),
    (
        Rule::Incomplete,
        "Read the body to its end, and let it be as long as its Content-Length says.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Rules that are facts or permissions, and what passes by itself.
    const WITHOUT: &[Rule] = &[
        Rule::InvalidatedByWrite,
        Rule::InvalidatedByUri,
        Rule::InvalidatedByTag,
        Rule::InvalidatedByGroup,
        Rule::InvalidatedByPattern,
        Rule::InvalidatedAll,
        Rule::Immutable,
        Rule::Fresh,
        Rule::SoftlyInvalidated,
        Rule::RequestMaxStale,
        Rule::StaleWhileRevalidate,
        Rule::EarlyRefresh,
        Rule::StaleIfError,
        Rule::Understood,
        Rule::SetCookieStripped,
        Rule::PolicyTtl,
        Rule::Targeted,
        Rule::SMaxAge,
        Rule::MaxAge,
        Rule::Expires,
        Rule::DefaultTtl,
        Rule::Heuristic,
        Rule::Overtaken,
        Rule::SearchChanged,
        Rule::Stored,
    ];

    /// Where what an advice names is defined.
    const SOURCES: &[(&str, &str)] = &[
        ("ResponseCacheLayer", include_str!("../layer.rs")),
        ("ResponseCacheLayer", include_str!("../settings.rs")),
        ("ResponseCacheLayer", include_str!("../explain/mod.rs")),
        ("CacheKey", include_str!("../request/cache_key.rs")),
        ("CachePolicy", include_str!("../cache_policy.rs")),
        ("Collapsing", include_str!("../collapsing.rs")),
        ("SetCookie", include_str!("rules.rs")),
        (
            "MemoryStoreBuilder",
            include_str!("../../store/memory/builder.rs"),
        ),
        ("Personal", include_str!("../../personal.rs")),
    ];

    fn exists(kind: &str, name: &str) -> bool {
        let method = [format!("pub fn {name}("), format!("pub fn {name}<")];
        let variant = format!("    {name},\n");
        let mut sources = SOURCES.iter().filter(|(known, _)| *known == kind);
        sources.any(|(_, text)| {
            method.iter().any(|method| text.contains(method))
                || (text.contains(&format!("pub enum {kind}")) && text.contains(&variant))
        })
    }

    /// The texts between backticks.
    fn quoted(advice: &str) -> impl Iterator<Item = &str> {
        advice.split('`').skip(1).step_by(2)
    }

    #[test]
    fn every_rule_but_facts_and_permissions_says_what_to_change() {
        let without: Vec<_> = Rule::ALL
            .iter()
            .copied()
            .filter(|rule| rule.advice().is_none())
            .collect();
        assert_eq!(without, WITHOUT);
    }

    #[test]
    fn every_setting_that_an_advice_names_exists() {
        let mut named = 0;
        for advice in Rule::ALL.iter().filter_map(|rule| rule.advice()) {
            for text in quoted(advice) {
                for path in text.split(['(', ')']).filter(|path| path.contains("::")) {
                    let (kind, name) = path.split_once("::").expect("it has one");
                    assert!(exists(kind, name), "{path} of: {advice}");
                    named += 1;
                }
                assert!(text.contains("::") || !text.contains(['_', '(']), "{text}");
            }
        }
        assert!(named > 20, "they are found at all: {named}");
    }

    #[test]
    fn an_advice_is_made_of_sentences() {
        for advice in Rule::ALL.iter().filter_map(|rule| rule.advice()) {
            assert!(advice.ends_with('.') && !advice.contains("  "), "{advice}");
            assert_eq!(advice.matches('`').count() % 2, 0, "{advice}");
        }
    }
}
