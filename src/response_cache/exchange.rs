//! One request to the inner service and what its response changes.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use http::{HeaderMap, Method, Response, StatusCode, header, request::Parts};
use http_body::Body;

use super::{
    CachePolicy,
    body::ResponseBody,
    core::Core,
    entry::Entry,
    fill::{Fill, Plan},
    flow::Fallback,
    freshen::Update,
    head::Head,
    looked::{Looked, candidate},
    plan::{Asked, effective_uri},
    policy::{
        Decision, Rule,
        freshness::ResponseFacts,
        stale,
        storable::{Circumstances, Storing, storable, supersedes},
        validation,
    },
    report::Report,
    resource, search, serve,
};
use crate::{
    clock::Moment,
    error::BoxError,
    header::{connection, date},
    key::TargetUri,
    personal::Personal,
};

/// The stored responses that a validation can confirm.
#[derive(Default)]
pub(super) struct Bases {
    /// The one that the request selects.
    pub(super) selected: Option<Arc<Entry>>,
    /// Other variants of the resource, each with a strong tag of its own.
    pub(super) others: Vec<Arc<Entry>>,
}

/// A request that is on its way to the inner service.
pub(super) struct Exchange {
    pub(super) core: Arc<Core>,
    pub(super) asked: Asked,
    pub(super) looked: Looked,
    /// The stored responses whose validators go with the request.
    pub(super) bases: Bases,
    /// The request's fields as they came.
    pub(super) headers: HeaderMap,
    target: Option<TargetUri>,
    /// The request's head, where the response may still change its key.
    pub(super) rekeyed: Option<Parts>,
    pub(super) personal: Personal,
    pub(super) requested: Moment,
}

/// What a response means.
#[expect(
    clippy::large_enum_variant,
    reason = "the small one is rare, and the large one is on its way anyway"
)]
pub(super) enum Received<R> {
    /// The answer to the client.
    Answer(Response<ResponseBody<R>>),
    /// A 304 that confirms nothing that is stored and that the client did not ask for: the request has to
    /// be sent again without conditions.
    AskAgain(Box<Exchange>),
}

/// When a response came.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Moment,
    /// Unix seconds.
    pub(super) wall: i64,
    pub(super) delay: Duration,
}

impl Exchange {
    pub(super) fn begin(
        core: Arc<Core>,
        parts: &mut Parts,
        asked: Asked,
        looked: Looked,
        bases: Bases,
    ) -> Self {
        Self {
            headers: parts.headers.clone(),
            // Only a POST's response says which resource it is the content of.
            target: (parts.method == Method::POST)
                .then(|| TargetUri::of(effective_uri(parts), &parts.headers).ok())
                .flatten(),
            personal: Personal::of(&mut parts.extensions),
            rekeyed: (core.settings.no_vary_search && !asked.facts.body_in_key)
                .then(|| parts.clone()),
            requested: core.settings.clock.now(),
            core,
            asked,
            looked,
            bases,
        }
    }

    /// Whether what is stored can be validated by this request.
    pub(super) fn validates(&self) -> bool {
        let selected = self.bases.selected.as_ref();
        selected.is_some_and(|base| validation::has_validator(&base.head.headers))
            || !self.bases.others.is_empty()
    }

    /// Adds the validators of what is stored.
    pub(super) fn add_conditions(&self, request: &mut HeaderMap) {
        let selected = self.bases.selected.as_ref().map(|base| &base.head.headers);
        let others = self.bases.others.iter().map(|base| &base.head.headers);
        validation::add_conditions(request, selected, others);
    }

    /// Lets a stale response take the place of the origin's failure, if it may (RFC 5861 4).
    pub(super) fn or_stale<R, E>(
        &self,
        result: Result<Response<R>, E>,
        fallback: Fallback,
    ) -> ControlFlow<Result<Response<ResponseBody<R>>, E>, Response<R>> {
        let status = match &result {
            Ok(response) if !stale::is_error(response.status()) => None,
            Ok(response) => Some(Some(response.status())),
            Err(_) => Some(None),
        };
        let stale = status.and_then(|status| self.stale(status, fallback));
        match (stale, result) {
            (Some(stale), _) => ControlFlow::Break(Ok(stale)),
            (None, Ok(response)) => ControlFlow::Continue(response),
            (None, Err(error)) => ControlFlow::Break(Err(error)),
        }
    }

