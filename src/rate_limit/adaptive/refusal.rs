//! What is answered beyond the limit.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};

use crate::wire::grpc::{Code, Family, Pushback};

/// A problem type of draft-ietf-httpapi-ratelimit-headers-11.
const PROBLEM: &str = concat!(
    r#"{"type":"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity","#,
    r#""title":"Request cannot be satisfied due to temporary server capacity constraints","#,
    r#""status":503}"#
);

/// Nobody knows when there will be room; it may be in the next moment.
const RETRY_AFTER_SECONDS: (&str, Duration) = ("1", Duration::from_secs(1));

/// Why a request was refused: as many as the service can work on are in flight. In the extensions of the response.
///
/// ```
/// use http::Response;
/// use tower_keep::rate_limit::adaptive::Overloaded;
///
/// fn was_refused<B>(response: &Response<B>) -> bool {
///     response.extensions().get::<Overloaded>().is_some()
/// }
/// # assert!(!was_refused(&Response::new(())));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded {
    pub(super) limit: usize,
}

impl Overloaded {
    /// How many requests were allowed to be in flight at that moment.
    #[must_use]
    pub fn limit(self) -> usize {
        self.limit
    }

    /// 503 with `Retry-After: 1`; to gRPC, `UNAVAILABLE`.
    pub(super) fn response(self, asked: &HeaderMap) -> Response<Bytes> {
        let (seconds, wait) = RETRY_AFTER_SECONDS;
        let mut response = match Family::of(asked) {
            Some(family) => family.refusal(Code::Unavailable, "overloaded", Pushback::After(wait)),
            None => http_refusal(seconds),
        };
        response.extensions_mut().insert(self);
        response
    }
}

fn http_refusal(seconds: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(PROBLEM.as_bytes()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.reserve(3);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let problem = HeaderValue::from_static("application/problem+json");
    headers.insert(CONTENT_TYPE, problem);
    headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

impl fmt::Display for Overloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests are in flight already", self.limit)
    }
}
