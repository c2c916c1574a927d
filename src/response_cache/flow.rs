//! What happens to a request that is not answered at once: look up, decide, ask the origin, keep what it
//! says.

use std::{future::poll_fn, ops::ControlFlow, sync::Arc};

use http::{Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{
    answer::{
        body::ResponseBody, looked::Looked, refusal::Refusal, report::Report, stale::Fallback,
    },
    core::Core,
    fetch::{
        accept::add_vary,
        collapse::{Before, Collapsed, Part, collapse},
        exchange::{Bases, Exchange, Received},
        invalidate::Invalidation,
        refresh,
    },
    policy::{
        Rule, Trail,
        reuse::{Reuse, reuse},
        validation,
    },
    request::{body::RequestBody, plan::Asked},
    shadow,
    stored::select,
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
    let mut result = send(&mut inner, Request::from_parts(parts, body)).await;
    if let Some(invalidation) = invalidation {
        (result, _) = settle(invalidation, result).await;
    }
    let mut response = result?.map(ResponseBody::passed);
    core.strip_tags(response.headers_mut());
    // What is switched to another protocol is no response to speak about.
    if !response.status().is_informational() {
        if !core.settings.shadow {
            add_vary(&mut response);
        }
        let mut trail = Trail::default();
        trail.note(rule);
        Report::forwarded(rule, trail, response.status().as_u16(), None)
            .write(&core, &mut response);
    }
    Ok(response)
}

/// Answers a request that the cache has to do with; `looked` is what the synchronous look found, and `seen`
/// how many flights had ended before it.
pub(super) async fn answer<S, Q, R>(
    core: Arc<Core>,
    inner: S,
    parts: Parts,
    body: RequestBody<Q>,
    mut asked: Asked,
    looked: Option<Looked>,
    seen: u64,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let before = Before {
        flights: seen,
        invalidated: core.ledger.position(),
    };
    let looked = match looked {
        Some(looked) => looked,
        None => Looked::look(&core, &parts, &mut asked).await,
    };
    if core.settings.shadow {
        return Box::pin(shadow::answer(core, inner, parts, body, asked, looked)).await;
    }
    if let Some(response) = from_store(&core, &inner, &parts, &asked, &looked) {
        return Ok(response);
    }
    if asked.is_only_if_cached() {
        let report = Report::refused(Rule::OnlyIfCached, looked.decision.trail);
        return Ok(Refusal::OnlyIfCached.response(&core, &report));
    }
    let (looked, part) = match collapse(&core, &parts, &mut asked, looked, before).await {
        Collapsed::Answer(response) => return Ok(response),
        Collapsed::Stored(looked) => match from_store(&core, &inner, &parts, &asked, &looked) {
            Some(response) => return Ok(response),
            None => (looked, None),
        },
        Collapsed::Fetch(looked, part) => (looked, part),
    };
    refresh::start_whole(&core, &inner, &parts, &asked, &looked);
    let found = Found {
        looked,
        part,
        fallback: Fallback::IfAllowed,
    };
    Box::pin(fetch(core, inner, parts, body, asked, found)).await
}

/// The answer from store if what was found is one, and its refresh behind it where it wants one.
fn from_store<S, Q, R>(
    core: &Arc<Core>,
    inner: &S,
    parts: &Parts,
    asked: &Asked,
    looked: &Looked,
) -> Option<Response<ResponseBody<R>>>
where
    S: Inner<Q, R>,
    Q: Body + Send + 'static,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let entry = looked.served()?;
    let now = core.settings.clock.now();
    refresh::start(core, inner, parts, asked, looked);
    Some(looked.answer(core, entry, parts, asked, now))
}

/// What a request goes to the inner service with.
pub(super) struct Found {
    pub(super) looked: Looked,
    /// Its part among the requests for the same.
    pub(super) part: Option<Part>,
    pub(super) fallback: Fallback,
}

