//! Validating behind a stale answer: what is asked, what becomes of what comes, and what if nothing does.

use std::sync::Arc;

use futures_util::{FutureExt, future::join_all};
use http::{Method, StatusCode};
use tokio::sync::Notify;
use tower::Service;
use tower_keep::{Personal, response_cache::Rule};

use crate::{
    probe::lines,
    stage::{Act, Show, failures, page, reply, told, turns},
    support::{Got, request},
};

#[tokio::test]
async fn many_stale_answers_bring_one_refresh_that_nobody_waits_for() {
    let go = Arc::new(Notify::new());
    let held = Act::Wait(Arc::clone(&go), Box::new(page("2")));
    let show = Show::new(vec![page("1"), held]);
    show.get(&[]).await;
    show.advance(65);
    for got in join_all((0..50).map(|_| show.get(&[]))).await {
        assert_eq!(told(&got), (200, true, "1"));
    }
    turns().await;
    assert_eq!(told(&show.get(&[]).await), (200, true, "1"));
    assert_eq!((show.origin.calls(), show.layer.background().len()), (2, 1));
    go.notify_one();
    show.quiet().await;
    let anew = show.get(&[]).await;
    assert_eq!((told(&anew), anew.age()), ((200, true, "2"), Some(0)));
    show.advance(59);
    let later = show.get(&[]).await;
    assert_eq!((told(&later), later.age()), ((200, true, "2"), Some(59)));
    assert_eq!(show.origin.calls(), 2);
}

#[tokio::test]
async fn each_resource_is_refreshed_for_itself() {
    let go = Arc::new(Notify::new());
    let held = |body| Act::Wait(Arc::clone(&go), Box::new(page(body)));
    let show = Show::new(vec![page("a"), page("b"), held("a2"), held("b2")]);
    let (a, b) = ((":uri", "http://a.test/"), (":uri", "http://b.test/"));
    for uri in [a, b] {
        show.get(&[uri]).await;
    }
    show.advance(65);
    for uri in [a, b] {
        show.get(&[uri]).await;
        turns().await;
    }
    assert_eq!((show.origin.calls(), show.layer.background().len()), (4, 2));
    go.notify_waiters();
    show.quiet().await;
    assert_eq!(show.get(&[a]).await.body, "a2");
    assert_eq!(show.get(&[b]).await.body, "b2");
}

#[tokio::test]
async fn a_refresh_confirmed_by_a_304_makes_fresh_anew() {
    let fields = [
        ("cache-control", "max-age=60, stale-while-revalidate=30"),
        ("etag", "\"a\""),
        ("last-modified", "Thu, 01 Jan 2015 00:00:00 GMT"),
    ];
    let confirmed = reply(304, &[("etag", "\"a\""), ("x-new", "1")], "");
    let show = Show::new(vec![reply(200, &fields, "1"), confirmed]);
    show.get(&[]).await;
    show.advance(65);
    assert_eq!(told(&show.get(&[]).await), (200, true, "1"));
    show.quiet().await;
    let sent = show.origin.last().headers;
    assert_eq!(lines(&sent, "if-none-match"), ["\"a\""]);
    assert_eq!(lines(&sent, "if-modified-since"), [fields[2].1]);
    let anew = show.get(&[]).await;
    assert_eq!((told(&anew), anew.age()), ((200, true, "1"), Some(0)));
    assert_eq!(anew.header("x-new"), Some("1"));
    let stats = show.layer.stats();
    assert_eq!((stats.validated, stats.refreshed), (1, 1));
}

#[tokio::test]
async fn a_refresh_without_validators_asks_without_conditions() {
    let control = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    let show = Show::new(vec![reply(200, &control, "1"), reply(200, &control, "2")]);
    show.get(&[]).await;
    show.advance(65);
    show.get(&[]).await;
    show.quiet().await;
    let sent = show.origin.last().headers;
    assert!(!sent.contains_key("if-none-match") && !sent.contains_key("if-modified-since"));
    assert_eq!(told(&show.get(&[]).await), (200, true, "2"));
}

#[tokio::test]
async fn a_refresh_that_gets_a_304_for_something_else_asks_again() {
    let other = reply(304, &[("etag", "\"other\"")], "");
    let show = Show::new(vec![page("1"), other, page("2")]);
    show.get(&[]).await;
    show.advance(65);
    show.get(&[]).await;
    show.quiet().await;
    assert!(!show.origin.last().headers.contains_key("if-none-match"));
    assert_eq!(told(&show.get(&[]).await), (200, true, "2"));
}

