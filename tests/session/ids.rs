//! What an id is made of, and that no other one is ever taken (OWASP Session Management Cheat Sheet, ASVS 5.0 V7.2.3).

use std::collections::HashSet;

use tower_keep::SessionLayer;

use crate::{
    script::{Script, ask, cookie, count},
    support::Browser,
};

/// A well-formed id that was never issued.
const UNKNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The letters of base64url.
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

async fn new_id(app: &crate::support::App) -> String {
    let browser = Browser::new(app);
    browser.get("/set:a:1").await;
    browser.cookie().unwrap()
}

#[tokio::test]
async fn an_id_has_more_than_128_bits_in_letters_that_need_no_escape() {
    let app = Script::default().app(&SessionLayer::new());
    let mut seen = HashSet::new();
    let mut at: Vec<HashSet<char>> = vec![HashSet::new(); 27];
    for _ in 0..500 {
        let id = new_id(&app).await;
        assert_eq!(id.len(), 27, "{id}");
        assert!(id.chars().all(|letter| LETTERS.contains(letter)), "{id}");
        at.iter_mut().zip(id.chars()).for_each(|(seen, letter)| {
            seen.insert(letter);
        });
        assert!(seen.insert(id));
    }
    // 26 letters of 6 bits and one of 4: each is any of them. Of 500 draws all 64 are missing some with the
    // probability 0.02; that twenty are missing is not to be seen.
    for (place, letters) in at.iter().enumerate() {
        let at_least = if place == 26 { 12 } else { 44 };
        assert!(letters.len() >= at_least, "{place}: {}", letters.len());
    }
}

/// What clients may make up, and what it is counted as.
fn presented() -> Vec<(&'static str, String)> {
    let both = format!("{}; {}", cookie(UNKNOWN), cookie(UNKNOWN));
    let oversized = cookie(&"A".repeat(5_000));
    vec![
        ("unknown", cookie(UNKNOWN)),
        ("malformed", cookie("1")),
        ("malformed", cookie("")),
        ("malformed", cookie(&UNKNOWN[1..])),
        ("malformed", cookie(&format!("{UNKNOWN}A"))),
        ("malformed", cookie(&format!("\"{UNKNOWN}\""))),
        ("malformed", cookie("../../../../etc/passwd-----")),
        // Bits beyond the last byte, which base64 leaves over.
        ("malformed", cookie("AAAAAAAAAAAAAAAAAAAAAAAAAAB")),
        ("oversized", oversized),
        ("repeated", both),
    ]
}

#[tokio::test]
async fn what_was_not_issued_is_never_adopted() {
    for (_, field) in presented() {
        for first in ["", "/clear", "/get:a", "/remove:a", "/rotate"] {
            let script = Script::default();
            let app = script.app(&SessionLayer::new());
            let fields = [("cookie", field.as_str())];
            let answer = ask(&app, &format!("{first}/set:a:1"), &fields).await;
            let lines = answer.set_cookies();
            assert_eq!(lines.len(), 1, "{first} with {field}");
            assert!(!lines[0].contains(UNKNOWN), "{first} with {field}");
            assert_eq!(ask(&app, "/get:a", &fields).await.text, "-", "{field}");
        }
    }
}

#[tokio::test]
async fn a_login_does_not_adopt_it_either() {
    for (_, field) in presented() {
        let layer = SessionLayer::new();
        let app = Script::default().app(&layer);
        let fields = [("cookie", field.as_str())];
        let answer = ask(&app, "/login:u1", &fields).await;
        assert!(!answer.set_cookies()[0].contains(UNKNOWN), "{field}");
        assert_eq!(ask(&app, "/user", &fields).await.text, "-", "{field}");
    }
}

#[tokio::test]
async fn an_id_whose_session_has_ended_is_not_used_again() {
    let app = Script::default().app(&SessionLayer::new());
    let browser = Browser::new(&app);
    browser.get("/login:u1").await;
    let dead = browser.stolen();
    browser.get("/logout").await;
    let answer = dead.get("/clear/set:a:1").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_ne!(dead.cookie(), browser.stolen().cookie());
    let old = dead.stolen();
    assert_eq!(
        old.get("/get:a").await.text,
        "1",
        "the new one is another's"
    );
    assert_eq!(old.get("/user").await.text, "-");
}

#[tokio::test]
async fn what_is_refused_is_counted_by_its_reason() {
    for (why, field) in presented() {
        let layer = SessionLayer::new();
        let app = Script::default().app(&layer);
        ask(&app, "/say:hello", &[("cookie", &field)]).await;
        assert_eq!(layer.stats().refused, [], "nobody has asked for a session");
        ask(&app, "/get:a/get:b", &[("cookie", &field)]).await;
        let refused = layer.stats().refused;
        assert_eq!((count(&refused, why), refused.len()), (1, 1), "{field}");
    }
}

#[tokio::test]
async fn guesses_are_counted_by_the_minute() {
    let time = tower_keep::test_util::ManualClock::new();
    let layer = SessionLayer::new().clock(time.clock());
    let app = Script::default().app(&layer);
    for _ in 0..3 {
        ask(&app, "/get:a", &[("cookie", &cookie(UNKNOWN))]).await;
    }
    assert_eq!(layer.stats().unknown_last_minute, 3);
    time.advance(std::time::Duration::from_secs(120));
    assert_eq!(layer.stats().unknown_last_minute, 0);
    assert_eq!(count(&layer.stats().refused, "unknown"), 3);
}

#[tokio::test]
async fn a_request_with_somebody_elses_cookies_finds_its_own() {
    let app = Script::default().app(&SessionLayer::new());
    let id = new_id(&app).await;
    let fields = [
        ("cookie", "a=b; __host-id=x; id=y; __Host-id2=z"),
        ("cookie", &*cookie(&id)),
    ];
    assert_eq!(ask(&app, "/get:a", &fields).await.text, "1");
}
