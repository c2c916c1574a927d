//! New ids: at a login, on demand, and by the way (ASVS 5.0, V7.2.4).

use std::time::Duration;

use http::StatusCode;
use tower_keep::{SessionLayer, session::MemorySessions, test_util::ManualClock};

use crate::{script::Script, support::Browser};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

fn shop() -> (Script, SessionLayer, Browser) {
    let (script, layer) = (Script::default(), SessionLayer::new());
    let browser = Browser::new(&script.app(&layer));
    (script, layer, browser)
}

/// Sessions that get another id every ten minutes.
fn renewing() -> (ManualClock, Script, SessionLayer, Browser) {
    let time = ManualClock::new();
    let store = MemorySessions::new().clock(time.clock());
    let layer = SessionLayer::with_store(store).renew_every(10 * MINUTE);
    let script = Script::default();
    let browser = Browser::new(&script.app(&layer));
    (time, script, layer, browser)
}

#[tokio::test]
async fn a_login_changes_the_id_keeps_the_values_and_kills_the_old_id() {
    let (_, layer, browser) = shop();
    browser.get("/set:a:1").await;
    let planted = browser.stolen();
    let answer = browser.get("/login:u1").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_ne!(browser.cookie(), planted.cookie());
    assert_eq!(planted.get("/user/get:a").await.text, "- -");
    assert_eq!(browser.get("/user/get:a").await.text, "u1 1");
    assert_eq!(layer.devices().population().await.unwrap().users, 1);
}

#[tokio::test]
async fn the_old_id_is_dead_at_a_login_although_there_is_a_grace() {
    let (_, _, _, browser) = renewing();
    browser.get("/set:a:1").await;
    for step in ["/login:u1", "/login:u1", "/rotate", "/login:u2"] {
        let old = browser.stolen();
        browser.get(step).await;
        assert_ne!(browser.cookie(), old.cookie(), "{step}");
        assert_eq!(old.get("/user/get:a").await.text, "- -", "{step}");
    }
}

#[tokio::test]
async fn another_user_finds_nothing_of_the_one_before() {
    let (_, layer, browser) = shop();
    browser.get("/login:u1/set:a:1/flash:f:1").await;
    browser.get("/login:u2").await;
    assert_eq!(browser.get("/user/get:a/take:f").await.text, "u2 - -");
    assert!(layer.devices().of(&"u1".into()).await.unwrap().is_empty());
    browser.get("/login:u3/set:a:2").await;
    let answer = browser.get("/login:u4/get:a/commit/get:a").await;
    assert_eq!(answer.text, "- -", "in the same request too");
}

#[tokio::test]
async fn a_5xx_after_a_new_id_loses_nothing() {
    for step in ["rotate", "login:u1"] {
        let (_, _, browser) = shop();
        browser.get("/set:a:1").await;
        let answer = browser
            .get(&format!("/{step}/set:b:2/status:500/say:failed"))
            .await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.text, "failed", "the response is the handler's");
        assert_eq!(browser.get("/get:a/get:b").await.text, "1 2", "{step}");
    }
}

#[tokio::test]
async fn a_service_that_fails_or_a_client_that_hangs_up_leaves_the_old_id_as_it_was() {
    for step in ["rotate", "login:u1"] {
        let (script, layer, browser) = shop();
        browser.get("/set:a:1").await;
        let failed = browser.send(&format!("/{step}/set:b:2/error")).await;
        assert!(failed.is_err());
        assert_eq!(browser.get("/get:a/get:b/user").await.text, "1 - -");

        let on_its_way = tokio::spawn(browser.send(&format!("/{step}/set:b:2/wait:gate")));
        script.reached("gate").await;
        on_its_way.abort();
        assert!(on_its_way.await.unwrap_err().is_cancelled());
        assert_eq!(browser.get("/get:a/get:b/user").await.text, "1 - -");
        assert_eq!(layer.devices().population().await.unwrap().sessions, 1);
    }
}

