//! A cache in front of an origin that the test answers for, and clients that are tasks of their own.

use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;
use tower::{Layer, ServiceExt};
use tower_keep::{
    BoxError,
    response_cache::{Refusal, ResponseBody, ResponseCache, ResponseCacheLayer},
    test_util::ManualClock,
};

use super::origin::{Broke, Flow, Gate};
use crate::{cases::Fields, support::request};

/// A cache around a [`Gate`], its clock, and clients that are tasks of their own.
pub(crate) struct Field {
    pub(crate) service: ResponseCache<Gate>,
    pub(crate) layer: ResponseCacheLayer,
    pub(crate) clock: ManualClock,
    pub(crate) gate: Gate,
}

pub(crate) type Opened = Response<ResponseBody<Flow>>;

impl Field {
    pub(crate) fn new() -> Self {
        Self::with(|layer| layer)
    }

    pub(crate) fn with(set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer) -> Self {
        let clock = ManualClock::new();
        let layer = set(ResponseCacheLayer::new()).clock(clock.clock());
        let gate = Gate::default();
        Self {
            service: layer.layer(gate.clone()),
            layer,
            clock,
            gate,
        }
    }

    /// A client that waits for the head and keeps the body unread.
    pub(crate) fn open(
        &self,
        method: &str,
        fields: Fields<'_>,
    ) -> JoinHandle<Result<Opened, Broke>> {
        tokio::spawn(self.service.clone().oneshot(request(method, fields)))
    }

    /// A client that reads everything.
    pub(crate) fn send(&self, method: &str, fields: Fields<'_>) -> JoinHandle<Result<Read, Broke>> {
        let answer = self.service.clone().oneshot(request(method, fields));
        tokio::spawn(async move { Ok(Read::of(answer.await?).await) })
    }

    pub(crate) fn get(&self) -> JoinHandle<Result<Read, Broke>> {
        self.send("GET", &[])
    }

    pub(crate) fn gets(&self, count: usize) -> Vec<JoinHandle<Result<Read, Broke>>> {
        (0..count).map(|_| self.get()).collect()
    }

    /// A GET that must be answered without the origin.
    pub(crate) async fn hit(&self) -> Read {
        let read = done(self.get()).await.unwrap();
        assert!(read.is_hit(), "{:?}", read.cache_status());
        read
    }

    /// Stores a response.
    pub(crate) async fn store(&self, fields: Fields<'_>, text: &'static str) {
        let get = self.get();
        settle().await;
        self.gate.next().reply(200, fields, text);
        assert_eq!(done(get).await.unwrap().text, text);
    }

    pub(crate) async fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        settle().await;
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) extensions: Extensions,
    pub(crate) text: String,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<BoxError>,
}

impl Read {
    pub(crate) async fn of<B>(response: Response<ResponseBody<B>>) -> Self
    where
        ResponseBody<B>: Body<Data = Bytes, Error = BoxError>,
    {
        let (head, body) = response.into_parts();
        let mut body = Box::pin(body);
        let (mut data, mut trailers, mut error) = (Vec::new(), None, None);
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(piece)) => data.extend_from_slice(&piece),
                Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
                Err(broken) => {
                    error = Some(broken);
                    break;
                }
            }
        }
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            extensions: head.extensions,
            text: String::from_utf8(data).unwrap(),
            trailers,
            error,
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn cache_status(&self) -> &str {
        self.header("cache-status").unwrap_or_default()
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.cache_status().starts_with("tower-keep; hit")
    }

    pub(crate) fn is_collapsed(&self) -> bool {
        self.cache_status().contains("; collapsed")
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.extensions.get().copied()
    }
}

/// Lets all tasks go as far as they can.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// What a task came to, which must wait for nothing more.
pub(crate) async fn done<T>(task: JoinHandle<T>) -> T {
    settle().await;
    assert!(task.is_finished(), "it waits for something");
    task.await.unwrap()
}

/// A client that goes away.
pub(crate) async fn leave<T>(task: JoinHandle<T>) {
    assert!(!task.is_finished(), "it is over already");
    task.abort();
    settle().await;
}
