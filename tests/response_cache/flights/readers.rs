//! Readers of one body that differ in speed.

use futures_util::FutureExt;
use http_body_util::BodyExt;
use tower_keep::{
    response_cache::{BodyError, Collapsing, ResponseCacheLayer},
    seconds,
    store::MemoryStore,
};

use super::{
    clients::{Field, Opened, Read, done, settle},
    origin::{FRESH, Feed},
};

const KIB: usize = 1 << 10;

/// Entries are 64 KiB at most, readers 16 KiB apart at most, and it takes 10 seconds to be cut.
fn narrow() -> Field {
    let store = MemoryStore::builder().capacity(1 << 20).max_entry(64 * KIB);
    let store = store.build().unwrap();
    let collapsing = Collapsing::new().window(16 * KIB).stall_time(seconds(10));
    Field::with(|_| ResponseCacheLayer::with_store(store).collapsing(collapsing))
}

/// So many pieces of 1 KiB, each of another letter than its neighbours.
fn pour(feed: &Feed, pieces: usize) {
    for n in 0..pieces {
        feed.data(vec![b'a' + u8::try_from(n % 26).unwrap(); KIB]);
    }
}

fn expected(pieces: usize) -> String {
    let letters = (b'a'..=b'z').cycle().take(pieces);
    letters
        .map(|letter| char::from(letter).to_string().repeat(KIB))
        .collect()
}

/// Two readers of a body with so many pieces in all, its head read.
async fn two(field: &Field, pieces: usize) -> (Feed, Opened, Opened) {
    let clients = (field.open("GET", &[]), field.open("GET", &[]));
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    pour(&feed, pieces);
    let leader = done(clients.0).await.unwrap();
    let follower = done(clients.1).await.unwrap();
    assert_eq!(field.gate.calls(), 1);
    (feed, leader, follower)
}

#[tokio::test]
async fn within_what_is_stored_each_reads_at_its_own_speed() {
    for slow_leader in [true, false] {
        let field = narrow();
        let (feed, leader, follower) = two(&field, 40).await;
        let (slow, fast) = if slow_leader {
            (leader, follower)
        } else {
            (follower, leader)
        };
        drop(feed);
        let fast = done(tokio::spawn(Read::of(fast))).await;
        assert_eq!(fast.text, expected(40));
        assert_eq!(
            field.hit().await.text,
            expected(40),
            "stored before the slow one began"
        );
        field.advance(1_000).await;
        let slow = Read::of(slow).await;
        assert_eq!((slow.text, slow.error.is_none()), (expected(40), true));
    }
}

#[tokio::test]
async fn beyond_it_who_stalls_is_cut_and_the_other_finishes() {
    for slow_leader in [true, false] {
        let field = narrow();
        let (feed, leader, follower) = two(&field, 300).await;
        let (slow, fast) = if slow_leader {
            (leader, follower)
        } else {
            (follower, leader)
        };
        drop(feed);
        let fast = tokio::spawn(Read::of(fast));
        settle().await;
        assert!(!fast.is_finished(), "it is held up");
        field.advance(9).await;
        assert!(!fast.is_finished(), "there is still time");
        field.advance(1).await;
        let fast = done(fast).await;
        assert_eq!((fast.text, fast.error.is_none()), (expected(300), true));
        let slow = Read::of(slow).await;
        let error = slow.error.expect("it was cut");
        assert_eq!(error.downcast_ref(), Some(&BodyError::Stalled));
        assert!(expected(300).starts_with(&slow.text));
        assert!(slow.text.len() < 300 * KIB);
        assert_eq!(field.layer.stats().stored, 0);
    }
}

/// It reads a little now and then: slow, but not stalled.
#[tokio::test]
async fn who_reads_on_is_not_cut() {
    let field = narrow();
    let (feed, mut slow, fast) = two(&field, 120).await;
    drop(feed);
    let fast = tokio::spawn(Read::of(fast));
    let mut text = Vec::new();
    loop {
        field.advance(6).await;
        let frame = slow.frame().now_or_never().expect("there is more");
        let Some(frame) = frame else { break };
        text.extend(frame.unwrap().into_data().unwrap());
    }
    assert_eq!(String::from_utf8(text).unwrap(), expected(120));
    assert_eq!(done(fast).await.text, expected(120));
}

#[tokio::test]
async fn the_other_goes_on_when_the_slow_one_leaves() {
    for slow_leader in [true, false] {
        let field = narrow();
        let (feed, leader, follower) = two(&field, 300).await;
        let (slow, fast) = if slow_leader {
            (leader, follower)
        } else {
            (follower, leader)
        };
        drop(feed);
        let fast = tokio::spawn(Read::of(fast));
        settle().await;
        assert!(!fast.is_finished());
        drop(slow);
        assert_eq!(done(fast).await.text, expected(300), "{slow_leader}");
    }
}

#[tokio::test]
async fn both_read_at_one_speed_beyond_what_is_stored() {
    let field = narrow();
    let (feed, leader, follower) = two(&field, 300).await;
    drop(feed);
    let readers = [leader, follower].map(|reader| tokio::spawn(Read::of(reader)));
    for reader in readers {
        let read = done(reader).await;
        assert_eq!((read.text, read.error.is_none()), (expected(300), true));
    }
}

#[tokio::test]
async fn nobody_joins_a_body_that_is_not_kept() {
    let field = narrow();
    let (feed, leader, follower) = two(&field, 100).await;
    let readers = [leader, follower].map(|reader| tokio::spawn(Read::of(reader)));
    settle().await;
    let late = field.get();
    settle().await;
    assert_eq!(field.gate.calls(), 2);
    field.gate.next().reply(200, FRESH, "late");
    assert_eq!(done(late).await.unwrap().text, "late");
    drop(feed);
    for reader in readers {
        assert_eq!(done(reader).await.text, expected(100));
    }
    // The one that was too long ends last, and takes nothing away.
    assert_eq!(field.hit().await.text, "late");
}

/// A reader that has fallen behind, and the origin says nothing for long: nobody is held up by it.
#[tokio::test]
async fn waiting_for_the_origin_is_no_stall() {
    let field = narrow();
    let (feed, leader, follower) = two(&field, 100).await;
    let readers = [leader, follower].map(|reader| tokio::spawn(Read::of(reader)));
    settle().await;
    field.advance(1_000).await;
    feed.data("end");
    drop(feed);
    for reader in readers {
        let read = done(reader).await;
        assert!(read.error.is_none());
        assert_eq!(read.text.len(), 100 * KIB + 3);
    }
}

/// A lone reader may be as slow as it likes: it holds up nobody.
#[tokio::test]
async fn a_lone_reader_is_never_cut() {
    let field = narrow();
    let only = field.open("GET", &[]);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    pour(&feed, 300);
    drop(feed);
    let mut only = done(only).await.unwrap();
    let mut length = 0;
    while let Some(frame) = only.frame().await {
        length += frame.unwrap().into_data().unwrap().len();
        if length % (20 * KIB) == 0 {
            field.advance(1_000).await;
        }
    }
    assert_eq!(length, 300 * KIB);
}
