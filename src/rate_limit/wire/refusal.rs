//! The response to a request that is over the limit.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};

use crate::wire::{
    grpc::{Code, Family, Pushback},
    text::{Text, retry_after, retry_after_seconds},
};

/// Everything of the problem's description but the names of the limits.
const PROBLEM: &str = concat!(
    r#"{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","#,
    r#""title":"Request cannot be satisfied as assigned quota has been exceeded","#,
    r#""status":429,"violated-policies":["#
);

/// What the body of a refusal (429) says. To gRPC a refusal is a status without a body, whatever is set.
///
/// ```
/// use tower_keep::rate_limit::RefusalBody;
///
/// assert_eq!(RefusalBody::default(), RefusalBody::Problem);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalBody {
    /// `application/problem+json` (RFC 9457) of the type "quota exceeded" that
    /// draft-ietf-httpapi-ratelimit-headers-11 registers, with the names of the limits in `violated-policies`.
    #[default]
    Problem,
    /// A sentence for people: `text/plain`.
    Text,
    /// Nothing.
    Empty,
}

/// What a refusal has to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused<'a> {
    /// The names of the limits that the request is over.
    pub(crate) violated: &'a [&'a str],
    /// How long until the same request would pass; none if it never will.
    pub(crate) retry_after: Option<Duration>,
    /// What [`problem`] made of these names, where they are often the same. Without it that is made here.
    pub(crate) problem: Option<&'a Bytes>,
}

/// The body that says which limits a request is over (RFC 9457).
pub(crate) fn problem(violated: &[&str]) -> Bytes {
    let mut text = Text::default();
    text.push(PROBLEM);
    for (index, name) in violated.iter().enumerate() {
        if index > 0 {
            text.push(",");
        }
        text.push_json_string(name);
    }
    text.push("]}");
    Bytes::copy_from_slice(text.as_bytes())
}

impl Refused<'_> {
    /// The response to a request with these header fields: 429 (RFC 6585 4), or what gRPC has for it.
    pub(crate) fn response(&self, asked: &HeaderMap, body: RefusalBody) -> Response<Bytes> {
        match Family::of(asked) {
            Some(family) => self.grpc(family),
            None => self.http(body),
        }
    }

    /// "Responses with the 429 status code MUST NOT be stored by a cache" (RFC 6585 4), which not every cache knows.
    fn http(&self, body: RefusalBody) -> Response<Bytes> {
        let (content_type, body) = self.body(body);
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        let headers = response.headers_mut();
        // Room for those of the limits too.
        headers.reserve(6);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, retry_after(wait));
        }
        response
    }

    fn body(&self, body: RefusalBody) -> (Option<&'static str>, Bytes) {
        match body {
            RefusalBody::Problem => (Some("application/problem+json"), self.problem()),
            RefusalBody::Text => (Some("text/plain; charset=utf-8"), self.sentence()),
            RefusalBody::Empty => (None, Bytes::new()),
        }
    }

    fn problem(&self) -> Bytes {
        match self.problem {
            Some(prepared) => prepared.clone(),
            None => problem(self.violated),
        }
    }

    fn sentence(&self) -> Bytes {
        let Some(wait) = self.retry_after else {
            return Bytes::from_static(b"This request is larger than the limit allows.\n");
        };
        let wait = retry_after_seconds(wait);
        let mut text = Text::default();
        text.push("Too many requests. Try again in ");
        text.push_number(wait);
        text.push(if wait == 1 {
            " second.\n"
        } else {
            " seconds.\n"
        });
        Bytes::copy_from_slice(text.as_bytes())
    }

    fn grpc(&self, family: Family) -> Response<Bytes> {
        let mut message = String::from("quota exceeded");
        for (index, name) in self.violated.iter().enumerate() {
            message.push_str(if index == 0 { ": " } else { ", " });
            message.push_str(name);
        }
        let pushback = self.retry_after.map_or(Pushback::Never, Pushback::After);
        family.refusal(Code::ResourceExhausted, &message, pushback)
    }
}

