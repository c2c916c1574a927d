//! What is answered while a circuit is open.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};

use crate::{
    breaker::CircuitOpen,
    wire::{
        grpc::{Code, Family, Pushback},
        text::retry_after,
    },
};

/// RFC 9457. The name of the circuit is the operator's business.
const PROBLEM: &str = concat!(
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"#,
    r#""detail":"What answers this request fails at the moment and is left alone for a while"}"#
);

/// 503 with `Retry-After`; to gRPC, `UNAVAILABLE`. The reason is in the extensions.
pub(super) fn response(open: CircuitOpen, asked: &HeaderMap) -> Response<Bytes> {
    let wait = open.retry_after();
    let mut response = match Family::of(asked) {
        Some(family) => {
            let pushback = Pushback::After(wait);
            family.refusal(Code::Unavailable, "the circuit is open", pushback)
        }
        None => http(retry_after(wait)),
    };
    response.extensions_mut().insert(open);
    response
}

fn http(retry_after: HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(PROBLEM.as_bytes()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.reserve(3);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let problem = HeaderValue::from_static("application/problem+json");
    headers.insert(CONTENT_TYPE, problem);
    headers.insert(RETRY_AFTER, retry_after);
    response
}
