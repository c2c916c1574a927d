//! What belongs to one user reaches no follower (RFC 9111 section 3.5).

use tower_keep::{Personal, seconds};

use super::{
    clients::{Field, done, settle},
    origin::{Call, FRESH},
};
use crate::cases::Fields;

/// Whether a follower with these fields shares a leader's response.
async fn shares(
    field: &Field,
    leader: Fields<'_>,
    follower: Fields<'_>,
    answer: Fields<'_>,
) -> bool {
    let leader = field.send("GET", leader);
    settle().await;
    let follower = field.send("GET", follower);
    settle().await;
    let before = field.gate.calls();
    let streaming = field.gate.next().begin(answer);
    streaming.data("first");
    settle().await;
    for call in field.gate.all() {
        call.reply(200, answer, "second");
    }
    drop(streaming);
    assert_eq!(done(leader).await.unwrap().text, "first");
    let read = done(follower).await.unwrap();
    let shared = read.text == "first";
    assert_eq!(read.is_collapsed(), shared);
    let calls = if shared { 1 } else { 2 };
    assert!(field.gate.calls() == calls, "{before} {calls}");
    shared
}

#[tokio::test]
async fn credentials_share_only_what_is_for_all() {
    const USER: Fields<'static> = &[("authorization", "Bearer a")];
    const OTHER: Fields<'static> = &[("authorization", "Bearer b")];
    const COOKIE: Fields<'static> = &[("cookie", "a=b")];
    const PUBLIC: Fields<'static> = &[("cache-control", "public, max-age=60")];
    const SHARED: Fields<'static> = &[("cache-control", "s-maxage=60")];
    const SILENT: Fields<'static> = &[("x-a", "1")];
    let cases = [
        (
            "both anonymous",
            &[] as Fields<'_>,
            &[] as Fields<'_>,
            FRESH,
            true,
        ),
        ("a user follows", &[], USER, FRESH, false),
        ("a user follows, public", &[], USER, PUBLIC, true),
        ("a user follows, s-maxage", &[], USER, SHARED, true),
        ("a user leads", USER, &[], FRESH, false),
        ("a user leads, public", USER, &[], PUBLIC, true),
        ("two users", USER, OTHER, FRESH, false),
        ("two users, public", USER, OTHER, PUBLIC, true),
        ("twice the same user", USER, USER, FRESH, false),
        ("nothing said", &[], &[], SILENT, true),
        ("nothing said, a cookie follows", &[], COOKIE, SILENT, false),
        ("nothing said, a cookie leads", COOKIE, &[], SILENT, false),
        ("a cookie follows", &[], COOKIE, FRESH, true),
    ];
    for (name, leader, follower, answer, shared) in cases {
        let field = Field::with(|layer| layer.default_ttl(seconds(60)));
        let given = shares(&field, leader, follower, answer).await;
        assert_eq!(given, shared, "{name}");
    }
}

#[tokio::test]
async fn one_that_comes_while_the_body_streams_is_looked_at_as_well() {
    for (fields, shared) in [
        (&[] as Fields<'_>, true),
        (&[("authorization", "Bearer a")], false),
    ] {
        let field = Field::new();
        let leader = field.get();
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        feed.data("first");
        settle().await;
        let late = field.send("GET", fields);
        settle().await;
        for call in field.gate.all() {
            call.reply(200, FRESH, "second");
        }
        drop(feed);
        assert_eq!(done(leader).await.unwrap().text, "first");
        assert_eq!(done(late).await.unwrap().text == "first", shared);
    }
}

fn mark(call: &Call) -> bool {
    let marker = Personal::get(&call.parts.extensions);
    marker.expect("the cache puts one there").mark().is_ok()
}

#[tokio::test]
async fn what_is_marked_before_its_head_is_for_its_own_request_alone() {
    let field = Field::new();
    let clients = field.gets(5);
    settle().await;
    for _ in 0..5 {
        for call in field.gate.all() {
            assert!(mark(&call));
            call.reply(200, FRESH, "mine");
        }
        settle().await;
    }
    for client in clients {
        let read = done(client).await.unwrap();
        assert!(!read.is_collapsed());
        let mut control = read.headers.get_all("cache-control").iter();
        assert!(control.any(|line| line == "private"));
    }
    assert_eq!(field.gate.calls(), 5);
    assert_eq!(field.layer.stats().stored, 0);
}

#[tokio::test]
async fn what_others_read_already_cannot_be_marked() {
    let field = Field::new();
    let clients = field.gets(2);
    settle().await;
    let call = field.gate.next();
    let marker = Personal::get(&call.parts.extensions).unwrap().clone();
    let feed = call.begin(FRESH);
    feed.data("all ");
    settle().await;
    marker.mark().unwrap_err();
    feed.data("see this");
    drop(feed);
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "all see this");
    }
}

/// Nobody has joined yet, and nobody does from then on.
#[tokio::test]
async fn what_is_marked_in_time_has_no_followers() {
    let field = Field::new();
    let only = field.get();
    settle().await;
    let call = field.gate.next();
    let marker = Personal::get(&call.parts.extensions).unwrap().clone();
    let feed = call.begin(FRESH);
    feed.data("not yet ");
    settle().await;
    marker.mark().unwrap();
    let late = field.get();
    settle().await;
    assert_eq!(field.gate.calls(), 2, "it does not join");
    feed.data("mine");
    drop(feed);
    assert_eq!(done(only).await.unwrap().text, "not yet mine");
    field.gate.next().reply(200, FRESH, "for all");
    assert_eq!(done(late).await.unwrap().text, "for all");
    assert_eq!(field.hit().await.text, "for all");
}
