//! Idle and absolute expiry, by the store's clock (ASVS 5.0, V7.3.1 and V7.3.2).

use std::time::Duration;

use tower_keep::{SessionLayer, session::MemorySessions, test_util::ManualClock};

use crate::{
    script::Script,
    stepped::{Call, Stepped},
    support::Browser,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

struct Shop {
    time: ManualClock,
    script: Script,
    store: Stepped,
    layer: SessionLayer,
    browser: Browser,
}

fn shop(set: impl FnOnce(SessionLayer) -> SessionLayer) -> Shop {
    let time = ManualClock::new();
    let memory = MemorySessions::new().clock(time.clock());
    let store = Stepped::new(&memory);
    let layer = set(SessionLayer::with_store(store.clone()));
    let script = Script::default();
    let browser = Browser::new(&script.app(&layer));
    Shop {
        time,
        script,
        store,
        layer,
        browser,
    }
}

#[tokio::test]
async fn by_default_a_session_ends_after_thirty_minutes_without_activity() {
    for (unused, found) in [(30 * MINUTE - MILLISECOND, "1"), (30 * MINUTE, "-")] {
        let shop = shop(|layer| layer);
        shop.browser.get("/login:u1/set:a:1").await;
        shop.time.advance(unused);
        assert_eq!(shop.browser.get("/get:a").await.text, found, "{unused:?}");
        let devices = shop.layer.devices().of(&"u1".into()).await.unwrap();
        assert_eq!(devices.len(), usize::from(found == "1"));
    }
}

#[tokio::test]
async fn by_default_a_session_ends_after_a_day_whatever_its_activity() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1").await;
    for _ in 0..72 {
        assert_eq!(shop.browser.get("/get:a/add:n").await.text, "1");
        shop.time.advance(20 * MINUTE);
    }
    assert_eq!(shop.browser.get("/get:a").await.text, "-");
}

#[tokio::test]
async fn reading_is_activity() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1").await;
    for _ in 0..10 {
        shop.time.advance(29 * MINUTE);
        assert_eq!(shop.browser.get("/get:a").await.text, "1");
    }
    shop.time.advance(29 * MINUTE);
    shop.browser.get("/say:hello").await;
    shop.time.advance(MINUTE);
    assert_eq!(shop.browser.get("/get:a").await.text, "-", "not used");
}

#[tokio::test]
async fn a_day_begins_at_the_login_and_not_at_a_new_id() {
    for (step, found) in [("/login:u1", "1"), ("/rotate", "-"), ("/set:a:1", "-")] {
        let shop = shop(|layer| layer.idle_timeout(100 * HOUR));
        shop.browser.get("/set:a:1").await;
        shop.time.advance(20 * HOUR);
        shop.browser.get(step).await;
        shop.time.advance(4 * HOUR);
        assert_eq!(shop.browser.get("/get:a").await.text, found, "{step}");
        shop.time.advance(20 * HOUR - MILLISECOND);
        assert_eq!(shop.browser.get("/get:a").await.text, found, "{step}");
        shop.time.advance(MILLISECOND);
        assert_eq!(shop.browser.get("/get:a").await.text, "-", "{step}");
    }
}

#[tokio::test]
async fn activity_is_written_down_once_in_a_tenth_of_the_idle_time() {
    let shop = shop(|layer| layer.idle_timeout(10 * MINUTE));
    shop.browser.get("/set:a:1").await;
    for second in 1..=300 {
        shop.time.advance(Duration::from_secs(1));
        assert_eq!(shop.browser.get("/get:a/get:a").await.text, "1 1");
        let touched = shop.store.count(Call::Touch);
        assert_eq!(touched, second / 60, "after {second} s");
    }
    assert_eq!(shop.store.count(Call::Swap), 0);
}

#[tokio::test]
async fn what_is_saved_need_not_be_written_down_twice() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1").await;
    for _ in 0..5 {
        shop.time.advance(5 * MINUTE);
        shop.browser.get("/add:n").await;
    }
    assert_eq!(shop.store.count(Call::Touch), 0);
    shop.time.advance(29 * MINUTE);
    assert_eq!(shop.browser.get("/get:n").await.text, "5");
}

#[tokio::test]
async fn activity_neither_rolls_back_nor_revives() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1/login:u1").await;
    shop.time.advance(10 * MINUTE);
    let reader = tokio::spawn(shop.browser.send("/get:a/wait:gate"));
    shop.script.reached("gate").await;
    shop.browser.get("/set:a:2").await;
    shop.script.open("gate");
    reader.await.unwrap().unwrap();
    assert_eq!(shop.store.count(Call::Touch), 1);
    assert_eq!(shop.browser.get("/get:a").await.text, "2");

    shop.time.advance(10 * MINUTE);
    let reader = tokio::spawn(shop.browser.send("/get:a/wait:gate"));
    shop.script.reached("gate").await;
    shop.browser.stolen().get("/logout").await;
    shop.script.open("gate");
    reader.await.unwrap().unwrap();
    assert_eq!(shop.store.count(Call::Touch), 2);
    assert_eq!(shop.browser.get("/get:a/user").await.text, "- -");
    assert_eq!(shop.layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_session_lives_revives_nothing() {
    for then in ["set:a:2", "rotate", "add:n", "get:a"] {
        let shop = shop(|layer| layer);
        shop.browser.get("/set:a:1").await;
        let slow = tokio::spawn(shop.browser.send(&format!("/get:a/wait:gate/{then}")));
        shop.script.reached("gate").await;
        shop.time.advance(30 * MINUTE);
        shop.script.open("gate");
        slow.await.unwrap().unwrap();
        assert_eq!(shop.browser.get("/get:a").await.text, "-", "{then}");
        assert_eq!(shop.layer.devices().population().await.unwrap().sessions, 0);
    }
}

#[tokio::test]
async fn settings_hold_for_sessions_that_begin_from_then_on() {
    let time = ManualClock::new();
    let memory = MemorySessions::new().clock(time.clock());
    let long = SessionLayer::with_store(memory.clone()).danger_without_absolute_timeout();
    let short = SessionLayer::with_store(memory).idle_timeout(MINUTE);
    let browser = Browser::new(&Script::default().app(&long));
    browser.get("/set:a:1").await;
    let later = Browser::new(&Script::default().app(&short));
    later.set_cookie(&browser.cookie().unwrap());
    for _ in 0..100 {
        time.advance(29 * MINUTE);
        assert_eq!(later.get("/get:a").await.text, "1");
    }
    let new = Browser::new(&Script::default().app(&short));
    new.get("/set:a:1").await;
    time.advance(MINUTE);
    assert_eq!(new.get("/get:a").await.text, "-");
}

#[tokio::test]
async fn the_wall_may_jump() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1").await;
    shop.time.set_wall(std::time::UNIX_EPOCH);
    assert_eq!(shop.browser.get("/get:a").await.text, "1");
    shop.time.advance(30 * MINUTE);
    assert_eq!(shop.browser.get("/get:a").await.text, "-");
}
