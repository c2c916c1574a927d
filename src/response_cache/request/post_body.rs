//! POST requests whose body is part of their key.

use std::{collections::VecDeque, future::poll_fn, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Response, header, request::Parts};
use http_body::{Body, Frame};
use sha2::{Digest, Sha256};

use super::{
    body::RequestBody,
    plan::{self, Asked},
};
use crate::{
    error::BoxError,
    response_cache::{
        answer::body::{ResponseBody, into_bytes},
        core::Core,
        flow::{self, Inner},
        policy::Rule,
    },
};

/// How much of a body could be read.
enum Read<B> {
    /// All of it.
    Whole {
        frames: VecDeque<Frame<Bytes>>,
        digest: [u8; 32],
    },
    /// It is longer than the limit, or broke off: the request passes by with what there is.
    Part { body: RequestBody<B>, rule: Rule },
}

/// Reads the body of a POST up to `limit` bytes, then goes on with a digest of it in the key; a longer
/// one passes by.
pub(crate) async fn read_body<S, Q, R>(
    core: Arc<Core>,
    inner: S,
    parts: Parts,
    body: Q,
    limit: usize,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    Q::Error: Into<BoxError>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    match read(Box::pin(body), limit, described(&parts)).await {
        Read::Part { body, rule } => flow::pass(core, inner, parts, body, rule).await,
        Read::Whole { frames, digest } => {
            let body = RequestBody::replayed(frames, None);
            match plan::keyed(&core, &parts, Some(&digest)) {
                Ok(asked) => {
                    let seen = core.flights.generation(&asked.key);
                    flow::answer(core, inner, parts, body, asked, None, seen).await
                }
                Err(rule) => flow::pass(core, inner, parts, body, rule).await,
            }
        }
    }
}

/// The request with its body's digest in the key, or why it passes by.
pub(crate) async fn asked<B>(
    core: &Core,
    parts: &Parts,
    body: B,
    limit: usize,
) -> Result<Asked, Rule>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    match read(Box::pin(body), limit, described(parts)).await {
        Read::Part { rule, .. } => Err(rule),
        Read::Whole { digest, .. } => plan::keyed(core, parts, Some(&digest)),
    }
}

/// A digest of what says how the body is to be read: the same bytes as JSON and as a form are two requests.
fn described(parts: &Parts) -> Sha256 {
    let mut digest = Sha256::new();
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
        for value in parts.headers.get_all(name) {
            digest.update(value);
            digest.update(b"\n");
        }
        digest.update(b"\n");
    }
    digest
}

async fn read<B>(mut body: Pin<Box<B>>, limit: usize, mut digest: Sha256) -> Read<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    // One buffer: frames kept one by one would weigh many times what they bring.
    let mut data = Vec::new();
    let mut trailers = None;
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = match frame.map(into_bytes).map(Frame::into_data) {
            Ok(Ok(chunk)) => {
                data.extend_from_slice(&chunk);
                None
            }
            Ok(Err(frame)) => Some(frame),
            Err(error) => {
                let read = frames(data, trailers);
                return Read::Part {
                    body: RequestBody::replayed(read, Some(error.into())),
                    rule: Rule::RequestBody,
                };
            }
        };
        trailers = frame.or(trailers);
        if data.len() > limit {
            return Read::Part {
                body: RequestBody::resumed(frames(data, trailers), body),
                rule: Rule::TooLarge,
            };
        }
    }
    digest.update(&data);
    Read::Whole {
        frames: frames(data, trailers),
        digest: digest.finalize().into(),
    }
}

fn frames(data: Vec<u8>, trailers: Option<Frame<Bytes>>) -> VecDeque<Frame<Bytes>> {
    let data = (!data.is_empty()).then(|| Frame::data(Bytes::from(data)));
    data.into_iter().chain(trailers).collect()
}
