//! Refusals as gRPC wants them: "Trailers-Only" responses, whose status is 200 and whose outcome stands in the head
//! ([gRPC over HTTP/2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), which gRPC-Web has adopted).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header::CONTENT_TYPE};

use super::text::Text;
use crate::header::number;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// gRPC proposal A6, "Pushback": signed milliseconds; a negative number means not to try again.
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// The kinds of gRPC there are, with the media type of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Http2,
    Web,
    WebText,
}

/// Outcomes that layers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "rate-limit"),
    expect(dead_code, reason = "only limits have all of it to say")
)]
pub(crate) enum Code {
    InvalidArgument,
    ResourceExhausted,
    Unavailable,
}

impl Code {
    fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::InvalidArgument => "3",
            Self::ResourceExhausted => "8",
            Self::Unavailable => "14",
        })
    }
}

/// When a client may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "rate-limit"),
    expect(dead_code, reason = "only limits have all of it to say")
)]
pub(crate) enum Pushback {
    After(Duration),
    /// The same request will never pass.
    Never,
}

impl Pushback {
    /// The number is a 32-bit integer to gRPC.
    fn value(self) -> HeaderValue {
        match self {
            Self::After(wait) => {
                let whole = wait.as_nanos().div_ceil(1_000_000).max(1);
                let most = u64::from(i32::MAX.unsigned_abs());
                number::value(u64::try_from(whole).map_or(most, |whole| whole.min(most)))
            }
            Self::Never => HeaderValue::from_static("-1"),
        }
    }
}

impl Family {
    /// Which one a request is of, by its `Content-Type`; none for any other request.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE)?.as_bytes();
        let rest = after(kind, b"application/grpc")?;
        let (family, rest) = match after(rest, b"-web") {
            None => (Self::Http2, rest),
            Some(rest) => match after(rest, b"-text") {
                None => (Self::Web, rest),
                Some(rest) => (Self::WebText, rest),
            },
        };
        let ends = matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t'));
        ends.then_some(family)
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Http2 => "application/grpc",
            Self::Web => "application/grpc-web",
            Self::WebText => "application/grpc-web-text",
        })
    }

    /// The response that says nothing but this.
    pub(crate) fn refusal(self, code: Code, message: &str, pushback: Pushback) -> Response<Bytes> {
        let mut text = Text::default();
        text.push_percent_encoded(message);
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.reserve(4);
        headers.insert(CONTENT_TYPE, self.content_type());
        headers.insert(STATUS, code.value());
        headers.insert(MESSAGE, text.to_value());
        headers.insert(PUSHBACK, pushback.value());
        response
    }
}

/// What follows a prefix, in letters of any case, as media types are written (RFC 9110 8.3.1).
fn after<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(content_type: &'static str) -> Option<Family> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Family::of(&headers)
    }

    #[test]
    fn requests_of_grpc_are_known_by_their_media_type() {
        for (content_type, is) in [
            ("application/grpc", Some(Family::Http2)),
            ("application/grpc+proto", Some(Family::Http2)),
            ("Application/GRPC; charset=x", Some(Family::Http2)),
            ("application/grpc-web", Some(Family::Web)),
            ("application/grpc-web+json", Some(Family::Web)),
            ("application/grpc-web-text;x=y", Some(Family::WebText)),
            ("application/grpc-web-text+proto", Some(Family::WebText)),
            ("application/grpcx", None),
            ("application/grpc-webs", None),
            ("application/grp", None),
            ("application/json", None),
        ] {
            assert_eq!(family(content_type), is, "{content_type}");
        }
        assert_eq!(Family::of(&HeaderMap::new()), None);
    }

    #[test]
    fn the_outcome_stands_in_the_head() {
        let wait = Pushback::After(Duration::from_micros(1_500_001));
        let refusal = Family::Web.refusal(Code::ResourceExhausted, "100%", wait);
        assert_eq!(refusal.status(), 200);
        assert!(refusal.body().is_empty());
        let headers = refusal.headers();
        assert_eq!(headers["content-type"], "application/grpc-web");
        assert_eq!(headers["grpc-status"], "8");
        assert_eq!(headers["grpc-message"], "100%25");
        assert_eq!(headers["grpc-retry-pushback-ms"], "1501");
    }

    #[test]
    fn pushback_stays_within_its_range() {
        assert_eq!(Pushback::After(Duration::ZERO).value(), "1");
        assert_eq!(Pushback::After(Duration::MAX).value(), "2147483647");
        assert_eq!(Pushback::Never.value(), "-1");
    }
}
