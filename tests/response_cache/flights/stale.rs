//! What is stored may be served stale if those that others wait for fail (RFC 5861 section 4).

use tower_keep::{response_cache::Collapsing, seconds};

use super::{
    clients::{Field, Read, done, settle},
    origin::{Call, FRESH},
};

type Way = (&'static str, fn(Call));

const RESCUED: &[(&str, &str)] = &[
    ("cache-control", "max-age=1, stale-if-error=600"),
    ("etag", "\"a\""),
];

/// A field with a response that is stale and may be served on errors.
async fn stale() -> Field {
    let field = Field::with(|layer| {
        layer.collapsing(Collapsing::new().leader_time(seconds(5)).wait(seconds(30)))
    });
    field.store(RESCUED, "stale").await;
    field.advance(2).await;
    field
}

fn assert_stale(read: &Read, case: &str) {
    assert_eq!((read.status, read.text.as_str()), (200, "stale"), "{case}");
    assert_eq!(read.refusal(), None, "{case}");
}

#[tokio::test]
async fn all_get_what_is_stale_after_one_failure() {
    let busy = |call: Call| call.reply(503, &[], "busy");
    let ways: [Way; 2] = [("error", Call::fail), ("503", busy)];
    for (name, fail) in ways {
        let field = stale().await;
        let clients = field.gets(10);
        settle().await;
        fail(field.gate.next());
        for client in clients {
            assert_stale(&done(client).await.unwrap(), name);
        }
        assert_eq!(
            field.gate.calls(),
            2,
            "{name}: one for the store, one that failed"
        );
    }
}

#[tokio::test]
async fn so_they_do_if_the_origin_is_not_ready() {
    let field = stale().await;
    field.gate.unready(10);
    for client in field.gets(5) {
        assert_stale(&done(client).await.unwrap(), "unready");
    }
    assert_eq!(field.gate.unready_left(), 9);
    assert_eq!(field.gate.calls(), 1);
}

/// A panic says nothing of what is stored, so the next ones try before they are content with it.
#[tokio::test]
async fn leaders_that_panic_do_not_take_the_others_with_them() {
    let field = stale().await;
    let mut clients = field.gets(6);
    for _ in 0..3 {
        settle().await;
        field.gate.next().panic();
        settle().await;
        clients.remove(0).await.unwrap_err();
    }
    for client in clients {
        assert_stale(&done(client).await.unwrap(), "panic");
    }
    assert_eq!(field.gate.calls(), 4);
}

#[tokio::test]
async fn followers_get_what_is_stale_when_three_leaders_take_too_long() {
    let field = stale().await;
    let clients = field.gets(6);
    settle().await;
    for _ in 0..3 {
        field.advance(5).await;
    }
    assert_eq!(field.gate.calls(), 4);
    for (n, client) in clients.into_iter().enumerate() {
        if n < 3 {
            assert!(!client.is_finished(), "it goes on");
            field.gate.next().reply(200, FRESH, "new");
            assert_eq!(done(client).await.unwrap().text, "new");
        } else {
            assert!(client.is_finished());
            assert_stale(&done(client).await.unwrap(), "timeout");
        }
    }
    assert_eq!(field.hit().await.text, "new");
}

#[tokio::test]
async fn a_follower_that_waited_too_long_gets_what_is_stale() {
    let collapsing = Collapsing::new().wait(seconds(7));
    let field = Field::with(|layer| layer.collapsing(collapsing));
    field.store(RESCUED, "stale").await;
    field.advance(2).await;
    let leader = field.get();
    let follower = field.get();
    settle().await;
    field.advance(7).await;
    assert_stale(&done(follower).await.unwrap(), "wait");
    assert!(!leader.is_finished());
    assert_eq!(field.gate.calls(), 2);
    field.gate.next().reply(200, FRESH, "new");
    assert_eq!(done(leader).await.unwrap().text, "new");
}

#[tokio::test]
async fn a_new_response_is_for_all() {
    let field = stale().await;
    let clients = field.gets(5);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("new");
    settle().await;
    drop(feed);
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "new");
    }
    assert_eq!(field.gate.calls(), 2);
    assert_eq!(field.hit().await.text, "new");
}

/// A leader that fails when nothing stale may be served any more.
#[tokio::test]
async fn what_is_too_old_is_not_served() {
    let field = stale().await;
    field.advance(700).await;
    let clients = field.gets(5);
    for _ in 0..3 {
        settle().await;
        field.gate.next().fail();
    }
    let (mut own, mut refused) = (0, 0);
    for client in clients {
        match done(client).await {
            Ok(read) => {
                assert_eq!(read.status, 502);
                refused += 1;
            }
            Err(_) => own += 1,
        }
    }
    assert_eq!((own, refused), (3, 2));
}

/// Each request says itself what it takes (RFC 9111 section 5.2.1).
#[tokio::test]
async fn a_follower_that_does_not_take_what_is_stale_does_not_get_it() {
    let field = stale().await;
    let leader = field.get();
    settle().await;
    let strict = field.send("GET", &[("cache-control", "no-cache")]);
    settle().await;
    assert_eq!(field.gate.calls(), 3, "it goes by itself");
    field.gate.next().fail();
    assert_stale(&done(leader).await.unwrap(), "leader");
    field.gate.next().reply(200, FRESH, "new");
    assert_eq!(done(strict).await.unwrap().text, "new");
}

#[tokio::test]
async fn a_304_is_shared() {
    let field = stale().await;
    let clients = field.gets(10);
    settle().await;
    field.gate.next().reply(304, FRESH, "");
    for client in clients {
        assert_stale(&done(client).await.unwrap(), "304");
    }
    assert_eq!(field.gate.calls(), 2);
    assert_eq!(field.hit().await.text, "stale");
}

#[tokio::test]
async fn behind_a_stale_answer_one_refresh_runs() {
    for collapsing in [Collapsing::new(), Collapsing::off()] {
        let field = Field::with(|layer| layer.collapsing(collapsing));
        let fields = [("cache-control", "max-age=1, stale-while-revalidate=60")];
        field.store(&fields, "old").await;
        field.advance(2).await;
        for client in field.gets(10) {
            assert_eq!(done(client).await.unwrap().text, "old");
        }
        assert_eq!(field.gate.calls(), 2, "{collapsing:?}");
        field.gate.next().reply(200, FRESH, "new");
        settle().await;
        assert_eq!(field.hit().await.text, "new");
    }
}
