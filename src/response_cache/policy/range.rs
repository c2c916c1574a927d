//! Ranges of what is stored (RFC 9110 14).

use http::{HeaderMap, StatusCode, header};

use crate::header::{
    date,
    etag::EntityTag,
    range::{self, Limits, RangeRequest},
};

/// What part of a stored response a GET asks for, `length` being that of its complete content.
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
    if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT)
        || !request.contains_key(header::RANGE)
    {
        return RangeRequest::None;
    }
    if request.contains_key(header::IF_RANGE) && !if_range_holds(request, stored, now) {
        return RangeRequest::Ignored;
    }
    range::parse(request, length, Limits::default())
}

/// The one part of the content that a 206 says it has (RFC 9110 15.3.7.1).
pub(crate) fn part(status: StatusCode, response: &HeaderMap) -> Option<(u64, u64, u64)> {
    let (first, last, complete) = range::content_range(response)?;
    let length = response.get(header::CONTENT_LENGTH);
    let length = length.map(|value| value.to_str().ok()?.parse::<u64>().ok());
    let fits = length.is_none_or(|length| length == (last - first).checked_add(1));
    (status == StatusCode::PARTIAL_CONTENT && fits).then_some((first, last, complete))
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

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const EARLY: &str = "Sun, 09 Sep 2001 01:00:00 GMT";
    const LATER: &str = "Sun, 09 Sep 2001 01:00:01 GMT";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        lines.iter().map(field).collect()
    }

    /// What a request for the first two of ten bytes wants, under these conditions.
    fn asked(
        conditions: &[(&'static str, &'static str)],
        stored: &[(&'static str, &'static str)],
    ) -> RangeRequest {
        let mut request = headers(conditions);
        request.insert(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        wanted(
            &request,
            StatusCode::OK,
            &headers(stored),
            10,
            1_000_000_000,
        )
    }

    fn part() -> RangeRequest {
        RangeRequest::Satisfiable(vec![(0, 1)])
    }

    #[test]
    fn a_range_of_a_complete_200_is_wanted() {
        assert_eq!(asked(&[], &[]), part());
        let beyond = headers(&[("range", "bytes=10-")]);
        let of_ten = wanted(&beyond, StatusCode::OK, &HeaderMap::new(), 10, 0);
        assert_eq!(of_ten, RangeRequest::Unsatisfiable);
        let of_eleven = wanted(&beyond, StatusCode::OK, &HeaderMap::new(), 11, 0);
        assert_eq!(of_eleven, RangeRequest::Satisfiable(vec![(10, 10)]));
    }

    #[test]
    fn nothing_but_a_200_has_ranges() {
        let request = headers(&[("range", "bytes=0-1")]);
        for status in [203, 204, 301, 404, 501] {
            let status = StatusCode::from_u16(status).expect("a status");
            let part = wanted(&request, status, &HeaderMap::new(), 10, 0);
            assert_eq!(part, RangeRequest::None, "{status}");
        }
    }

    // RFC 9110 13.1.5
    #[test]
    fn if_range_without_range_means_nothing() {
        for condition in ["\"a\"", "\"b\""] {
            let request = headers(&[("if-range", condition)]);
            let stored = headers(&[("etag", "\"a\"")]);
            let part = wanted(&request, StatusCode::OK, &stored, 10, 0);
            assert_eq!(part, RangeRequest::None, "{condition}");
        }
    }

    #[test]
    fn if_range_compares_tags_strongly() {
        let under = |condition, tag| asked(&[("if-range", condition)], &[("etag", tag)]);
        assert_eq!(under("\"a\"", "\"a\""), part());
        for (condition, tag) in [
            ("\"b\"", "\"a\""),
            ("W/\"a\"", "W/\"a\""),
            ("W/\"a\"", "\"a\""),
            ("\"a\"", "W/\"a\""),
            ("a", "a"),
            ("*", "\"a\""),
            ("\"a\", \"a\"", "\"a\""),
        ] {
            let ignored = under(condition, tag);
            assert_eq!(ignored, RangeRequest::Ignored, "{condition} {tag}");
        }
        assert_eq!(asked(&[("if-range", "\"a\"")], &[]), RangeRequest::Ignored);
        let twice = [("if-range", "\"a\""), ("if-range", "\"a\"")];
        assert_eq!(asked(&twice, &[("etag", "\"a\"")]), RangeRequest::Ignored);
    }

    // RFC 9110 8.8.2.2: strong if Date is at least a second later.
    #[test]
    fn if_range_compares_dates_exactly_and_only_strong_ones() {
        let under = |condition, stored| asked(&[("if-range", condition)], stored);
        let strong = &[("last-modified", EARLY), ("date", LATER)];
        assert_eq!(under(EARLY, strong), part());
        for (condition, stored) in [
            (LATER, &strong[..]),
            ("Sun, 09 Sep 2001 00:59:59 GMT", strong),
            (EARLY, &[("last-modified", EARLY), ("date", EARLY)]),
            (LATER, &[("last-modified", LATER), ("date", EARLY)]),
            (EARLY, &[("last-modified", EARLY)]),
            (EARLY, &[("date", LATER)]),
            (LATER, &[("date", LATER)]),
            (EARLY, &[("last-modified", EARLY), ("date", "now")]),
            ("soon", strong),
        ] {
            let ignored = under(condition, stored);
            assert_eq!(ignored, RangeRequest::Ignored, "{condition} {stored:?}");
        }
    }
}
