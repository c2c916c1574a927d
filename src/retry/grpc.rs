//! What gRPC says of its calls.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Response};
use http_body::Body;

use super::answer::RetryBody;
use crate::error::BoxError;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// gRPC proposal A6, "Pushback".
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The status of a call: in the head of a "Trailers-Only" response, or in trailers that come first. Where there is data
/// first the call is committed, and its status none of our business.
pub(super) async fn status<R>(response: &mut Response<RetryBody<R>>) -> Option<u32>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    if let Some(status) = status_in(response.headers()) {
        return Some(status);
    }
    let frame = response.body_mut().peek().await?;
    status_in(frame.trailers_ref()?)
}

/// The status among these fields.
pub(super) fn status_in(fields: &HeaderMap) -> Option<u32> {
    fields.get(STATUS)?.to_str().ok()?.parse().ok()
}

/// What the server says of another attempt.
pub(super) enum Pushback {
    After(Duration),
    /// By a negative number, or by one that is none.
    Never,
}

/// What the server says of another attempt, if it does.
pub(super) fn pushback(fields: &HeaderMap) -> Option<Pushback> {
    let millis = fields.get(PUSHBACK)?.to_str().ok();
    let millis = millis.and_then(|millis| millis.parse::<i32>().ok());
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    Some(match millis {
        Some(millis) => Pushback::After(Duration::from_millis(millis)),
        None => Pushback::Never,
    })
}
