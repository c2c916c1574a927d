//! Crowds.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use tower::{Layer, Service, service_fn};
use tower_keep::{
    SessionLayer,
    session::{Admission, MemorySessions, Record, Session, SessionKey, SessionStore},
};

use crate::{script::Script, stepped::Stepped, support::Browser};

const MILLION: u64 = 1_000_000;

/// Half of them look at their session, half of those show an id that is nobody's.
#[tokio::test]
async fn a_million_visits_of_nobody_create_nothing() {
    let store = MemorySessions::new();
    let layer = SessionLayer::with_store(store.clone());
    let mut service = layer.layer(service_fn(|request: Request<()>| async move {
        let session = Session::of(request.extensions()).unwrap();
        if request.method() == http::Method::POST {
            let value: Option<u32> = session.get("a").await.unwrap();
            assert_eq!(value, None);
        }
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    for n in 0..MILLION {
        let mut request = Request::new(());
        if n % 2 == 0 {
            *request.method_mut() = http::Method::POST;
        }
        if n % 4 == 0 {
            let value = http::HeaderValue::from_static("__Host-id=AAAAAAAAAAAAAAAAAAAAAAAAAAA");
            request.headers_mut().insert("cookie", value);
        }
        let response = service.call(request).await.unwrap();
        assert!(!response.headers().contains_key("set-cookie"));
    }
    assert_eq!(store.stats().bytes, 0);
    assert_eq!(layer.stats().created, 0);
    let population = layer.devices().population().await.unwrap();
    assert_eq!((population.sessions, population.users), (0, 0));
}

/// What the store keeps of an anonymous session with a value.
async fn anonymous() -> Record {
    let store = Stepped::new(&MemorySessions::new());
    let layer = SessionLayer::with_store(store.clone());
    Browser::new(&Script::default().app(&layer))
        .get("/set:a:1")
        .await;
    let written = store.written().remove(0);
    let (_, record): (SessionKey, Record) = serde_json::from_str(&written).unwrap();
    record
}

/// As evenly spread as hashes are (`SplitMix64`).
fn key(n: u64) -> SessionKey {
    let mut bytes = [0; 32];
    for (at, part) in (1..).zip(bytes.chunks_exact_mut(8)) {
        let mut hash = n.wrapping_mul(4).wrapping_add(at);
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        part.copy_from_slice(&(hash ^ (hash >> 31)).to_le_bytes());
    }
    SessionKey::from_bytes(bytes)
}

#[tokio::test]
async fn a_million_sessions_of_nobody_stay_within_the_bound_and_log_nobody_out() {
    const CAPACITY: u64 = 4 << 20;
    let store = MemorySessions::with_capacity(4 << 20).unwrap();
    let layer = SessionLayer::with_store(store.clone());
    let browser = Browser::new(&Script::default().app(&layer));
    browser.get("/set:a:1/login:u1").await;
    let record = anonymous().await;
    let admission = Admission::default();
    for n in 0..MILLION {
        store
            .create(&key(n), record.clone(), &admission)
            .await
            .unwrap();
        if n % 4096 == 0 {
            assert!(store.stats().bytes <= CAPACITY, "after {n}");
        }
    }
    let stats = store.stats();
    let population = layer.devices().population().await.unwrap();
    assert!(stats.bytes <= CAPACITY, "{stats:?}");
    assert!(population.sessions > 1000, "{population:?}");
    assert_eq!(population.sessions + stats.evicted_anonymous, MILLION + 1);
    assert_eq!((stats.evicted_logged_in, stats.refused), (0, 0));
    assert_eq!(browser.get("/user/get:a").await.text, "u1 1");
}
