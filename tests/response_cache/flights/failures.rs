//! Leaders that fail: errors, panics, bodies that break off (RFC 9111 section 4).

use std::error::Error;

use tokio::task::JoinHandle;
use tower_keep::{
    BoxError,
    response_cache::{BodyError, Refusal, ResponseCacheLayer},
    store::MemoryStore,
};

use super::{
    clients::{Field, Read, done, leave, settle},
    origin::{Broke, Call, FRESH},
};

type Way = (&'static str, fn(Call));

const WAYS: [Way; 2] = [("error", Call::fail), ("panic", Call::panic)];

/// How many tasks ended with the origin's error or panic, with a 502 of the cache, and with a 200.
async fn ends(clients: Vec<JoinHandle<Result<Read, Broke>>>) -> (usize, usize, usize) {
    settle().await;
    let (mut own, mut refused, mut fine) = (0, 0, 0);
    for client in clients {
        assert!(client.is_finished(), "it hangs");
        match client.await {
            Ok(Ok(read)) if read.status == 502 => {
                assert_eq!(read.refusal(), Some(Refusal::OriginFailed));
                assert_eq!(read.text, "");
                refused += 1;
            }
            Ok(Ok(read)) => {
                assert_eq!(read.status, 200);
                fine += 1;
            }
            Ok(Err(Broke)) | Err(_) => own += 1,
        }
    }
    (own, refused, fine)
}

/// Whether the origin's error is in there somewhere.
fn is_origins(error: &BoxError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error.as_ref());
    while let Some(error) = next {
        if error.is::<Broke>() {
            return true;
        }
        next = error.source();
    }
    false
}

#[tokio::test]
async fn three_leaders_fail_and_the_rest_is_told() {
    for (name, fail) in WAYS {
        for count in [1, 2, 3, 4, 10] {
            let field = Field::new();
            let clients = field.gets(count);
            for tried in 1..=count.min(3) {
                settle().await;
                assert_eq!(
                    field.gate.calls(),
                    tried,
                    "{name}, {count}: one after the other"
                );
                fail(field.gate.next());
            }
            let told = ends(clients).await;
            assert_eq!(
                told,
                (count.min(3), count.saturating_sub(3), 0),
                "{name}, {count}"
            );
            assert_eq!(field.gate.calls(), count.min(3), "{name}, {count}");
            field.store(FRESH, "again").await;
            assert_eq!(field.hit().await.text, "again");
        }
    }
}

#[tokio::test]
async fn so_it_is_if_the_origin_is_not_ready() {
    let field = Field::new();
    field.gate.unready(100);
    let clients = field.gets(10);
    let told = ends(clients).await;
    assert_eq!(told, (3, 7, 0));
    assert_eq!(field.gate.unready_left(), 97);
    assert_eq!(field.gate.calls(), 0);
    field.gate.unready(0);
    field.store(FRESH, "again").await;
}

#[tokio::test]
async fn a_later_leader_answers_for_all_who_are_left() {
    for (name, fail) in WAYS {
        for failing in [1, 2] {
            let field = Field::new();
            let clients = field.gets(10);
            for _ in 0..failing {
                settle().await;
                fail(field.gate.next());
            }
            settle().await;
            field.gate.next().reply(200, FRESH, "fine");
            assert_eq!(ends(clients).await, (failing, 0, 10 - failing), "{name}");
            assert_eq!(field.gate.calls(), failing + 1);
            field.hit().await;
        }
    }
}

/// Whoever left has not failed.
#[tokio::test]
async fn a_leader_that_left_does_not_count() {
    let field = Field::new();
    let mut clients = field.gets(12);
    for calls in 1..=5 {
        settle().await;
        assert_eq!(field.gate.calls(), calls);
        leave(clients.remove(0)).await;
        assert!(field.gate.next().is_left());
    }
    for _ in 0..2 {
        settle().await;
        field.gate.next().fail();
    }
    settle().await;
    field.gate.next().reply(200, FRESH, "fine");
    assert_eq!(ends(clients).await, (2, 0, 5));
    assert_eq!(field.gate.calls(), 8);
}

