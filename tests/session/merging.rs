//! Requests of one session that change it at the same time.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use tower_keep::{
    SessionLayer,
    session::{MemorySessions, Session, SessionError, SessionRefusal},
};

use crate::{
    script::{Script, count, typed_app},
    stepped::{Call, Fate, Stepped},
    support::{Answer, Browser},
};

fn shop() -> (Script, SessionLayer, Browser) {
    let (script, layer) = (Script::default(), SessionLayer::new());
    let browser = Browser::new(&script.app(&layer));
    (script, layer, browser)
}

/// All of these have the session before any of them changes it.
async fn at_the_same_time(script: &Script, browser: &Browser, then: &[&str]) -> Vec<Answer> {
    let sent = then
        .iter()
        .map(|then| tokio::spawn(browser.send(&format!("/user/wait:gate/{then}"))));
    let sent: Vec<_> = sent.collect();
    for _ in then {
        script.reached("gate").await;
    }
    let mut answers = Vec::new();
    for sent in sent {
        script.open("gate");
        answers.push(browser.keep(sent.await.unwrap().unwrap()));
    }
    answers
}

#[tokio::test]
async fn changes_of_different_values_all_win() {
    let (script, layer, browser) = shop();
    browser.get("/set:a:1/set:d:4").await;
    let then = ["set:b:2", "set:c:3", "remove:d", "label:x"];
    for answer in at_the_same_time(&script, &browser, &then).await {
        assert_eq!(answer.status, StatusCode::OK);
    }
    let answer = browser.get("/get:a/get:b/get:c/get:d").await;
    assert_eq!(answer.text, "1 2 3 -");
    assert_eq!(layer.stats().replayed, 3);
}

#[tokio::test]
async fn twenty_clicks_count_as_twenty() {
    let (script, _, browser) = shop();
    browser.get("/set:a:1").await;
    at_the_same_time(&script, &browser, &["add:n"; 20]).await;
    assert_eq!(browser.get("/get:n/get:a").await.text, "20 1");
}

#[tokio::test]
async fn a_clear_takes_what_was_there_and_not_what_comes_later() {
    let (script, _, browser) = shop();
    browser.get("/login:u1/set:a:1").await;
    at_the_same_time(&script, &browser, &["set:b:2", "clear/set:c:3", "set:d:4"]).await;
    let answer = browser.get("/user/get:a/get:b/get:c/get:d").await;
    assert_eq!(answer.text, "u1 - - 3 4");
}

#[tokio::test]
async fn the_same_value_is_the_last_ones() {
    let (script, _, browser) = shop();
    browser.get("/set:a:1").await;
    at_the_same_time(&script, &browser, &["set:a:2", "set:a:3"]).await;
    assert_eq!(browser.get("/get:a").await.text, "3");
}

#[tokio::test]
async fn two_new_visitors_tabs_have_a_session_each() {
    let (script, layer, browser) = shop();
    let answers = at_the_same_time(&script, &browser, &["set:a:1", "set:b:2"]).await;
    assert!(answers.iter().all(|answer| answer.set_cookies().len() == 1));
    assert_eq!(layer.devices().population().await.unwrap().sessions, 2);
    assert_eq!(browser.get("/get:a/get:b").await.text, "- 2");
}

/// Who commits knows what others have done before the response begins.
#[tokio::test]
async fn a_commit_gives_the_committed_result() {
    let (script, _, browser) = shop();
    browser.get("/add:n").await;
    let then = ["add:n", "add:n/get:n/commit/get:n/may:add:n/get:n"];
    let answers = at_the_same_time(&script, &browser, &then).await;
    assert_eq!(answers[1].text, "- 2 3 4");
    assert_eq!(browser.get("/get:n").await.text, "4");
}

/// Somebody else is faster, every time.
#[tokio::test]
async fn who_is_overtaken_six_times_gives_up_with_503() {
    for (overtaken, expected) in [(5, StatusCode::OK), (6, StatusCode::SERVICE_UNAVAILABLE)] {
        let memory = MemorySessions::new();
        let other = Script::default().app(&SessionLayer::with_store(memory.clone()));
        let other = Browser::new(&other);
        let store = Stepped::new(&memory);
        let layer = SessionLayer::with_store(store.clone());
        let browser = Browser::new(&Script::default().app(&layer));
        browser.get("/set:a:1").await;
        other.set_cookie(&browser.cookie().unwrap());

        let mut left = overtaken;
        store.script(move |call| {
            if call == Call::Swap && left > 0 {
                left -= 1;
                // Nothing waits for anything in this store.
                futures_util::FutureExt::now_or_never(other.send("/add:other"))
                    .expect("it is all in memory")
                    .unwrap();
            }
            Fate::Answered
        });
        let response = browser.send("/add:n").await.unwrap();
        assert_eq!(response.status(), expected, "{overtaken}");
        let refusal = response.extensions().get::<SessionRefusal>();
        let conflict = expected != StatusCode::OK;
        assert_eq!(refusal, conflict.then_some(&SessionRefusal::Conflict));
        assert_eq!(
            count(&layer.stats().failed, "conflict"),
            u64::from(conflict)
        );
        let n = if conflict { "-" } else { "1" };
        let all = format!("{overtaken} {n}");
        assert_eq!(browser.get("/get:other/get:n").await.text, all);
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Cart {
    lines: Vec<String>,
}

/// The typed whole.
async fn carts(
    script: Script,
    path: String,
    session: Session<Cart>,
) -> Result<String, SessionError> {
    session.get().await?;
    if path.len() > 4 {
        script.wait("gate").await;
    }
    let line = path[2..].to_owned();
    match &path[..2] {
        "/u" => {
            let update = move |cart: &mut Cart| cart.lines.push(line.clone());
            session.update(update).await?;
        }
        "/r" => {
            let lines = vec![line];
            session.replace(&Cart { lines }).await?;
        }
        _ => {}
    }
    let cart: Option<Arc<Cart>> = session.get().await?;
    Ok(cart.map_or_else(|| "-".to_owned(), |cart| cart.lines.join(",")))
}

#[tokio::test]
async fn the_typed_whole_is_updated_by_all_and_replaced_by_the_last() {
    for (then, expected) in [
        (["/u+late1", "/u+late2"], "+a,+late1,+late2"),
        (["/u+late1", "/r+late2"], "+late2"),
        (["/r+late1", "/u+late2"], "+late1,+late2"),
        (["/r+late1", "/r+late2"], "+late2"),
    ] {
        let script = Script::default();
        let layer = SessionLayer::new();
        let handler = {
            let script = script.clone();
            move |path, session| carts(script.clone(), path, session)
        };
        let browser = Browser::new(&typed_app(&layer, handler));
        browser.get("/u+a").await;
        let sent = then.map(|path| tokio::spawn(browser.send(path)));
        script.reached("gate").await;
        script.reached("gate").await;
        for sent in sent {
            script.open("gate");
            sent.await.unwrap().unwrap();
        }
        assert_eq!(browser.get("/g").await.text, expected, "{then:?}");
    }
}
