//! The origin: it answers when it is told to.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream, stream::BoxStream};
use http::{HeaderMap, Request, Response, StatusCode, response::Builder};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tokio::sync::{mpsc, oneshot};
use tower::Service;
use tower_keep::{BoxError, response_cache::RequestBody};

use super::{
    names::GROUP,
    steps::{Answer, Ask, Passing, Verb},
    world::{Exchange, Said, Shared, World},
};

pub(super) type Flow = StreamBody<BoxStream<'static, Result<Frame<Bytes>, BoxError>>>;

#[derive(Clone)]
pub(super) struct Origin(pub(super) Shared);

impl Service<Request<RequestBody<Full<Bytes>>>> for Origin {
    type Response = Response<Flow>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Flow>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        let (sender, gate) = oneshot::channel();
        let id = arrive(&mut self.0.lock(), request.headers(), sender);
        respond(self.0.clone(), id, gate).boxed()
    }
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// Notes that a request has come.
fn arrive(world: &mut World, headers: &HeaderMap, gate: oneshot::Sender<()>) -> usize {
    let request: usize = text(headers, "x-request").parse().unwrap();
    let asked = world.requests[request].ask;
    let background = tokio::task::try_id().is_some();
    let tag = text(headers, "if-none-match");
    let known = tag.split(',').next().unwrap_or("").trim().trim_matches('"');
    let (id, began) = (world.exchanges.len(), world.event());
    world.exchanges.push(Exchange {
        id,
        request,
        ask: Ask {
            // A refresh asks for nothing special.
            verb: if background { Verb::Get } else { asked.verb },
            ..asked
        },
        began,
        known: known.parse().ok(),
        answered: None,
        said: None,
        gate: Some(gate),
        body: None,
    });
    let behind = if background { " in the background" } else { "" };
    world.note(&format!(
        "    r{request} reaches the origin as x{id}{behind}, if not {tag}"
    ));
    if let Some(answer) = world.calm {
        world.answer(id, answer);
    }
    id
}

async fn respond(
    world: Shared,
    id: usize,
    gate: oneshot::Receiver<()>,
) -> Result<Response<Flow>, BoxError> {
    // An error means that the answer was there before.
    let _ = gate.await;
    let mut world = world.lock();
    let exchange = &mut world.exchanges[id];
    let said = exchange.said.expect("it was answered");
    let Some(status) = said.status else {
        return Err("the origin hangs up".into());
    };
    let (sender, body) = mpsc::unbounded_channel();
    exchange.body = (status == 200).then_some(sender);
    if said.answer.whole {
        pass(exchange, Passing::End);
    }
    let frames = stream::unfold(body, |mut body| async move {
        let frame = body.recv().await?;
        Some((frame, body))
    });
    let head = head(exchange, &said, status);
    Ok(head.body(StreamBody::new(frames.boxed())).unwrap())
}

/// Each exchange leaves a field of its own in what it brings or confirms.
fn head(exchange: &Exchange, said: &Said, status: u16) -> Builder {
    let Said {
        answer, content, ..
    } = said;
    let Answer { times, .. } = answer;
    let control = format!(
        "max-age={}, stale-while-revalidate={}, stale-if-error={}",
        times[0], times[1], times[2]
    );
    let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    let group = format!("\"{GROUP}\"");
    if answer.group && !exchange.ask.verb.is_safe() {
        response = response.header("cache-group-invalidation", &group);
    }
    if !matches!(status, 200 | 304) {
        return response;
    }
    let id = exchange.id;
    let fields = [
        ("cache-control".to_owned(), control),
        ("etag".to_owned(), format!("\"{content}\"")),
        ("x-last".to_owned(), id.to_string()),
        (format!("x-from-{id}"), "1".to_owned()),
        ("cache-tag".to_owned(), said.names.cache_tag()),
    ];
    let vary = (exchange.ask.path == 1 && answer.varies).then(|| "accept-language".to_owned());
    let also = [
        ("vary".to_owned(), vary),
        ("cache-groups".to_owned(), answer.group.then_some(group)),
    ];
    let also = also
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let fields = fields.into_iter().chain(also);
    fields.fold(response, |response, (name, value)| {
        response.header(name, value)
    })
}

/// The body goes on. Its first chunk says whose content it is.
pub(super) fn pass(exchange: &mut Exchange, passing: Passing) {
    let id = exchange.id;
    let Some(body) = exchange.body.take() else {
        return;
    };
    let data = |text: String| Ok(Frame::data(Bytes::from(text)));
    // Whoever read may have left.
    let _ = match passing {
        Passing::Chunk => {
            let sent = body.send(data(format!("{id} ")));
            exchange.body = Some(body);
            sent
        }
        Passing::End => body.send(data(format!("{id} end"))),
        Passing::Break => body.send(Err("the body breaks off".into())),
    };
}
