//! Answers made of what is stored.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::{body::ResponseBody, report::Report};
use crate::{
    header::{number, range as ranges, range::RangeRequest},
    response_cache::{
        core::Core,
        fetch::{fill::Reader, in_flight::next_id},
        policy::{range, validation},
        stored::{entry::Entry, head::Head},
    },
};

/// What a 304 carries (RFC 9110 15.4.5), and Last-Modified for clients that validate by it.
const NOT_MODIFIED: [HeaderName; 7] = [
    header::CACHE_CONTROL,
    header::CONTENT_LOCATION,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::LAST_MODIFIED,
    header::VARY,
];

/// What a 416 carries beside the length.
const UNSATISFIABLE: [HeaderName; 3] = [header::DATE, header::ETAG, header::VARY];

/// Digests of the content of a message, which a part does not share with the whole (RFC 9530 2).
const DIGESTS: [HeaderName; 2] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
];

/// The part of a request that decides in what form a stored response is handed out.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
}

/// The answer to a request from a stored response of this age.
pub(crate) fn from_store<B>(
    core: &Core,
    entry: &Entry,
    asked: &Asked<'_>,
    age: Duration,
    report: &Report<'_>,
) -> Response<ResponseBody<B>> {
    let mut response = shape(core, entry, asked);
    finish(core, &mut response, age, report);
    response
}

/// The same for a request that asks for the whole and under no condition.
pub(crate) fn whole_from_store<B>(
    core: &Core,
    entry: &Entry,
    age: Duration,
    report: &Report<'_>,
) -> Response<ResponseBody<B>> {
    let mut response = whole(&entry.head, content(entry));
    finish(core, &mut response, age, report);
    response
}

/// The answer to a request from a response of this age that is on its way into the store.
pub(crate) fn arriving<B>(
    core: &Core,
    head: &Head,
    body: Reader,
    asked: &Asked<'_>,
    age: Duration,
    report: &Report<'_>,
) -> Response<ResponseBody<B>> {
    let mut response = not_modified(core, head, asked).unwrap_or_else(|| {
        let body = match *asked.method {
            Method::HEAD => ResponseBody::absent(),
            _ => ResponseBody::growing(body),
        };
        whole(head, body)
    });
    finish(core, &mut response, age, report);
    response
}

/// Says all that is to be said of an answer that the inner service did not give for it.
fn finish<B>(
    core: &Core,
    response: &mut Response<ResponseBody<B>>,
    age: Duration,
    report: &Report<'_>,
) {
    let headers = response.headers_mut();
    // RFC 9111 4: generated, replacing any that was stored.
    let age = number::value(age.as_secs());
    // Where a stored head has room for it.
    match headers.iter_mut().next() {
        Some((name, room)) if *name == header::AGE => *room = age,
        _ => {
            headers.insert(header::AGE, age);
        }
    }
    report.write(core, response);
}

/// Whole, a part of it, or a 304.
fn shape<B>(core: &Core, entry: &Entry, asked: &Asked<'_>) -> Response<ResponseBody<B>> {
    if let Some(response) = not_modified(core, &entry.head, asked) {
        return response;
    }
    if *asked.method == Method::HEAD {
        return head(entry);
    }
    if asked.headers.contains_key(header::RANGE) && *asked.method == Method::GET {
        let now = core.settings.clock.unix_seconds();
        let length = entry.length();
        let Head {
            status, headers, ..
        } = &entry.head;
        match range::wanted(asked.headers, *status, headers, length, now) {
            RangeRequest::None | RangeRequest::Ignored => {}
            RangeRequest::Unsatisfiable => return unsatisfiable(entry, length),
            RangeRequest::Satisfiable(parts) => {
                if let Some(response) = partial(entry, &parts) {
                    return response;
                }
            }
        }
    }
    whole(&entry.head, content(entry))
}

fn content<B>(entry: &Entry) -> ResponseBody<B> {
    ResponseBody::full(entry.body.clone(), entry.trailers.as_deref().cloned())
}

/// Whether the parts that are stored are all that a request asks for.
pub(crate) fn has_parts(core: &Core, entry: &Entry, request: &HeaderMap, method: &Method) -> bool {
    let Head {
        status, headers, ..
    } = &entry.head;
    let now = core.settings.clock.unix_seconds();
    let has = |(first, last): &(u64, u64)| entry.slice(*first, *last).is_some();
    let wanted = range::wanted(request, *status, headers, entry.length(), now);
    match wanted {
        _ if *method != Method::GET => false,
        RangeRequest::None | RangeRequest::Ignored => false,
        RangeRequest::Unsatisfiable => true,
        RangeRequest::Satisfiable(parts) => parts.iter().all(has),
    }
}

