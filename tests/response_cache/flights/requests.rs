//! Requests that lead nobody, follow nobody, or not everybody (RFC 9111 sections 3.5, 4 and 5.2.1).

use super::{
    clients::{Field, done, leave, settle},
    origin::{FRESH, NO_STORE},
};
use crate::cases::Fields;

#[tokio::test]
async fn a_head_request_is_answered_from_the_head_of_a_get() {
    for streaming in [false, true] {
        let field = Field::new();
        let get = field.get();
        settle().await;
        let mut call = Some(field.gate.next());
        let fields = [
            ("cache-control", "max-age=60"),
            ("x-a", "1"),
            ("content-length", "4"),
        ];
        let early = streaming.then(|| call.take().unwrap().start(200, &fields, Some(4)));
        settle().await;
        let head = field.send("HEAD", &[]);
        settle().await;
        assert_eq!(field.gate.calls(), 1, "it waits for the GET");
        let feed = early.unwrap_or_else(|| call.take().unwrap().start(200, &fields, Some(4)));
        let read = done(head).await.unwrap();
        assert_eq!((read.status, read.text.as_str()), (200, ""));
        assert_eq!(read.header("x-a"), Some("1"));
        assert_eq!(read.header("content-length"), Some("4"));
        feed.data("body");
        drop(feed);
        assert_eq!(done(get).await.unwrap().text, "body");
        assert_eq!(field.hit().await.text, "body");
    }
}

/// It has answered, and must not keep the fill of one that left alive, nor take it over.
#[tokio::test]
async fn a_head_request_is_no_reader() {
    let field = Field::new();
    let get = field.get();
    settle().await;
    let head = field.open("HEAD", &[]);
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("half");
    let _head = done(head).await.unwrap();
    leave(get).await;
    assert!(feed.is_left());
    field.store(FRESH, "whole").await;
}

#[tokio::test]
async fn a_head_request_leads_nobody() {
    let field = Field::new();
    let head = field.send("HEAD", &[]);
    settle().await;
    let gets = field.gets(3);
    settle().await;
    assert_eq!(field.gate.calls(), 2);
    let asked = field.gate.next();
    assert_eq!(asked.parts.method, "HEAD");
    let get = field.gate.next();
    assert_eq!(get.parts.method, "GET");
    get.reply(200, FRESH, "body");
    for client in gets {
        assert_eq!(done(client).await.unwrap().text, "body");
    }
    assert!(!head.is_finished(), "it waits for its own answer");
    asked.reply(200, FRESH, "");
    assert_eq!(done(head).await.unwrap().status, 200);
    assert_eq!(field.hit().await.text, "body");
}

/// The GET that a HEAD request follows fails: it must not make GETs of it.
#[tokio::test]
async fn a_head_request_that_loses_its_leader_asks_for_the_head() {
    let field = Field::new();
    let get = field.get();
    settle().await;
    let head = field.send("HEAD", &[]);
    settle().await;
    leave(get).await;
    drop(field.gate.next());
    settle().await;
    let gets = field.gets(2);
    settle().await;
    for call in field.gate.all() {
        let text = if call.parts.method == "HEAD" {
            ""
        } else {
            "body"
        };
        call.reply(200, FRESH, text);
    }
    assert_eq!(done(head).await.unwrap().text, "");
    for get in gets {
        assert_eq!(done(get).await.unwrap().text, "body");
    }
}

