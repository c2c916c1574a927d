//! Ranges of what is stored (RFC 9110 14).

use http::{HeaderMap, StatusCode, header};

use crate::header::{
    date,
    etag::EntityTag,
    range::{self, Limits, RangeRequest},
};

/// What part of a stored, complete response a GET asks for.
///
/// If-Range that names another state of the resource, weakly or not at all, asks for the whole
/// (RFC 9110 13.1.5).
pub(crate) fn wanted(
    request: &HeaderMap,
    status: StatusCode,
    stored: &HeaderMap,
    length: u64,
    now: i64,
) -> RangeRequest {
    if status != StatusCode::OK || !request.contains_key(header::RANGE) {
        return RangeRequest::None;
    }
    if request.contains_key(header::IF_RANGE) && !if_range_holds(request, stored, now) {
        return RangeRequest::Ignored;
    }
    range::parse(request, length, Limits::default())
}

fn if_range_holds(request: &HeaderMap, stored: &HeaderMap, now: i64) -> bool {
    let mut lines = request.get_all(header::IF_RANGE).iter();
    let (Some(condition), None) = (lines.next(), lines.next()) else {
        return false;
    };
    if let Some(tag) = EntityTag::parse(condition.as_bytes()) {
        let current = stored
            .get(header::ETAG)
            .and_then(|tag| EntityTag::parse(tag.as_bytes()));
        return current.is_some_and(|current| tag.strong_eq(current));
    }
    // A date is a strong validator only if it is at least a second older than Date (RFC 9110 8.8.2.2).
    let date_of = |name| date::single(stored, &name, now).ok().flatten();
    let asked = date::parse(condition.as_bytes(), now);
    match (asked, date_of(header::LAST_MODIFIED), date_of(header::DATE)) {
        (Some(asked), Some(modified), Some(date)) => asked == modified && date > modified,
        _ => false,
    }
}
