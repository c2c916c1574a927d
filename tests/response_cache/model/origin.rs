//! The origin: it says truly what there is, to conditions and ranges too, unless it is told to fail.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture, stream::BoxStream};
use http::{HeaderMap, Method, Request, Response, header, request::Parts};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tokio::sync::Semaphore;
use tower::Service;
use tower_keep::{BoxError, Personal, response_cache::RequestBody};

use super::{
    respond::{body, date, head, text},
    steps::{Act, Ask, Verb},
    world::{BEGINNING, BodyState, Exchange, Said, Shared, World},
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
        let (parts, _) = request.into_parts();
        let (id, act) = arrive(&mut self.0.lock(), &parts);
        answer(self.0.clone(), id, act, parts).boxed()
    }
}

/// Notes that a request has come.
fn arrive(world: &mut World, parts: &Parts) -> (usize, Option<Act>) {
    let request: usize = text(&parts.headers, "x-request").parse().unwrap();
    let asked = &world.requests[request];
    let ask = asked.ask;
    let conditional = asked.none_match.is_some() || asked.modified_since.is_some();
    let id = world.exchanges.len();
    let act = world.resources[ask.uri].next.pop_front();
    let act = act.filter(|_| !world.calm);
    // The test polls requests itself; refreshes are tasks of the runtime.
    let background = tokio::task::try_id().is_some();
    let sent_event = world.event();
    world.exchanges.push(Exchange {
        id,
        request,
        ask: Ask {
            // A refresh is a GET.
            verb: if parts.method == Method::GET {
                Verb::Get
            } else {
                ask.verb
            },
            ..ask
        },
        background,
        conditional: conditional && !background,
        sent: world.now,
        sent_event,
        answered: None,
        said: None,
        failed: false,
        changed: Vec::new(),
        body: BodyState::Under,
    });
    let behind = if background { " in the background" } else { "" };
    world.note(format!(
        "    r{request} reaches the origin as x{id}{behind}: {act:?}"
    ));
    (id, act)
}

async fn answer(
    world: Shared,
    id: usize,
    act: Option<Act>,
    parts: Parts,
) -> Result<Response<Flow>, BoxError> {
    let gate = matches!(act, Some(Act::WaitFirst | Act::WaitLast | Act::Slow))
        .then(|| world.lock().gate());
    if act == Some(Act::WaitFirst) {
        pass(gate.as_ref()).await;
    }
    let said = process(&mut world.lock(), id, act, &parts);
    if act == Some(Act::WaitLast) {
        pass(gate.as_ref()).await;
    }
    let mut locked = world.lock();
    let event = locked.event();
    let now = locked.now;
    locked.note(format!("    x{id} is answered: {}", summary(&said, act)));
    let exchange = &mut locked.exchanges[id];
    exchange.answered = Some((now, event));
    exchange.failed = act == Some(Act::Fail);
    exchange.said = Some(said.clone());
    let ask = exchange.ask;
    drop(locked);
    if act == Some(Act::Fail) {
        return Err("the origin fails".into());
    }
    let response = head(&said, id, &ask, act);
    let gate = gate.filter(|_| act == Some(Act::Slow));
    Ok(response
        .body(body(world, id, &said, &ask, act, gate))
        .unwrap())
}

fn summary(said: &Said, act: Option<Act>) -> String {
    if act == Some(Act::Fail) {
        return "an error".to_owned();
    }
    format!(
        "{} v{} {:?} {:?}",
        said.status, said.version, said.policy, said.shape
    )
}

/// Gates are opened by closing the semaphore.
pub(super) async fn pass(gate: Option<&Arc<Semaphore>>) {
    if let Some(gate) = gate {
        let _ = gate.acquire().await;
    }
}

/// Does what is asked, and decides what to say.
fn process(world: &mut World, id: usize, act: Option<Act>, parts: &Parts) -> Said {
    let ask = world.exchanges[id].ask;
    if !ask.verb.is_safe() && !matches!(act, Some(Act::Status(_))) {
        write(world, id, &ask);
    }
    let mut said = world.representation(&ask);
    if said.policy.marks
        && let Some(personal) = Personal::get(&parts.extensions)
    {
        personal
            .mark()
            .expect("nobody has been given a response that does not exist yet");
    }
    match act {
        Some(Act::Status(status)) => {
            said.status = status;
            said.client = Some(ask.client);
            said.content = format!("fault {status} for c{}", ask.client);
        }
        _ if ask.verb.is_safe() => follow_conditions(&mut said, &ask, &parts.headers),
        _ => said.status = 200,
    }
    let cut = ask.verb != Verb::Head && matches!(said.status, 200 | 404);
    said.breaks = cut && matches!(act, Some(Act::Break | Act::Short));
    said
}

fn write(world: &mut World, id: usize, ask: &Ask) {
    let next = (ask.uri + 1) % world.resources.len();
    for uri in [Some(ask.uri), ask.also.then_some(next)]
        .into_iter()
        .flatten()
    {
        let resource = &mut world.resources[uri];
        resource.version += 1;
        resource.gone = ask.verb == Verb::Delete && uri == ask.uri;
        let version = resource.version;
        world.exchanges[id].changed.push((uri, version));
    }
}

fn follow_conditions(said: &mut Said, ask: &Ask, headers: &HeaderMap) {
    if said.status != 200 {
        return;
    }
    if has_already(said, ask, headers) {
        said.status = 304;
        return;
    }
    if ask.verb != Verb::Get || !headers.contains_key(header::RANGE) {
        return;
    }
    let tag = said.tag(ask.uri).filter(|tag| !tag.starts_with('W'));
    let condition = text(headers, "if-range");
    if !condition.is_empty() && tag.as_deref() != Some(condition) {
        return;
    }
    match part(text(headers, "range"), said.content.len()) {
        Some(part) => {
            said.status = 206;
            said.part = Some(part);
        }
        None => said.status = 416,
    }
}

fn has_already(said: &Said, ask: &Ask, headers: &HeaderMap) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if headers.contains_key(header::IF_NONE_MATCH) {
        let lines = headers.get_all(header::IF_NONE_MATCH).iter();
        let known = lines.flat_map(|line| line.to_str().unwrap().split(','));
        let tag = said.tag(ask.uri);
        return tag.is_some_and(|tag| known.map(bare).any(|known| known == bare(&tag)));
    }
    // What is for one client alone has no date that tells it from the others'.
    let Some(modified) = said.modified().filter(|_| said.client.is_none()) else {
        return false;
    };
    text(headers, "if-modified-since") == date(BEGINNING - modified)
}

/// Which part a range means, the last byte included.
pub(super) fn part(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let suffix: usize = last.parse().ok()?;
        return Some((length.saturating_sub(suffix), length - 1));
    }
    let first: usize = first.parse().ok()?;
    let last = last.parse().unwrap_or(length - 1).min(length - 1);
    (first < length).then_some((first, last))
}
