//! Followers read the body while it comes.

use http_body_util::BodyExt;

use super::{
    clients::{Field, Opened, Read, done, settle},
    origin::FRESH,
};

/// The next piece of a body that has one.
async fn piece(response: &mut Opened) -> String {
    let frame = tokio::time::timeout(std::time::Duration::from_secs(10), response.frame()).await;
    let frame = frame.expect("a frame is there").expect("a frame").unwrap();
    String::from_utf8(frame.into_data().expect("data").to_vec()).unwrap()
}

#[tokio::test]
async fn a_follower_has_the_first_piece_before_the_last_one_is_made() {
    let field = Field::new();
    let leader = field.open("GET", &[]);
    let follower = field.open("GET", &[]);
    settle().await;
    assert_eq!(field.gate.calls(), 1);
    let feed = field.gate.next().begin(FRESH);
    let mut follower = done(follower).await.unwrap();
    let leader = done(leader).await.unwrap();
    feed.data("one ");
    // Nobody polls the leader's body: the follower has to fetch by itself.
    assert_eq!(piece(&mut follower).await, "one ");
    feed.data("two ");
    assert_eq!(piece(&mut follower).await, "two ");
    feed.data("three");
    feed.trailers("x-sum", "6");
    drop(feed);
    let follower = Read::of(follower).await;
    assert_eq!(follower.text, "three");
    assert_eq!(follower.trailers.unwrap()["x-sum"], "6");
    let leader = Read::of(leader).await;
    assert_eq!(leader.text, "one two three");
    assert_eq!(leader.trailers.unwrap()["x-sum"], "6");
    assert_eq!(field.hit().await.text, "one two three");
}

#[tokio::test]
async fn whoever_comes_in_the_middle_reads_from_the_start() {
    let field = Field::new();
    let leader = field.get();
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("one ");
    settle().await;
    let second = field.get();
    settle().await;
    feed.data("two ");
    settle().await;
    let third = field.get();
    settle().await;
    feed.data("three");
    feed.trailers("x-sum", "6");
    // The trailers have come, the end has not.
    settle().await;
    let last = field.get();
    settle().await;
    drop(feed);
    for (name, client) in [
        ("1st", leader),
        ("2nd", second),
        ("3rd", third),
        ("last", last),
    ] {
        let read = done(client).await.unwrap();
        assert_eq!(read.text, "one two three", "{name}");
        assert_eq!(read.trailers.unwrap()["x-sum"], "6", "{name}");
        assert!(read.error.is_none(), "{name}");
    }
    assert_eq!(field.gate.calls(), 1);
}

#[tokio::test]
async fn a_follower_says_its_age_and_that_it_was_collapsed() {
    let field = Field::new();
    let leader = field.get();
    let follower = field.get();
    settle().await;
    let call = field.gate.next();
    let feed = call.begin(&[("cache-control", "max-age=60"), ("age", "7")]);
    settle().await;
    field.advance(3).await;
    let late = field.get();
    settle().await;
    drop(feed);
    let leader = done(leader).await.unwrap();
    assert!(!leader.is_collapsed(), "{}", leader.cache_status());
    let follower = done(follower).await.unwrap();
    let status = follower.cache_status();
    assert!(status.starts_with("tower-keep; fwd=uri-miss; "), "{status}");
    assert!(status.contains("; collapsed"), "{status}");
    assert_eq!(follower.header("age"), Some("7"));
    let late = done(late).await.unwrap();
    assert!(late.is_collapsed(), "{}", late.cache_status());
    assert_eq!(late.header("age"), Some("10"));
    assert_eq!(field.hit().await.header("age"), Some("10"));
    assert_eq!(field.layer.stats().collapsed, 2);
}

#[tokio::test]
async fn fields_and_length_reach_the_follower() {
    let field = Field::new();
    let leader = field.get();
    let follower = field.get();
    settle().await;
    let fields = [
        ("cache-control", "max-age=60"),
        ("content-length", "5"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
    ];
    let feed = field.gate.next().start(203, &fields, Some(5));
    feed.data("fives");
    drop(feed);
    done(leader).await.unwrap();
    let follower = done(follower).await.unwrap();
    assert!(follower.is_collapsed());
    assert_eq!((follower.status, follower.text.as_str()), (203, "fives"));
    assert_eq!(follower.header("content-length"), Some("5"));
    assert_eq!(follower.headers.get_all("x-a").iter().count(), 2);
    assert_eq!(follower.header("x-hop"), None, "of one connection only");
    assert_eq!(follower.header("connection"), None);
}

#[tokio::test]
async fn an_empty_body_ends_for_all() {
    for exact in [None, Some(0)] {
        let field = Field::new();
        let clients = field.gets(3);
        settle().await;
        drop(field.gate.next().start(200, FRESH, exact));
        for client in clients {
            assert_eq!(done(client).await.unwrap().text, "", "{exact:?}");
        }
        field.hit().await;
        assert_eq!(field.gate.calls(), 1);
    }
}

/// A body that is shorter than it says is an error to all, and is not stored.
#[tokio::test]
async fn a_short_body_is_not_stored() {
    let field = Field::new();
    let clients = field.gets(3);
    settle().await;
    let fields = [("cache-control", "max-age=60"), ("content-length", "10")];
    let feed = field.gate.next().start(200, &fields, Some(10));
    settle().await;
    feed.data("short");
    drop(feed);
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "short");
    }
    assert_eq!(field.layer.stats().stored, 0);
    field.store(FRESH, "whole").await;
    assert_eq!(field.hit().await.text, "whole");
}
