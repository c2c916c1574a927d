//! After the end of a session nothing brings it back (ASVS 5.0, V7.4.1).

use http::StatusCode;
use tower_keep::SessionLayer;

use crate::{
    script::{Script, count},
    support::Browser,
};

fn shop() -> (Script, SessionLayer, Browser) {
    let (script, layer) = (Script::default(), SessionLayer::new());
    let browser = Browser::new(&script.app(&layer));
    (script, layer, browser)
}

/// A request that has the session before it ends, and goes on after that with `then`.
async fn slow(then: &str, end: &str) -> (SessionLayer, Browser, crate::support::Answer) {
    let (script, layer, browser) = shop();
    browser.get("/set:a:1/login:u1").await;
    let other_tab = browser.stolen();
    let on_its_way = tokio::spawn(other_tab.send(&format!("/get:a/wait:gate/{then}")));
    script.reached("gate").await;
    match end {
        "devices" => {
            let ended = layer.devices().end_all(&"u1".into()).await.unwrap();
            assert_eq!(ended, 1);
        }
        path => {
            browser.get(path).await;
        }
    }
    script.open("gate");
    let answer = other_tab.keep(on_its_way.await.unwrap().unwrap());
    (layer, other_tab, answer)
}

#[tokio::test]
async fn a_slow_request_saves_nothing_after_the_logout() {
    for end in ["/logout", "devices"] {
        for then in ["set:a:2", "add:n", "remove:a", "clear", "rotate", "label:x"] {
            let (layer, other_tab, answer) = slow(then, end).await;
            assert_eq!(answer.status, StatusCode::OK, "its response stands: {then}");
            assert_eq!(other_tab.cookie(), None, "{then}: the cookie is removed");
            assert_eq!(count(&layer.stats().failed, "ended-meanwhile"), 1, "{then}");
            let population = layer.devices().population().await.unwrap();
            assert_eq!(population.sessions, 0, "{then} after {end}");
        }
    }
}

#[tokio::test]
async fn a_slow_request_that_only_reads_changes_nothing_after_the_logout() {
    let (layer, _, answer) = slow("get:a", "/logout").await;
    assert_eq!(answer.text, "1 1");
    assert_eq!(layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn a_commit_after_the_logout_says_so() {
    let (layer, other_tab, answer) = slow("set:a:2/may:commit/get:a/user", "/logout").await;
    assert_eq!(answer.text, "1 ended - -");
    assert_eq!(other_tab.cookie(), None);
    assert_eq!(layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn what_is_written_after_the_end_is_another_sessions() {
    let (layer, other_tab, answer) = slow("set:a:2/may:commit/set:b:3", "/logout").await;
    assert_eq!(answer.text, "1 ended");
    assert_eq!(other_tab.get("/get:a/get:b/user").await.text, "- 3 -");
    assert_eq!(layer.devices().population().await.unwrap().sessions, 1);

    let (_, _, browser) = shop();
    browser.get("/set:a:1/login:u1").await;
    let answer = browser.get("/logout/set:b:3").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(browser.get("/get:a/get:b/user").await.text, "- 3 -");
}

#[tokio::test]
async fn a_slow_login_after_the_logout_is_a_new_session() {
    let (layer, other_tab, answer) = slow("login:u1", "/logout").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(other_tab.get("/user/get:a").await.text, "u1 -");
    assert_eq!(layer.devices().of(&"u1".into()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_logout_ends_the_session_under_whichever_id_it_has_by_then() {
    let (script, layer, browser) = shop();
    browser.get("/login:u1").await;
    let slow_tab = browser.stolen();
    let on_its_way = tokio::spawn(slow_tab.send("/user/wait:gate/logout"));
    script.reached("gate").await;
    for _ in 0..3 {
        browser.get("/rotate").await;
    }
    script.open("gate");
    on_its_way.await.unwrap().unwrap();
    assert_eq!(browser.get("/user").await.text, "-");
    assert_eq!(layer.devices().population().await.unwrap().users, 0);
}

#[tokio::test]
async fn a_logout_holds_when_what_follows_it_fails() {
    for then in ["error", "status:500", "set:a:1/status:500"] {
        let (_, layer, browser) = shop();
        browser.get("/login:u1").await;
        let copy = browser.stolen();
        let _ = browser.send(&format!("/logout/{then}")).await;
        assert_eq!(copy.get("/user").await.text, "-", "{then}");
        assert!(layer.devices().of(&"u1".into()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_logout_holds_when_the_client_hangs_up_afterwards() {
    let (script, layer, browser) = shop();
    browser.get("/login:u1").await;
    let on_its_way = tokio::spawn(browser.send("/set:a:1/logout/wait:gate"));
    script.reached("gate").await;
    on_its_way.abort();
    assert!(on_its_way.await.unwrap_err().is_cancelled());
    assert_eq!(browser.get("/user/get:a").await.text, "- -");
    assert_eq!(layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn the_logout_of_a_visitor_does_nothing_and_sets_no_cookie() {
    let (_, layer, browser) = shop();
    let answer = browser.get("/logout").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn who_has_the_planted_id_can_end_and_change_nothing_of_the_victims_session() {
    let (script, layer, attacker) = shop();
    attacker.get("/set:a:1").await;
    let victim = attacker.stolen();
    let attacks = ["set:a:2", "logout", "rotate", "login:u2", "clear"];
    let mut on_their_way = Vec::new();
    for attack in attacks {
        let path = format!("/get:a/wait:gate/may:{attack}/may:commit");
        on_their_way.push(tokio::spawn(attacker.send(&path)));
        script.reached("gate").await;
    }
    victim.get("/login:u1/set:b:2").await;
    for sent in on_their_way {
        script.open("gate");
        sent.await.unwrap().unwrap();
    }
    assert_eq!(victim.get("/user/get:a/get:b").await.text, "u1 1 2");
    assert_eq!(attacker.get("/user/get:b").await.text, "- -");
    assert_eq!(layer.devices().of(&"u1".into()).await.unwrap().len(), 1);
}
