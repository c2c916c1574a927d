//! An id in other hands.

use std::sync::{Arc, Mutex};

use tower_keep::{
    SessionLayer,
    session::{Absence, Binding, Mismatch, SessionEventKind},
};

use crate::script::{Script, ask_from, cookie, count};

const HOME: [u8; 4] = [192, 0, 2, 7];
const NEXT_DOOR: [u8; 4] = [192, 0, 2, 200];
const ELSEWHERE: [u8; 4] = [198, 51, 100, 7];
const FIREFOX: (&str, &str) = ("user-agent", "Firefox");

struct Shop {
    layer: SessionLayer,
    app: crate::support::App,
    cookie: String,
    events: Arc<Mutex<Vec<SessionEventKind>>>,
}

/// A session that was begun at home with Firefox.
async fn shop(binding: Binding) -> Shop {
    let events: Arc<Mutex<Vec<_>>> = Arc::default();
    let told = Arc::clone(&events);
    let listener = move |event: &tower_keep::session::SessionEvent| {
        told.lock().unwrap().push(event.kind);
    };
    let layer = SessionLayer::new().bind(binding).on_event(listener);
    let app = Script::default().app(&layer);
    let answer = ask_from(&app, Some(HOME), "/login:u1", &[FIREFOX]).await;
    let line = answer.set_cookies()[0];
    let id = line["__Host-id=".len()..].split(';').next().unwrap();
    Shop {
        cookie: cookie(id),
        layer,
        app,
        events,
    }
}

impl Shop {
    async fn user(&self, from: [u8; 4], agent: &str) -> String {
        let fields = [("cookie", &*self.cookie), ("user-agent", agent)];
        ask_from(&self.app, Some(from), "/user", &fields).await.text
    }
}

#[tokio::test]
async fn nothing_is_bound_unless_it_is_asked_for() {
    let shop = shop(Binding::none()).await;
    assert_eq!(shop.user(ELSEWHERE, "curl").await, "u1");
    assert_eq!(shop.layer.stats().refused, []);
}

#[tokio::test]
async fn another_network_or_another_browser_ends_the_session() {
    for (binding, from, agent) in [
        (Binding::none().ip_prefix(24, 48), ELSEWHERE, "Firefox"),
        (Binding::none().ip_prefix(32, 64), NEXT_DOOR, "Firefox"),
        (Binding::none().user_agent(), HOME, "curl"),
        (Binding::none().user_agent(), HOME, ""),
    ] {
        let shop = shop(binding).await;
        assert_eq!(shop.user(HOME, "Firefox").await, "u1");
        assert_eq!(shop.user(from, agent).await, "-");
        assert_eq!(shop.user(HOME, "Firefox").await, "-", "it has ended");
        assert_eq!(count(&shop.layer.stats().refused, "bound-to-another"), 1);
        assert_eq!(count(&shop.layer.stats().ended, "other-client"), 1);
        let events = shop.events.lock().unwrap();
        assert!(events.contains(&SessionEventKind::Refused(Absence::OtherClient)));
    }
}

#[tokio::test]
async fn what_is_not_bound_may_change() {
    let shop = shop(Binding::none().ip_prefix(24, 48)).await;
    assert_eq!(shop.user(NEXT_DOOR, "curl").await, "u1");
    let shop = self::shop(Binding::none().user_agent()).await;
    assert_eq!(shop.user(ELSEWHERE, "Firefox").await, "u1");
}

#[tokio::test]
async fn who_comes_from_nowhere_is_another_client() {
    let shop = shop(Binding::none().ip_prefix(24, 48)).await;
    let fields = [("cookie", &*shop.cookie), FIREFOX];
    let answer = ask_from(&shop.app, None, "/user", &fields).await;
    assert_eq!(answer.text, "-");
}

#[tokio::test]
async fn the_mismatch_is_only_refused_or_flagged_if_that_is_asked_for() {
    for (mismatch, found) in [(Mismatch::Refuse, "-"), (Mismatch::Flag, "u1")] {
        let binding = Binding::none().user_agent().on_mismatch(mismatch);
        let shop = shop(binding).await;
        assert_eq!(shop.user(HOME, "curl").await, found, "{mismatch:?}");
        assert_eq!(shop.user(HOME, "Firefox").await, "u1", "{mismatch:?}");
        assert_eq!(count(&shop.layer.stats().refused, "bound-to-another"), 1);
        assert_eq!(shop.layer.stats().ended, []);
    }
}

/// Who was refused and writes has a session of their own, not the one that was bound.
#[tokio::test]
async fn who_is_refused_begins_anew() {
    let binding = Binding::none().user_agent().on_mismatch(Mismatch::Refuse);
    let shop = shop(binding).await;
    let fields = [("cookie", &*shop.cookie), ("user-agent", "curl")];
    let answer = ask_from(&shop.app, Some(HOME), "/set:a:1", &fields).await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(!answer.set_cookies()[0].contains(&shop.cookie));
    assert_eq!(shop.user(HOME, "Firefox").await, "u1");
}
