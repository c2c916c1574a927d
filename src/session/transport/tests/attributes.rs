use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{super::*, id};
use crate::duration::{days, hours};

/// The attributes of a `Set-Cookie`, in lower case, as a browser reads them.
fn attributes((name, value): &(HeaderName, HeaderValue)) -> BTreeMap<String, String> {
    assert_eq!(name, header::SET_COOKIE);
    let parts = value.to_str().unwrap().split(';').skip(1);
    let pairs = parts.map(|part| part.trim().split_once('=').unwrap_or((part.trim(), "")));
    let pairs: Vec<_> = pairs
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let count = pairs.len();
    let attributes: BTreeMap<_, _> = pairs.into_iter().collect();
    assert_eq!(attributes.len(), count, "each once");
    attributes
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.into()
}

const GUARDED: [(&str, &str); 4] = [
    ("secure", ""),
    ("httponly", ""),
    ("path", "/"),
    ("samesite", "Lax"),
];

fn announced(cookie: SessionCookie, max_age: Option<Duration>) -> BTreeMap<String, String> {
    attributes(&Transport::cookie(cookie).announce(&id(), max_age))
}

#[test]
fn the_default_is_a_host_cookie_with_every_guard_and_nothing_else() {
    let transport = Transport::cookie(SessionCookie::new());
    let id = id();

    let announced = transport.announce(&id, None);

    assert_eq!(attributes(&announced), pairs(GUARDED));
    let value = announced.1.to_str().unwrap();
    assert!(value.starts_with(&format!("__Host-id={};", id.to_text())));
    assert_eq!(transport.cookie_name().unwrap().as_ref(), "__Host-id");
    assert!(!transport.persists());
}

#[test]
fn each_attribute_is_as_it_was_set() {
    let cookie = SessionCookie::new().named("__Secure-app").unwrap();
    let cookie = cookie.path("/app").unwrap().domain("app.example").unwrap();
    let cookie = cookie.same_site(SameSite::None).unwrap().persist();

    assert!(cookie.persists());
    let expected = pairs([
        ("secure", ""),
        ("httponly", ""),
        ("path", "/app"),
        ("domain", "app.example"),
        ("samesite", "None"),
        ("max-age", "3600"),
    ]);
    assert_eq!(announced(cookie, Some(hours(1))), expected);

    let strict = SessionCookie::new().same_site(SameSite::Strict).unwrap();
    assert_eq!(announced(strict, None)["samesite"], "Strict");
}

#[test]
fn a_cookie_lives_400_days_at_most() {
    let longest = days(400).as_secs().to_string();
    for asked in [days(400), days(401), Duration::MAX] {
        let attributes = announced(SessionCookie::new(), Some(asked));
        assert_eq!(attributes["max-age"], longest, "{asked:?}");
    }
}

#[test]
fn a_removal_repeats_what_the_cookie_was_set_with() {
    let wide = SessionCookie::new().named("__Secure-app").unwrap();
    let wide = wide.path("/app").unwrap().domain("app.example").unwrap();
    for cookie in [SessionCookie::new(), wide] {
        let transport = Transport::cookie(cookie.clone());
        let mut expected = announced(cookie, None);
        expected.insert("max-age".to_owned(), "0".to_owned());

        let removal = transport.retract().unwrap();

        assert_eq!(attributes(&removal), expected);
        let empty = format!("{}=;", transport.cookie_name().unwrap());
        assert!(removal.1.to_str().unwrap().starts_with(&empty));
    }
}

#[test]
fn without_tls_the_cookie_loses_its_guard_and_its_prefix_and_nothing_else() {
    let cookie = SessionCookie::new().danger_insecure().unwrap();
    assert_eq!(cookie.name().as_ref(), "id");
    let expected = pairs([("httponly", ""), ("path", "/"), ("samesite", "Lax")]);
    assert_eq!(announced(cookie, None), expected);
}

