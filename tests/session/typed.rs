//! Values of the application's own types: decoded once, and only what is read.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::{Mutex, MutexGuard};
use tower_keep::{
    SessionLayer,
    session::{Session, SessionError},
};

use crate::{
    script::{kind, typed_app},
    support::Browser,
};

static DECODED: AtomicUsize = AtomicUsize::new(0);

/// The counter is one for all tests of this process.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    DECODED.store(0, Ordering::SeqCst);
    turn
}

/// Counts how often it is decoded.
#[derive(Clone, Default, Serialize)]
struct Counted(u32);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, Ordering::SeqCst);
        u32::deserialize(deserializer).map(Self)
    }
}

fn decoded() -> String {
    DECODED.swap(0, Ordering::SeqCst).to_string()
}

async fn named(path: String, session: Session) -> Result<String, SessionError> {
    match &*path {
        "/write" => {
            session.insert("a", &Counted(1)).await?;
            session.insert("b", &Counted(2)).await?;
            session.insert("text", "no number").await?;
        }
        "/read" => {
            for _ in 0..3 {
                let value: Option<Counted> = session.clone().get("a").await?;
                assert_eq!(value.map(|value| value.0), Some(1));
            }
        }
        "/change" => {
            session.get::<Counted>("a").await?;
            session.insert("a", &Counted(9)).await?;
            let value: Option<Counted> = session.get("a").await?;
            assert_eq!(value.map(|value| value.0), Some(9), "never out of date");
        }
        "/types" => {
            session.get::<Counted>("a").await?;
            let number: Option<u64> = session.get("a").await?;
            assert_eq!(number, Some(1), "the same text, as another type");
            session.get::<Counted>("a").await?;
        }
        "/wrong" => {
            let wrong = session.get::<u32>("text").await.unwrap_err();
            let update = session.update("text", |n: &mut u32| *n += 1).await;
            let text: Option<String> = session.get("text").await?;
            let kinds = (kind(&wrong), kind(&update.unwrap_err()));
            return Ok(format!("{kinds:?} {text:?}"));
        }
        _ => {}
    }
    Ok(decoded())
}

#[tokio::test]
async fn a_value_is_decoded_once_and_only_if_it_is_read() {
    let _alone = alone().await;
    let browser = Browser::new(&typed_app(&SessionLayer::new(), named));
    for (path, expected) in [
        ("/write", "0"),
        ("/ignore", "0"),
        ("/read", "1"),
        ("/read", "1"),
        ("/types", "1"),
        ("/change", "2"),
    ] {
        assert_eq!(browser.get(path).await.text, expected, "{path}");
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_and_stays_as_it_is() {
    let _alone = alone().await;
    let browser = Browser::new(&typed_app(&SessionLayer::new(), named));
    browser.get("/write").await;
    let expected = r#"("value", "value") Some("no number")"#;
    assert_eq!(browser.get("/wrong").await.text, expected);
}

#[derive(Default, Serialize, Deserialize)]
struct Mine {
    name: String,
    visits: Counted,
}

async fn whole(path: String, session: Session<Mine>) -> Result<String, SessionError> {
    match &*path {
        "/write" => {
            let update = |mine: &mut Mine| mine.name.push('x');
            session.update(update).await?;
        }
        "/read" => {
            let first = session.get().await?.expect("it was written");
            let second = session.get().await?.expect("it was written");
            assert!(Arc::ptr_eq(&first, &second));
            return Ok(format!("{} {}", first.name, decoded()));
        }
        "/clear" => session.clear().await?,
        "/get" => return Ok(session.get().await?.is_some().to_string()),
        _ => {}
    }
    Ok(decoded())
}

#[tokio::test]
async fn the_typed_whole_is_decoded_once_too() {
    let _alone = alone().await;
    let browser = Browser::new(&typed_app(&SessionLayer::new(), whole));
    assert_eq!(browser.get("/get").await.text, "false");
    browser.get("/write").await;
    decoded();
    assert_eq!(browser.get("/ignore").await.text, "0");
    assert_eq!(browser.get("/read").await.text, "x 1");
    browser.get("/clear").await;
    assert_eq!(browser.get("/get").await.text, "false");
}
