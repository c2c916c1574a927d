//! Reading, writing, logging in and out.

use http::StatusCode;
use tower_keep::{
    SessionLayer,
    session::{Session, SessionError},
};

use crate::support::{App, Browser, app};

async fn shop(path: String, session: Session) -> Result<String, SessionError> {
    match &*path {
        "/count" => {
            session
                .update("count", |count: &mut u32| *count += 1)
                .await?;
            Ok(format!("{:?}", session.get::<u32>("count").await?))
        }
        "/read" => Ok(format!("{:?}", session.get::<u32>("count").await?)),
        "/login" => {
            session.login("u1").await?;
            Ok("hello".to_owned())
        }
        "/rotate" => {
            session.rotate().await?;
            Ok("rotated".to_owned())
        }
        "/logout" => {
            session.destroy().await?;
            Ok("bye".to_owned())
        }
        "/user" => Ok(format!(
            "{:?}",
            session.user().await?.map(|user| user.name().to_owned())
        )),
        _ => Ok("nothing".to_owned()),
    }
}

fn shop_app() -> (App, SessionLayer) {
    let layer = SessionLayer::new();
    (app(&layer, shop), layer)
}

#[tokio::test]
async fn what_one_request_writes_the_next_one_reads() {
    let browser = Browser::new(&shop_app().0);
    let first = browser.get("/count").await;
    assert_eq!(first.text, "Some(1)");
    assert_eq!(first.set_cookies().len(), 1);
    let second = browser.get("/count").await;
    assert_eq!(second.text, "Some(2)");
    assert_eq!(second.set_cookies(), [""; 0], "the id is known");
    assert_eq!(browser.get("/read").await.text, "Some(2)");
}

#[tokio::test]
async fn a_visitor_who_only_reads_gets_no_session() {
    let (app, layer) = shop_app();
    let browser = Browser::new(&app);
    let answer = browser.get("/read").await;
    assert_eq!(answer.text, "None");
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.headers["cache-control"], "private");
    assert_eq!(answer.headers["vary"], "cookie");
    assert_eq!(layer.devices().population().await.unwrap().sessions, 0);
}

#[tokio::test]
async fn who_logs_in_keeps_the_values_and_the_old_id_is_dead() {
    let (app, layer) = shop_app();
    let browser = Browser::new(&app);
    browser.get("/count").await;
    let planted = browser.stolen();
    let answer = browser.get("/login").await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(browser.get("/read").await.text, "Some(1)");
    assert_eq!(browser.get("/user").await.text, r#"Some("u1")"#);
    assert_eq!(planted.get("/read").await.text, "None");
    assert_eq!(planted.get("/user").await.text, "None");
    assert_eq!(layer.devices().of(&"u1".into()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_logs_out_is_out_everywhere_with_this_id() {
    let (app, layer) = shop_app();
    let browser = Browser::new(&app);
    browser.get("/login").await;
    let copy = browser.stolen();
    let answer = browser.get("/logout").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(browser.cookie(), None);
    assert_eq!(copy.get("/user").await.text, "None");
    assert!(layer.devices().of(&"u1".into()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rotation_changes_the_id_and_nothing_else() {
    let browser = Browser::new(&shop_app().0);
    browser.get("/count").await;
    let old = browser.stolen();
    browser.get("/rotate").await;
    assert_ne!(browser.cookie(), old.cookie());
    assert_eq!(browser.get("/read").await.text, "Some(1)");
    assert_eq!(old.get("/read").await.text, "None");
}