#[tokio::test]
async fn a_refresh_that_fails_replaces_nothing_and_another_one_may_follow() {
    for (name, failure) in failures() {
        let show = Show::new(vec![page("1"), failure, page("2")]);
        show.get(&[]).await;
        show.advance(65);
        assert_eq!(told(&show.get(&[]).await), (200, true, "1"), "{name}");
        show.quiet().await;
        assert_eq!(show.origin.left(), 1, "{name}: it was tried");
        show.advance(1);
        let again = show.get(&[]).await;
        assert_eq!(told(&again), (200, true, "1"), "{name}: still there");
        assert_eq!(again.age(), Some(66), "{name}: and no fresher");
        show.quiet().await;
        assert_eq!(told(&show.get(&[]).await), (200, true, "2"), "{name}");
    }
}

#[tokio::test]
async fn after_a_failed_refresh_the_window_does_not_grow() {
    for (name, failure) in failures() {
        let show = Show::new(vec![page("1"), failure, page("2")]);
        show.get(&[]).await;
        show.advance(89);
        show.get(&[]).await;
        show.quiet().await;
        show.advance(1);
        assert_eq!(told(&show.get(&[]).await), (200, false, "2"), "{name}");
    }
}

#[tokio::test]
async fn what_the_origin_says_of_the_resource_takes_the_place_of_what_is_stored() {
    let gone = [("cache-control", "max-age=60")];
    let show = Show::new(vec![page("1"), reply(404, &gone, "gone")]);
    show.get(&[]).await;
    show.advance(65);
    show.get(&[]).await;
    show.quiet().await;
    assert_eq!(told(&show.get(&[]).await), (404, true, "gone"));

    let secret = reply(200, &[("cache-control", "no-store")], "2");
    let show = Show::new(vec![page("1"), secret, page("3")]);
    show.get(&[]).await;
    show.advance(65);
    show.get(&[]).await;
    show.quiet().await;
    assert_eq!(told(&show.get(&[]).await), (200, false, "3"));
}

