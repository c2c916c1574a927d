//! What is stored keeps nothing of a connection's buffers alive.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body::Frame;
use http_body_util::{Empty, StreamBody};
use tower_keep::ResponseCacheLayer;

use crate::{
    KIB, alone,
    origin::{cache, fetch, get},
};

/// The buffers of connections; each lives as long as any slice of it.
#[derive(Clone, Default)]
struct Connections(Arc<Mutex<Vec<Arc<[u8]>>>>);

struct Owner(Arc<[u8]>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Connections {
    /// These bytes, read into a buffer of their own.
    fn read(&self, bytes: &str) -> Bytes {
        let mut buffer = bytes.as_bytes().to_vec();
        buffer.resize(16 * KIB, b'x');
        let buffer: Arc<[u8]> = buffer.into();
        self.0.lock().unwrap().push(Arc::clone(&buffer));
        Bytes::from_owner(Owner(buffer)).slice(..bytes.len())
    }

    fn value(&self, value: &str) -> HeaderValue {
        HeaderValue::from_maybe_shared(self.read(value)).unwrap()
    }

    /// How many buffers there were, and how many of them are still in use.
    fn count(&self) -> (usize, usize) {
        let buffers = self.0.lock().unwrap();
        let in_use = buffers
            .iter()
            .filter(|buffer| Arc::strong_count(buffer) > 1);
        (buffers.len(), in_use.count())
    }

    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([
            (header::CACHE_CONTROL, self.value("max-age=3600")),
            (header::ETAG, self.value("\"17\"")),
            (header::VARY, self.value("Accept-Language, X-Tenant")),
            ("x-own".parse().unwrap(), self.value("an own field")),
        ])
    }

    fn response(&self, status: StatusCode) -> Response<StreamBody<Frames>> {
        let body = ["one part", "and another"].map(|part| Frame::data(self.read(part)));
        let trailers = HeaderMap::from_iter([(header::EXPIRES, self.value("never"))]);
        let frames = match status {
            StatusCode::NOT_MODIFIED => Vec::new(),
            _ => body
                .into_iter()
                .chain([Frame::trailers(trailers)])
                .map(Ok)
                .collect(),
        };
        let mut response = Response::new(StreamBody::new(stream::iter(frames)));
        *response.status_mut() = status;
        *response.headers_mut() = self.headers();
        response
    }

    fn request(&self, language: &str, cache_control: &str) -> Request<Empty<Bytes>> {
        let mut request = get("/", &[]);
        let uri = self.read("http://origin.test/path?query=1");
        *request.uri_mut() = Uri::from_maybe_shared(uri).unwrap();
        request.headers_mut().extend([
            (header::ACCEPT_LANGUAGE, self.value(language)),
            (header::CACHE_CONTROL, self.value(cache_control)),
            ("x-tenant".parse().unwrap(), self.value("shop")),
        ]);
        request
    }
}

type Frames = stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>;

#[test]
fn stored_responses_do_not_pin_the_buffers_of_connections() {
    let _alone = alone();
    let connections = Connections::default();
    let origin = connections.clone();
    let layer = ResponseCacheLayer::new();
    let mut cache = cache(&layer, move |asked| {
        let known = asked.headers().contains_key(header::IF_NONE_MATCH);
        origin.response(if known {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        })
    });
    // Stored, served, validated; and as another variant, of which the origin says that it is the same.
    for (language, cache_control, hit) in [
        ("en", "max-age=60", false),
        ("en", "max-age=60", true),
        ("en", "no-cache", false),
        ("en", "max-age=60", true),
        ("de", "max-age=60", false),
        ("de", "max-age=60", true),
    ] {
        let before = connections.count().0;
        let request = connections.request(language, cache_control);
        let (got, length) = fetch(&mut cache, request);
        assert_eq!(
            (got, length),
            (hit, "one partand another".len()),
            "{language} {cache_control}"
        );
        let (all, in_use) = connections.count();
        assert!(all > before);
        assert_eq!(in_use, 0, "{language}, {cache_control}: of {all} buffers");
    }
    assert_eq!(layer.stats().validated, 2);
}
