//! Hits and followers need nothing of the inner service.

use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit};
use tower_keep::response_cache::{ResponseCache, ResponseCacheLayer};

use super::{
    clients::{Read, done, leave, settle},
    origin::{Broke, FRESH, Gate},
};
use crate::support::request;

type Limited = ResponseCache<ConcurrencyLimit<Gate>>;

fn limited(gate: &Gate) -> Limited {
    ResponseCacheLayer::new().layer(ConcurrencyLimit::new(gate.clone(), 1))
}

fn get(cached: &Limited, uri: &'static str) -> JoinHandle<Result<Read, Broke>> {
    let answer = cached.clone().oneshot(request("GET", &[(":uri", uri)]));
    tokio::spawn(async move { Ok(Read::of(answer.await?).await) })
}

const A: &str = "http://origin.test/a";
const B: &str = "http://origin.test/b";

#[tokio::test]
async fn hits_go_on_while_the_only_permit_is_taken() {
    let gate = Gate::default();
    let mut cached = limited(&gate);
    let first = get(&cached, A);
    settle().await;
    gate.next().reply(200, FRESH, "a");
    done(first).await.unwrap();
    let slow = get(&cached, B);
    settle().await;
    for _ in 0..100 {
        let read = done(get(&cached, A)).await.unwrap();
        assert!(read.is_hit());
    }
    // Ready at once, too.
    let ready = cached.ready();
    assert!(futures_util::FutureExt::now_or_never(ready).is_some());
    let hit = cached.call(request("GET", &[(":uri", A)])).await.unwrap();
    assert_eq!(Read::of(hit).await.text, "a");
    assert_eq!(gate.calls(), 2);
    gate.next().reply(200, FRESH, "b");
    assert_eq!(done(slow).await.unwrap().text, "b");
}

#[tokio::test]
async fn followers_hold_no_permit() {
    let gate = Gate::default();
    let cached = limited(&gate);
    let readers: Vec<_> = (0..10).map(|_| get(&cached, A)).collect();
    settle().await;
    let feed = gate.next().begin(FRESH);
    feed.data("half ");
    settle().await;
    // The head is there, the permit is free: ten readers of a body hold none.
    let other = get(&cached, B);
    settle().await;
    gate.next().reply(200, FRESH, "b");
    assert_eq!(done(other).await.unwrap().text, "b");
    feed.data("whole");
    drop(feed);
    for reader in readers {
        assert_eq!(done(reader).await.unwrap().text, "half whole");
    }
}

#[tokio::test]
async fn a_successor_gets_the_permit_that_the_leader_gives_back() {
    let gate = Gate::default();
    let cached = limited(&gate);
    let leader = get(&cached, A);
    let followers: Vec<_> = (0..5).map(|_| get(&cached, A)).collect();
    let other = get(&cached, B);
    settle().await;
    assert_eq!(gate.calls(), 1);
    leave(leader).await;
    drop(gate.next());
    for _ in 0..2 {
        settle().await;
        gate.next().reply(200, FRESH, "fine");
    }
    for client in followers.into_iter().chain([other]) {
        assert_eq!(done(client).await.unwrap().text, "fine");
    }
    assert_eq!(gate.calls(), 3);
}

/// The leader itself waits for a permit, and leaves before it has one.
#[tokio::test]
async fn a_leader_may_leave_while_it_waits_for_readiness() {
    let gate = Gate::default();
    let cached = limited(&gate);
    let busy = get(&cached, B);
    settle().await;
    let leader = get(&cached, A);
    settle().await;
    let follower = get(&cached, A);
    settle().await;
    leave(leader).await;
    assert_eq!(gate.calls(), 1);
    gate.next().reply(200, FRESH, "b");
    assert_eq!(done(busy).await.unwrap().text, "b");
    settle().await;
    gate.next().reply(200, FRESH, "a");
    assert_eq!(done(follower).await.unwrap().text, "a");
}
