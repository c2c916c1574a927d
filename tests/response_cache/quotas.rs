//! Fields that speak of one client's quota (draft-ietf-httpapi-ratelimit-headers, and those in use before it): they
//! are for the client whose request was forwarded, and for nobody else.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    probe::{Frames, say, script},
    stage::{Act, Show, reply, response, turns},
    support::{Cache, Got, Origin, request},
};

/// The drafts' fields, the newest first, and what has been used instead.
const QUOTAS: [(&str, &str); 11] = [
    ("ratelimit", "\"burst\";r=3;t=7"),
    ("ratelimit-policy", "\"burst\";q=10;w=60"),
    ("ratelimit-limit", "10"),
    ("ratelimit-remaining", "3"),
    ("ratelimit-reset", "7"),
    ("x-ratelimit-limit", "10"),
    ("x-ratelimit-remaining", "3"),
    ("x-ratelimit-reset", "7"),
    ("x-ratelimit-limit-minute", "10"),
    ("x-rate-limit-limit", "10"),
    ("x-rate-limit-remaining", "3"),
];

/// These and the fields of a page that is fresh for a while.
fn page(etag: &'static str) -> Vec<(&'static str, &'static str)> {
    let own = [
        ("cache-control", "max-age=10"),
        ("etag", etag),
        ("x-ratelimited", "no"),
    ];
    QUOTAS.into_iter().chain(own).collect()
}

/// The names of the quota fields of an answer.
fn quotas(got: &Got) -> Vec<&str> {
    let names = QUOTAS.map(|(name, _)| name);
    names
        .into_iter()
        .filter(|name| got.headers.contains_key(*name))
        .collect()
}

fn all() -> Vec<&'static str> {
    QUOTAS.map(|(name, _)| name).to_vec()
}

#[tokio::test]
async fn a_hit_does_not_replay_another_clients_quota() {
    let cache = Cache::new(Origin::with(page("\"a\"").leak()));
    let miss = cache.get(&[]).await;
    assert_eq!(quotas(&miss), all());
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(quotas(&hit), [""; 0]);
    assert_eq!(
        hit.header("x-ratelimited"),
        Some("no"),
        "it is another field"
    );
}

#[tokio::test]
async fn a_304_from_store_does_not_either() {
    let cache = Cache::new(Origin::with(page("\"a\"").leak()));
    cache.get(&[]).await;
    let unchanged = cache.get(&[("if-none-match", "\"a\"")]).await;
    assert_eq!(unchanged.status, 304);
    assert!(unchanged.is_hit());
    assert_eq!(quotas(&unchanged), [""; 0]);
}

#[tokio::test]
async fn the_quota_that_came_with_a_304_is_for_who_validated() {
    let origin = script(vec![
        say(
            200,
            &[("cache-control", "max-age=10"), ("etag", "\"a\"")],
            "page",
        ),
        say(304, page("\"a\"").leak(), ""),
    ]);
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(11);
    let validated = cache.get(&[]).await;
    assert_eq!((quotas(&validated), &*validated.body), (all(), "page"));
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(hit.header("x-ratelimited"), Some("no"), "it was updated");
    assert_eq!(quotas(&hit), [""; 0]);
}

#[tokio::test]
async fn the_quota_that_came_with_a_head_is_not_stored_for_gets() {
    let show = Show::new(vec![
        reply(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "page",
        ),
        Act::Answer(response(200, &page("\"a\""), Frames::of(&[]))),
    ]);
    show.get(&[]).await;
    show.advance(2);
    let head = show.send(request("HEAD", &[])).await;
    assert_eq!(quotas(&head), all());
    let hit = show.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(hit.header("x-ratelimited"), Some("no"), "it was updated");
    assert_eq!(quotas(&hit), [""; 0]);
}

#[tokio::test]
async fn who_waited_for_anothers_response_does_not_get_its_quota() {
    let go = Arc::new(Notify::new());
    let answer = Box::new(reply(200, &page("\"a\""), "page"));
    let show = Show::new(vec![Act::Wait(Arc::clone(&go), answer)]);
    let release = async {
        turns().await;
        go.notify_one();
    };
    let (leader, follower, ()) = tokio::join!(show.get(&[]), show.get(&[]), release);
    assert_eq!(show.origin.calls(), 1);
    assert_eq!(quotas(&leader), all());
    assert_eq!((quotas(&follower), &*follower.body), (vec![], "page"));
}

#[tokio::test]
async fn a_quota_in_trailers_is_not_stored() {
    let body = Frames::of(&["page"]).trailers("ratelimit", "\"burst\";r=3;t=7");
    let fields = [("cache-control", "max-age=10")];
    let show = Show::new(vec![Act::Answer(response(200, &fields, body))]);
    let trailers = async || {
        use http_body_util::BodyExt;
        use tower::ServiceExt;
        let got = show.service.clone().oneshot(request("GET", &[]));
        let body = got.await.unwrap().into_body().collect().await.unwrap();
        body.trailers()
            .is_some_and(|trailers| trailers.contains_key("ratelimit"))
    };
    assert!(trailers().await, "the one who asked");
    assert!(!trailers().await, "from store");
}
