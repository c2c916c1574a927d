//! The fake does what it is told.

use futures_util::FutureExt;

use super::*;
use crate::{duration::seconds, session::sample::SampleRecord, test_util::ManualClock};

const KEY: SessionKey = SessionKey::from_bytes([7; 32]);

fn store() -> (FakeRemoteSessions, ManualClock) {
    let time = ManualClock::new();
    (FakeRemoteSessions::new(time.clock()), time)
}

async fn create(store: &FakeRemoteSessions) -> Result<Created, StoreError> {
    let record = SampleRecord::new().value("cart", "[1]").record();
    store.create(&KEY, record, &Admission::default()).await
}

fn is_there(store: &FakeRemoteSessions) -> bool {
    let loaded = store.behind().load(&KEY).now_or_never();
    loaded.unwrap().unwrap().is_some()
}

#[tokio::test]
async fn two_connections_see_the_same_sessions_and_count_together() {
    let (store, _) = store();
    let other = store.clone();
    create(&store).await.unwrap();
    assert!(other.load_now(&KEY).is_none(), "it has to be asked");
    assert!(other.load(&KEY).await.unwrap().is_some());
    assert_eq!(store.calls(SessionCall::Create), 1);
    assert_eq!(store.calls(SessionCall::Load), 1);
    assert_eq!((store.calls(SessionCall::Swap), store.all_calls()), (0, 2));
}

#[test]
fn a_call_takes_place_in_the_middle_of_its_way() {
    let (store, time) = store();
    let store = store.latency(seconds(2));
    let mut call = Box::pin(create(&store));
    assert!((&mut call).now_or_never().is_none());
    time.advance(seconds(1) - Duration::from_millis(1));
    assert!((&mut call).now_or_never().is_none() && !is_there(&store));
    time.advance(Duration::from_millis(1));
    assert!((&mut call).now_or_never().is_none() && is_there(&store));
    time.advance(seconds(1));
    assert!(call.now_or_never().unwrap().is_ok());
}

#[tokio::test]
async fn it_fails_as_often_as_it_is_told() {
    let (store, _) = store();
    store.fail_next(2);
    assert!(create(&store).await.unwrap_err().is_unavailable());
    assert!(store.population().await.is_err());
    assert!(!is_there(&store), "nothing was stored");
    assert!(store.population().await.is_ok());
    store.fail_all(true);
    assert!(create(&store).await.is_err() && create(&store).await.is_err());
    store.fail_all(false);
    assert!(create(&store).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_a_timeout_of_a_change_that_took_place() {
    let (store, _) = store();
    store.lose_answers(true);
    assert!(create(&store).await.unwrap_err().is_timeout());
    assert!(store.load(&KEY).await.unwrap().is_some());
    assert!(store.touch(&KEY).await.unwrap_err().is_timeout());
    assert!(store.remove(&KEY).await.unwrap_err().is_timeout());
    assert!(!is_there(&store));
}

#[tokio::test]
async fn what_is_held_goes_on_when_it_is_let() {
    let (store, _) = store();
    store.hold(SessionCall::Create, true);
    let mut held = Box::pin(create(&store));
    assert!((&mut held).now_or_never().is_none());
    assert!(store.load(&KEY).await.unwrap().is_none());
    store.hold(SessionCall::Create, false);
    assert!(held.await.is_ok());
    store.hang(true);
    let mut load = Box::pin(store.load(&KEY));
    assert!((&mut load).now_or_never().is_none());
    store.hang(false);
    assert!(load.await.unwrap().is_some());
}

#[tokio::test]
async fn somebody_may_come_in_between() {
    let (store, _) = store();
    create(&store).await.unwrap();
    let behind = store.behind().clone();
    store.on_call(move |call, key| {
        if let (SessionCall::Touch, Some(key)) = (call, key) {
            behind.remove(key).now_or_never();
        }
    });
    assert!(!store.touch(&KEY).await.unwrap(), "removed before that");
}

#[tokio::test]
async fn all_that_it_keeps_is_in_the_dump() {
    let (store, time) = store();
    let record = SampleRecord::new()
        .user("u1")
        .idle(seconds(1))
        .value("cart", "[1]");
    let nobody = Admission::default();
    store.create(&KEY, record.record(), &nobody).await.unwrap();
    for over in [false, true] {
        let dump = store.dump();
        let has = |bytes: &[u8]| dump.windows(bytes.len()).any(|part| part == bytes);
        assert!(
            has(KEY.as_bytes()) && has(b"cart") && has(b"[1]") && has(b"u1"),
            "{over}"
        );
        time.advance(seconds(1));
        assert!(
            !store.touch(&KEY).await.unwrap(),
            "it is over, and not told of"
        );
    }
    store.expired(1).await.unwrap();
    assert!(store.dump().is_empty());
}
