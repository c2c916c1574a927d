//! Ids are nobody's business: not in the store, not in `Debug`, not in logs (OWASP Session Management Cheat Sheet).

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower::Layer;
use tower_keep::{
    SessionLayer,
    session::{MemorySessions, Session, SessionStore},
    test_util::ManualClock,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{
    script::{Script, typed_app},
    stepped::{Call, Fate, Stepped},
    support::Browser,
};

/// What an id may look like where somebody writes it down.
fn spellings(id: &str) -> Vec<String> {
    let bytes = URL_SAFE_NO_PAD.decode(id).unwrap();
    let mut hex = String::new();
    for byte in &bytes {
        write!(hex, "{byte:02x}").unwrap();
    }
    let numbers: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    vec![
        id.to_owned(),
        id[..20].to_owned(),
        hex,
        numbers.join(","),
        numbers.join(", "),
    ]
}

fn assert_hidden(ids: &[String], what: &str, text: &str) {
    assert!(!text.is_empty(), "{what}");
    for spelling in ids.iter().flat_map(|id| spellings(id)) {
        assert!(!text.contains(&spelling), "{what} tells {spelling}: {text}");
    }
}

/// Does all that there is to do, and returns the ids that it came by.
async fn whole_exchange(store: &Stepped, time: &ManualClock) -> (SessionLayer, Vec<String>) {
    let layer = SessionLayer::with_store(store.clone())
        .clock(time.clock())
        .renew_every(Duration::from_secs(60))
        .identify();
    let browser = Browser::new(&Script::default().app(&layer));
    let mut ids = Vec::new();
    for path in [
        "/set:a:1/flash:f:1/label:phone",
        "/get:a/take:f/add:n",
        "/rotate",
        "/login:u1/persist",
        "/may:get:a/may:set:a:2",
        "/login:u2/commit/set:b:1",
    ] {
        let answer = browser.get(path).await;
        assert_hidden(&ids, path, &format!("{:?}", answer.headers));
        ids.extend(browser.cookie());
        time.advance(Duration::from_secs(61));
    }
    let script: [fn(Call) -> Fate; 3] = [
        |_| Fate::Failed,
        |call| match call {
            Call::Load => Fate::Answered,
            _ => Fate::Failed,
        },
        |call| match call {
            Call::Load => Fate::Answered,
            _ => Fate::Lost,
        },
    ];
    for fates in script {
        store.script(fates);
        browser.get("/set:a:3/rotate").await;
        ids.extend(browser.cookie());
    }
    store.heal();
    browser.get("/get:a").await;
    browser.get("/logout").await;
    browser.set_cookie(&ids[0]);
    browser.get("/get:a/set:a:1").await;
    ids.extend(browser.cookie());
    ids.sort();
    ids.dedup();
    assert!(ids.len() >= 6, "{}", ids.len());
    (layer, ids)
}

fn shop() -> (Stepped, ManualClock) {
    let time = ManualClock::new();
    let memory = MemorySessions::new().clock(time.clock());
    (Stepped::new(&memory), time)
}

#[tokio::test]
async fn nothing_that_a_store_ever_gets_logs_anybody_in() {
    let (store, time) = shop();
    let (_, ids) = whole_exchange(&store, &time).await;
    let written = store.written();
    assert!(written.len() > 10);
    for text in written {
        assert_hidden(&ids, "the store", &text);
    }
}

#[tokio::test]
async fn debug_of_what_is_public_tells_no_id() {
    let (store, time) = shop();
    let (layer, ids) = whole_exchange(&store, &time).await;
    let shown: Arc<Mutex<Vec<String>>> = Arc::default();
    let showing = Arc::clone(&shown);
    let show = move |what: &dyn Debug| showing.lock().unwrap().push(format!("{what:?}"));
    let told = show.clone();
    let layer = layer.on_event(move |event| told(event));
    let seen = show.clone();
    let app = typed_app(&layer, move |_, session: Session<u32>| {
        let show = seen.clone();
        async move {
            session.update(|n| *n += 1).await?;
            session.login("u3").await?;
            session.commit().await?;
            show(&session);
            show(&session.info().await?);
            show(&session.csrf_token().await?);
            Ok(String::new())
        }
    });
    let browser = Browser::new(&app);
    let sent = browser.send("/");
    let response = sent.await.unwrap();
    show(&response);
    browser.keep(response);
    let ids = [ids, vec![browser.cookie().unwrap()]].concat();
    show(&layer);
    show(&layer.layer(()));
    show(&layer.stats());
    show(&layer.devices());
    let user = "u3".into();
    show(&layer.devices().of(&user).await.unwrap());
    let kept = store.sessions_of(&user).await.unwrap();
    assert_eq!(kept.len(), 1);
    show(&kept);
    show(&store.load(&kept[0].0).await.unwrap());
    store.script(|_| Fate::Failed);
    show(&layer.devices().of(&user).await.unwrap_err());
    let shown = shown.lock().unwrap();
    assert!(shown.len() > 12);
    for text in shown.iter() {
        assert_hidden(&ids, "Debug", text);
    }
}

/// Writes down all that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = self.0.lock().unwrap();
        writeln!(text, "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, record: &span::Record<'_>) {
        record.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn the_log_of_a_whole_exchange_tells_no_id_at_any_level() {
    let log = Log::default();
    let logging = tracing::subscriber::set_default(log.clone());
    let (store, time) = shop();
    let (_, ids) = whole_exchange(&store, &time).await;
    drop(logging);
    let text = log.0.lock().unwrap();
    assert!(text.contains("Renewed"), "it is logged: {text}");
    assert_hidden(&ids, "the log", &text);
}