/// Asks the inner service: with the validators of what is stored, where that helps.
pub(super) async fn fetch<S, Q, R>(
    core: Arc<Core>,
    mut inner: S,
    mut parts: Parts,
    body: RequestBody<Q>,
    asked: Asked,
    found: Found,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let Found {
        looked,
        part,
        fallback,
    } = found;
    let invalidation = asked
        .is_unsafe()
        .then(|| Invalidation::of_request(&core, &parts))
        .flatten();
    let bases = if may_validate(&asked, &looked) {
        // What is rare is boxed, here and below: those who wait hold the room for all of it.
        Box::pin(bases(&core, &asked, &looked)).await
    } else {
        Bases::default()
    };
    let mut exchange = Exchange::begin(core, &mut parts, asked, looked, bases, part);
    let shadow = exchange.core.settings.shadow;
    let unconditional = (exchange.validates() && !shadow).then(|| Box::new(parts.clone()));
    if unconditional.is_some() {
        exchange.add_conditions(&mut parts.headers);
    }
    let mut result = send(&mut inner, Request::from_parts(parts, body)).await;
    if let Some(invalidation) = invalidation {
        exchange.answered();
        let effect;
        (result, effect) = Box::pin(settle(invalidation, result)).await;
        exchange.took_effect(effect);
    }
    if shadow {
        return Box::pin(exchange.observed(result)).await;
    }
    let response = match exchange.or_stale(result, fallback) {
        ControlFlow::Continue(response) => response,
        ControlFlow::Break(answer) => return answer,
    };
    match exchange.received(response).await {
        Received::Answer(response) => Ok(response),
        Received::AskAgain(exchange) => {
            let parts = unconditional
                .expect("only a validation is answered by a 304 that nobody asked for");
            Box::pin(ask_again(inner, *parts, exchange, fallback)).await
        }
    }
}

/// Asks the inner service without conditions.
async fn ask_again<S, Q, R>(
    mut inner: S,
    parts: Parts,
    mut exchange: Box<Exchange>,
    fallback: Fallback,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let again = send(&mut inner, Request::from_parts(parts, RequestBody::empty())).await;
    match exchange.or_stale(again, fallback) {
        ControlFlow::Continue(response) => Ok(exchange.accept(response).await),
        ControlFlow::Break(answer) => answer,
    }
}

/// Whether a request may go to the inner service with validators of what is stored.
pub(super) fn may_validate(asked: &Asked, looked: &Looked) -> bool {
    let is_known = looked.entry.is_some() || looked.others.is_some();
    is_known && asked.facts.method.is_safe()
}

/// The stored responses that a validation can confirm (RFC 9111 4.3.1): the selected one, and the resource's
/// other variants as far as this request may get them.
pub(super) async fn bases(core: &Core, asked: &Asked, looked: &Looked) -> Bases {
    let validates = looked.decision.verdict == Reuse::Validate;
    let selected = looked.entry.clone().filter(|_| validates);
    let variants = match (&selected, &looked.others) {
        (None, Some(others)) => Some(Arc::clone(others)),
        (Some(entry), _) if !entry.vary.is_empty() => select::variants(core, &asked.key).await,
        _ => None,
    };
    let mut others = match variants {
        Some(variants) => select::all(core, &variants).await,
        None => Vec::new(),
    };
    let now = core.settings.clock.now();
    others.retain(|entry| {
        let Ok(candidate) = entry.candidate(&core.ledger, now) else {
            return false;
        };
        let verdict = reuse(&core.settings.rules, &asked.facts, candidate).verdict;
        let other = selected
            .as_ref()
            .is_none_or(|selected| selected.id != entry.id);
        let usable = verdict != Reuse::Never && !entry.is_over(now);
        other && usable && entry.parts.is_none() && validation::has_strong_tag(&entry.head.headers)
    });
    Bases { selected, others }
}

/// Awaits the inner service's readiness and calls it. What was readied is what is called.
pub(super) async fn send<S, Q, R>(
    inner: &mut S,
    request: Request<RequestBody<Q>>,
) -> Result<Response<R>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
{
    poll_fn(|cx| inner.poll_ready(cx)).await?;
    inner.call(request).await
}

/// Lets an unsafe request take its effect before anybody learns its outcome, and says at which position.
async fn settle<R, E>(
    invalidation: Box<Invalidation>,
    result: Result<Response<R>, E>,
) -> (Result<Response<R>, E>, Option<u64>) {
    let position = match &result {
        Ok(response) => {
            invalidation
                .settle(response.status(), response.headers())
                .await
        }
        // It may have taken place.
        Err(_) => Some(invalidation.run().await),
    };
    (result, position)
}
