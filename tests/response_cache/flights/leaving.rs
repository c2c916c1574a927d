//! A client that leaves does not end what others read.

use super::{
    clients::{Field, Read, done, leave, settle},
    origin::FRESH,
};

#[tokio::test]
async fn followers_read_on_and_it_is_stored_when_the_leader_leaves() {
    for pieces in 0..3 {
        let field = Field::new();
        let leader = field.get();
        let followers = field.gets(3);
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        settle().await;
        for _ in 0..pieces {
            feed.data("piece ");
            settle().await;
        }
        leave(leader).await;
        assert!(!feed.is_left());
        feed.data("rest");
        settle().await;
        feed.trailers("x-sum", "1");
        drop(feed);
        let text = "piece ".repeat(pieces) + "rest";
        for follower in followers {
            let read = done(follower).await.unwrap();
            assert_eq!((&read.text, read.error.is_none()), (&text, true));
            assert_eq!(read.trailers.unwrap()["x-sum"], "1");
        }
        assert_eq!(field.hit().await.text, text);
        assert_eq!(field.gate.calls(), 1);
    }
}

#[tokio::test]
async fn the_leader_reads_on_when_its_followers_leave() {
    let field = Field::new();
    let leader = field.get();
    let followers = field.gets(3);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("piece ");
    settle().await;
    for follower in followers {
        leave(follower).await;
    }
    feed.data("rest");
    drop(feed);
    assert_eq!(done(leader).await.unwrap().text, "piece rest");
    assert_eq!(field.hit().await.text, "piece rest");
}

/// Any one of four is the last that is left.
#[tokio::test]
async fn whoever_is_left_reads_to_the_end() {
    for last in 0..4 {
        let field = Field::new();
        let mut clients = field.gets(4);
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        feed.data("piece ");
        settle().await;
        let reader = clients.remove(last);
        for client in clients {
            leave(client).await;
            feed.data("piece ");
            settle().await;
        }
        drop(feed);
        assert_eq!(
            done(reader).await.unwrap().text,
            "piece ".repeat(4),
            "{last}"
        );
        field.hit().await;
    }
}

#[tokio::test]
async fn when_all_have_left_the_origin_may_stop_and_the_next_one_asks_anew() {
    for at_head in [true, false] {
        let field = Field::new();
        let clients = field.gets(3);
        settle().await;
        let mut call = Some(field.gate.next());
        let feed = (!at_head).then(|| call.take().unwrap().begin(FRESH));
        settle().await;
        if let Some(feed) = &feed {
            feed.data("piece");
            settle().await;
        }
        // Together: nobody is left who would ask in the place of another.
        clients.iter().for_each(tokio::task::JoinHandle::abort);
        settle().await;
        assert_eq!(field.gate.calls(), 1);
        assert!(feed.is_none_or(|feed| feed.is_left()), "nobody reads");
        assert!(call.is_none_or(|call| call.is_left()), "nobody waits");
        assert_eq!(field.layer.stats().stored, 0);
        field.store(FRESH, "anew").await;
        assert_eq!(field.hit().await.text, "anew");
    }
}

#[tokio::test]
async fn nobody_joins_what_all_have_left() {
    let field = Field::new();
    let only = field.open("GET", &[]);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("piece");
    drop(done(only).await.unwrap());
    assert!(feed.is_left());
    field.store(FRESH, "anew").await;
}

/// The leader holds its response and never reads it: the others do not depend on it.
#[tokio::test]
async fn an_idle_leader_holds_up_nobody() {
    let field = Field::new();
    let leader = field.open("GET", &[]);
    settle().await;
    let follower = field.get();
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    let leader = done(leader).await.unwrap();
    for _ in 0..3 {
        feed.data("piece ");
        settle().await;
    }
    drop(feed);
    assert_eq!(done(follower).await.unwrap().text, "piece piece piece ");
    assert_eq!(field.hit().await.text, "piece piece piece ");
    assert_eq!(Read::of(leader).await.text, "piece piece piece ");
}

/// It has asked for a piece once and never comes back: what wakes it has to wake the others as well.
#[tokio::test]
async fn nor_does_one_that_stops_in_the_middle() {
    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    for stops in [0, 1] {
        let field = Field::new();
        let clients = [field.open("GET", &[]), field.open("GET", &[])];
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        let mut opened = Vec::new();
        for client in clients {
            opened.push(done(client).await.unwrap());
        }
        let reader = opened.remove(1 - stops);
        let mut stopped = opened.remove(0);
        let reader = tokio::spawn(Read::of(reader));
        settle().await;
        assert!(stopped.frame().now_or_never().is_none());
        feed.data("piece ");
        settle().await;
        feed.data("rest");
        drop(feed);
        assert_eq!(done(reader).await.text, "piece rest", "{stops}");
        field.hit().await;
        assert_eq!(Read::of(stopped).await.text, "piece rest");
    }
}

/// A follower that leaves before the head does not count any more.
#[tokio::test]
async fn followers_may_leave_before_the_head() {
    let field = Field::new();
    let leader = field.get();
    let followers = field.gets(3);
    settle().await;
    for follower in followers {
        leave(follower).await;
    }
    field.gate.next().reply(200, FRESH, "fine");
    assert_eq!(done(leader).await.unwrap().text, "fine");
    assert_eq!(field.gate.calls(), 1);
    field.hit().await;
}

/// Client after client gives up before the head: each one is followed by one that asks.
#[tokio::test]
async fn a_successor_is_named_each_time_that_a_leader_leaves() {
    let field = Field::new();
    let mut clients = field.gets(20);
    settle().await;
    while clients.len() > 1 {
        let left = clients.len();
        assert_eq!(field.gate.calls(), 21 - left);
        leave(clients.remove(0)).await;
    }
    let call = field.gate.all().pop().unwrap();
    call.reply(200, FRESH, "last");
    assert_eq!(done(clients.remove(0)).await.unwrap().text, "last");
    assert_eq!(field.gate.calls(), 20);
}