    fn stale<R>(
        &self,
        status: Option<StatusCode>,
        fallback: Fallback,
    ) -> Option<Response<ResponseBody<R>>> {
        let entry = self.bases.selected.as_ref()?;
        let now = self.core.settings.clock.now();
        let candidate = candidate(entry, now);
        let rules = &self.core.settings.rules;
        let allowed = stale::if_error(rules, &self.asked.facts, &candidate);
        let reason =
            allowed.or_else(|| (fallback == Fallback::Always).then_some(Rule::StaleIfError))?;
        let mut trail = self.looked.decision.trail;
        trail.note(reason);
        let report = Report::instead(
            reason,
            trail,
            status,
            entry.terms.ttl(candidate.age),
            &self.asked.key,
        );
        let asked = serve::Asked {
            method: &self.asked.facts.method,
            headers: &self.headers,
        };
        let report = report.in_background(self.looked.background);
        Some(serve::from_store(
            &self.core,
            entry,
            &asked,
            candidate.age,
            &report,
        ))
    }

    /// Understands a response.
    pub(super) async fn received<R>(self, response: Response<R>) -> Received<R>
    where
        R: Body,
        R::Error: Into<BoxError>,
    {
        if response.status() != StatusCode::NOT_MODIFIED || !self.validates() {
            return Received::Answer(self.accept(response).await);
        }
        match self.confirmed(response.headers()) {
            Some(base) => {
                let (head, _) = response.into_parts();
                let update = Update {
                    headers: &head.headers,
                    policy: head.extensions.get(),
                };
                Received::Answer(self.freshen(&base, update).await)
            }
            None if self.is_the_clients(response.headers()) => {
                Received::Answer(self.accept(response).await)
            }
            None => Received::AskAgain(Box::new(self)),
        }
    }

    /// Whether a 304 that confirms nothing stored answers the client's own conditions. One without a validator
    /// may as well mean a tag that was added here, which the client does not have.
    fn is_the_clients(&self, update: &HeaderMap) -> bool {
        let selected = self.bases.selected.as_ref();
        let added = selected.is_some_and(|base| validation::has_tag(&base.head.headers))
            || !self.bases.others.is_empty();
        validation::has_conditions(&self.headers) && (!added || validation::has_validator(update))
    }

    /// Passes a response on, and stores it if it may be.
    pub(super) async fn accept<R>(self, mut response: Response<R>) -> Response<ResponseBody<R>>
    where
        R: Body,
        R::Error: Into<BoxError>,
    {
        if response.status().is_informational() {
            return response.map(ResponseBody::passed);
        }
        let arrival = self.arrival();
        add_date(response.headers_mut(), arrival.wall);
        if self.asked.facts.method == Method::HEAD && response.status() == StatusCode::OK {
            let head = response.headers().clone();
            self.learn_from_head(&head, arrival).await;
        }
        let facts = self.facts(response.status(), response.headers(), arrival);
        let Decision {
            verdict,
            reason,
            trail,
        } = self.storable(&facts, &response);
        let length = announced_length(&response);
        let (verdict, reason) = match verdict {
            Some(_) if length.is_some_and(|length| length > self.core.max_body() as u64) => {
                (None, Rule::TooLarge)
            }
            verdict => (verdict, reason),
        };
        let initial_age = facts.initial_age(arrival.wall, arrival.delay);
        let ttl = verdict
            .as_ref()
            .map(|storing| storing.terms.ttl(initial_age));
        let report = self.report(response.status()).storing(reason, trail, ttl);
        let fill = match verdict {
            Some(storing) => Some(self.fill(storing, &facts, response.headers(), length, arrival)),
            None => {
                self.not_stored(response.status(), reason).await;
                None
            }
        };
        let mut response = response.map(|body| record(body, fill));
        report.write(&self.core, &mut response);
        response
    }

