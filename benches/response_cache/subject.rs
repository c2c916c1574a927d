//! A handler, the layer around it, and what they are asked.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, Service};
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{Purger, RequestBody, ResponseBody, ResponseCache},
    store::MemoryStore,
};

pub(crate) const KIB: usize = 1 << 10;

pub(crate) const ETAG: &str = "\"5f2c8a1b9e7d4036\"";

pub(crate) type Asked = Request<Empty<Bytes>>;

const ASKED: [(HeaderName, &str); 5] = [
    (header::HOST, "shop.example"),
    (header::USER_AGENT, "bench/1.0"),
    (header::ACCEPT, "application/json"),
    (header::ACCEPT_ENCODING, "gzip, br, zstd"),
    (header::ACCEPT_LANGUAGE, "en-GB, en;q=0.9"),
];

/// A GET with five fields.
pub(crate) fn request(path: &str) -> Asked {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = path.parse().expect("a path is a URI");
    request.headers_mut().extend(fields(&ASKED));
    request
}

fn fields(
    fields: &'static [(HeaderName, &str)],
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let value = |value: &str| HeaderValue::from_str(value).expect("visible characters");
    fields
        .iter()
        .map(move |(name, text)| (name.clone(), value(text)))
}

const ANSWERED: [(HeaderName, &str); 5] = [
    (header::CONTENT_TYPE, "application/json"),
    (header::ETAG, ETAG),
    (header::LAST_MODIFIED, "Mon, 08 Jun 2026 08:00:00 GMT"),
    (header::SERVER, "shop/1.17"),
    (header::CONTENT_LANGUAGE, "en"),
];

/// Builds a response with a body of this length and six fields, or seven if it varies.
#[derive(Clone, Copy)]
pub(crate) struct Handler {
    length: usize,
    cache_control: &'static str,
    varies: bool,
    tagged: bool,
}

impl Handler {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            length,
            cache_control: "public, max-age=3600",
            varies: false,
            tagged: false,
        }
    }

    pub(crate) fn varying(mut self) -> Self {
        self.varies = true;
        self
    }

    pub(crate) fn tagged(mut self) -> Self {
        self.tagged = true;
        self
    }

    pub(crate) fn not_to_be_stored(mut self) -> Self {
        self.cache_control = "no-store";
        self
    }

    pub(crate) fn answer(&self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(vec![b'x'; self.length]));
        let headers = response.headers_mut();
        headers.reserve(7);
        headers.extend(fields(&ANSWERED));
        let cache_control = HeaderValue::from_static(self.cache_control);
        headers.insert(header::CACHE_CONTROL, cache_control);
        if self.varies {
            let vary = HeaderValue::from_static("accept-encoding");
            headers.insert(header::VARY, vary);
        }
        if self.tagged {
            let tag = HeaderValue::from_static("shop");
            headers.insert(HeaderName::from_static("cache-tag"), tag);
        }
        response
    }
}

impl Service<Request<RequestBody<Empty<Bytes>>>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody<Empty<Bytes>>>) -> Self::Future {
        ready(Ok(self.answer().map(Full::new)))
    }
}

/// The layer with its defaults around a handler.
pub(crate) struct Cached {
    layer: ResponseCacheLayer,
    service: ResponseCache<Handler>,
}

impl Cached {
    pub(crate) fn new(handler: Handler) -> Self {
        Self::of(ResponseCacheLayer::new(), handler)
    }

    /// The same with a store of so many bytes.
    pub(crate) fn with_capacity(handler: Handler, bytes: usize) -> Self {
        let store = MemoryStore::builder().capacity(bytes).build();
        let store = store.expect("room for many entries");
        Self::of(ResponseCacheLayer::with_store(store), handler)
    }

    fn of(layer: ResponseCacheLayer, handler: Handler) -> Self {
        Self {
            service: layer.layer(handler),
            layer,
        }
    }

    pub(crate) fn purger(&self) -> Purger {
        self.layer.purger()
    }

    /// The head, and the body as it comes.
    pub(crate) fn answer(&self, asked: Asked) -> Response<ResponseBody<Full<Bytes>>> {
        // A clone for each request, as servers make it.
        let mut cache = self.service.clone();
        let Ok(response) = now(cache.call(asked));
        response
    }

    /// The head, and the body once it was read: it is stored by then.
    pub(crate) fn answer_whole(&self, asked: Asked) -> Response<Bytes> {
        let (parts, body) = self.answer(asked).into_parts();
        let body = now(body.collect()).expect("nothing fails here");
        Response::from_parts(parts, body.to_bytes())
    }

    pub(crate) fn is_hit(&self, asked: Asked) -> bool {
        let response = self.answer_whole(asked);
        let status = response.headers()[header::CACHE_STATUS].as_bytes();
        status.starts_with(b"tower-keep; hit")
    }
}

/// The result of a future that is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("neither the handler nor the store in memory waits"),
    }
}
