//! A request that is under way, driven by hand.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use http_body::Frame;
use http_body_util::Full;
use tower_keep::{
    BoxError,
    response_cache::{ResponseBody, ResponseFuture},
};

use super::{
    check::{self, Source},
    origin::Flow,
    world::{Request, Shared},
};
use crate::random::Woken;

pub(super) enum Stage {
    Waiting(Box<ResponseFuture<Flow, BoxError>>),
    Reading(Box<Reading>),
}

pub(super) struct Reading {
    pub(super) parts: Parts,
    pub(super) source: Source,
    pub(super) body: Pin<Box<ResponseBody<Flow>>>,
    pub(super) text: String,
}

/// A request that is under way.
pub(super) struct Pending {
    pub(super) request: Request,
    pub(super) stage: Stage,
    pub(super) woken: Arc<Woken>,
}

/// `true` once the body has ended.
pub(super) fn read(
    world: &Shared,
    request: &Request,
    reading: &mut Reading,
    frame: Option<Result<Frame<Bytes>, BoxError>>,
) -> Result<bool, String> {
    let Reading {
        parts,
        source,
        text,
        ..
    } = reading;
    let error = match frame {
        Some(Ok(frame)) => {
            let data = frame.into_data().unwrap_or_default();
            text.push_str(std::str::from_utf8(&data).unwrap());
            return Ok(false);
        }
        Some(Err(error)) => Some(error.to_string()),
        None => None,
    };
    check::body(
        &world.lock(),
        request,
        *source,
        parts,
        text,
        error.as_deref(),
    )
    .map(|()| true)
}

/// The request as the cache gets it.
pub(super) fn http(request: &Request) -> http::Request<Full<Bytes>> {
    let Request { ask, .. } = request;
    let flag = |set: bool, value: &str| set.then(|| value.to_owned());
    let fields = [
        ("x-request", Some(request.id.to_string())),
        ("accept-language", ask.lang.map(str::to_owned)),
        ("authorization", flag(ask.auth, "Basic Yw==")),
        ("cookie", flag(ask.cookie, "id=c")),
        ("range", ask.range.map(str::to_owned)),
        ("cache-control", ask.directives.control()),
        ("if-none-match", request.none_match.clone()),
        ("if-modified-since", request.modified_since.clone()),
        (
            "if-range",
            request.if_range.clone().filter(|_| ask.range.is_some()),
        ),
    ];
    let mut http = http::Request::builder()
        .method(ask.verb.name())
        .uri(format!("http://origin.test/{}", ask.uri));
    for (name, value) in fields {
        http = value
            .into_iter()
            .fold(http, |http, value| http.header(name, value));
    }
    http.body(Full::default()).unwrap()
}
