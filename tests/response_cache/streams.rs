//! Bodies that come piece by piece, under a test's control.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower::{Layer, Service, ServiceExt};
use tower_keep::{
    response_cache::{RequestBody, ResponseBody, ResponseCache, ResponseCacheLayer},
    test_util::ManualClock,
};

use super::{
    cases::Fields,
    support::{request, respond},
};

type Piece = Result<Frame<Bytes>, io::Error>;

/// A body whose frames come through a channel.
pub(crate) struct Stream(UnboundedReceiver<Piece>);

/// The other end of a [`Stream`]; dropped, the body is over.
pub(crate) struct Source(UnboundedSender<Piece>);

impl Body for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.0.poll_recv(cx)
    }
}

impl Source {
    pub(crate) fn data(&self, data: &'static str) {
        let _ = self
            .0
            .send(Ok(Frame::data(Bytes::from_static(data.as_bytes()))));
    }

    pub(crate) fn trailers(&self, fields: Fields<'_>) {
        let trailers = respond(http::StatusCode::OK, fields, "").headers().clone();
        let _ = self.0.send(Ok(Frame::trailers(trailers)));
    }

    pub(crate) fn fail(&self) {
        let _ = self.0.send(Err(io::Error::other("the origin broke off")));
    }
}

/// An origin that answers 200 with these fields and a new stream each time.
#[derive(Clone)]
pub(crate) struct Streaming {
    head: HeaderMap,
    sources: Arc<Mutex<Vec<Source>>>,
    asked: Arc<Mutex<Vec<http::Extensions>>>,
}

impl Streaming {
    pub(crate) fn new(fields: Fields<'_>) -> Self {
        Self {
            head: respond(http::StatusCode::OK, fields, "").headers().clone(),
            sources: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// The source of the response that was asked for last.
    pub(crate) fn source(&self) -> Source {
        let last = self.sources.lock().unwrap().pop();
        last.expect("the origin was asked")
    }

    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// The extensions of the last request.
    pub(crate) fn extensions(&self) -> http::Extensions {
        let asked = self.asked.lock().unwrap();
        asked.last().expect("the origin was asked").clone()
    }

    /// A cache around it.
    pub(crate) fn cached(
        &self,
        set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
    ) -> ResponseCache<Self> {
        set(ResponseCacheLayer::new())
            .clock(ManualClock::new().clock())
            .layer(self.clone())
    }
}

impl Service<Request<RequestBody<Full<Bytes>>>> for Streaming {
    type Response = Response<Stream>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        let (sender, receiver) = unbounded_channel();
        self.sources.lock().unwrap().push(Source(sender));
        let extensions = request.extensions().clone();
        self.asked.lock().unwrap().push(extensions);
        let mut response = Response::new(Stream(receiver));
        *response.headers_mut() = self.head.clone();
        ready(Ok(response))
    }
}

/// Sends a GET and returns its answer, the body unread.
pub(crate) async fn open(
    service: &ResponseCache<Streaming>,
    fields: Fields<'_>,
) -> Response<ResponseBody<Stream>> {
    let answer = service.clone().oneshot(request("GET", fields)).await;
    answer.expect("the origin does not fail")
}

/// The rest of a body and its trailers, or `None` if it broke off.
pub(crate) async fn rest(
    response: Response<ResponseBody<Stream>>,
) -> Option<(String, Option<HeaderMap>)> {
    let body = response.into_body().collect().await.ok()?;
    let trailers = body.trailers().cloned();
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    Some((text, trailers))
}