/// The count of failures is that of one flight, not of the key for ever.
#[tokio::test]
async fn who_comes_after_the_failures_begins_anew() {
    let field = Field::new();
    for round in 0..3 {
        let clients = field.gets(5);
        for _ in 0..3 {
            settle().await;
            field.gate.next().fail();
        }
        assert_eq!(ends(clients).await, (3, 2, 0), "{round}");
        assert_eq!(field.gate.calls(), 3 * (round + 1));
    }
}

/// A 5xx is an answer: each one gets its own, and none is a failure.
#[tokio::test]
async fn an_error_status_is_no_failure_of_the_flight() {
    let field = Field::new();
    let clients = field.gets(8);
    for _ in 0..10 {
        settle().await;
        for call in field.gate.all() {
            call.reply(503, &[], "busy");
        }
    }
    for client in clients {
        let read = done(client).await.unwrap();
        assert_eq!((read.status, read.text.as_str()), (503, "busy"));
        assert_eq!(read.refusal(), None);
    }
    assert_eq!(field.gate.calls(), 8);
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_for_all_and_only_the_leader_sees_why() {
    for pieces in 0..3 {
        let field = Field::new();
        let clients = field.gets(4);
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        settle().await;
        for _ in 0..pieces {
            feed.data("piece ");
            settle().await;
        }
        feed.fail();
        for (n, client) in clients.into_iter().enumerate() {
            let read = done(client).await.unwrap();
            let error = read.error.expect("it broke off");
            assert_eq!(read.text, "piece ".repeat(pieces));
            let shared = error.downcast_ref::<BodyError>() == Some(&BodyError::Shared);
            assert_eq!(
                (is_origins(&error), shared),
                (n == 0, n > 0),
                "{n}: {error:?}"
            );
        }
        assert_eq!(field.gate.calls(), 1);
        assert_eq!(field.layer.stats().stored, 0);
        field.store(FRESH, "whole").await;
        assert_eq!(field.hit().await.text, "whole");
    }
}

#[tokio::test]
async fn a_body_that_panics_is_met_by_one_and_breaks_off_for_the_others() {
    for leader_left in [false, true] {
        let field = Field::new();
        let mut clients = field.gets(4);
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        feed.data("piece");
        settle().await;
        if leader_left {
            leave(clients.remove(0)).await;
        }
        feed.panic();
        settle().await;
        let mut panics = 0;
        for client in clients {
            assert!(client.is_finished(), "it hangs");
            match client.await {
                Ok(read) => {
                    let error = read.unwrap().error.expect("it broke off");
                    assert_eq!(error.downcast_ref(), Some(&BodyError::Shared));
                }
                Err(_) => panics += 1,
            }
        }
        assert_eq!(panics, 1);
        assert_eq!(field.layer.stats().stored, 0);
        field.store(FRESH, "whole").await;
        assert_eq!(field.hit().await.text, "whole");
    }
}

/// The one whose error it was is gone when the body breaks.
#[tokio::test]
async fn the_error_of_a_body_is_not_for_those_that_outlive_its_leader() {
    let field = Field::new();
    let leader = field.get();
    let followers = field.gets(2);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("piece");
    settle().await;
    leave(leader).await;
    feed.fail();
    for follower in followers {
        let error = done(follower).await.unwrap().error.expect("it broke off");
        assert_eq!(error.downcast_ref(), Some(&BodyError::Shared));
    }
    field.store(FRESH, "whole").await;
}

/// A body that turns out to be too long on the way reaches all who read it, and nobody else.
#[tokio::test]
async fn a_body_that_grows_beyond_what_is_stored_reaches_its_readers() {
    let store = MemoryStore::builder().capacity(1 << 20).max_entry(64 << 10);
    let store = store.build().unwrap();
    let field = Field::with(|_| ResponseCacheLayer::with_store(store));
    let clients = field.gets(3);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    for _ in 0..200 {
        feed.data(vec![b'x'; 1 << 10]);
        settle().await;
    }
    let late = field.get();
    settle().await;
    assert_eq!(field.gate.calls(), 2, "nobody joins it any more");
    field.gate.next().reply(200, FRESH, "short");
    assert_eq!(done(late).await.unwrap().text, "short");
    drop(feed);
    for client in clients {
        let read = done(client).await.unwrap();
        assert_eq!((read.text.len(), read.error.is_none()), (200 << 10, true));
    }
    assert_eq!(field.hit().await.text, "short");
}
