//! Cookies, of requests and of responses (RFC 9111 7.3).

use std::time::Duration;

use http::StatusCode;
use tower_keep::{
    OwnedCookie, ResponseCacheLayer,
    response_cache::{CacheKey, SetCookie},
};

use super::{
    cases::{Fields, answering, asked_twice, caching, date},
    support::{Cache, Got, Origin, request, respond},
};

const BASIC: Fields<'_> = &[("authorization", "Basic xyz")];
const COOKIE: Fields<'_> = &[("cookie", "a=b")];

fn with_defaults(layer: ResponseCacheLayer) -> ResponseCacheLayer {
    layer.default_ttl(Duration::from_secs(60))
}

#[tokio::test]
async fn a_response_that_sets_a_cookie_is_refused_stripped_or_stored() {
    let fields: Fields<'_> = &[
        ("cache-control", "public, max-age=60"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-kept", "3"),
    ];
    for (setting, stored, cookies) in [
        (None, false, 2),
        (Some(SetCookie::Refuse), false, 2),
        (Some(SetCookie::Strip), true, 0),
        (Some(SetCookie::Store), true, 2),
    ] {
        let cache = Cache::with(answering(200, fields), |layer| match setting {
            Some(setting) => layer.set_cookie(setting),
            None => layer,
        });
        let count = |got: &Got| got.headers.get_all("set-cookie").iter().count();
        let miss = cache.get(&[]).await;
        assert_eq!(count(&miss), 2, "{setting:?}: the one who asked gets them");
        let second = cache.get(&[]).await;
        assert_eq!(second.is_hit(), stored, "{setting:?}");
        assert_eq!(count(&second), cookies, "{setting:?}");
        assert_eq!(second.header("x-kept"), Some("3"), "{setting:?}");
    }
}

#[tokio::test]
async fn a_cookie_that_the_origin_says_to_strip_is_no_reason_to_refuse() {
    for value in [
        "max-age=60, private=\"set-cookie\"",
        "max-age=60, no-cache=\"Set-Cookie\"",
    ] {
        let cache = caching(&[("cache-control", value), ("set-cookie", "a=1")]);
        cache.get(&[]).await;
        let second = cache.get(&[]).await;
        if second.is_hit() {
            assert_eq!(second.header("set-cookie"), None, "{value}");
        }
    }
}

#[tokio::test]
async fn a_cookie_set_while_validating_reaches_only_the_one_who_asked() {
    for setting in [SetCookie::Refuse, SetCookie::Strip] {
        let origin = Origin::new(|asked| {
            let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
            if asked.headers().contains_key("if-none-match") {
                let with_cookie = [&fields[..], &[("set-cookie", "mine=1")]].concat();
                respond(StatusCode::NOT_MODIFIED, &with_cookie, "")
            } else {
                respond(StatusCode::OK, &fields, "body")
            }
        });
        let cache = Cache::with(origin, |layer| layer.set_cookie(setting));
        cache.get(&[]).await;
        cache.advance(100);
        let own = cache.get(&[]).await;
        assert_eq!((own.status.as_u16(), own.body.as_str()), (200, "body"));
        assert_eq!(own.header("set-cookie"), Some("mine=1"), "{setting:?}");
        let other = cache.get(&[]).await;
        let served_cookie = other.is_hit() && other.header("set-cookie").is_some();
        assert!(!served_cookie, "{setting:?}");
    }
}

#[tokio::test]
async fn no_default_and_no_heuristic_applies_to_cookies() {
    let modified = date(-1_000_000);
    for fields in [&[][..], &[("last-modified", modified.as_str())]] {
        let cache = Cache::with(answering(200, fields), with_defaults);
        assert_eq!(asked_twice(&cache, COOKIE, COOKIE).await, 2, "{fields:?}");
        assert_eq!(asked_twice(&cache, COOKIE, &[]).await, 2, "{fields:?}");
        // What is stored now is a guess, which does not answer one with a cookie.
        assert_eq!(asked_twice(&cache, COOKIE, &[]).await, 1, "{fields:?}");
    }
}

