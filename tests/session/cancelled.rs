//! Clients that hang up, at whichever moment: nothing is lost, nothing is revived, what was begun is finished.

use std::{
    future::Future,
    task::{Context, Poll, Waker},
};

use tower_keep::{SessionLayer, session::MemorySessions};

use crate::{
    script::Script,
    stepped::Stepped,
    support::{Answer, Browser},
};

struct Shop {
    script: Script,
    layer: SessionLayer,
    browser: Browser,
    store: Stepped,
}

/// Each call of the store takes some polls.
async fn shop(before: &str) -> Shop {
    let store = Stepped::new(&MemorySessions::new());
    let layer = SessionLayer::with_store(store.clone());
    let script = Script::default();
    let browser = Browser::new(&script.app(&layer));
    browser.get(before).await;
    Shop {
        script,
        layer,
        browser,
        store,
    }
}

/// Polls a request so often, and drops it. Its answer if it was faster.
async fn cut_off(browser: &Browser, path: &str, polls: usize) -> Option<Answer> {
    let mut request = Box::pin(browser.send(path));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if let Poll::Ready(response) = request.as_mut().poll(&mut context) {
            return Some(browser.keep(response.unwrap()));
        }
    }
    drop(request);
    rest().await;
    None
}

/// Lets tasks of the runtime end what they have begun.
async fn rest() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Cuts the request off at each of its polls, and looks at what is left each time.
async fn at_each_poll<F>(before: &str, path: &str, look: impl Fn(Shop, usize) -> F)
where
    F: Future<Output = ()>,
{
    for polls in 1.. {
        let shop = shop(before).await;
        let answer = cut_off(&shop.browser, path, polls).await;
        look(shop, polls).await;
        if answer.is_some() {
            assert!(polls > 3, "the store takes its time: {polls}");
            return;
        }
        assert!(polls < 200, "it ends");
    }
}

#[tokio::test]
async fn a_request_that_reads_or_writes_leaves_the_session_whole() {
    for path in ["/get:a", "/set:b:2/set:c:3", "/set:b:2/commit/set:c:3"] {
        at_each_poll("/set:a:1/login:u1", path, async |shop, polls| {
            let found = shop.browser.get("/user/get:a/get:b/get:c").await.text;
            let whole = match path {
                "/get:a" => ["u1 1 - -"].as_slice(),
                "/set:b:2/set:c:3" => &["u1 1 - -", "u1 1 2 3"],
                _ => &["u1 1 - -", "u1 1 2 -", "u1 1 2 3"],
            };
            assert!(whole.contains(&&*found), "{path}, {polls} polls: {found}");
            let devices = shop.layer.devices().of(&"u1".into()).await.unwrap();
            assert_eq!(devices.len(), 1, "{path}, {polls} polls");
        })
        .await;
    }
}

/// The new id may not have reached the client; the session is there, once, with all that was in it.
#[tokio::test]
async fn a_new_id_is_given_or_not_and_nothing_is_lost() {
    for path in ["/add:n/rotate", "/add:n/rotate/commit", "/add:n/login:u1"] {
        at_each_poll("/set:a:1/login:u1", path, async |shop, polls| {
            let case = format!("{path}, {polls} polls");
            let found = shop.browser.get("/user/get:a").await.text;
            assert!(["u1 1", "- -"].contains(&&*found), "{case}: {found}");
            let devices = shop.layer.devices().of(&"u1".into()).await.unwrap();
            assert_eq!(devices.len(), 1, "{case}");
            if found == "- -" {
                let renewed = shop.layer.stats().renewed + shop.layer.stats().created;
                assert!(
                    renewed > 1,
                    "{case}: the old id is dead as there is a new one"
                );
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_periodic_new_id_that_is_cut_off_logs_nobody_out() {
    let time = tower_keep::test_util::ManualClock::new();
    let store = Stepped::new(&MemorySessions::new().clock(time.clock()));
    let minute = std::time::Duration::from_secs(60);
    let layer = SessionLayer::with_store(store).renew_every(minute);
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/set:a:1/login:u1").await;
    for polls in 1..60 {
        time.advance(minute);
        cut_off(&browser, "/add:n", polls).await;
        rest().await;
        assert_eq!(browser.stolen().get("/user/get:a").await.text, "u1 1");
        let devices = layer.devices().of(&"u1".into()).await.unwrap();
        assert_eq!(devices.len(), 1, "{polls} polls");
    }
}

#[tokio::test]
async fn a_logout_that_has_begun_is_carried_out() {
    at_each_poll("/login:u1", "/set:a:1/logout", async |shop, polls| {
        let has_begun = shop.store.count(crate::stepped::Call::Swap) > 0;
        let user = shop.browser.stolen().get("/user").await.text;
        assert_eq!(user, if has_begun { "-" } else { "u1" }, "{polls} polls");
        shop.browser.get("/logout").await;
        let population = shop.layer.devices().population().await.unwrap();
        assert_eq!(population.sessions, 0, "{polls} polls");
    })
    .await;
}

/// The defect of a peer: a counter that a cancelled request leaves behind keeps the session from being removed.
#[tokio::test]
async fn a_logout_after_requests_that_were_cut_off_ends_the_session() {
    for path in [
        "/get:a",
        "/set:a:2",
        "/rotate",
        "/login:u1",
        "/add:n/commit",
    ] {
        for polls in 1..30 {
            let shop = shop("/set:a:1/login:u1").await;
            let tab = shop.browser.clone();
            cut_off(&tab, path, polls).await;
            let logged_out = shop.browser.get("/user/logout").await.text;
            let left = shop.layer.devices().of(&"u1".into()).await.unwrap();
            if logged_out == "u1" {
                assert_eq!(left.len(), 0, "{path}, {polls} polls");
            }
        }
    }
}

/// While a request is cut off another one is under way: that one finds its way.
#[tokio::test]
async fn who_shares_the_session_with_one_that_is_cut_off_loses_nothing() {
    for path in ["/add:n", "/rotate", "/add:n/rotate/commit"] {
        for polls in 1..25 {
            let shop = shop("/set:a:1").await;
            let other = shop
                .browser
                .send("/get:a/wait:gate/set:b:2/commit/get:a/get:b");
            let other = tokio::spawn(other);
            shop.script.reached("gate").await;
            shop.script.open("gate");
            cut_off(&shop.browser, path, polls).await;
            let response = other.await.unwrap().unwrap();
            assert_eq!(response.body(), "1 1 2", "{path}, {polls} polls");
            assert_eq!(response.status(), 200, "{path}, {polls} polls");
            rest().await;
            let population = shop.layer.devices().population().await.unwrap();
            let found = shop.browser.get("/get:a/get:b").await.text;
            let has_moved = shop.layer.stats().renewed == 1 && found == "- -";
            assert!(
                found == "1 2" || has_moved,
                "{path}, {polls} polls: {found}"
            );
            assert!(population.sessions >= 1);
        }
    }
}

/// The first login of a visitor, cut off: a session that nobody has the id of at most, which ends by itself.
#[tokio::test]
async fn a_login_that_is_cut_off_leaves_at_most_one_device() {
    at_each_poll("/say:hello", "/set:a:1/login:u1", async |shop, polls| {
        let devices = shop.layer.devices().of(&"u1".into()).await.unwrap();
        assert!(devices.len() <= 1, "{polls} polls");
        shop.browser.get("/login:u1").await;
        assert_eq!(shop.browser.get("/user").await.text, "u1");
    })
    .await;
}