/// The response to a request with these header fields which has nothing to be limited by: 400 (Bad Request), or what
/// gRPC has for it.
pub(crate) fn missing_key(asked: &HeaderMap, body: RefusalBody) -> Response<Bytes> {
    const SENTENCE: &str = "The request lacks what it is limited by";
    if let Some(family) = Family::of(asked) {
        return family.refusal(Code::InvalidArgument, SENTENCE, Pushback::Never);
    }
    let (content_type, body) = match body {
        RefusalBody::Problem => (
            Some("application/problem+json"),
            concat!(
                r#"{"type":"about:blank","title":"Bad Request","status":400,"#,
                r#""detail":"The request lacks what it is limited by"}"#
            ),
        ),
        RefusalBody::Text => (
            Some("text/plain; charset=utf-8"),
            "The request lacks what it is limited by.\n",
        ),
        RefusalBody::Empty => (None, ""),
    };
    let mut response = Response::new(Bytes::from_static(body.as_bytes()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Option<Duration> = Some(Duration::from_millis(1_200));

    fn refused(
        violated: &[&str],
        retry_after: Option<Duration>,
        body: RefusalBody,
    ) -> Response<Bytes> {
        let refused = Refused {
            violated,
            retry_after,
            problem: None,
        };
        refused.response(&HeaderMap::new(), body)
    }

    fn text(response: &Response<Bytes>) -> &str {
        std::str::from_utf8(response.body()).unwrap()
    }

    #[test]
    fn a_refusal_is_429_which_no_cache_stores() {
        for body in [RefusalBody::Problem, RefusalBody::Text, RefusalBody::Empty] {
            let response = refused(&["burst"], WAIT, body);
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["cache-control"], "no-store");
            assert_eq!(response.headers()["retry-after"], "2");
        }
    }

    #[test]
    fn the_wait_is_at_least_a_second_and_not_said_when_it_never_ends() {
        let at_once = refused(&[], Some(Duration::ZERO), RefusalBody::Text);
        assert_eq!(at_once.headers()["retry-after"], "1");
        assert_eq!(
            text(&at_once),
            "Too many requests. Try again in 1 second.\n"
        );
        let never = refused(&[], None, RefusalBody::Text);
        assert!(!never.headers().contains_key("retry-after"));
        assert_eq!(
            text(&never),
            "This request is larger than the limit allows.\n"
        );
    }

    #[test]
    fn a_problem_names_the_limits_whatever_they_are_called() {
        let response = refused(&["burst", "a \"day\"\\ü\n"], WAIT, RefusalBody::Problem);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(
            text(&response),
            "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\
             \"title\":\"Request cannot be satisfied as assigned quota has been exceeded\",\
             \"status\":429,\"violated-policies\":[\"burst\",\"a \\\"day\\\"\\\\ü\\u000A\"]}"
        );
        assert!(
            text(&refused(&[], WAIT, RefusalBody::Problem)).ends_with("\"violated-policies\":[]}")
        );
    }

    #[test]
    fn nothing_has_no_content_type() {
        let response = refused(&["burst"], WAIT, RefusalBody::Empty);
        assert!(response.body().is_empty());
        assert!(!response.headers().contains_key("content-type"));
    }

    #[test]
    fn to_grpc_it_is_a_status_whatever_is_set() {
        let mut asked = HeaderMap::new();
        asked.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let mut refused = Refused {
            violated: &["burst", "täglich"],
            retry_after: WAIT,
            problem: None,
        };
        let response = refused.response(&asked, RefusalBody::Text);
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["grpc-status"], "8");
        assert_eq!(
            headers["grpc-message"],
            "quota exceeded: burst, t%C3%A4glich"
        );
        assert_eq!(headers["grpc-retry-pushback-ms"], "1200");
        refused.retry_after = None;
        let never = refused.response(&asked, RefusalBody::Text);
        assert_eq!(never.headers()["grpc-retry-pushback-ms"], "-1");
    }
}
