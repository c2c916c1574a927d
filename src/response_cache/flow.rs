//! What happens to a request that is not answered at once: look up, decide, ask the origin, keep what it
//! says.

use std::{future::poll_fn, ops::ControlFlow, sync::Arc};

use http::{Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{
    answer::{
        body::{RequestBody, ResponseBody},
        looked::{Looked, candidate},
        report::Report,
        serve,
    },
    core::Core,
    fetch::{
        exchange::{Bases, Exchange, Fallback, Received},
        invalidate::Invalidation,
        refresh,
    },
    policy::{
        Rule, Trail,
        reuse::{Reuse, reuse},
        validation,
    },
    request::plan::Asked,
    stored::{search, select},
};
use crate::error::BoxError;

/// What the cache needs of the service that it wraps.
pub(super) trait Inner<Q, R>:
    Service<Request<RequestBody<Q>>, Response = Response<R>, Future: Send, Error: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S, Q, R> Inner<Q, R> for S where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>, Future: Send, Error: Send>
        + Clone
        + Send
        + 'static
{
}

/// Passes a request on whose response is not stored.
pub(super) async fn pass<S, Q, R>(
    core: Arc<Core>,
    mut inner: S,
    parts: Parts,
    body: RequestBody<Q>,
    rule: Rule,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
{
    let invalidation = Invalidation::of_request(&core, &parts);
    let result = send(&mut inner, Request::from_parts(parts, body)).await;
    let response = settle(invalidation, result).await?;
    let mut response = response.map(ResponseBody::passed);
    // What is switched to another protocol is no response to speak about.
    if !response.status().is_informational() {
        let mut trail = Trail::default();
        trail.note(rule);
        Report::forwarded(rule, trail, response.status().as_u16(), None)
            .write(&core, &mut response);
    }
    Ok(response)
}

/// Answers a request that the cache has to do with; `looked` is what the synchronous look found.
pub(super) async fn answer<S, Q, R>(
    core: Arc<Core>,
    inner: S,
    parts: Parts,
    body: RequestBody<Q>,
    mut asked: Asked,
    looked: Option<Looked>,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let looked = match looked {
        Some(looked) => looked,
        None => look(&core, &parts, &mut asked).await,
    };
    let now = core.settings.clock.now();
    if let Some(response) = looked.serve(&core, &parts, &asked, now) {
        refresh::start(&core, &inner, &parts, &asked, &looked);
        return Ok(response);
    }
    if asked.facts.directives.only_if_cached && asked.may_be_answered() {
        return Ok(serve::only_if_cached(&core, looked.decision.trail));
    }
    fetch(core, inner, parts, body, asked, looked, Fallback::IfAllowed).await
}

async fn look(core: &Core, parts: &Parts, asked: &mut Asked) -> Looked {
    let selected = match search::rekey(core, parts, asked).await {
        Ok(()) => select::select(&core.store, &asked.key, &parts.headers).await,
        Err(error) => Err(error),
    };
    match selected {
        Ok(selection) => Looked::judge(core, asked, selection, core.settings.clock.now()),
        Err(error) => {
            tracing::debug!(%error, "the store failed: asking the origin");
            core.stats.store_failed();
            Looked::absent(Rule::StoreFailed)
        }
    }
}

/// Asks the inner service: with the validators of what is stored, where that helps.
pub(super) async fn fetch<S, Q, R>(
    core: Arc<Core>,
    mut inner: S,
    mut parts: Parts,
    body: RequestBody<Q>,
    asked: Asked,
    looked: Looked,
    fallback: Fallback,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
    R: Body,
    R::Error: Into<BoxError>,
{
    let invalidation = asked
        .is_unsafe()
        .then(|| Invalidation::of_request(&core, &parts))
        .flatten();
    let bases = if asked.facts.method.is_safe() {
        bases(&core, &asked, &looked).await
    } else {
        Bases::default()
    };
    let mut exchange = Exchange::begin(core, &mut parts, asked, looked, bases);
    let unconditional = exchange.validates().then(|| parts.clone());
    if unconditional.is_some() {
        exchange.add_conditions(&mut parts.headers);
    }
    let result = send(&mut inner, Request::from_parts(parts, body)).await;
    let invalidates = invalidation.is_some();
    let result = settle(invalidation, result).await;
    if invalidates {
        exchange.took_effect();
    }
    let response = match exchange.or_stale(result, fallback) {
        ControlFlow::Continue(response) => response,
        ControlFlow::Break(answer) => return answer,
    };
    let exchange = match exchange.received(response).await {
        Received::Answer(response) => return Ok(response),
        Received::AskAgain(exchange) => exchange,
    };
    let parts =
        unconditional.expect("only a validation is answered by a 304 that nobody asked for");
    let again = send(&mut inner, Request::from_parts(parts, RequestBody::empty())).await;
    match exchange.or_stale(again, fallback) {
        ControlFlow::Continue(response) => Ok(exchange.accept(response).await),
        ControlFlow::Break(answer) => answer,
    }
}

/// The stored responses that a validation can confirm (RFC 9111 4.3.1): the selected one, and the resource's
/// other variants as far as this request may get them.
async fn bases(core: &Core, asked: &Asked, looked: &Looked) -> Bases {
    let validates = looked.decision.verdict == Reuse::Validate;
    let selected = looked.entry.clone().filter(|_| validates);
    let variants = match (&selected, &looked.others) {
        (None, Some(others)) => Some(Arc::clone(others)),
        (Some(entry), _) if !entry.vary.is_empty() => {
            select::variants(&core.store, &asked.key).await
        }
        _ => None,
    };
    let mut others = match variants {
        Some(variants) => select::all(&core.store, &variants).await,
        None => Vec::new(),
    };
    let now = core.settings.clock.now();
    others.retain(|entry| {
        let verdict = reuse(&core.settings.rules, &asked.facts, candidate(entry, now)).verdict;
        let other = selected
            .as_ref()
            .is_none_or(|selected| selected.id != entry.id);
        let usable = verdict != Reuse::Never && !entry.is_over(now);
        other && usable && validation::has_strong_tag(&entry.head.headers)
    });
    Bases { selected, others }
}

/// Awaits the inner service's readiness and calls it. What was readied is what is called.
async fn send<S, Q, R>(
    inner: &mut S,
    request: Request<RequestBody<Q>>,
) -> Result<Response<R>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    inner.call(request).await
}

/// Lets an unsafe request take its effect before anybody learns its outcome.
async fn settle<R, E>(
    invalidation: Option<Invalidation>,
    result: Result<Response<R>, E>,
) -> Result<Response<R>, E> {
    let Some(invalidation) = invalidation else {
        return result;
    };
    match &result {
        Ok(response) => {
            invalidation
                .settle(response.status(), response.headers())
                .await;
        }
        // It may have taken place.
        Err(_) => invalidation.run().await,
    }
    result
}