#[test]
fn names_with_a_prefix_demand_what_browsers_demand_of_them() {
    use InvalidCookie::{HostPrefix, InsecureSameSiteNone, SecurePrefix};
    let insecure = || SessionCookie::new().danger_insecure().unwrap();
    let refused = |cookie: Result<SessionCookie, InvalidCookie>| cookie.unwrap_err();

    for name in ["__Host-a", "__host-a", "__HOST-Http-a"] {
        assert_eq!(refused(insecure().named(name)), HostPrefix, "{name}");
        let cookie = SessionCookie::new().named(name).unwrap();
        assert_eq!(refused(cookie.clone().path("/app")), HostPrefix);
        assert_eq!(refused(cookie.clone().domain("app.example")), HostPrefix);
        assert_eq!(refused(cookie.clone().danger_insecure()), HostPrefix);
        assert!(cookie.path("/").is_ok());
    }
    for name in ["__Secure-a", "__sEcUrE-a", "__Http-a"] {
        assert_eq!(refused(insecure().named(name)), SecurePrefix, "{name}");
        let cookie = SessionCookie::new().named(name).unwrap();
        assert_eq!(refused(cookie.clone().danger_insecure()), SecurePrefix);
        assert!(cookie.path("/app").is_ok());
    }
    assert_eq!(
        refused(insecure().same_site(SameSite::None)),
        InsecureSameSiteNone
    );
    let everywhere = SessionCookie::new().same_site(SameSite::None).unwrap();
    assert_eq!(refused(everywhere.danger_insecure()), InsecureSameSiteNone);
}

#[test]
fn what_browsers_would_not_take_is_refused_at_once() {
    let cookie = SessionCookie::new().named("id").unwrap();
    for name in ["", "a b", "a=b", "a;b", "a\"", "ä", "a\n"] {
        let refused = cookie.clone().named(name).unwrap_err();
        assert_eq!(refused, InvalidCookie::Name, "{name:?}");
    }
    let long = "/".repeat(1025);
    for path in ["", "app", "/a;b", "/a\n", "/ä", "/a ", long.as_str()] {
        let refused = cookie.clone().path(path).unwrap_err();
        assert_eq!(refused, InvalidCookie::Path, "{path:?}");
    }
    for domain in [
        "",
        ".app.example",
        "app.example.",
        "a..b",
        "-a.b",
        "a b",
        "a;b",
        "ä.b",
    ] {
        let refused = cookie.clone().domain(domain).unwrap_err();
        assert_eq!(refused, InvalidCookie::Domain, "{domain:?}");
    }
}

#[test]
fn a_name_leaves_room_for_the_longest_id() {
    let longest = "n".repeat(4096 - 76);
    let cookie = SessionCookie::new().named(&longest).unwrap();
    let encrypted = Transport::cookie(cookie.encrypted(super::keys(1)));
    assert_eq!(super::sent(&encrypted, &id()).len(), 4096 + "=".len());

    let longer = SessionCookie::new().named(&format!("{longest}n"));
    assert_eq!(longer.unwrap_err(), InvalidCookie::LongName);
}

proptest! {
    #[test]
    fn whatever_is_accepted_makes_one_attribute_each(
        name in "[_A-Za-z%=; -]{0,12}", path: String, domain: String, tail in "[ -~]{0,20}",
    ) {
        let mut cookie = SessionCookie::new().named("id").unwrap();
        if let Ok(named) = cookie.clone().named(&name) {
            cookie = named;
        }
        for path in [path, format!("/{tail}")] {
            if let Ok(set) = cookie.clone().path(path) {
                cookie = set;
            }
        }
        for domain in [domain, tail] {
            if let Ok(set) = cookie.clone().domain(&domain) {
                cookie = set;
            }
        }
        let (path, domain) = (cookie.clone(), format!("{cookie:?}"));
        let attributes = announced(path, None);
        prop_assert_eq!(attributes.len(), 4 + usize::from(domain.contains("domain: Some")));
        prop_assert!(attributes["path"].starts_with('/'));
    }
}
