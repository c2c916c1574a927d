//! Statuses, and what they say of what is stored already.

use super::*;

// RFC 9111 5.2.2.3
#[test]
fn must_understand_overrides_no_store_for_known_statuses_only() {
    let known = saying("must-understand, no-store, max-age=60");
    known.stored();
    assert!(known.decide().trail.has(Rule::Understood));
    for status in [299, 418, 599] {
        let unknown = known.clone().status(status);
        assert_eq!(unknown.refused(), Rule::NotUnderstood, "{status}");
        let without_no_store = saying("must-understand, max-age=60").status(status);
        assert_eq!(without_no_store.refused(), Rule::NotUnderstood, "{status}");
    }
}

#[test]
fn must_understand_by_itself_overrides_nothing() {
    let case = saying("must-understand, max-age=60");
    case.stored();
    assert!(!case.decide().trail.has(Rule::Understood));
    let plain = saying("max-age=60").decide();
    assert!(!plain.trail.has(Rule::Understood));
}

// RFC 9111 3 and RFC 9110 15.1
#[test]
fn without_explicit_freshness_only_some_statuses_are_stored() {
    let may_go_without = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
    for status in 200..600 {
        let case = response(&[("etag", "\"a\"")]).status(status);
        if may_go_without.contains(&status) {
            case.stored();
        } else {
            case.refused();
        }
    }
    let created = response(&[("etag", "\"a\"")]).status(201);
    assert_eq!(created.refused(), Rule::NotCacheable);
}

#[test]
fn explicit_freshness_or_public_permits_any_final_status() {
    for status in [
        200, 201, 202, 302, 307, 400, 401, 403, 418, 429, 500, 503, 599,
    ] {
        for line in [
            ("cache-control", "max-age=60"),
            ("cache-control", "s-maxage=60"),
            ("cache-control", "public"),
            ("expires", "Sun, 09 Sep 2001 02:46:40 GMT"),
        ] {
            response(&[line, ("etag", "\"a\"")]).status(status).stored();
        }
    }
}

#[test]
fn s_maxage_permits_nothing_in_a_private_cache() {
    let case = response(&[("cache-control", "s-maxage=60"), ("etag", "\"a\"")]).status(201);
    case.stored();
    assert_eq!(case.private().refused(), Rule::NotCacheable);
}

#[test]
fn a_default_for_its_status_permits_to_store() {
    let case = response(&[]).status(503);
    assert_eq!(case.refused(), Rule::NotCacheable);
    let second = Duration::from_secs(1);
    let set = case.with(|case| case.rules.status_ttl = vec![(case.status, second)]);
    assert_eq!(set.stored().terms.lifetime, second);
}

#[test]
fn a_response_that_forbids_its_storing_takes_the_place_of_what_is_stored() {
    for rule in [
        Rule::ResponseNoStore,
        Rule::PolicyNoStore,
        Rule::NotUnderstood,
        Rule::Private,
        Rule::NoUse,
        Rule::SearchChanged,
    ] {
        assert!(supersedes(rule), "{rule}");
    }
}

#[test]
fn what_a_request_forbids_to_store_says_nothing_of_what_is_stored() {
    for rule in [
        Rule::Method,
        Rule::NotComplete,
        Rule::RequestNoStore,
        Rule::Authorization,
        Rule::Cookie,
        Rule::Personal,
        Rule::PostNotReusable,
        Rule::Stored,
    ] {
        assert!(!supersedes(rule), "{rule}");
    }
}

// RFC 9111 4.3.3: a 5xx to a validation leaves what is stored to later requests. Every 200 may be stored, so
// only other statuses are refused by this rule.
#[test]
fn an_error_that_does_not_say_that_it_may_be_stored_does_not_empty_the_store() {
    for status in [500, 502, 503, 504] {
        let error = response(&[]).status(status);
        assert!(!supersedes(error.refused()), "{status}");
    }
}

#[test]
fn a_reason_tells_whether_what_is_stored_is_superseded_or_outdated_or_neither() {
    for rule in Rule::ALL.iter().copied() {
        let gone = [
            Rule::ResponseNoStore,
            Rule::Private,
            Rule::PolicyNoStore,
            Rule::NotUnderstood,
            Rule::NoUse,
            Rule::SearchChanged,
        ];
        let outdated = [
            Rule::VaryAny,
            Rule::VaryTooLong,
            Rule::SetCookie,
            Rule::TooLarge,
        ];
        assert_eq!(supersedes(rule), gone.contains(&rule), "{rule}");
        assert_eq!(is_newer_content(rule), outdated.contains(&rule), "{rule}");
    }
}
