//! Responses that may be meant for one user only.

use super::*;

#[test]
fn private_forbids_a_shared_cache_to_store() {
    for directives in [
        "private, max-age=60",
        "max-age=60, Private",
        "private, public, max-age=60",
        "private, private=\"x\", max-age=60",
        "private=\"\", max-age=60",
    ] {
        let case = saying(directives);
        assert_eq!(case.refused(), Rule::Private, "{directives}");
        case.private().stored();
    }
}

#[test]
fn fields_that_are_private_are_left_out_by_a_shared_cache() {
    let case = saying("private=\"X-A, x-b\", max-age=60");
    assert_eq!(case.stored().without, ["x-a", "x-b"]);
    let own = case.private().stored();
    assert_eq!(own.without, Vec::<HeaderName>::new());
}

// RFC 9111 5.2.2.4
#[test]
fn fields_that_want_validation_are_left_out_by_every_cache() {
    let case = saying("no-cache=\"x-a\", max-age=60");
    for case in [case.clone(), case.private()] {
        let storing = case.stored();
        assert_eq!(storing.without, ["x-a"]);
        assert!(!storing.terms.validate_always);
    }
}

// RFC 9111 3.5
#[test]
fn answers_to_authorization_are_stored_by_permission_only() {
    let asked_with = |directives| {
        saying(directives).with(|case| {
            case.request.authorization = true;
            case.headers
                .insert(header::ETAG, HeaderValue::from_static("\"a\""));
        })
    };
    for directives in [
        "public, max-age=60",
        "s-maxage=60",
        "s-maxage=0",
        "max-age=60, must-revalidate",
    ] {
        let terms = asked_with(directives).stored().terms;
        assert!(terms.authorized, "{directives}");
    }
    for directives in [
        "max-age=60",
        "max-age=60, proxy-revalidate",
        "max-age=60, immutable",
        "max-age=60, no-cache",
        "max-age=60, private=\"x\"",
    ] {
        let case = asked_with(directives);
        assert_eq!(case.refused(), Rule::Authorization, "{directives}");
        case.clone().private().stored();
        let without = case.with(|case| case.request.authorization = false);
        assert!(!without.stored().terms.authorized, "{directives}");
    }
}

// What a default makes fresh for one user's credentials must not be fresh for another's: must-revalidate
// permits to store (RFC 9111 3.5), but says nothing of how long.
#[test]
fn a_default_lifetime_never_applies_to_a_request_with_authorization() {
    let case = response(&[
        ("cache-control", "must-revalidate"),
        ("last-modified", "Sat, 08 Sep 2001 01:46:40 GMT"),
    ])
    .with(|case| case.request.authorization = true);
    let with_default = case
        .clone()
        .with(|case| case.rules.default_ttl = Some(Duration::from_secs(60)));
    for case in [case, with_default] {
        let fresh = case
            .decide()
            .verdict
            .map(|storing| storing.terms.lifetime)
            .filter(|lifetime| *lifetime > Duration::ZERO);
        assert_eq!(fresh, None);
    }
}

#[test]
fn a_personal_response_is_stored_for_its_user_only() {
    let case = saying("public, max-age=60").with(|case| case.also.personal = true);
    assert_eq!(case.refused(), Rule::Personal);
    case.clone().private().stored();
    case.with(|case| case.request.user_in_key = true).stored();
    let of_nobody = saying("max-age=60");
    of_nobody.stored();
    of_nobody
        .with(|case| case.request.user_in_key = true)
        .stored();
}

#[test]
fn a_default_lifetime_never_applies_to_a_request_with_an_unkeyed_cookie() {
    let minute = Some(Duration::from_secs(60));
    let by_heuristic = response(&[("last-modified", "Sat, 08 Sep 2001 01:46:40 GMT")]);
    let by_default = response(&[]).with(|case| case.rules.default_ttl = minute);
    let for_validation = response(&[("etag", "\"a\"")]);
    for case in [by_heuristic, by_default, for_validation] {
        case.stored();
        let asked_with = case.with(|case| case.request.unkeyed_cookie = true);
        assert_eq!(asked_with.refused(), Rule::Cookie);
    }
}

