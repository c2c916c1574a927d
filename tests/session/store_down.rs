//! Without the store there is no session, and never an empty one in its place.

use std::time::Duration;

use http::StatusCode;
use tower_keep::{
    SessionLayer,
    session::{MemorySessions, SessionRefusal},
    test_util::ManualClock,
};

use crate::{
    script::{Script, ask, count},
    stepped::{Call, Fate, Stepped},
    support::Browser,
};

struct Shop {
    time: ManualClock,
    script: Script,
    store: Stepped,
    layer: SessionLayer,
    browser: Browser,
}

fn shop(set: impl FnOnce(SessionLayer) -> SessionLayer) -> Shop {
    let time = ManualClock::new();
    let store = Stepped::new(&MemorySessions::new().clock(time.clock()));
    let layer = set(SessionLayer::with_store(store.clone()).clock(time.clock()));
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

const DOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[tokio::test]
async fn who_needs_the_session_gets_503_and_who_does_not_is_served() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1/login:u1").await;
    shop.store.script(|_| Fate::Failed);
    for path in [
        "/get:a",
        "/set:a:2",
        "/add:n",
        "/clear",
        "/login:u2",
        "/rotate",
        "/logout",
    ] {
        let answer = shop.browser.get(path).await;
        assert_eq!(answer.status, DOWN, "{path}");
        assert!(answer.set_cookies().is_empty(), "{path} keeps the cookie");
    }
    let answer = shop.browser.get("/say:hello").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "hello")
    );
    shop.store.heal();
    assert_eq!(shop.browser.get("/user/get:a/get:n").await.text, "u1 1 -");
}

/// A handler that takes the error for an empty session changes nothing by that.
#[tokio::test]
async fn no_empty_session_overwrites_the_real_one() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1").await;
    shop.store.once(Call::Load, Fate::Failed);
    let answer = shop.browser.get("/may:get:a/may:set:b:2").await;
    assert_eq!(answer.text, "store");
    assert_eq!(shop.browser.get("/get:a/get:b").await.text, "1 2");

    shop.store.script(|_| Fate::Failed);
    let answer = shop
        .browser
        .get("/may:get:a/may:clear/may:set:b:3/may:logout")
        .await;
    assert_eq!(answer.text, "store store store store");
    assert!(answer.set_cookies().is_empty());
    shop.store.heal();
    assert_eq!(shop.browser.get("/get:a/get:b").await.text, "1 2");
}

#[tokio::test]
async fn what_cannot_be_saved_is_503_in_place_of_the_handlers_answer() {
    for path in [
        "/set:a:2/say:done",
        "/rotate/say:done",
        "/login:u2/say:done",
    ] {
        let shop = shop(|layer| layer);
        shop.browser.get("/set:a:1").await;
        shop.store.script(|call| match call {
            Call::Load => Fate::Answered,
            _ => Fate::Failed,
        });
        let response = shop.browser.send(path).await.unwrap();
        assert_eq!(response.status(), DOWN);
        let refusal = response.extensions().get();
        assert_eq!(refusal, Some(&SessionRefusal::Store), "{path}");
        let answer = shop.browser.keep(response);
        assert_eq!(answer.headers["retry-after"], "1");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_ne!(answer.text, "done");
        assert_eq!(count(&shop.layer.stats().failed, "store"), 1);
        shop.store.heal();
        assert_eq!(shop.browser.get("/user/get:a").await.text, "- 1", "{path}");
    }
}

#[tokio::test]
async fn the_first_write_of_a_visitor_fails_loudly_too() {
    let shop = shop(|layer| layer);
    shop.store.script(|_| Fate::Failed);
    let answer = shop.browser.get("/set:a:1").await;
    assert_eq!(answer.status, DOWN);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(shop.browser.get("/get:a").await.text, "-", "no id, no call");
}

#[tokio::test]
async fn a_logout_that_cannot_be_carried_out_says_so() {
    let shop = shop(|layer| layer);
    shop.browser.get("/login:u1").await;
    shop.store.once(Call::Swap, Fate::Failed);
    let answer = shop.browser.get("/logout/say:bye").await;
    assert_eq!(answer.status, DOWN);
    assert!(
        answer.set_cookies().is_empty(),
        "who is still in keeps the id"
    );
    assert_eq!(shop.browser.get("/logout/say:bye").await.text, "bye");
    assert_eq!(shop.browser.get("/user").await.text, "-");
}

#[tokio::test]
async fn who_is_to_be_known_further_in_has_to_be_found() {
    let shop = shop(SessionLayer::identify);
    shop.browser.get("/login:u1").await;
    let runs = shop.script.runs();
    shop.store.script(|_| Fate::Failed);
    let answer = shop.browser.get("/say:hello").await;
    assert_eq!((answer.status, shop.script.runs()), (DOWN, runs));
    let app = shop.script.app(&shop.layer);
    assert_eq!(ask(&app, "/say:hello", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn activity_that_cannot_be_written_down_is_counted_and_nothing_more() {
    let shop = shop(|layer| layer);
    shop.browser.get("/set:a:1").await;
    shop.time.advance(Duration::from_secs(600));
    shop.store.once(Call::Touch, Fate::Failed);
    let answer = shop.browser.get("/get:a").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "1"));
    assert_eq!(shop.layer.stats().untouched, 1);
}

/// The request can do without: another one will get another id.
#[tokio::test]
async fn another_id_that_nobody_asked_for_is_no_reason_to_fail() {
    for fails in [Call::Create, Call::Swap] {
        let shop = shop(|layer| layer.renew_every(Duration::from_secs(60)));
        shop.browser.get("/login:u1/set:a:1").await;
        shop.time.advance(Duration::from_secs(60));
        shop.store.script(move |call| match call == fails {
            true => Fate::Failed,
            false => Fate::Answered,
        });
        let answer = shop.browser.get("/get:a").await;
        assert_eq!(answer.status, StatusCode::OK, "{fails:?}");
        assert_eq!(answer.text, "1", "{fails:?}");
        shop.store.heal();
        assert_eq!(shop.browser.get("/user/get:a").await.text, "u1 1");
        assert_eq!(shop.browser.get("/user/get:a").await.text, "u1 1");
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_down_after_two_seconds() {
    for (call, path) in [(Call::Load, "/get:a"), (Call::Swap, "/set:a:2")] {
        let shop = shop(|layer| layer);
        shop.browser.get("/set:a:1").await;
        shop.store.once(call, Fate::Hanging);
        let waiting = tokio::spawn(shop.browser.send(path));
        while shop.time.pending_timers() < 2 {
            // That of the sweeper and that of the call.
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        shop.time.advance(Duration::from_millis(1_999));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "{path}");
        shop.time.advance(Duration::from_millis(1));
        let response = waiting.await.unwrap().unwrap();
        assert_eq!(response.status(), DOWN, "{path}");
    }
}

#[tokio::test]
async fn devices_cannot_be_asked_for_either() {
    let shop = shop(|layer| layer);
    shop.browser.get("/login:u1").await;
    shop.store.script(|_| Fate::Failed);
    let devices = shop.layer.devices();
    let user = "u1".into();
    assert!(devices.of(&user).await.unwrap_err().is_store());
    assert!(devices.end_all(&user).await.unwrap_err().is_store());
    shop.store.heal();
    assert_eq!(devices.of(&user).await.unwrap().len(), 1);
}
