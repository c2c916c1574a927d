//! The cookie itself.

use super::*;

#[tokio::test]
async fn a_change_of_keys_loses_nobodys_data_and_uses_the_new_one() {
    let world = World::new();
    world.get("/set/a").await;
    let both = app(&layer(keys(2).or(keys(1)), &world.clock), keeper);
    let browser = at(&both, &world.browser);
    assert_eq!(browser.get("/read").await.text, r#"Some("a")"#);
    browser.get("/set/b").await;
    let new = app(&layer(keys(2), &world.clock), keeper);
    let browser = at(&new, &browser);
    assert_eq!(browser.get("/read").await.text, r#"Some("b")"#);
}

#[tokio::test]
async fn what_was_tampered_with_moved_or_repeated_is_no_session() {
    let world = World::new();
    world.get("/set/a").await;
    let cookie = world.browser.cookie().unwrap();
    for at in [0, cookie.len() / 2, cookie.len() - 3] {
        let letter = if cookie[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        let mut tampered = cookie.clone();
        tampered.replace_range(at..=at, letter);
        world.browser.set_cookie(&tampered);
        world.reads(None).await;
    }
    for other in [
        format!("{cookie}; __Host-id={cookie}"),
        format!("\"{cookie}\""),
        format!("{cookie}{}", "A".repeat(4096)),
        String::new(),
    ] {
        world.browser.set_cookie(&other);
        world.reads(None).await;
    }
    let other_name = SessionCookie::new().named("__Host-other").unwrap();
    let other = layer(keys(1), &world.clock).cookie(other_name);
    let written = Browser::new(&app(&other, keeper)).get("/set/moved").await;
    let moved = written.set_cookies()[0].split([';', '=']).nth(1).unwrap();
    world.browser.set_cookie(moved);
    world.reads(None).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once_and_the_rest_is_kept() {
    let world = World::new();
    let answer = world.get("/huge").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "done")
    );
    world.reads(Some("before")).await;
}

#[tokio::test]
async fn the_largest_cookie_is_as_large_as_browsers_keep_and_is_read_again() {
    let world = World::new();
    let fits = |length: usize| {
        let value = "x".repeat(length);
        let world = &world;
        async move {
            let status = world.get(&format!("/set/{value}")).await.status;
            status == StatusCode::OK
        }
    };
    let mut length = 2_900;
    while length < 4_000 && fits(length + 1).await {
        length += 1;
    }
    let cookie = world.browser.cookie().unwrap();
    let size = "__Host-id".len() + cookie.len();
    assert!((4_093..=4_096).contains(&size), "{size}");
    world.reads(Some(&"x".repeat(length))).await;
}

#[tokio::test]
async fn the_cookie_is_guarded_and_named_apart_from_that_of_other_sessions() {
    let layer = CookieSessionLayer::new(keys(1));
    let browser = Browser::new(&app(&layer, keeper));
    let written = browser.get("/set/a").await;
    let line = written.set_cookies()[0];
    assert!(line.starts_with("__Host-data="), "{line}");
    for attribute in ["; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
        assert!(line.contains(attribute), "{line}");
    }
    assert!(
        !line.contains("Domain") && !line.contains("Max-Age"),
        "{line}"
    );
}

#[tokio::test]
async fn destroying_removes_what_is_no_cookie_of_this_layer_too() {
    let world = World::new();
    world.browser.set_cookie("who knows");
    assert_eq!(world.get("/read").await.set_cookies(), [""; 0]);
    assert_eq!(world.get("/clear").await.set_cookies(), [""; 0]);
    assert_eq!(world.get("/destroy").await.set_cookies().len(), 1);
    assert_eq!(world.browser.cookie(), None);
}