/// A refresh that hangs, a newer response that is stored meanwhile, and then the end of the refresh.
#[tokio::test]
async fn a_refresh_that_hangs_holds_others_up_as_long_as_a_leader_may_and_comes_too_late() {
    let secret = reply(200, &[("cache-control", "no-store")], "2");
    let confirmed = reply(304, &[("etag", "\"a\"")], "");
    for (name, late) in [("200", page("2")), ("304", confirmed), ("no-store", secret)] {
        let go = Arc::new(Notify::new());
        let held = Act::Wait(Arc::clone(&go), Box::new(late));
        let show = Show::new(vec![page("1"), held, page("3")]);
        show.get(&[]).await;
        show.advance(65);
        show.get(&[]).await;
        turns().await;
        show.advance(25);
        // Beyond the window it waits for the refresh, until that has taken half a minute.
        let mut waiting = Box::pin(show.get(&[]));
        assert!((&mut waiting).now_or_never().is_none(), "{name}");
        show.advance(5);
        assert_eq!(told(&waiting.await), (200, false, "3"), "{name}");
        go.notify_one();
        show.quiet().await;
        let got = show.get(&[]).await;
        assert_eq!(
            (told(&got), got.age()),
            ((200, true, "3"), Some(0)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_no_refresh() {
    for polled in [false, true] {
        let go = Arc::new(Notify::new());
        let held = Act::Wait(Arc::clone(&go), Box::new(page("2")));
        let show = Show::new(vec![page("1"), held]);
        show.get(&[]).await;
        show.advance(65);
        let answer = show.service.clone().call(request("GET", &[]));
        if polled {
            // Its body is dropped unread.
            assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
        } else {
            drop(answer);
        }
        turns().await;
        go.notify_one();
        show.quiet().await;
        assert_eq!(told(&show.get(&[]).await), (200, true, "2"), "{polled}");
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Route(&'static str);

/// Fields that go with a refresh.
const KEPT: [(&str, &str); 6] = [
    ("host", "origin.test"),
    ("accept-language", "de"),
    ("cookie", "a=b"),
    ("x-trace", "one"),
    ("x-trace", "two"),
    ("user-agent", "test"),
];

/// Fields that were meant for the client's own answer, or for its connection.
const DROPPED: [(&str, &str); 17] = [
    ("if-match", "\"b\""),
    ("if-none-match", "\"b\""),
    ("if-modified-since", "Thu, 01 Jan 2015 00:00:00 GMT"),
    ("if-unmodified-since", "Thu, 01 Jan 2015 00:00:00 GMT"),
    ("if-range", "\"b\""),
    ("range", "bytes=0-0"),
    ("content-length", "0"),
    ("content-type", "text/plain"),
    ("content-encoding", "gzip"),
    ("content-language", "de"),
    ("content-digest", "sha-256=:AA==:"),
    ("expect", "100-continue"),
    ("connection", "keep-alive, te"),
    ("keep-alive", "timeout=5"),
    ("proxy-connection", "keep-alive"),
    ("te", "trailers"),
    ("trailer", "x-checksum"),
];

#[tokio::test]
async fn a_refresh_asks_for_the_whole_with_the_clients_fields_and_extensions() {
    let show = Show::new(vec![page("123"), page("456")]);
    let uri = (":uri", "http://origin.test/a/b?c=d");
    show.get(&[uri]).await;
    show.advance(65);
    let fields: Vec<_> = [uri].into_iter().chain(KEPT).chain(DROPPED).collect();
    let mut asking = request("HEAD", &fields);
    asking.extensions_mut().insert(Route("/a/{b}"));
    assert!(show.send(asking).await.is_hit());
    show.quiet().await;
    let sent = show.origin.last();
    assert_eq!(
        (&sent.method, sent.uri.to_string()),
        (&Method::GET, uri.1.into())
    );
    assert_eq!(sent.extensions.get::<Route>(), Some(&Route("/a/{b}")));
    assert_eq!(lines(&sent.headers, "x-trace"), ["one", "two"]);
    for (name, value) in KEPT {
        assert!(
            lines(&sent.headers, name).contains(&value.to_owned()),
            "{name}"
        );
    }
    assert_eq!(lines(&sent.headers, "if-none-match"), ["\"a\""]);
    for (name, _) in DROPPED.iter().filter(|(name, _)| *name != "if-none-match") {
        assert!(!sent.headers.contains_key(*name), "{name}");
    }
    // It answers GET in whole.
    assert_eq!(told(&show.get(&[uri]).await), (200, true, "456"));
}

#[tokio::test]
async fn a_refresh_that_is_marked_as_personal_is_not_stored() {
    let show = Show::new(vec![page("1"), Act::Mark(Box::new(page("2"))), page("3")]);
    show.get(&[]).await;
    show.advance(65);
    let mut asking = request("GET", &[]);
    let own = Personal::of(asking.extensions_mut());
    assert_eq!(told(&show.send(asking).await), (200, true, "1"));
    show.quiet().await;
    assert!(!own.is_marked(), "the client's own request is another one");
    assert_ne!(show.get(&[]).await.body, "2");
    assert_eq!(show.layer.stats().not_stored[&Rule::Personal], 1);
}

#[tokio::test]
async fn a_refresh_for_a_request_that_is_marked_already_is_not_stored() {
    let show = Show::new(vec![page("1"), page("2"), page("3")]);
    show.get(&[]).await;
    show.advance(65);
    let mut asking = request("GET", &[]);
    Personal::of(asking.extensions_mut()).mark().unwrap();
    assert_eq!(show.send(asking).await.body, "1");
    show.quiet().await;
    assert_ne!(show.get(&[]).await.body, "2");
}

#[tokio::test]
async fn a_refresh_of_one_variant_leaves_the_others_alone() {
    let variant = |body| {
        let control = "max-age=60, stale-while-revalidate=30";
        reply(200, &[("cache-control", control), ("vary", "accept")], body)
    };
    let show = Show::new(vec![
        variant("a"),
        variant("b"),
        variant("a2"),
        variant("b2"),
    ]);
    let (a, b) = (("accept", "a"), ("accept", "b"));
    show.get(&[a]).await;
    show.get(&[b]).await;
    show.advance(65);
    for (fields, now, then) in [(a, "a", "a2"), (b, "b", "b2")] {
        assert_eq!(told(&show.get(&[fields]).await), (200, true, now));
        show.quiet().await;
        assert_eq!(lines(&show.origin.last().headers, "accept"), [now]);
        assert_eq!(told(&show.get(&[fields]).await), (200, true, then));
    }
    assert_eq!(show.get(&[a]).await.body, "a2");
}

/// What is fetched behind a stale answer while somebody writes to the resource, and what a GET after that gets.
async fn refreshed_across_a_write(old: Act) -> Got {
    let go = Arc::new(Notify::new());
    let held = Act::Wait(Arc::clone(&go), Box::new(old));
    let show = Show::new(vec![page("1"), held, reply(204, &[], ""), page("3")]);
    show.get(&[]).await;
    show.advance(65);
    show.get(&[]).await;
    turns().await;
    show.send(request("PUT", &[])).await;
    show.advance(1);
    go.notify_one();
    show.quiet().await;
    show.get(&[]).await
}

#[tokio::test]
async fn a_refresh_confirmed_after_a_write_brings_nothing_back() {
    // It is asked for anew instead.
    let got = refreshed_across_a_write(reply(304, &[("etag", "\"a\"")], "")).await;
    assert_eq!(told(&got), (200, true, "3"));
}

#[tokio::test]
async fn a_refresh_that_began_before_a_write_is_not_served_after_it() {
    let got = refreshed_across_a_write(page("2")).await;
    assert_eq!(told(&got), (200, false, "3"));
}
