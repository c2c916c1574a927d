//! A handler that does as the request says, limits in front of it, and a clock moved by hand.

use std::{
    future::{Future, Ready, ready},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_keep::{
    PeerAddr, RateLimitLayer, RateLimiter,
    rate_limit::{Limit, Limits, RateLimit, ResponseBody},
    test_util::{CountingService, ManualClock, Origin, origin},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

type Answer = fn(Request<()>) -> Ready<Response<Full<Bytes>>>;
pub(crate) type Handler = CountingService<Origin<Answer>>;
pub(crate) type Answered = Response<ResponseBody<Full<Bytes>>>;

/// A handler that answers with the status and as many bytes as the request says.
pub(crate) fn handler() -> Handler {
    origin(answer as Answer)
}

pub(crate) fn answer(request: Request<()>) -> Ready<Response<Full<Bytes>>> {
    let (head, ()) = request.into_parts();
    let said = |name: &str| head.headers.get(name)?.to_str().ok()?.parse().ok();
    let bytes = said("bytes").map_or(4, usize::from);
    let mut response = Response::new(Full::from(vec![b'x'; bytes]));
    *response.status_mut() = said("status").unwrap_or(200).try_into().unwrap();
    ready(response)
}

/// A handler behind limits.
pub(crate) struct Limited {
    pub(crate) service: RateLimit<Handler>,
    /// That of the last subject.
    pub(crate) limiter: RateLimiter,
    pub(crate) handler: Handler,
}

impl Limited {
    pub(crate) fn by(layer: &RateLimitLayer) -> Self {
        let handler = handler();
        Self {
            service: layer.layer(handler.clone()),
            limiter: layer.limiter().clone(),
            handler,
        }
    }

    pub(crate) async fn send(&self, request: Request<()>) -> Answered {
        self.service.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn status(&self, request: Request<()>) -> u16 {
        self.send(request).await.status().as_u16()
    }

    /// The statuses that so many of these requests get, one after the other.
    pub(crate) async fn statuses<const N: usize>(
        &self,
        request: impl Fn() -> Request<()>,
    ) -> [u16; N] {
        let mut statuses = [0; N];
        for status in &mut statuses {
            *status = self.status(request()).await;
        }
        statuses
    }

    pub(crate) fn calls(&self) -> usize {
        self.handler.calls()
    }
}

/// So many a minute, all at once if need be.
pub(crate) fn a_minute(requests: u64) -> Limit {
    let limit = Limit::token_bucket(requests).per(SECOND * 60);
    limit.build().unwrap()
}

/// A limiter that goes by this clock.
pub(crate) fn limiter(time: &ManualClock, limits: impl Into<Limits>) -> RateLimiter {
    RateLimiter::new(limits).clock(time.clock())
}

/// A layer that goes by this clock.
pub(crate) fn layer(time: &ManualClock, limits: impl Into<Limits>) -> RateLimitLayer {
    RateLimitLayer::new(limiter(time, limits))
}

/// A request with these fields, from nobody knows where.
pub(crate) fn request(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri("http://origin.test/");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// The same from a peer with this address.
pub(crate) fn from(peer: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = request(fields);
    let peer: IpAddr = peer.parse().unwrap();
    let peer = PeerAddr(SocketAddr::new(peer, 50_000));
    request.extensions_mut().insert(peer);
    request
}

/// What remains of the limiter's first limit for this key.
pub(crate) fn remaining(limiter: &RateLimiter, key: impl tower_keep::rate_limit::LimitKey) -> u64 {
    limiter.peek(key).iter().next().unwrap().remaining
}

pub(crate) fn field<'a, B>(response: &'a Response<B>, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap())
}

/// Polls it once.
pub(crate) fn begin<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