#[tokio::test]
async fn a_visitor_without_a_session_gets_no_id_by_rotation() {
    let (_, layer, browser) = shop();
    assert!(browser.get("/rotate").await.set_cookies().is_empty());
    assert_eq!(layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn a_slow_request_saves_to_the_session_under_its_new_id() {
    for then in ["set:b:2", "append:b:2"] {
        let (script, _, browser) = shop();
        browser.get("/set:a:1").await;
        let slow_tab = browser.stolen();
        let on_its_way = tokio::spawn(slow_tab.send(&format!("/get:a/wait:gate/{then}")));
        script.reached("gate").await;
        browser.get("/rotate/set:c:3").await;
        script.open("gate");
        let answer = slow_tab.keep(on_its_way.await.unwrap().unwrap());
        assert!(answer.set_cookies().is_empty(), "it tells nobody the id");
        assert_eq!(browser.get("/get:a/get:b/get:c").await.text, "1 2 3");
    }
}

#[tokio::test]
async fn a_slow_request_saves_nothing_to_what_is_a_users_by_now_and_takes_no_cookie_away() {
    let (script, _, browser) = shop();
    browser.get("/set:a:1").await;
    let slow_tab = browser.stolen();
    let on_its_way = tokio::spawn(slow_tab.send("/get:a/wait:gate/set:a:2"));
    script.reached("gate").await;
    browser.get("/login:u1").await;
    script.open("gate");
    let answer = browser.keep(on_its_way.await.unwrap().unwrap());
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.get("/user/get:a").await.text, "u1 1");
}

#[tokio::test]
async fn two_requests_that_rotate_at_the_same_time_lose_nothing() {
    let (script, layer, browser) = shop();
    browser.get("/set:a:1/login:u1").await;
    let tabs = [browser.stolen(), browser.stolen()];
    let sent = tabs
        .each_ref()
        .map(|tab| tab.send("/get:a/wait:gate/add:n/rotate"))
        .map(tokio::spawn);
    for _ in 0..2 {
        script.reached("gate").await;
    }
    script.open("gate");
    script.open("gate");
    let mut alive = 0;
    for (tab, sent) in tabs.iter().zip(sent) {
        assert_eq!(tab.keep(sent.await.unwrap().unwrap()).status, 200);
        alive += u32::from(tab.get("/user/get:a/get:n").await.text == "u1 1 2");
    }
    assert_eq!(alive, 1, "the one that was last");
    assert_eq!(layer.devices().of(&"u1".into()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_uses_a_session_for_long_gets_another_id_by_the_way() {
    let (time, _, layer, browser) = renewing();
    browser.get("/set:a:1").await;
    time.advance(10 * MINUTE - SECOND);
    assert!(browser.get("/get:a").await.set_cookies().is_empty());
    time.advance(SECOND);
    assert!(browser.get("/say:x").await.set_cookies().is_empty());
    let answer = browser.get("/get:a").await;
    assert_eq!((answer.text.as_str(), answer.set_cookies().len()), ("1", 1));
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(browser.get("/get:a").await.text, "1");
    assert_eq!(layer.stats().renewed, 1);
}

#[tokio::test]
async fn requests_on_their_way_find_the_session_for_the_grace_and_not_longer() {
    let (time, script, layer, browser) = renewing();
    browser.get("/set:a:1").await;
    let old = browser.stolen();
    time.advance(10 * MINUTE);
    let slow_tab = browser.stolen();
    let on_its_way = tokio::spawn(slow_tab.send("/get:a/wait:gate/set:b:2"));
    script.reached("gate").await;
    browser.get("/get:a").await;
    assert_eq!(old.get("/get:a").await.text, "1", "not confirmed yet");
    browser.get("/get:a").await;
    script.open("gate");
    on_its_way.await.unwrap().unwrap();
    time.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(old.get("/get:a/get:b").await.text, "1 2");
    time.advance(Duration::from_millis(1));
    assert_eq!(old.get("/get:a").await.text, "-", "the grace is over");
    assert_eq!(browser.get("/get:a/get:b").await.text, "1 2");
    assert_eq!(layer.stats().renewed, 1);
}

/// A phone in a tunnel: the answer with the new id never arrives.
#[tokio::test]
async fn a_client_that_never_got_its_new_id_is_not_logged_out() {
    let (time, _, layer, browser) = renewing();
    browser.get("/login:u1/set:a:1").await;
    for round in 0..4 {
        time.advance(10 * MINUTE);
        let lost = browser.send("/get:a").await.unwrap();
        assert_eq!(lost.headers().get_all("set-cookie").iter().count(), 1);
        time.advance(5 * MINUTE);
        assert_eq!(
            browser.send("/user/get:a").await.unwrap().body(),
            "u1 1",
            "round {round}"
        );
    }
    let old = browser.stolen();
    time.advance(10 * MINUTE);
    browser.get("/get:a").await;
    browser.get("/get:a").await;
    time.advance(MINUTE);
    assert_eq!(old.get("/get:a").await.text, "-");
    assert_eq!(browser.get("/user/get:a").await.text, "u1 1");
    assert_eq!(layer.devices().of(&"u1".into()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_logout_with_the_old_id_in_the_grace_ends_the_session() {
    let (time, _, layer, browser) = renewing();
    browser.get("/login:u1").await;
    let old = browser.stolen();
    time.advance(10 * MINUTE);
    browser.get("/user").await;
    old.get("/logout").await;
    assert_eq!(browser.get("/user").await.text, "-");
    assert_eq!(layer.devices().population().await.unwrap().users, 0);
}

#[tokio::test]
async fn of_two_requests_at_the_same_time_one_renews() {
    let (time, script, layer, browser) = renewing();
    browser.get("/set:a:1").await;
    time.advance(10 * MINUTE);
    let sent = ["/get:a/wait:gate/add:n", "/get:a/wait:gate/add:n"]
        .map(|path| tokio::spawn(browser.send(path)));
    for _ in 0..2 {
        script.reached("gate").await;
        script.open("gate");
    }
    let mut lines = 0;
    for sent in sent {
        lines += browser
            .keep(sent.await.unwrap().unwrap())
            .set_cookies()
            .len();
    }
    assert_eq!((lines, layer.stats().renewed), (1, 1));
    assert_eq!(browser.get("/get:a/get:n").await.text, "1 2");
}

/// The note that it has moved leads to another note.
#[tokio::test]
async fn a_slow_request_saves_to_a_session_that_has_moved_several_times() {
    let (script, layer, browser) = shop();
    browser.get("/set:a:1/login:u1").await;
    let slow_tab = browser.stolen();
    let on_its_way = tokio::spawn(slow_tab.send("/get:a/wait:gate/set:b:2"));
    script.reached("gate").await;
    for _ in 0..3 {
        browser.get("/rotate").await;
    }
    script.open("gate");
    let answer = browser.keep(on_its_way.await.unwrap().unwrap());
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.get("/user/get:a/get:b").await.text, "u1 1 2");
    assert_eq!(layer.stats().failed, []);
}

/// Its response arrives after that of the login, and a new id in it would take the place of the user's.
#[tokio::test]
async fn a_request_that_a_login_has_overtaken_makes_no_session_of_its_own() {
    let time = ManualClock::new();
    let store = MemorySessions::new().clock(time.clock());
    let layer = SessionLayer::with_store(store);
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/set:a:1").await;
    let overtaken = browser.stolen();
    browser.get("/login:u1").await;

    let answer = overtaken.get("/set:b:2").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(overtaken.get("/login:u1/say:in").await.text, "in");

    let late = Browser::new(&Script::default().app(&layer));
    browser.get("/login:u2").await;
    late.set_cookie(&browser.cookie().unwrap());
    browser.get("/rotate").await;
    time.advance(Duration::from_secs(10));
    assert_eq!(
        late.get("/set:b:2/get:b").await.text,
        "2",
        "a session of its own"
    );
}
