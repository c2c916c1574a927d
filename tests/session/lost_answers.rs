//! The store has done it, and nobody has learned that: nothing is done twice, and nothing is lost.

use http::StatusCode;
use tower_keep::{SessionLayer, session::MemorySessions};

use crate::{
    script::Script,
    stepped::{Call, Fate, Stepped},
    support::Browser,
};

struct Shop {
    script: Script,
    store: Stepped,
    layer: SessionLayer,
    browser: Browser,
}

async fn shop() -> Shop {
    let store = Stepped::new(&MemorySessions::new());
    let layer = SessionLayer::with_store(store.clone());
    let script = Script::default();
    let browser = Browser::new(&script.app(&layer));
    browser.get("/set:a:1/add:n").await;
    Shop {
        script,
        store,
        layer,
        browser,
    }
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_is_not_made_again() {
    let shop = shop().await;
    shop.store.once(Call::Swap, Fate::Lost);
    let answer = shop.browser.get("/add:n/may:commit/get:n").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.text, "store 2");
    assert_eq!(shop.browser.get("/get:n").await.text, "2");
}

#[tokio::test]
async fn what_is_changed_after_a_save_whose_answer_is_lost_is_saved_too() {
    let shop = shop().await;
    for times in 1..4 {
        let mut left = times;
        shop.store
            .script(move |call| match call == Call::Swap && left > 0 {
                true => {
                    left -= 1;
                    Fate::Lost
                }
                false => Fate::Answered,
            });
        let commits = "/may:commit/add:n".repeat(times);
        let answer = shop
            .browser
            .get(&format!("/set:c:{times}/remove:n/add:n{commits}/set:b:2"))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{times}: {}", answer.text);
        let n = (times + 1).to_string();
        assert_eq!(
            shop.browser.get("/get:n/get:b").await.text,
            format!("{n} 2")
        );
    }
}

#[tokio::test]
async fn a_save_that_failed_before_one_whose_answer_is_lost_is_told_from_it() {
    let shop = shop().await;
    let mut fates = [Fate::Lost, Fate::Failed, Fate::Answered].into_iter();
    shop.store.script(move |call| match call {
        Call::Swap => fates.next().unwrap_or(Fate::Answered),
        _ => Fate::Answered,
    });
    let path = "/add:n/may:commit/add:n/may:commit/add:n/may:commit";
    assert_eq!(shop.browser.get(path).await.text, "store store");
    assert_eq!(shop.browser.get("/get:n").await.text, "4");
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_is_not_made_again_after_that_of_another() {
    let shop = shop().await;
    shop.store.once(Call::Swap, Fate::Lost);
    let slow = tokio::spawn(shop.browser.send("/add:n/may:commit/wait:gate/set:b:2"));
    shop.script.reached("gate").await;
    shop.browser.get("/add:n").await;
    shop.script.open("gate");
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(shop.browser.get("/get:n/get:b").await.text, "3 2");
}

/// Whichever call of it is lost, a new id leads to all that was there, and what was added is added once.
#[tokio::test]
async fn a_new_id_whose_answers_are_lost_loses_nothing_and_doubles_nothing() {
    for step in ["rotate", "login:u1"] {
        for lost in [Call::Create, Call::Swap] {
            for then in ["", "/set:b:2"] {
                let case = format!("{step}, {lost:?} lost, {then}");
                let shop = shop().await;
                shop.store.once(lost, Fate::Lost);
                let path = format!("/add:n/{step}/may:commit{then}");
                let answer = shop.browser.get(&path).await;
                assert_eq!(answer.status, StatusCode::OK, "{case}");
                let b = if then.is_empty() { "-" } else { "2" };
                let found = shop.browser.get("/get:a/get:n/get:b").await.text;
                assert_eq!(found, format!("1 2 {b}"), "{case}");
            }
        }
    }
}

/// Nobody has the id of what was stored for the answer that was lost, so it must not be in the list.
#[tokio::test]
async fn a_login_whose_answers_are_lost_leaves_one_device() {
    for lost in [Call::Create, Call::Swap] {
        let shop = shop().await;
        shop.store.once(lost, Fate::Lost);
        shop.browser.get("/login:u1/may:commit").await;
        assert_eq!(shop.browser.get("/user/get:a").await.text, "u1 1");
        let devices = shop.layer.devices().of(&"u1".into()).await.unwrap();
        assert_eq!(devices.len(), 1, "{lost:?}");
    }
}

#[tokio::test]
async fn a_503_for_a_lost_answer_still_tells_the_new_id() {
    for step in ["rotate", "login:u1"] {
        let shop = shop().await;
        shop.store.once(Call::Swap, Fate::Lost);
        let answer = shop.browser.get(&format!("/{step}/set:b:2")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{step}");
        assert_eq!(shop.browser.get("/get:a/get:b").await.text, "1 2", "{step}");
    }
}

#[tokio::test]
async fn a_first_write_whose_answer_is_lost_is_not_lost() {
    let shop = shop().await;
    let visitor = Browser::new(&shop.script.app(&shop.layer));
    shop.store.once(Call::Create, Fate::Lost);
    assert_eq!(visitor.get("/add:n/may:commit/get:n").await.text, "store 1");
    assert_eq!(visitor.get("/get:n").await.text, "1");
}

#[tokio::test]
async fn a_logout_whose_answer_is_lost_has_taken_place() {
    let shop = shop().await;
    shop.browser.get("/login:u1").await;
    shop.store.once(Call::Swap, Fate::Lost);
    let answer = shop.browser.get("/logout").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shop.browser.get("/user").await.text, "-");
    shop.browser.get("/login:u1").await;
    shop.store.once(Call::Swap, Fate::Lost);
    let answer = shop.browser.get("/set:a:2/may:logout/set:a:3").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(shop.browser.get("/user").await.text, "-");
}

/// First that of the new id, then that of the first save under it.
#[tokio::test]
async fn answers_that_are_lost_one_after_the_other_double_nothing() {
    let shop = shop().await;
    let mut swaps = 0;
    shop.store.script(move |call| {
        swaps += u32::from(call == Call::Swap);
        match swaps {
            1 | 2 if call == Call::Swap => Fate::Lost,
            _ => Fate::Answered,
        }
    });
    let path = "/set:b:2/rotate/may:commit/add:n/may:commit/get:n";
    assert_eq!(shop.browser.get(path).await.text, "store store 2");
    assert_eq!(shop.browser.get("/get:b/get:n").await.text, "2 2");
}
