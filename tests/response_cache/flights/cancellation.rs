//! Whoever goes away, at whatever moment: the others finish, and the next one is served.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};
use tower_keep::response_cache::{RequestBody, ResponseCache, ResponseCacheLayer};

use super::{clients::Read, origin::Broke};
use crate::support::request;

/// What goes wrong with the origin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    NoHead,
    HalfBody,
    NoStore,
}

/// An origin that rests twice before its head, and before each of three pieces.
#[derive(Clone)]
struct Resting {
    trouble: Trouble,
    calls: Arc<AtomicUsize>,
}

/// Rests so many times.
struct Rest(usize);

impl Future for Rest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(left) = self.0.checked_sub(1) else {
            return Poll::Ready(());
        };
        self.0 = left;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Service<Request<RequestBody<Full<Bytes>>>> for Resting {
    type Response = Response<Pieces>;
    type Error = Broke;
    type Future = BoxFuture<'static, Result<Response<Pieces>, Broke>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let trouble = self.trouble;
        async move {
            Rest(2).await;
            if trouble == Trouble::NoHead {
                return Err(Broke);
            }
            let control = if trouble == Trouble::NoStore {
                "no-store"
            } else {
                "max-age=60"
            };
            let head = Response::builder().header("cache-control", control);
            let pieces = Pieces {
                next: 0,
                rest: Rest(1),
                trouble,
            };
            Ok(head.body(pieces).unwrap())
        }
        .boxed()
    }
}

struct Pieces {
    next: usize,
    rest: Rest,
    trouble: Trouble,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Broke;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broke>>> {
        if Pin::new(&mut self.rest).poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.rest = Rest(1);
        self.next += 1;
        if self.next == 2 && self.trouble == Trouble::HalfBody {
            return Poll::Ready(Some(Err(Broke)));
        }
        let piece = ["one ", "two ", "three"].get(self.next - 1);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
    }
}

/// When a client goes away.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Leaves {
    Never,
    /// After so many polls.
    After(usize),
    /// When it has been woken after so many polls, and would be polled again.
    Woken(usize),
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A client that is polled when it has been woken, and only then.
struct Client {
    answer: Option<BoxFuture<'static, Result<Read, Broke>>>,
    woken: Arc<Flag>,
    polls: usize,
    leaves: Leaves,
    came: Option<Result<Read, Broke>>,
}

impl Client {
    fn new(cached: &ResponseCache<Resting>, leaves: Leaves) -> Self {
        let answer = cached.clone().oneshot(request("GET", &[]));
        Self {
            answer: Some(async move { Ok(Read::of(answer.await?).await) }.boxed()),
            woken: Arc::new(Flag(AtomicBool::new(true))),
            polls: 0,
            leaves,
            came: None,
        }
    }

    /// Whether it did anything.
    fn turn(&mut self) -> bool {
        let Some(answer) = &mut self.answer else {
            return false;
        };
        if self.leaves == Leaves::After(self.polls) {
            self.answer = None;
            return true;
        }
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        if self.leaves == Leaves::Woken(self.polls) {
            self.answer = None;
            return true;
        }
        self.polls += 1;
        let waker = Waker::from(Arc::clone(&self.woken));
        if let Poll::Ready(came) = answer.poll_unpin(&mut Context::from_waker(&waker)) {
            self.came = Some(came);
            self.answer = None;
        }
        true
    }

    fn has_left(&self) -> bool {
        self.answer.is_none() && self.came.is_none()
    }
}

/// Lets all of them go on, in this order or backwards, until nobody can.
fn run(clients: &mut [Client], backwards: bool) {
    let mut any = true;
    let mut rounds = 0;
    while any {
        any = false;
        if backwards {
            clients
                .iter_mut()
                .rev()
                .for_each(|client| any |= client.turn());
        } else {
            clients.iter_mut().for_each(|client| any |= client.turn());
        }
        rounds += 1;
        assert!(rounds < 1_000, "they go round in circles");
    }
}

const WHOLE: &str = "one two three";

fn is_whole(came: Option<&Result<Read, Broke>>) -> bool {
    matches!(came, Some(Ok(read)) if (read.status, read.text.as_str()) == (200, WHOLE) && read.error.is_none())
}

/// Whether that is what a client may come to if the origin has this trouble.
fn is_right(trouble: Trouble, came: Option<&Result<Read, Broke>>) -> bool {
    match (trouble, came) {
        (Trouble::None | Trouble::NoStore, came) => is_whole(came),
        (Trouble::NoHead, Some(Err(Broke))) => true,
        (Trouble::NoHead, Some(Ok(read))) => read.status == 502,
        (Trouble::HalfBody, Some(Ok(read))) => read.error.is_some() && read.text == "one ",
        _ => false,
    }
}

/// One run of three clients; how often each was polled.
fn scene(trouble: Trouble, leaves: [Leaves; 3], backwards: bool) -> Vec<usize> {
    let case = format!("{trouble:?} {leaves:?} {backwards}");
    let layer = ResponseCacheLayer::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let of = |trouble| {
        let calls = Arc::clone(&calls);
        layer.layer(Resting { trouble, calls })
    };
    let cached = of(trouble);
    let mut clients: Vec<_> = leaves.map(|leaves| Client::new(&cached, leaves)).into();
    run(&mut clients, backwards);
    for client in &clients {
        let right = client.has_left() || is_right(trouble, client.came.as_ref());
        assert!(right, "{case}: {:?}", client.came);
    }
    let asked = calls.load(Ordering::Relaxed);
    let left = clients.iter().filter(|client| client.has_left()).count();
    let most = if trouble == Trouble::None {
        (left + 1).min(3)
    } else {
        3
    };
    assert!(asked <= most, "{case}: {asked} calls");
    next_ones(&of(Trouble::None), &case);
    clients.iter().map(|client| client.polls).collect()
}

/// Nothing of the flight is left: the next one is served, and the one after it from store.
fn next_ones(cached: &ResponseCache<Resting>, case: &str) {
    for hit in [false, true] {
        let mut next = [Client::new(cached, Leaves::Never)];
        run(&mut next, false);
        let came = next[0].came.as_ref();
        assert!(is_whole(came), "{case}: afterwards {came:?}");
        let stored = came.is_some_and(|came| came.as_ref().is_ok_and(Read::is_hit));
        assert!(stored || !hit, "{case}: it is not stored");
    }
}

fn all_scenes(trouble: Trouble) {
    let polls = scene(trouble, [Leaves::Never; 3], false);
    let most = polls.into_iter().max().unwrap();
    let moments = || {
        let after = (0..=most).map(Leaves::After);
        let woken = (1..=most).map(Leaves::Woken);
        after.chain(woken).chain([Leaves::Never])
    };
    for first in moments() {
        for second in moments() {
            for third in moments() {
                scene(trouble, [first, second, third], false);
                scene(trouble, [first, second, third], true);
            }
        }
    }
}

#[tokio::test]
async fn clients_may_go_away_at_any_moment() {
    all_scenes(Trouble::None);
}

#[tokio::test]
async fn also_while_the_origin_fails() {
    all_scenes(Trouble::NoHead);
}

#[tokio::test]
async fn also_while_bodies_break_off() {
    all_scenes(Trouble::HalfBody);
}

#[tokio::test]
async fn also_while_nothing_can_be_shared() {
    all_scenes(Trouble::NoStore);
}
