//! An origin that answers as a test says, a cache around it, and a clock moved by hand.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt};
use tower_keep::{
    response_cache::{RequestBody, ResponseBody, ResponseCache, ResponseCacheLayer},
    test_util::ManualClock,
};

/// What an origin is asked with.
pub(crate) type Asked = Request<RequestBody<Full<Bytes>>>;

type Answer = dyn Fn(&Asked) -> Response<Full<Bytes>> + Send + Sync;

/// An origin whose answer is a function of the request; it remembers what it was asked.
#[derive(Clone)]
pub(crate) struct Origin {
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A request that reached the origin.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: http::Method,
    pub(crate) uri: http::Uri,
    pub(crate) headers: HeaderMap,
}

impl Origin {
    pub(crate) fn new(
        answer: impl Fn(&Asked) -> Response<Full<Bytes>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answer: Arc::new(answer),
            seen: Arc::default(),
        }
    }

    /// An origin that always answers 200 with these fields and a body that counts: "1", "2", ...
    pub(crate) fn with(fields: &'static [(&'static str, &'static str)]) -> Self {
        let count = std::sync::atomic::AtomicUsize::new(0);
        Self::new(move |_| {
            let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            respond(StatusCode::OK, fields, &count.to_string())
        })
    }

    /// The requests that reached it.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests reached it.
    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Service<Asked> for Origin {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Asked) -> Self::Future {
        self.seen.lock().unwrap().push(Seen {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        });
        ready(Ok((self.answer)(&request)))
    }
}

/// A response with these fields; repeated names are repeated lines.
pub(crate) fn respond(
    status: StatusCode,
    fields: &[(&str, &str)],
    body: &str,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    for (name, value) in fields {
        response.headers_mut().append(
            name.parse::<http::HeaderName>().unwrap(),
            value.parse().unwrap(),
        );
    }
    response
}

/// A cache around an origin, with its clock.
pub(crate) struct Cache {
    pub(crate) service: ResponseCache<Origin>,
    pub(crate) layer: ResponseCacheLayer,
    pub(crate) clock: ManualClock,
    pub(crate) origin: Origin,
}

/// An answer whose body has been read.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) extensions: http::Extensions,
}

impl Cache {
    pub(crate) fn new(origin: Origin) -> Self {
        Self::with(origin, |layer| layer)
    }

    /// A cache with settings of its own.
    pub(crate) fn with(
        origin: Origin,
        set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
    ) -> Self {
        let clock = ManualClock::new();
        let layer = set(ResponseCacheLayer::new()).clock(clock.clock());
        Self {
            service: layer.layer(origin.clone()),
            layer,
            clock,
            origin,
        }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Got {
        let response: Response<ResponseBody<Full<Bytes>>> =
            self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            extensions: parts.extensions,
        }
    }

    /// GET of `/` (or of the URI in `:uri`), with these fields.
    pub(crate) async fn get(&self, fields: &[(&str, &str)]) -> Got {
        self.send(request("GET", fields)).await
    }
}

/// A request to `http://origin.test/`, or to what the pseudo-field `:uri` names.
pub(crate) fn request(method: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = "http://origin.test/".parse().unwrap();
    for (name, value) in fields {
        if *name == ":uri" {
            *request.uri_mut() = value.parse().unwrap();
            continue;
        }
        request.headers_mut().append(
            name.parse::<http::HeaderName>().unwrap(),
            value.parse().unwrap(),
        );
    }
    request
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Whether Cache-Status says that it came from store.
    pub(crate) fn is_hit(&self) -> bool {
        self.header("cache-status")
            .is_some_and(|status| status.starts_with("tower-keep; hit"))
    }

    pub(crate) fn age(&self) -> Option<u64> {
        self.headers.get(header::AGE)?.to_str().ok()?.parse().ok()
    }
}