    pub(super) fn report(&self, status: StatusCode) -> Report<'_> {
        let Decision { reason, trail, .. } = self.looked.decision;
        Report::forwarded(reason, trail, status.as_u16(), Some(&self.asked.key))
            .in_background(self.looked.background)
    }

    pub(super) fn arrival(&self) -> Arrival {
        let clock = &self.core.settings.clock;
        let at = clock.now();
        Arrival {
            at,
            wall: clock.unix_seconds(),
            delay: at.duration_since(self.requested),
        }
    }

    pub(super) fn facts(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        arrival: Arrival,
    ) -> ResponseFacts {
        ResponseFacts::read(status, headers, &self.core.settings.rules, arrival.wall)
    }

    fn storable<R>(
        &self,
        facts: &ResponseFacts,
        response: &Response<R>,
    ) -> Decision<Option<Storing>> {
        let policy = response.extensions().get::<CachePolicy>();
        let target = self.target.as_ref();
        let also = Circumstances {
            ttl: policy.and_then(|policy| policy.ttl),
            no_store: policy.is_some_and(|policy| policy.no_store),
            personal: self.personal.is_marked(),
            content_of_target: target
                .is_some_and(|target| target.is_content_location(response.headers())),
        };
        storable(
            &self.core.settings.rules,
            &self.asked.facts,
            facts,
            response.headers(),
            also,
        )
    }

    fn fill(
        &self,
        storing: Storing,
        facts: &ResponseFacts,
        headers: &HeaderMap,
        length: Option<u64>,
        arrival: Arrival,
    ) -> Fill {
        let shared = !(self.core.settings.rules.private || self.asked.facts.user_in_key);
        let rekeyed = self.rekeyed.as_ref();
        let (key, learnt) = rekeyed
            .and_then(|parts| search::learn(&self.core, parts, headers))
            .map_or_else(
                || (self.asked.key.clone(), None),
                |(key, learnt)| (key, Some(learnt)),
            );
        Fill::new(Plan {
            core: Arc::clone(&self.core),
            key,
            learnt,
            selecting: storing.vary.selecting(&self.headers),
            head: stored_head(facts.status, headers, &storing),
            initial_age: facts.initial_age(arrival.wall, arrival.delay),
            without: storing.without,
            terms: storing.terms,
            vary: storing.vary,
            date: facts.date,
            requested: self.requested,
            arrived: arrival.at,
            length,
            trailers_announced: headers.contains_key(header::TRAILER),
            personal: shared.then(|| self.personal.clone()),
        })
    }

    /// A response that says of itself that it must not be stored takes the place of what is stored. An error
    /// of the server says nothing about the resource (RFC 9111 4.3.3).
    async fn not_stored(&self, status: StatusCode, reason: Rule) {
        self.core.stats.not_stored(reason);
        let of_the_resource = supersedes(reason) && !status.is_server_error();
        let replaces = of_the_resource && self.asked.facts.method == Method::GET;
        if let Some(base) = self.bases.selected.as_ref().filter(|_| replaces) {
            self.remove(base).await;
        }
    }

    pub(super) async fn remove(&self, base: &Entry) {
        if let Err(error) = resource::remove(&self.core, base).await {
            tracing::debug!(%error, "a superseded response could not be removed");
            self.core.stats.store_failed();
        }
    }
}

/// What of a head is stored (RFC 9111 3.1).
pub(super) fn stored_head(status: StatusCode, headers: &HeaderMap, storing: &Storing) -> Head {
    let mut headers = headers.clone();
    connection::remove_hop_by_hop(&mut headers);
    headers.remove(header::AGE);
    for name in &storing.without {
        headers.remove(name);
    }
    Head::compact(status, &headers)
}

/// RFC 9110 6.6.1: a response without Date gets the time of its arrival.
pub(super) fn add_date(headers: &mut HeaderMap, wall: i64) {
    headers
        .entry(header::DATE)
        .or_insert_with(|| date::format(wall));
}

/// The length that a response announces: by its field, or by a body that knows.
fn announced_length<R: Body>(response: &Response<R>) -> Option<u64> {
    let field = response.headers().get(header::CONTENT_LENGTH);
    let field = field.and_then(|value| value.to_str().ok()?.parse().ok());
    field.or_else(|| response.body().size_hint().exact())
}

/// The body, recorded on its way if it is to be stored. One that is over already is stored now.
fn record<R>(body: R, fill: Option<Fill>) -> ResponseBody<R>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    match fill {
        None => ResponseBody::passed(body),
        Some(fill) if body.is_end_stream() => {
            fill.end();
            ResponseBody::passed(body)
        }
        Some(fill) => ResponseBody::filling(body, fill),
    }
}