#[tokio::test]
async fn what_must_reach_the_origin_goes_by_itself_although_a_flight_is_up() {
    let cases: [(&str, &str, Fields<'_>); 8] = [
        ("no-cache", "GET", &[("cache-control", "no-cache")]),
        ("pragma", "GET", &[("pragma", "no-cache")]),
        ("no-store", "GET", NO_STORE),
        ("range", "GET", &[("range", "bytes=0-1")]),
        ("post", "POST", &[]),
        ("put", "PUT", &[]),
        ("options", "OPTIONS", &[]),
        ("unknown", "BREW", &[]),
    ];
    for (name, method, fields) in cases {
        let field = Field::new();
        let leader = field.get();
        settle().await;
        let alone = field.send(method, fields);
        settle().await;
        assert_eq!(field.gate.calls(), 2, "{name}");
        let first = field.gate.next();
        field.gate.next().reply(200, NO_STORE, "alone");
        let read = done(alone).await.unwrap();
        assert_eq!(
            (read.text.as_str(), read.is_collapsed()),
            ("alone", false),
            "{name}"
        );
        assert!(!leader.is_finished(), "{name}");
        first.reply(200, FRESH, "shared");
        assert_eq!(done(leader).await.unwrap().text, "shared", "{name}");
    }
}

#[tokio::test]
async fn nor_do_others_wait_for_those() {
    let cases: [(&str, &str, Fields<'_>); 4] = [
        ("no-store", "GET", NO_STORE),
        ("range", "GET", &[("range", "bytes=0-1")]),
        ("post", "POST", &[]),
        ("options", "OPTIONS", &[]),
    ];
    for (name, method, fields) in cases {
        let field = Field::new();
        let alone = field.send(method, fields);
        settle().await;
        let first = field.gate.next();
        let get = field.get();
        settle().await;
        assert_eq!(field.gate.calls(), 2, "{name}");
        field.gate.next().reply(200, FRESH, "shared");
        assert_eq!(done(get).await.unwrap().text, "shared", "{name}");
        first.reply(200, NO_STORE, "alone");
        assert_eq!(done(alone).await.unwrap().text, "alone", "{name}");
    }
}

#[tokio::test]
async fn only_if_cached_asks_nobody() {
    let field = Field::new();
    let only: Fields<'_> = &[("cache-control", "only-if-cached")];
    assert_eq!(done(field.send("GET", only)).await.unwrap().status, 504);
    let leader = field.get();
    settle().await;
    let follower = field.send("GET", only);
    settle().await;
    assert_eq!(field.gate.calls(), 1);
    field.gate.next().reply(200, FRESH, "shared");
    done(leader).await.unwrap();
    let status = done(follower).await.unwrap().status;
    assert!([200, 504].contains(&status), "{status}");
}

/// The answer to a condition is for the one who made it (RFC 9111 section 4.3.2).
#[tokio::test]
async fn a_304_to_the_leaders_own_condition_is_not_for_others() {
    let field = Field::new();
    let leader = field.send("GET", &[("if-none-match", "\"a\"")]);
    settle().await;
    let followers = field.gets(3);
    for _ in 0..4 {
        settle().await;
        for call in field.gate.all() {
            let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
            if call.parts.headers.contains_key("if-none-match") {
                call.start(304, &fields, None);
            } else {
                call.reply(200, &fields, "whole");
            }
        }
    }
    let read = done(leader).await.unwrap();
    assert!([200, 304].contains(&read.status));
    for follower in followers {
        let read = done(follower).await.unwrap();
        assert_eq!((read.status, read.text.as_str()), (200, "whole"));
    }
    assert!(field.gate.calls() <= 2);
}

#[tokio::test]
async fn a_followers_condition_is_its_own() {
    let field = Field::new();
    let leader = field.get();
    settle().await;
    let same = field.send("GET", &[("if-none-match", "\"a\"")]);
    let other = field.send("GET", &[("if-none-match", "\"b\"")]);
    settle().await;
    for _ in 0..3 {
        for call in field.gate.all() {
            let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
            call.reply(200, &fields, "whole");
        }
        settle().await;
    }
    assert_eq!(done(leader).await.unwrap().text, "whole");
    assert_eq!(done(other).await.unwrap().text, "whole");
    let same = done(same).await.unwrap();
    let expected = if same.status == 304 { "" } else { "whole" };
    assert_eq!(same.text, expected, "{}", same.status);
    assert_eq!(
        done(field.send("GET", &[("if-none-match", "\"a\"")]))
            .await
            .unwrap()
            .status,
        304
    );
}

/// What a follower asks of freshness holds for what it is given (RFC 9111 section 5.2.1).
#[tokio::test]
async fn a_follower_that_wants_it_fresher_goes_by_itself() {
    let cases: [(&str, Fields<'_>, &str); 3] = [
        (
            "min-fresh",
            &[("cache-control", "min-fresh=120")],
            "max-age=60",
        ),
        ("max-age", &[("cache-control", "max-age=5")], "max-age=60"),
        ("no-cache in the response", &[], "max-age=60, no-cache"),
    ];
    for (name, fields, control) in cases {
        let field = Field::new();
        let leader = field.get();
        settle().await;
        let follower = field.send("GET", fields);
        settle().await;
        for text in ["first", "second"] {
            for call in field.gate.all() {
                call.reply(200, &[("cache-control", control), ("age", "10")], text);
            }
            settle().await;
        }
        assert_eq!(done(leader).await.unwrap().text, "first", "{name}");
        assert_eq!(done(follower).await.unwrap().text, "second", "{name}");
        assert_eq!(field.gate.calls(), 2, "{name}");
    }
}
