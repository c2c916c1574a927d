//! A handler, the layer around it, and what they are asked.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    pin::pin,
    task::{Context, Poll, Waker},
};

use axum::{Router, routing::get};
use bytes::Bytes;
use governor::{DefaultKeyedRateLimiter, Quota};
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{Empty, Full};
use tower::{Layer, Service};
use tower_keep::{
    PeerAddr, RateLimitLayer,
    rate_limit::{Limit, RateLimit, RateLimitHeaders},
    seconds,
};

pub(crate) type Asked = Request<Empty<Bytes>>;

/// The address with this number.
pub(crate) fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0A00_0000 + number).into()
}

/// A GET with five fields from the address with this number.
pub(crate) fn request(number: u32) -> Asked {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = "/products/17".parse().expect("a path is a URI");
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("bench/1.0"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("gzip, br, zstd"),
    );
    headers.insert(
        header::ACCEPT_LANGUAGE,
        HeaderValue::from_static("en-GB, en;q=0.9"),
    );
    let peer = PeerAddr((address(number), 50_000).into());
    request.extensions_mut().insert(peer);
    request
}

/// Answers with a body of 1 KiB and six fields.
#[derive(Clone, Copy)]
pub(crate) struct Handler;

const ANSWERED: [(HeaderName, &str); 6] = [
    (header::CONTENT_TYPE, "application/json"),
    (header::ETAG, "\"5f2c8a1b9e7d4036\""),
    (header::LAST_MODIFIED, "Mon, 08 Jun 2026 08:00:00 GMT"),
    (header::CACHE_CONTROL, "no-cache"),
    (header::SERVER, "shop/1.17"),
    (header::CONTENT_LANGUAGE, "en"),
];

static BODY: [u8; 1024] = [b'x'; 1024];

impl Handler {
    pub(crate) fn answer() -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::copy_from_slice(&BODY)));
        let headers = response.headers_mut();
        for (name, value) in ANSWERED {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl Service<Asked> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Asked) -> Self::Future {
        ready(Ok(Self::answer()))
    }
}

/// The same behind a router, as most handlers are.
pub(crate) fn routed() -> Router {
    Router::new().route("/products/{id}", get(async || Handler::answer()))
}

/// What the handler answers. Its futures are ready at once.
pub(crate) fn answer<B, S: Service<Request<B>, Error = Infallible>>(
    service: &mut S,
    asked: Request<B>,
) -> S::Response {
    let future = pin!(service.call(asked));
    let Poll::Ready(Ok(response)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the handler is ready at once");
    };
    response
}

pub(crate) type Limited = RateLimit<Handler>;

/// The layer that admits all, and says nothing.
pub(crate) fn admitting() -> RateLimitLayer {
    let limit = Limit::token_bucket(1_000_000_000).per(seconds(1)).build();
    let limit = limit.expect("a limit that can be");
    RateLimitLayer::new(limit).headers(RateLimitHeaders::None)
}

/// The layer that refuses all but the first.
pub(crate) fn refusing() -> RateLimitLayer {
    let limit = Limit::token_bucket(1).per(tower_keep::hours(1)).build();
    RateLimitLayer::new(limit.expect("a limit that can be"))
}

pub(crate) fn limited(layer: &RateLimitLayer) -> Limited {
    layer.layer(Handler)
}

/// The check alone, as `governor` does it.
pub(crate) fn governor() -> DefaultKeyedRateLimiter<IpAddr> {
    DefaultKeyedRateLimiter::keyed(Quota::per_second(NonZeroU32::MAX))
}
