//! What is on its way into the store is bounded, all responses together.

use tower_keep::{
    response_cache::{ResponseCacheLayer, Rule},
    store::MemoryStore,
};

use super::{
    clients::{Field, Read, done, leave, settle},
    origin::{Broke, FRESH, Feed},
};
use tokio::task::JoinHandle;

const KIB: usize = 1 << 10;

/// Entries of 512 KiB are admitted, 256 KiB may be on their way.
fn field() -> Field {
    let store = MemoryStore::builder()
        .capacity(8 << 20)
        .max_entry(512 * KIB);
    let store = store.build().unwrap();
    Field::with(|_| ResponseCacheLayer::with_store(store).fill_budget(256 * KIB))
}

fn get(field: &Field, uri: &str) -> JoinHandle<Result<Read, Broke>> {
    field.send("GET", &[(":uri", uri)])
}

/// A response of which so many KiB have come.
async fn begun(field: &Field, uri: &str, size: usize) -> (JoinHandle<Result<Read, Broke>>, Feed) {
    let client = get(field, uri);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    for _ in 0..size {
        feed.data(vec![b'x'; KIB]);
    }
    settle().await;
    (client, feed)
}

/// Whether a response of that size is stored.
async fn is_stored(field: &Field, uri: &str, size: usize) -> bool {
    let (client, feed) = begun(field, uri, size).await;
    drop(feed);
    assert_eq!(done(client).await.unwrap().text.len(), size * KIB);
    let calls = field.gate.calls();
    let again = get(field, uri);
    settle().await;
    for call in field.gate.all() {
        call.reply(599, &[], "");
    }
    done(again).await.unwrap();
    field.gate.calls() == calls
}

fn refused(field: &Field) -> u64 {
    let stats = field.layer.stats();
    stats
        .not_stored
        .get(&Rule::FillBudget)
        .copied()
        .unwrap_or_default()
}

#[tokio::test]
async fn what_exceeds_the_budget_passes_unharmed_and_is_not_stored() {
    let field = field();
    let clients = field.gets(3);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    for _ in 0..300 {
        feed.data(vec![b'x'; KIB]);
        settle().await;
    }
    drop(feed);
    for client in clients {
        let read = done(client).await.unwrap();
        assert_eq!((read.text.len(), read.error.is_none()), (300 * KIB, true));
    }
    assert_eq!(field.gate.calls(), 1);
    assert_eq!((field.layer.stats().stored, refused(&field)), (0, 1));
    field.store(FRESH, "small").await;
    field.hit().await;
}

#[tokio::test]
async fn the_budget_is_one_for_all() {
    let field = field();
    let (first, feed) = begun(&field, "http://origin.test/first", 160).await;
    assert!(!is_stored(&field, "http://origin.test/second", 160).await);
    assert_eq!(refused(&field), 1);
    drop(feed);
    assert_eq!(done(first).await.unwrap().text.len(), 160 * KIB);
    assert_eq!(field.layer.stats().stored, 1, "the first is unharmed");
    assert!(is_stored(&field, "http://origin.test/third", 160).await);
}

#[tokio::test]
async fn it_is_given_back_however_a_response_ends() {
    for end in ["end", "error", "left", "short", "beyond"] {
        let field = field();
        for round in 0..5 {
            let uri = format!("http://origin.test/{end}/{round}");
            let (client, feed) = begun(&field, &uri, 200).await;
            match end {
                "error" => feed.fail(),
                "left" => {
                    leave(client).await;
                    continue;
                }
                "beyond" => (0..100).for_each(|_| feed.data(vec![b'x'; KIB])),
                _ => {}
            }
            drop(feed);
            let read = done(client).await.unwrap();
            assert_eq!(read.error.is_some(), end == "error");
        }
        assert!(is_stored(&field, "http://origin.test/", 200).await, "{end}");
    }
}

/// Readers who are still at it after the end must not count for ever.
#[tokio::test]
async fn it_is_given_back_although_a_slow_reader_still_reads() {
    let field = field();
    let slow = field.open("GET", &[]);
    let fast = field.get();
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    for _ in 0..200 {
        feed.data(vec![b'x'; KIB]);
    }
    drop(feed);
    let slow = done(slow).await.unwrap();
    assert_eq!(done(fast).await.unwrap().text.len(), 200 * KIB);
    assert_eq!(field.hit().await.text.len(), 200 * KIB);
    assert!(is_stored(&field, "http://origin.test/other", 200).await);
    assert_eq!(Read::of(slow).await.text.len(), 200 * KIB);
}

#[tokio::test]
async fn clones_share_it() {
    use tower::Layer;
    let field = field();
    let (first, feed) = begun(&field, "http://origin.test/first", 160).await;
    let clone = Field {
        service: field.layer.clone().layer(field.gate.clone()),
        layer: field.layer.clone(),
        clock: field.clock.clone(),
        gate: field.gate.clone(),
    };
    assert!(!is_stored(&clone, "http://origin.test/second", 160).await);
    drop(feed);
    done(first).await.unwrap();
    assert!(is_stored(&clone, "http://origin.test/third", 160).await);
}

#[tokio::test]
async fn no_budget_stores_nothing() {
    let field = Field::with(|layer| layer.fill_budget(0));
    for round in 1..=3 {
        field.store(FRESH, "passed").await;
        assert_eq!(refused(&field), round);
    }
    assert_eq!(field.layer.stats().stored, 0);
}
