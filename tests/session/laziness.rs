//! What nobody asks for is not done.

use tower_keep::{SessionLayer, session::MemorySessions};

use crate::{
    script::{Script, ask, cookie},
    stepped::{Call, Stepped},
    support::Browser,
};

fn shop() -> (Stepped, SessionLayer, Browser) {
    let store = Stepped::new(&MemorySessions::new());
    let layer = SessionLayer::with_store(store.clone());
    let browser = Browser::new(&Script::default().app(&layer));
    (store, layer, browser)
}

#[tokio::test]
async fn a_handler_that_never_asks_costs_no_call_and_no_field() {
    let (store, _, browser) = shop();
    browser.get("/set:a:1").await;
    let calls = store.calls();
    for browser in [
        &browser,
        &Browser::new(&Script::default().app(&SessionLayer::new())),
    ] {
        let answer = browser.get("/say:hello").await;
        assert_eq!(answer.text, "hello");
        assert!(answer.headers.is_empty(), "{:?}", answer.headers);
    }
    assert_eq!(store.calls(), calls);
}

#[tokio::test]
async fn a_visitor_who_shows_no_id_costs_no_call() {
    let (store, layer, browser) = shop();
    let answer = browser
        .get("/get:a/take:b/user/remove:a/clear/rotate/logout")
        .await;
    assert_eq!((answer.text.as_str(), store.calls()), ("- - -", 0));
    assert!(answer.set_cookies().is_empty());
    assert_eq!(layer.stats().created, 0);
    let app = Script::default().app(&layer);
    ask(&app, "/get:a", &[("cookie", &cookie("malformed"))]).await;
    assert_eq!(store.calls(), 0);
}

#[tokio::test]
async fn nothing_is_created_before_the_first_write() {
    let (store, layer, browser) = shop();
    for path in [
        "/get:a",
        "/label:x",
        "/persist",
        "/set:a:1/remove:a",
        "/set:a:1/clear",
    ] {
        assert!(browser.get(path).await.set_cookies().is_empty(), "{path}");
        assert_eq!((store.calls(), layer.stats().created), (0, 0), "{path}");
    }
    assert_eq!(browser.get("/set:a:1").await.set_cookies().len(), 1);
    assert_eq!((store.count(Call::Create), store.calls()), (1, 1));
}

#[tokio::test]
async fn a_session_is_loaded_once_and_saved_once_if_it_was_changed() {
    let (store, _, browser) = shop();
    browser.get("/set:a:1/set:b:2").await;
    for (path, loads, swaps) in [
        ("/get:a/get:b/user/get:a", 1, 0),
        ("/set:a:1", 1, 0),
        ("/set:a:2/set:a:1", 1, 0),
        ("/remove:none", 1, 0),
        ("/set:a:3/set:b:4/add:n/remove:b", 1, 1),
        ("/set:a:4/commit/commit/get:a", 1, 1),
        ("/set:a:5/commit/set:a:6", 1, 2),
    ] {
        let before = (
            store.count(Call::Load),
            store.count(Call::Swap),
            store.calls(),
        );
        browser.get(path).await;
        let loads = before.0 + loads;
        let swaps = before.1 + swaps;
        assert_eq!(store.count(Call::Load), loads, "{path}");
        assert_eq!(store.count(Call::Swap), swaps, "{path}");
        assert_eq!(store.calls(), loads + swaps + 1, "{path}: nothing else");
    }
}
