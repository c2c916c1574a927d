//! A response cache in the same stack needs to be told nothing, wherever it stands.

use std::time::Duration;

use tower::{Layer, ServiceExt, util::BoxCloneService};
use tower_keep::{
    ResponseCacheLayer, SessionLayer,
    response_cache::{CacheKey, RequestBody},
};

use crate::{
    script::{Script, ask, cookie},
    support::{App, Browser, collected},
};

type Order = fn(&Script, &SessionLayer, &ResponseCacheLayer) -> App;

fn session_outside(script: &Script, session: &SessionLayer, cache: &ResponseCacheLayer) -> App {
    let service = session.layer(cache.layer(script.handler::<RequestBody<String>>()));
    BoxCloneService::new(service.and_then(collected))
}

fn session_inside(script: &Script, session: &SessionLayer, cache: &ResponseCacheLayer) -> App {
    let service = cache.layer(session.layer(script.handler::<RequestBody<String>>()));
    BoxCloneService::new(service.and_then(collected))
}

const ORDERS: [(&str, Order); 2] = [
    ("session outside", session_outside),
    ("session inside", session_inside),
];

fn cache() -> ResponseCacheLayer {
    ResponseCacheLayer::new().default_ttl(Duration::from_secs(600))
}

#[tokio::test]
async fn nobody_gets_anothers_page_in_either_order() {
    for (order, stack) in ORDERS {
        for said in ["", "/header:cache-control:public,max-age=600"] {
            let script = Script::default();
            let app = stack(&script, &SessionLayer::new(), &cache());
            let (one, other) = (Browser::new(&app), Browser::new(&app));
            one.get("/login:u1").await;
            other.get("/login:u2").await;
            let page = format!("/user{said}");
            for _ in 0..2 {
                assert_eq!(one.get(&page).await.text, "u1", "{order}");
                assert_eq!(other.get(&page).await.text, "u2", "{order}");
                assert_eq!(ask(&app, &page, &[]).await.text, "-", "{order}");
            }
        }
    }
}

#[tokio::test]
async fn what_sets_an_id_reaches_one_client_in_either_order() {
    for (order, stack) in ORDERS {
        let app = stack(&Script::default(), &SessionLayer::new(), &cache());
        let page = "/add:n/get:n/header:cache-control:public,max-age=600";
        let first = ask(&app, page, &[]).await;
        let second = ask(&app, page, &[]).await;
        assert_eq!(first.headers["cache-control"], "no-store", "{order}");
        assert_eq!((first.text.as_str(), second.text.as_str()), ("1", "1"));
        assert_ne!(first.set_cookies(), second.set_cookies(), "{order}");
    }
}

#[tokio::test]
async fn a_page_that_does_not_look_at_the_session_is_shared_by_default_too() {
    let script = Script::default();
    let app = session_outside(&script, &SessionLayer::new(), &cache());
    let browser = Browser::new(&app);
    browser.get("/login:u1").await;
    let runs = script.runs();
    for _ in 0..3 {
        assert_eq!(browser.get("/say:hello").await.text, "hello");
        assert_eq!(ask(&app, "/say:hello", &[]).await.text, "hello");
    }
    assert_eq!(script.runs(), runs + 1);
    // Another cookie is somebody else's, and nobody says when it is used.
    let both = format!("{}; other=1", cookie(&browser.cookie().unwrap()));
    ask(&app, "/say:bye", &[("cookie", &both)]).await;
    ask(&app, "/say:bye", &[("cookie", &both)]).await;
    assert_eq!(script.runs(), runs + 3);
}

#[tokio::test]
async fn a_cache_further_out_takes_no_default_for_a_request_with_a_cookie() {
    let script = Script::default();
    let app = session_inside(&script, &SessionLayer::new(), &cache());
    let browser = Browser::new(&app);
    browser.get("/login:u1").await;
    let runs = script.runs();
    browser.get("/say:hello").await;
    browser.get("/say:hello").await;
    assert_eq!(script.runs(), runs + 2);
    browser
        .get("/say:all/header:cache-control:max-age=60")
        .await;
    browser
        .get("/say:all/header:cache-control:max-age=60")
        .await;
    assert_eq!(script.runs(), runs + 3);
}

/// The user is known before the cache is asked, and is a part of the key.
#[tokio::test]
async fn a_page_is_kept_for_each_user_where_the_user_is_part_of_the_key() {
    let script = Script::default();
    let session = SessionLayer::new().identify();
    let cache = cache().key(CacheKey::new().user());
    let app = session_outside(&script, &session, &cache);
    let page = "/user/header:cache-control:max-age=600";
    let users = ["u1", "u2", "u1@north", "u1@south"];
    for user in users {
        let browser = Browser::new(&app);
        browser.get(&format!("/login:{user}")).await;
        let runs = script.runs();
        let name = user.split('@').next().unwrap();
        for _ in 0..3 {
            assert_eq!(browser.get(page).await.text, name);
        }
        assert_eq!(script.runs(), runs + 1, "{user}");
        let answer = browser.get(page).await;
        let said = answer.headers.get_all("cache-control");
        let mut said = said.iter().map(|line| line.to_str().unwrap());
        let is_private = said.any(|line| line.starts_with("private"));
        assert!(is_private, "no cache further out shares it");
    }
    let other_device = Browser::new(&app);
    other_device.get("/login:u1").await;
    let runs = script.runs();
    assert_eq!(other_device.get(page).await.text, "u1");
    assert_eq!(script.runs(), runs, "of the same user");
}

#[tokio::test]
async fn who_logs_out_gets_no_page_of_before() {
    let script = Script::default();
    let session = SessionLayer::new().identify();
    let cache = cache().key(CacheKey::new().user());
    let app = session_outside(&script, &session, &cache);
    let browser = Browser::new(&app);
    let page = "/user/header:cache-control:max-age=600";
    browser.get("/login:u1").await;
    assert_eq!(browser.get(page).await.text, "u1");
    let old = browser.stolen();
    browser.get("/logout").await;
    assert_eq!(browser.get(page).await.text, "-");
    assert_eq!(old.get(page).await.text, "-");
}