/// A 304, if the client has what it asks for.
fn not_modified<B>(
    core: &Core,
    head: &Head,
    asked: &Asked<'_>,
) -> Option<Response<ResponseBody<B>>> {
    // RFC 9110 13.1.2, 13.1.3: conditions that a 304 answers are those of GET and HEAD.
    if !asked.method.is_safe() || !validation::has_conditions(asked.headers) {
        return None;
    }
    let now = core.settings.clock.unix_seconds();
    validation::client_has(asked.headers, head.status, &head.headers, now)
        .then(|| bodiless(StatusCode::NOT_MODIFIED, &head.headers, &NOT_MODIFIED))
}

fn whole<B>(head: &Head, body: ResponseBody<B>) -> Response<ResponseBody<B>> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers.clone();
    response
}

/// RFC 9110 9.3.2: what a GET would get, without the content but with its length.
fn head<B>(entry: &Entry) -> Response<ResponseBody<B>> {
    let mut response = whole(&entry.head, ResponseBody::absent());
    // RFC 9110 8.6: a 204 has no length.
    if entry.trailers.is_none() && entry.head.status != StatusCode::NO_CONTENT {
        let length = response.headers_mut().entry(header::CONTENT_LENGTH);
        length.or_insert_with(|| HeaderValue::from(entry.body.len()));
    }
    response
}

fn bodiless<B>(
    status: StatusCode,
    stored: &HeaderMap,
    names: &[HeaderName],
) -> Response<ResponseBody<B>> {
    let mut response = Response::new(ResponseBody::absent());
    *response.status_mut() = status;
    for name in names {
        for value in stored.get_all(name) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

fn unsatisfiable<B>(entry: &Entry, length: u64) -> Response<ResponseBody<B>> {
    // Without what makes it fresh: a cache further out must not take it for the answer to others.
    let mut response = bodiless(
        StatusCode::RANGE_NOT_SATISFIABLE,
        &entry.head.headers,
        &UNSATISFIABLE,
    );
    response
        .headers_mut()
        .insert(header::CONTENT_RANGE, ranges::unsatisfied(length));
    response
}

/// A 206 with one part, or with several as multipart/byteranges (RFC 9110 14.6), if they are there.
fn partial<B>(entry: &Entry, parts: &[(u64, u64)]) -> Option<Response<ResponseBody<B>>> {
    let length = entry.length();
    let content_range = |(first, last)| ranges::format_content_range(first, last, length);
    let (data, content_type) = match parts {
        [(first, last)] => (entry.slice(*first, *last)?, None),
        several => multipart(entry, several, content_range)?,
    };
    let sent: usize = data.iter().map(Bytes::len).sum();
    let mut response = whole(&entry.head, ResponseBody::parts(data));
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    let headers = response.headers_mut();
    for digest in DIGESTS {
        headers.remove(digest);
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(sent));
    match (content_type, parts) {
        (Some(content_type), _) => {
            headers.insert(header::CONTENT_TYPE, content_type);
        }
        (None, [only, ..]) => {
            headers.insert(header::CONTENT_RANGE, content_range(*only));
        }
        (None, []) => {}
    }
    Some(response)
}

fn multipart(
    entry: &Entry,
    parts: &[(u64, u64)],
    content_range: impl Fn((u64, u64)) -> HeaderValue,
) -> Option<(VecDeque<Bytes>, Option<HeaderValue>)> {
    // Unguessable, so that no body can hold it on purpose.
    let boundary = format!(
        "{:016x}{:016x}",
        crate::key::Key::new(&next_id().to_be_bytes()).fingerprint(),
        entry.id
    );
    let mut data = VecDeque::with_capacity(parts.len() * 2 + 1);
    for (index, part) in parts.iter().enumerate() {
        let mut head = Vec::with_capacity(160);
        head.extend_from_slice(if index == 0 { b"--" } else { b"\r\n--" });
        head.extend_from_slice(boundary.as_bytes());
        if let Some(kind) = entry.head.headers.get(header::CONTENT_TYPE) {
            head.extend_from_slice(b"\r\nContent-Type: ");
            head.extend_from_slice(kind.as_bytes());
        }
        head.extend_from_slice(b"\r\nContent-Range: ");
        head.extend_from_slice(content_range(*part).as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        data.push_back(Bytes::from(head));
        data.extend(entry.slice(part.0, part.1)?);
    }
    data.push_back(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    let content_type = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}"));
    Some((data, content_type.ok()))
}
