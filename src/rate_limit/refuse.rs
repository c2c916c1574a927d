//! The responses with which a layer refuses.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use smallvec::SmallVec;

use super::{
    Reason, RefusalBody,
    decision::Refusal,
    layer::Core,
    wire::{
        fields::Line,
        refusal::{Refused, missing_key},
    },
};
use crate::{
    head::RequestHead,
    wire::{body::ResponseBody, text::retry_after},
};

/// Who is to try again at an unknown time, when another request has ended, is told this.
const SOON: Duration = Duration::from_secs(1);

type Closure = dyn Fn(&RequestHead<'_>, &Refusal) -> Response<Bytes> + Send + Sync;

/// How a layer answers whom it refuses.
#[derive(Clone)]
pub(super) enum Answer {
    Ours(RefusalBody),
    Theirs(Arc<Closure>),
}

impl Default for Answer {
    fn default() -> Self {
        Self::Ours(RefusalBody::default())
    }
}

impl Core {
    /// The response to a request that is refused, with the reason in its extensions.
    pub(super) fn refuse<R>(
        &self,
        head: &RequestHead<'_>,
        refusal: Refusal,
    ) -> Response<ResponseBody<R>> {
        let retry = retry(&refusal);
        let mut response = match &self.answer {
            Answer::Ours(body) => ours(head, &refusal, retry, *body),
            Answer::Theirs(answer) => completed(answer(head, &refusal), retry),
        };
        let lines: SmallVec<[Line<'_>; 4]> = refusal.standings().map(Line::from).collect();
        self.write_fields(response.headers_mut(), &lines, retry);
        drop(lines);
        response.extensions_mut().insert(refusal);
        response.map(ResponseBody::refused)
    }
}

/// When to try again, as far as that can be said.
fn retry(refusal: &Refusal) -> Option<Duration> {
    if refusal.is_final() {
        return None;
    }
    Some(refusal.retry_after().unwrap_or(SOON))
}

fn ours(
    head: &RequestHead<'_>,
    refusal: &Refusal,
    retry: Option<Duration>,
    body: RefusalBody,
) -> Response<Bytes> {
    if refusal.reason() == Reason::MissingKey {
        return missing_key(head.headers(), body);
    }
    let violated: SmallVec<[&str; 4]> = refusal.violated().collect();
    let refused = Refused {
        violated: &violated,
        retry_after: retry,
        problem: refusal.problem(),
    };
    refused.response(head.headers(), body)
}

/// With what a refusal needs and the closure has not said.
fn completed(mut response: Response<Bytes>, retry: Option<Duration>) -> Response<Bytes> {
    let headers: &mut HeaderMap = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Some(wait) = retry {
        headers
            .entry(header::RETRY_AFTER)
            .or_insert_with(|| retry_after(wait));
    }
    response
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(body) => f.debug_tuple("Ours").field(body).finish(),
            Self::Theirs(_) => f.write_str("Theirs"),
        }
    }
}
