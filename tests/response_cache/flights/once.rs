//! Many requests for a cold key are one request to the origin.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceExt};
use tower_keep::response_cache::{RequestBody, ResponseCache, ResponseCacheLayer};

use super::{
    clients::{Field, Read, done, settle},
    origin::FRESH,
};
use crate::support::request;

/// An origin that yields a few times before its head and before each piece of its body, and counts.
#[derive(Clone, Default)]
struct Yielding(Arc<Mutex<HashMap<String, usize>>>);

impl Yielding {
    fn calls(&self, uri: &str) -> usize {
        self.0.lock().unwrap().get(uri).copied().unwrap_or_default()
    }
}

impl Service<Request<RequestBody<Full<Bytes>>>> for Yielding {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Pieces>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        let uri = request.uri().to_string();
        *self.0.lock().unwrap().entry(uri).or_default() += 1;
        async {
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            let head = Response::builder().header("cache-control", "max-age=60");
            Ok(head.body(Pieces::default()).unwrap())
        }
        .boxed()
    }
}

/// "01234", with a turn for others before each digit and before the end.
#[derive(Default)]
struct Pieces {
    next: usize,
    rested: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.rested = !self.rested;
        if self.rested {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.next += 1;
        let piece = "01234".get(self.next - 1..self.next);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}

/// A client that comes after so many turns.
async fn client(cached: ResponseCache<Yielding>, uri: String, turns: usize) -> Read {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    let answer = cached.oneshot(request("GET", &[(":uri", &uri)])).await;
    Read::of(answer.unwrap()).await
}

/// A thousand clients that come within so many turns, with a key that is new in each round.
async fn thousands(rounds: usize, turns: usize) {
    let layer = ResponseCacheLayer::new();
    let origin = Yielding::default();
    let cached = layer.layer(origin.clone());
    for round in 0..rounds {
        let uri = format!("http://origin.test/{turns}/{round}");
        let mut clients = JoinSet::new();
        for n in 0..1_000 {
            clients.spawn(client(cached.clone(), uri.clone(), n % (turns + 1)));
        }
        let (mut sent, mut collapsed, mut hits) = (0, 0, 0);
        while let Some(read) = clients.join_next().await {
            let read = read.unwrap();
            assert_eq!((read.status, read.text.as_str()), (200, "01234"), "{round}");
            match (read.is_hit(), read.is_collapsed()) {
                (true, _) => hits += 1,
                (_, true) => collapsed += 1,
                _ => sent += 1,
            }
        }
        assert_eq!(
            origin.calls(&uri),
            1,
            "in round {round} within {turns} turns"
        );
        assert_eq!((sent, collapsed + hits), (1, 999), "in round {round}");
    }
    let stats = layer.stats();
    assert_eq!(stats.hit_count() + stats.collapsed, 999 * rounds as u64);
}

#[tokio::test]
async fn a_thousand_requests_at_once_are_one_on_a_single_thread() {
    thousands(5, 0).await;
}

#[tokio::test]
async fn so_are_those_that_come_while_the_body_streams_and_as_it_ends() {
    for turns in [3, 7, 11, 16, 20, 50] {
        thousands(3, turns).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_are_one_on_many_threads() {
    thousands(25, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_are_those_that_come_at_any_moment_on_many_threads() {
    for turns in [1, 5, 10, 20, 40] {
        thousands(10, turns).await;
    }
}

/// Every third client goes away at some moment, the leader first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_leave_on_many_threads_leave_nobody_behind() {
    let origin = Yielding::default();
    let cached = ResponseCacheLayer::new().layer(origin.clone());
    for round in 0..200 {
        let uri = format!("http://origin.test/{round}");
        let start = |n: usize| tokio::spawn(client(cached.clone(), uri.clone(), n % 7));
        let clients: Vec<_> = (0..60).map(start).collect();
        for client in clients.iter().step_by(3) {
            client.abort();
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for (n, client) in clients.into_iter().enumerate() {
            let read = tokio::time::timeout(Duration::from_secs(60), client).await;
            match read.expect("it hangs") {
                Ok(read) => assert_eq!(read.text, "01234", "{round}"),
                Err(left) => assert!(left.is_cancelled() && n % 3 == 0, "{left}"),
            }
        }
        assert!(origin.calls(&uri) <= 21, "{round}");
        let calls = origin.calls(&uri);
        let read = client(cached.clone(), uri.clone(), 0).await;
        assert!(read.is_hit(), "{round}");
        assert_eq!(origin.calls(&uri), calls);
    }
}

/// One request after the other comes at the very moment at which the body ends.
#[tokio::test]
async fn there_is_no_moment_between_the_end_of_a_body_and_the_stored_response() {
    let field = Field::new();
    let first = field.get();
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("all");
    settle().await;
    drop(feed);
    // The readers have not been polled since the end.
    let service = field.service.clone();
    let mut asks: Vec<_> = (0..3)
        .map(|_| service.clone().oneshot(request("GET", &[])).boxed())
        .collect();
    poll_fn(|cx| {
        for ask in &mut asks {
            let _ = ask.poll_unpin(cx).is_pending();
        }
        Poll::Ready(())
    })
    .await;
    assert_eq!(field.gate.calls(), 1);
    assert_eq!(done(first).await.unwrap().text, "all");
    field.hit().await;
}

/// The same key, cold again and again.
#[tokio::test]
async fn each_time_that_a_response_is_stale_one_request_validates_it() {
    let field = Field::new();
    field
        .store(
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "first",
        )
        .await;
    for round in 1..=3 {
        field.advance(2).await;
        let clients = field.gets(50);
        settle().await;
        assert_eq!(field.gate.calls(), 1 + round);
        let call = field.gate.next();
        assert_eq!(call.parts.headers["if-none-match"], "\"a\"");
        call.reply(304, &[("cache-control", "max-age=1")], "");
        for client in clients {
            let read = done(client).await.unwrap();
            assert_eq!((read.status, read.text.as_str()), (200, "first"));
        }
        assert_eq!(field.gate.calls(), 1 + round);
    }
}
