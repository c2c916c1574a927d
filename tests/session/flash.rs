//! Values that are read once.

use tower_keep::SessionLayer;

use crate::{script::Script, support::Browser};

#[tokio::test]
async fn a_message_survives_a_redirect_and_is_read_once() {
    let layer = SessionLayer::new();
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/flash:notice:saved/status:303").await;
    assert_eq!(browser.get("/get:notice").await.text, "-", "no value");
    assert_eq!(browser.get("/say:hello").await.text, "hello");
    assert_eq!(
        browser.get("/take:notice/take:notice").await.text,
        "saved -"
    );
    assert_eq!(browser.get("/take:notice").await.text, "-");
}

#[tokio::test]
async fn messages_have_names_of_their_own_and_move_with_the_session() {
    let browser = Browser::new(&Script::default().app(&SessionLayer::new()));
    browser.get("/set:a:1/flash:a:2/flash:b:3").await;
    browser.get("/login:u1").await;
    assert_eq!(browser.get("/take:a/get:a").await.text, "2 1");
    browser.get("/flash:a:4/rotate").await;
    assert_eq!(browser.get("/take:a/take:b").await.text, "4 3");
    browser.get("/flash:a:5").await;
    browser.get("/clear").await;
    assert_eq!(browser.get("/take:a").await.text, "-");
}

#[tokio::test]
async fn a_message_that_could_not_be_taken_is_still_there() {
    use crate::stepped::{Call, Fate, Stepped};
    let store = Stepped::new(&tower_keep::session::MemorySessions::new());
    let layer = SessionLayer::with_store(store.clone());
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/flash:a:1").await;
    store.once(Call::Swap, Fate::Failed);
    assert_eq!(browser.get("/take:a").await.status, 503);
    assert_eq!(browser.get("/take:a").await.text, "1");
}
