//! What responses tell browsers and caches (6265bis; RFC 9111, section 7.3).

use std::collections::BTreeSet;

use tower_keep::{
    SessionLayer,
    session::{SameSite, SessionCookie},
};

use crate::{script::Script, support::Browser};

fn browser(layer: &SessionLayer) -> Browser {
    Browser::new(&Script::default().app(layer))
}

/// The parts of a `Set-Cookie`, without the value and the number of `Max-Age`.
fn attributes(line: &str) -> BTreeSet<String> {
    let mut parts = line.split("; ");
    let (name, _) = parts.next().unwrap().split_once('=').unwrap();
    let attributes = parts.map(|part| match part.split_once('=') {
        Some(("Max-Age", _)) => "Max-Age".to_owned(),
        _ => part.to_owned(),
    });
    attributes.chain([name.to_owned()]).collect()
}

fn set(parts: &[&str]) -> BTreeSet<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

fn max_age(line: &str) -> Option<u64> {
    let age = line
        .split("; ")
        .find_map(|part| part.strip_prefix("Max-Age="))?;
    Some(age.parse().unwrap())
}

const SAFE: [&str; 5] = ["__Host-id", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"];

#[tokio::test]
async fn the_cookie_is_as_safe_as_browsers_can_make_it_and_ends_with_them() {
    let browser = browser(&SessionLayer::new());
    for path in ["/set:a:1", "/rotate", "/login:u1"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.set_cookies().len(), 1, "{path}");
        assert_eq!(attributes(answer.set_cookies()[0]), set(&SAFE), "{path}");
    }
}

#[tokio::test]
async fn the_removal_repeats_the_attributes() {
    let with_age = [&SAFE[..], &["Max-Age"]].concat();
    let browser = browser(&SessionLayer::new());
    browser.get("/set:a:1").await;
    let answer = browser.get("/logout").await;
    let line = answer.set_cookies()[0];
    assert_eq!(attributes(line), set(&with_age));
    assert_eq!(max_age(line), Some(0));
    assert!(line.starts_with("__Host-id=;"));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn every_attribute_is_as_it_was_asked_for_in_setting_and_removal() {
    let cookie = SessionCookie::new().named("__Secure-shop").unwrap();
    let cookie = cookie.path("/shop").unwrap().domain("example.com").unwrap();
    let cookie = cookie.same_site(SameSite::Strict).unwrap().persist();
    let layer = SessionLayer::new().cookie(cookie);
    let expected = set(&[
        "__Secure-shop",
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
        "Path=/shop",
        "Domain=example.com",
        "Max-Age",
    ]);
    let browser = browser(&layer);
    for path in ["/login:u1", "/logout"] {
        let answer = browser.get(path).await;
        assert_eq!(attributes(answer.set_cookies()[0]), expected, "{path}");
    }
}

#[tokio::test]
async fn a_cookie_for_development_is_asked_for_by_a_name_that_warns() {
    let cookie = SessionCookie::new().danger_insecure().unwrap();
    let browser = browser(&SessionLayer::new().cookie(cookie));
    let answer = browser.get("/set:a:1").await;
    let expected = set(&["id", "HttpOnly", "SameSite=Lax", "Path=/"]);
    assert_eq!(attributes(answer.set_cookies()[0]), expected);
    assert_eq!(browser.get("/get:a").await.text, "1");
}

#[tokio::test]
async fn a_cookie_that_persists_does_so_for_the_rest_of_the_session_and_400_days_at_most() {
    const DAY: u64 = 86_400;
    let days = |days: u64| std::time::Duration::from_secs(days * DAY);
    let layer = || SessionLayer::new().cookie(SessionCookie::new().persist());
    for (layer, expected) in [
        (layer(), DAY),
        (layer().absolute_timeout(days(30)), 30 * DAY),
        (layer().absolute_timeout(days(500)), 400 * DAY),
        (layer().danger_without_absolute_timeout(), 400 * DAY),
    ] {
        let answer = browser(&layer).get("/set:a:1").await;
        assert_eq!(max_age(answer.set_cookies()[0]), Some(expected));
    }
}

#[tokio::test]
async fn to_be_remembered_is_also_a_wish_of_one_session() {
    let browser = browser(&SessionLayer::new());
    let answer = browser.get("/login:u1/persist").await;
    assert_eq!(max_age(answer.set_cookies()[0]), Some(86_400));
    let answer = browser.get("/rotate").await;
    assert!(max_age(answer.set_cookies()[0]).is_some_and(|age| age <= 86_400));
}

#[tokio::test]
async fn a_session_that_is_to_be_remembered_later_is_told_its_id_once_more() {
    let browser = browser(&SessionLayer::new());
    browser.get("/login:u1").await;
    let id = browser.cookie();
    let answer = browser.get("/persist").await;
    assert_eq!(browser.cookie(), id);
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(max_age(answer.set_cookies()[0]).is_some());
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(
        browser.get("/persist").await.set_cookies().is_empty(),
        "it is known"
    );
    assert_eq!(browser.get("/persist/rotate").await.set_cookies().len(), 1);
    browser.get("/persist/logout").await;
    assert_eq!(browser.cookie(), None);
}

#[tokio::test]
async fn a_response_with_the_id_is_kept_by_nobody_whatever_the_handler_says() {
    for step in ["set:a:1", "login:u1", "set:a:1/logout"] {
        let browser = browser(&SessionLayer::new());
        browser.set_cookie("AAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let path = format!("/{step}/header:cache-control:public,max-age=600");
        let answer = browser.get(&path).await;
        assert_eq!(answer.set_cookies().len(), 1, "{step}");
        let lines = answer.headers.get_all("cache-control").iter();
        assert!(lines.eq(["no-store"]), "{step}");
    }
}

#[tokio::test]
async fn a_response_that_depends_on_the_session_is_private_and_varies() {
    let browser = browser(&SessionLayer::new());
    browser.get("/set:a:1").await;
    for step in ["get:a", "set:a:1", "set:b:2", "user", "get:none"] {
        let path = format!("/header:cache-control:public,s-maxage=600/{step}");
        let answer = browser.get(&path).await;
        assert_eq!(answer.headers["cache-control"], "private", "{step}");
        assert_eq!(answer.headers["vary"], "cookie", "{step}");
    }
    let answer = browser.get("/header:cache-control:max-age=60/get:a").await;
    assert_eq!(answer.headers["cache-control"], "private, max-age=60");
    let answer = browser.get("/header:vary:Accept,Cookie/get:a").await;
    assert_eq!(answer.headers["vary"], "Accept,Cookie");
    let answer = browser
        .get("/header:cache-control:public,max-age=60/say:x")
        .await;
    assert_eq!(answer.headers["cache-control"], "public,max-age=60");
    assert!(!answer.headers.contains_key("vary"));
}
