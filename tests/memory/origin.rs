//! Origins whose responses come as they do from a connection: out of buffers much larger than they are.

use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Request, Response, header::CACHE_STATUS};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use tower::{BoxError, Layer, Service, service_fn};
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{RequestBody, ResponseBody, ResponseCache},
};

use crate::{KIB, now};

/// What hyper reads a head into.
const READ_BUFFER: usize = 9 * KIB;

pub(crate) type Asked = Request<RequestBody<Empty<Bytes>>>;

/// Values and names of fields.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

/// A cache around an origin that answers at once.
pub(crate) fn cache<B: Body + Send + 'static>(
    layer: &ResponseCacheLayer,
    answer: impl Fn(&Asked) -> Response<B> + Clone + Send + 'static,
) -> ResponseCache<
    impl Service<Asked, Response = Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static,
> {
    layer.layer(service_fn(
        move |asked: Asked| -> Ready<Result<Response<B>, Infallible>> { ready(Ok(answer(&asked))) },
    ))
}

/// A GET of a path of one host with these fields.
pub(crate) fn get(path: &str, fields: Fields<'_>) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = format!("http://origin.test{path}").parse().unwrap();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// Sends a request.
pub(crate) fn send<S, B>(
    cache: &mut ResponseCache<S>,
    request: Request<Empty<Bytes>>,
) -> Response<ResponseBody<B>>
where
    S: Service<Asked, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
    now(cache.call(request)).unwrap()
}

/// Sends a request and reads the response. Whether it came from store, and the length of its body.
pub(crate) fn fetch<S, B>(
    cache: &mut ResponseCache<S>,
    request: Request<Empty<Bytes>>,
) -> (bool, usize)
where
    S: Service<Asked, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
    let response = send(cache, request);
    let status = response.headers()[CACHE_STATUS].to_str().unwrap();
    let hit = status.starts_with("tower-keep; hit");
    (
        hit,
        now(response.into_body().collect())
            .unwrap()
            .to_bytes()
            .len(),
    )
}

/// A response as hyper makes it: field values that are slices of the buffer that the head was read into, a
/// body that is a slice of a larger one.
pub(crate) fn from_connection(fields: Fields<'_>, body: usize) -> Response<Full<Bytes>> {
    let mut buffer = BytesMut::with_capacity(READ_BUFFER);
    let mut response = Response::new(Full::new(slice_of_more(body)));
    for (name, value) in fields {
        buffer.extend_from_slice(value.as_bytes());
        let value = HeaderValue::from_maybe_shared(buffer.split().freeze()).unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().append(name, value);
    }
    response
}

fn slice_of_more(body: usize) -> Bytes {
    Bytes::from(vec![b'x'; body + READ_BUFFER]).slice(100..100 + body)
}