#[tokio::test]
async fn what_says_itself_that_it_is_fresh_is_shared_despite_cookies() {
    let soon = date(60);
    for fields in [
        &[("cache-control", "max-age=60")][..],
        &[("cache-control", "s-maxage=60")],
        &[("expires", &soon)],
    ] {
        for (first, second) in [(COOKIE, COOKIE), (COOKIE, &[][..]), (&[][..], COOKIE)] {
            let calls = asked_twice(&caching(fields), first, second).await;
            assert_eq!(calls, 1, "{fields:?}: {first:?}, then {second:?}");
        }
    }
}

#[tokio::test]
async fn public_alone_does_not_let_a_default_or_a_heuristic_share_what_came_with_credentials() {
    let modified = date(-1_000_000);
    let public = [
        ("cache-control", "public"),
        ("last-modified", modified.as_str()),
    ];
    for fields in [&public[..1], &public] {
        for credentials in [COOKIE, BASIC] {
            let cache = Cache::with(answering(200, fields), with_defaults);
            assert_eq!(
                asked_twice(&cache, credentials, credentials).await,
                2,
                "{fields:?}"
            );
        }
    }
}

#[tokio::test]
async fn cookies_can_be_ignored_by_a_named_setting() {
    let set = |layer| with_defaults(layer).danger_ignore_cookies();
    let cache = Cache::with(answering(200, &[]), set);
    let other: Fields<'_> = &[("cookie", "a=other")];
    assert_eq!(asked_twice(&cache, COOKIE, other).await, 1);
    let cache = Cache::with(answering(200, &[]), set);
    assert_eq!(asked_twice(&cache, BASIC, BASIC).await, 2, "only cookies");
}

#[tokio::test]
async fn a_cookie_in_the_key_keeps_its_values_apart_and_allows_defaults() {
    let set = |layer| with_defaults(layer).key(CacheKey::new().cookie("lang"));
    for (first, second, calls) in [
        ("lang=de", "lang=de", 1),
        ("lang=de", "lang=en", 2),
        ("lang=de", "Lang=de", 2),
        ("lang=de", "", 2),
        ("", "lang=", 2),
        ("lang=de;lang=en", "lang=de", 2),
        ("lang=de;lang=en", "lang=en", 2),
        ("lang=de;lang=en", "lang=en;lang=de", 2),
        ("lang=de; other=1", "lang=de; other=1", 2),
        ("lang=de", "lang=de; other=1", 2),
    ] {
        let cache = Cache::with(answering(200, &[]), set);
        let cookie = |value: &'static str| {
            let field = [("cookie", value)];
            if value.is_empty() {
                Vec::new()
            } else {
                field.to_vec()
            }
        };
        let found = asked_twice(&cache, &cookie(first), &cookie(second)).await;
        assert_eq!(found, calls, "{first:?}, then {second:?}");
    }
    let cache = Cache::with(answering(200, &[]), set);
    let lines: Fields<'_> = &[("cookie", "lang=de"), ("cookie", "other=1")];
    assert_eq!(
        asked_twice(&cache, lines, lines).await,
        2,
        "the second line counts"
    );
}

#[tokio::test]
async fn a_cookie_that_a_layer_owns_does_not_count_until_it_is_used() {
    let owning = |cookies: &'static str, names: &[&'static str]| {
        let mut request = request("GET", &[("cookie", cookies)]);
        for name in names {
            OwnedCookie::declare(request.extensions_mut(), *name);
        }
        request
    };
    for (cookies, names, calls) in [
        ("sid=1", &["sid"][..], 1),
        ("sid=1; device=2", &["sid", "device"], 1),
        ("sid=1; other=2", &["sid"], 2),
        ("sid=1", &[], 2),
        ("SID=1", &["sid"], 2),
        ("sid2=1", &["sid"], 2),
        ("other=sid=1", &["sid"], 2),
        ("sid", &["sid"], 2),
    ] {
        let cache = Cache::with(answering(200, &[]), with_defaults);
        cache.send(owning(cookies, names)).await;
        cache.send(owning(cookies, names)).await;
        assert_eq!(cache.origin.calls(), calls, "{cookies}, {names:?}");
    }
}