#[test]
fn explicit_answers_to_requests_with_cookies_are_stored() {
    for line in [
        ("cache-control", "max-age=60"),
        ("cache-control", "s-maxage=60"),
        ("cache-control", "public"),
        ("expires", "Sun, 09 Sep 2001 02:46:40 GMT"),
    ] {
        response(&[line, ("etag", "\"a\"")])
            .with(|case| case.request.unkeyed_cookie = true)
            .stored();
    }
    response(&[])
        .with(|case| case.request.unkeyed_cookie = true)
        .with(|case| case.also.said = Some(saying_ttl(60)))
        .stored();
}

// A cookie of its only user is no reason against (RFC 9111 knows none at all).
#[test]
fn a_private_cache_stores_heuristically_fresh_answers_to_requests_with_cookies() {
    response(&[("last-modified", "Sat, 08 Sep 2001 01:46:40 GMT")])
        .with(|case| case.request.unkeyed_cookie = true)
        .private()
        .stored();
}

fn setting_a_cookie(directives: &'static str, setting: SetCookie) -> Case {
    response(&[("cache-control", directives), ("set-cookie", "a=b")])
        .with(|case| case.rules.set_cookie = setting)
}

#[test]
fn by_default_a_response_that_sets_a_cookie_is_not_stored() {
    assert_eq!(Rules::default().set_cookie, SetCookie::Refuse);
    for directives in [
        "max-age=60",
        "public, max-age=60",
        "max-age=60, no-cache=\"x\"",
    ] {
        let case = setting_a_cookie(directives, SetCookie::Refuse);
        assert_eq!(case.refused(), Rule::SetCookie, "{directives}");
        assert!(!case.decide().trail.has(Rule::SetCookieStripped));
    }
}

#[test]
fn a_cookie_may_be_left_out_or_stored_by_setting() {
    let strip = setting_a_cookie("max-age=60", SetCookie::Strip);
    assert_eq!(strip.stored().without, [header::SET_COOKIE]);
    assert!(strip.decide().trail.has(Rule::SetCookieStripped));
    let store = setting_a_cookie("max-age=60", SetCookie::Store);
    assert_eq!(store.stored().without, Vec::<HeaderName>::new());
    assert!(!store.decide().trail.has(Rule::SetCookieStripped));
}

#[test]
fn a_cookie_that_the_response_itself_excepts_is_left_out_under_every_setting() {
    for directives in [
        "max-age=60, private=\"Set-Cookie\"",
        "max-age=60, no-cache=\"x, set-cookie\"",
    ] {
        for setting in [SetCookie::Refuse, SetCookie::Strip, SetCookie::Store] {
            let case = setting_a_cookie(directives, setting);
            assert!(case.stored().without.contains(&header::SET_COOKIE));
            assert!(case.decide().trail.has(Rule::SetCookieStripped));
        }
    }
}

#[test]
fn without_a_cookie_nothing_is_stripped() {
    for setting in [SetCookie::Refuse, SetCookie::Strip, SetCookie::Store] {
        let case = saying("max-age=60").with(|case| case.rules.set_cookie = setting);
        assert_eq!(case.stored().without, Vec::<HeaderName>::new());
        assert!(!case.decide().trail.has(Rule::SetCookieStripped));
    }
}

#[test]
fn a_private_cache_stores_cookies_whole() {
    for setting in [SetCookie::Refuse, SetCookie::Strip, SetCookie::Store] {
        let case = setting_a_cookie("max-age=60", setting).private();
        assert_eq!(case.stored().without, Vec::<HeaderName>::new());
        assert!(!case.decide().trail.has(Rule::SetCookieStripped));
    }
}
