//! An origin that does one act after the other, and a cache in front of it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt};
use tower_keep::{
    BoxError, Personal,
    response_cache::{RequestBody, ResponseCache, ResponseCacheLayer},
    test_util::ManualClock,
};

use crate::{
    probe::{Frames, Then},
    support::{Got, request},
};

/// What an origin does with one request.
pub(crate) enum Act {
    Answer(Response<Frames>),
    /// Its readiness is an error.
    Unready,
    /// Its future is one.
    Fail,
    Panic,
    PanicInCall,
    /// It waits before it does something.
    Wait(Arc<Notify>, Box<Act>),
    /// It marks the request as personal first.
    Mark(Box<Act>),
}

/// A response with this status, these fields and this body.
pub(crate) fn reply(status: u16, fields: &[(&str, &str)], body: &'static str) -> Act {
    Act::Answer(response(status, fields, Frames::of(&[body])))
}

pub(crate) fn response(status: u16, fields: &[(&str, &str)], body: Frames) -> Response<Frames> {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(body).unwrap()
}

/// A 200 that is fresh for a minute and may be served stale for half of one while it is validated.
pub(crate) fn page(body: &'static str) -> Act {
    let control = "max-age=60, stale-while-revalidate=30";
    reply(200, &[("cache-control", control), ("etag", "\"a\"")], body)
}

/// An origin that does one act after the other; where none is left, it answers 599.
#[derive(Clone, Default)]
pub(crate) struct Stage {
    acts: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Parts>>>,
}

impl Stage {
    pub(crate) fn left(&self) -> usize {
        self.acts.lock().unwrap().len()
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The head of the last request.
    pub(crate) fn last(&self) -> Parts {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

impl Service<Request<RequestBody<Full<Bytes>>>> for Stage {
    type Response = Response<Frames>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Frames>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let mut acts = self.acts.lock().unwrap();
        if matches!(acts.front(), Some(Act::Unready)) {
            acts.pop_front();
            return Poll::Ready(Err("not ready".into()));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        let (parts, _) = request.into_parts();
        self.seen.lock().unwrap().push(parts.clone());
        let act = self.acts.lock().unwrap().pop_front();
        let act = act.unwrap_or_else(|| reply(599, &[], "too many requests"));
        assert!(!matches!(act, Act::PanicInCall), "the call panics");
        async move { play(act, &parts).await }.boxed()
    }
}

async fn play(mut act: Act, parts: &Parts) -> Result<Response<Frames>, BoxError> {
    loop {
        act = match act {
            Act::Answer(response) => return Ok(response),
            Act::Unready | Act::Fail => return Err("unreachable".into()),
            Act::Panic | Act::PanicInCall => panic!("the origin panics"),
            Act::Wait(go, then) => {
                go.notified().await;
                *then
            }
            Act::Mark(then) => {
                Personal::get(&parts.extensions).unwrap().mark().unwrap();
                *then
            }
        };
    }
}

/// A cache in front of a stage.
pub(crate) struct Show {
    pub(crate) service: ResponseCache<Stage>,
    pub(crate) layer: ResponseCacheLayer,
    pub(crate) clock: ManualClock,
    pub(crate) origin: Stage,
}

impl Show {
    pub(crate) fn new(acts: Vec<Act>) -> Self {
        Self::with(acts, |layer| layer)
    }

    pub(crate) fn with(
        acts: Vec<Act>,
        set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
    ) -> Self {
        let clock = ManualClock::new();
        let layer = set(ResponseCacheLayer::new()).clock(clock.clock());
        Self::of(acts, layer, clock)
    }

    pub(crate) fn of(acts: Vec<Act>, layer: ResponseCacheLayer, clock: ManualClock) -> Self {
        let origin = Stage::default();
        origin.acts.lock().unwrap().extend(acts);
        Self {
            service: layer.layer(origin.clone()),
            layer,
            clock,
            origin,
        }
    }

    pub(crate) async fn try_send(&self, request: Request<Full<Bytes>>) -> Result<Got, BoxError> {
        let response = self.service.clone().oneshot(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Got {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            extensions: parts.extensions,
        })
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Got {
        self.try_send(request).await.unwrap()
    }

    pub(crate) async fn get(&self, fields: &[(&str, &str)]) -> Got {
        self.send(request("GET", fields)).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Lets the background come to its end.
    pub(crate) async fn quiet(&self) {
        for _ in 0..100 {
            if self.layer.background().is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("the background waits for something");
    }
}

/// Lets tasks go as far as they can.
pub(crate) async fn turns() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// The status, whether it came from store, and the body.
pub(crate) fn told(got: &Got) -> (u16, bool, &str) {
    (got.status.as_u16(), got.is_hit(), &got.body)
}

/// All the ways in which a refresh fails.
pub(crate) fn failures() -> Vec<(&'static str, Act)> {
    let control = [("cache-control", "max-age=600"), ("etag", "\"bad\"")];
    let body = |body| Act::Answer(response(200, &control, body));
    vec![
        ("error", Act::Fail),
        ("unready", Act::Unready),
        ("500", reply(500, &[], "bad")),
        ("502", reply(502, &[], "bad")),
        ("503", reply(503, &[], "bad")),
        ("504", reply(504, &[], "bad")),
        ("500 for ten minutes", reply(500, &control, "bad")),
        ("503 for ten minutes", reply(503, &control, "bad")),
        (
            "503, no-store",
            reply(503, &[("cache-control", "no-store")], "bad"),
        ),
        ("panic", Act::Panic),
        ("panic in call", Act::PanicInCall),
        ("broken body", body(Frames::of(&["bad"]).then(Then::Break))),
        (
            "body that breaks at once",
            body(Frames::of(&[]).then(Then::Break)),
        ),
        ("short body", body(Frames::of(&["bad"]).exact(10))),
    ]
}
