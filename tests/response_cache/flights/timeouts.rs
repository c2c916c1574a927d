//! Leaders that take too long, and followers that wait too long.

use tower_keep::{
    response_cache::{Collapsing, Refusal},
    seconds,
};

use super::{
    clients::{Field, done, settle},
    origin::FRESH,
};

fn field(leader_time: u64, wait: u64) -> Field {
    let collapsing = Collapsing::new()
        .leader_time(seconds(leader_time))
        .wait(seconds(wait));
    Field::with(|layer| layer.collapsing(collapsing))
}

#[tokio::test]
async fn the_next_one_leads_after_the_leaders_time_and_after_three_all_are_told() {
    let field = field(5, 100);
    let mut clients = field.gets(10);
    settle().await;
    for tried in 1..=3 {
        assert_eq!(field.gate.calls(), tried);
        field.advance(4).await;
        assert_eq!(field.gate.calls(), tried, "a second is left");
        field.advance(1).await;
    }
    assert_eq!(field.gate.calls(), 3);
    for client in clients.split_off(3) {
        let read = done(client).await.unwrap();
        assert_eq!(read.status, 504);
        assert_eq!(read.refusal(), Some(Refusal::OriginTimedOut));
    }
    // Those who asked go on.
    for client in clients {
        assert!(!client.is_finished());
        field.gate.next().reply(200, FRESH, "late");
        let read = done(client).await.unwrap();
        assert_eq!((read.status, read.text.as_str()), (200, "late"));
    }
    field.hit().await;
}

#[tokio::test]
async fn the_second_leader_answers_while_the_first_goes_on() {
    let field = field(5, 100);
    let mut clients = field.gets(4);
    settle().await;
    field.advance(5).await;
    let first = field.gate.next();
    field.gate.next().reply(200, FRESH, "second");
    settle().await;
    let slow = clients.remove(0);
    assert!(!slow.is_finished());
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "second");
    }
    assert!(!first.is_left());
    first.reply(200, FRESH, "first");
    let read = done(slow).await.unwrap();
    assert_eq!((read.status, read.text.as_str()), (200, "first"));
    assert_eq!(field.gate.calls(), 2);
    field.hit().await;
}

#[tokio::test]
async fn whichever_leader_is_first_nobody_hangs() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let field = field(5, 100);
        let clients = field.gets(6);
        settle().await;
        field.advance(5).await;
        field.advance(5).await;
        let mut calls: Vec<_> = field.gate.all().into_iter().map(Some).collect();
        assert_eq!(calls.len(), 3);
        for n in order {
            calls[n].take().unwrap().reply(200, FRESH, "fine");
            settle().await;
        }
        for client in clients {
            assert_eq!(done(client).await.unwrap().text, "fine", "{order:?}");
        }
        assert_eq!(field.gate.calls(), 3);
        field.hit().await;
    }
}

/// What comes last decides: 502 after an error.
#[tokio::test]
async fn errors_and_timeouts_count_together() {
    let field = field(5, 100);
    let clients = field.gets(5);
    settle().await;
    field.advance(5).await;
    let _slow = field.gate.next();
    field.gate.next().fail();
    settle().await;
    field.gate.next().fail();
    settle().await;
    assert_eq!(field.gate.calls(), 3);
    let mut told: Vec<_> = clients.into_iter().skip(3).collect();
    for client in told.drain(..) {
        let read = done(client).await.unwrap();
        assert_eq!(
            (read.status, read.refusal()),
            (502, Some(Refusal::OriginFailed))
        );
    }
}

/// It has been counted when its time was up.
#[tokio::test]
async fn a_late_failure_is_not_counted_twice() {
    let field = field(5, 100);
    let clients = field.gets(5);
    settle().await;
    field.advance(5).await;
    field.gate.next().fail();
    settle().await;
    assert_eq!(field.gate.calls(), 2, "its successor leads already");
    field.gate.next().fail();
    settle().await;
    field.gate.next().reply(200, FRESH, "third");
    for (n, client) in clients.into_iter().enumerate() {
        let read = done(client).await;
        assert_eq!(read.is_err(), n < 2, "{n}");
        assert!(read.is_err() || read.is_ok_and(|read| read.text == "third"));
    }
    assert_eq!(field.gate.calls(), 3);
}

#[tokio::test]
async fn a_body_may_take_longer_than_the_leaders_time() {
    let field = field(5, 100);
    let clients = field.gets(3);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("slow ");
    field.advance(50).await;
    feed.data("body");
    drop(feed);
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "slow body");
    }
    assert_eq!(field.gate.calls(), 1);
}

#[tokio::test]
async fn a_follower_waits_no_longer_than_it_may() {
    let field = field(30, 10);
    let leader = field.get();
    let follower = field.get();
    settle().await;
    field.advance(6).await;
    let later = field.get();
    settle().await;
    field.advance(3).await;
    assert!(!follower.is_finished());
    field.advance(1).await;
    let read = done(follower).await.unwrap();
    assert_eq!(
        (read.status, read.refusal()),
        (504, Some(Refusal::OriginTimedOut))
    );
    assert!(!later.is_finished(), "it came later");
    field.gate.next().reply(200, FRESH, "fine");
    assert_eq!(done(leader).await.unwrap().text, "fine");
    assert_eq!(done(later).await.unwrap().text, "fine");
    assert_eq!(field.gate.calls(), 1);
}

/// Who leads after others does not wait: it asks.
#[tokio::test]
async fn the_wait_of_a_follower_ends_when_it_leads() {
    let field = field(5, 8);
    let clients = field.gets(2);
    settle().await;
    field.advance(5).await;
    assert_eq!(field.gate.calls(), 2);
    field.advance(4).await;
    for call in field.gate.all() {
        call.reply(200, FRESH, "fine");
    }
    for client in clients {
        assert_eq!(done(client).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn no_timer_is_left_behind() {
    let field = field(5, 8);
    let clients = field.gets(3);
    settle().await;
    field.gate.next().reply(200, FRESH, "fine");
    for client in clients {
        done(client).await.unwrap();
    }
    assert_eq!(field.clock.pending_timers(), 0);
}
