//! What the leader has read before a follower wakes up must not send all followers to the origin at once.

use super::{
    clients::{Field, done, settle},
    origin::{Call, FRESH},
};

/// Answers all calls so, again and again, until no more come; how many there were each time.
async fn batches(field: &Field, answer: impl Fn(Call)) -> Vec<usize> {
    let mut batches = Vec::new();
    loop {
        settle().await;
        let calls = field.gate.all();
        if calls.is_empty() {
            return batches;
        }
        batches.push(calls.len());
        calls.into_iter().for_each(&answer);
    }
}

/// The head and the end of the body come at once, so that the leader meets the end first.
#[tokio::test]
async fn a_body_that_breaks_off_together_with_its_head_is_a_failure_like_any_other() {
    for piece in [None, Some("piece")] {
        let field = Field::new();
        let clients = field.gets(20);
        let batches = batches(&field, |call| {
            let feed = call.begin(FRESH);
            if let Some(piece) = piece {
                feed.data(piece);
            }
            feed.fail();
        })
        .await;
        for client in clients {
            let read = done(client).await.unwrap();
            assert!(read.status == 502 || read.error.is_some());
        }
        assert!(batches.iter().sum::<usize>() <= 3, "{piece:?}: {batches:?}");
    }
}

/// It grows beyond what is stored before a follower has begun to read.
#[tokio::test]
async fn a_body_that_is_too_long_at_once_lets_followers_go_in_batches() {
    let field = Field::with(|layer| layer.max_body(100));
    let clients = field.gets(100);
    let batches = batches(&field, |call| {
        let feed = call.begin(FRESH);
        for _ in 0..50 {
            feed.data("piece");
        }
    })
    .await;
    for client in clients {
        let read = done(client).await.unwrap();
        assert_eq!((read.text.len(), read.error.is_none()), (250, true));
    }
    for (n, batch) in batches.iter().enumerate() {
        assert!(*batch <= 1 << n, "not all at once: {batches:?}");
    }
    assert!(batches.len() <= 8, "{batches:?}");
}

/// The same of one that is shorter than it announced.
#[tokio::test]
async fn so_does_one_that_is_too_short_at_once() {
    let field = Field::new();
    let clients = field.gets(100);
    let batches = batches(&field, |call| {
        let fields = [("cache-control", "max-age=60"), ("content-length", "10")];
        call.start(200, &fields, None).data("short");
    })
    .await;
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "short");
    }
    for (n, batch) in batches.iter().enumerate() {
        assert!(*batch <= 1 << n, "not all at once: {batches:?}");
    }
    assert!(batches.len() <= 8, "{batches:?}");
}

/// What is stored at once is there for the followers, however late they wake up.
#[tokio::test]
async fn a_body_that_is_whole_at_once_is_shared() {
    for text in ["", "whole"] {
        let field = Field::new();
        let clients = field.gets(100);
        let batches = batches(&field, |call| call.reply(200, FRESH, text)).await;
        assert_eq!(batches, [1]);
        for client in clients {
            assert_eq!(done(client).await.unwrap().text, text);
        }
    }
}
