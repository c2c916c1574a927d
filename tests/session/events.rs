//! What happens is told, and counted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tower_keep::{
    SessionLayer,
    session::{
        Absence, Ending, MemorySessions, RefusedId, SessionEvent,
        SessionEventKind::{self, Created, Destroyed, Expired, Refused, Renewed},
    },
    test_util::ManualClock,
};

use crate::{
    script::{Script, ask, cookie, count},
    support::{App, Browser},
};

struct Shop {
    time: ManualClock,
    layer: SessionLayer,
    app: App,
    told: Arc<Mutex<Vec<SessionEvent>>>,
}

fn shop() -> Shop {
    let time = ManualClock::new();
    let store = MemorySessions::new().clock(time.clock());
    let told: Arc<Mutex<Vec<SessionEvent>>> = Arc::default();
    let telling = Arc::clone(&told);
    let layer = SessionLayer::with_store(store)
        .clock(time.clock())
        .max_per_user(std::num::NonZeroU32::MIN)
        .on_event(move |event| telling.lock().unwrap().push(event.clone()));
    Shop {
        app: Script::default().app(&layer),
        time,
        layer,
        told,
    }
}

impl Shop {
    /// What was told since the last time: what happened, to whose session.
    fn told(&self) -> Vec<(SessionEventKind, Option<String>)> {
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        let told = told.into_iter().map(|event| {
            let user = event.user.map(|user| user.name().to_owned());
            (event.kind, user)
        });
        told.collect()
    }
}

fn of_u1(kind: SessionEventKind) -> (SessionEventKind, Option<String>) {
    (kind, Some("u1".to_owned()))
}

#[tokio::test]
async fn every_turn_in_the_life_of_a_session_is_told_of() {
    let shop = shop();
    let browser = Browser::new(&shop.app);
    browser.get("/get:a").await;
    assert_eq!(shop.told(), [], "a visitor is none");
    browser.get("/set:a:1").await;
    assert_eq!(shop.told(), [(Created, None)]);
    browser.get("/set:a:2/get:a").await;
    assert_eq!(shop.told(), []);
    browser.get("/rotate").await;
    assert_eq!(shop.told(), [(Renewed, None)]);
    browser.get("/login:u1").await;
    assert_eq!(shop.told(), [of_u1(Created)]);
    Browser::new(&shop.app).get("/login:u1").await;
    let displaced = Destroyed(Ending::Displaced);
    assert_eq!(shop.told(), [of_u1(displaced), of_u1(Created)]);
    browser.get("/get:a").await;
    assert_eq!(shop.told(), [(Refused(Absence::Unknown), None)]);
    browser.get("/login:u2/logout").await;
    browser.get("/set:a:1/login:u1").await;
    shop.told();
    browser.get("/logout").await;
    assert_eq!(shop.told(), [of_u1(Destroyed(Ending::Logout))]);
    browser.get("/login:u1").await;
    shop.layer.devices().end_all(&"u1".into()).await.unwrap();
    assert_eq!(
        shop.told(),
        [of_u1(Created), of_u1(Destroyed(Ending::Device))]
    );
    ask(&shop.app, "/get:a", &[("cookie", &cookie("x"))]).await;
    let malformed = Absence::Refused(RefusedId::Malformed);
    assert_eq!(shop.told(), [(Refused(malformed), None)]);
}

#[tokio::test]
async fn an_event_names_the_session_as_the_list_of_devices_does() {
    let shop = shop();
    Browser::new(&shop.app).get("/login:u1").await;
    let handle = shop.told.lock().unwrap()[0].session;
    let devices = shop.layer.devices().of(&"u1".into()).await.unwrap();
    assert_eq!(handle, Some(devices[0].handle));
}

#[tokio::test]
async fn a_session_whose_time_is_over_is_told_of_once() {
    let shop = shop();
    Browser::new(&shop.app).get("/login:u1").await;
    Browser::new(&shop.app).get("/set:a:1").await;
    shop.told();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    shop.time.advance(Duration::from_secs(1801));
    for _ in 0..5 {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        shop.time.advance(Duration::from_secs(10));
    }
    let mut told = shop.told();
    told.sort_by_key(|(_, user)| user.clone());
    assert_eq!(told, [(Expired, None), of_u1(Expired)]);
    assert_eq!(count(&shop.layer.stats().ended, "expired"), 2);
}

#[tokio::test]
async fn what_happens_is_counted_also_by_the_minute() {
    let shop = shop();
    for n in 0..5 {
        let browser = Browser::new(&shop.app);
        browser.get(&format!("/login:u{n}")).await;
        if n < 2 {
            browser.get("/logout").await;
        }
        if n == 4 {
            browser.get("/rotate").await;
        }
    }
    let stats = shop.layer.clone().stats();
    assert_eq!((stats.created, stats.renewed), (5, 1));
    assert_eq!(stats.ended, [("logout", 2)]);
    assert_eq!((stats.created_last_minute, stats.ended_last_minute), (5, 2));
    let population = shop.layer.devices().population().await.unwrap();
    assert_eq!((population.sessions, population.users), (3, 3));
    shop.time.advance(Duration::from_secs(120));
    let stats = shop.layer.stats();
    assert_eq!((stats.created, stats.created_last_minute), (5, 0));
}
