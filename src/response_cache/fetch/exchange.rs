//! One request to the inner service and what its response changes.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use http::{HeaderMap, Method, Response, StatusCode, request::Parts};
use http_body::Body;

use super::{collapse::Part, in_flight::Ticket};
use crate::{
    clock::Moment,
    error::BoxError,
    key::TargetUri,
    ledger::{Held, Name, Opening},
    personal::Personal,
    response_cache::{
        CachePolicy,
        answer::{
            body::ResponseBody,
            looked::Looked,
            report::Report,
            stale::{Failed, Fallback, instead},
        },
        core::Core,
        policy::{Decision, Rule, freshness::ResponseFacts, stale, validation},
        request::plan::{Asked, effective_uri},
        stored::{entry::Entry, resource},
    },
};

/// News of a stored response.
#[derive(Clone, Copy)]
pub(crate) struct Update<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) policy: Option<&'a CachePolicy>,
}

/// The stored responses that a validation can confirm.
#[derive(Default)]
pub(crate) struct Bases {
    /// The one that the request selects.
    pub(crate) selected: Option<Arc<Entry>>,
    /// Other variants of the resource, each with a strong tag of its own.
    pub(crate) others: Vec<Arc<Entry>>,
}

impl Bases {
    /// Whether any of them can be confirmed.
    pub(crate) fn can_be_confirmed(&self) -> bool {
        let selected = self.selected.as_ref();
        selected.is_some_and(|base| validation::has_validator(&base.head.headers))
            || !self.others.is_empty()
    }
}

/// A request that is on its way to the inner service.
pub(crate) struct Exchange {
    pub(crate) core: Arc<Core>,
    pub(crate) asked: Asked,
    pub(crate) looked: Looked,
    /// The stored responses whose validators go with the request.
    pub(crate) bases: Bases,
    /// The request's fields as they came.
    pub(crate) headers: HeaderMap,
    pub(crate) target: Option<TargetUri>,
    /// The request's head, where the response may still change its key.
    pub(crate) rekeyed: Option<Parts>,
    pub(crate) personal: Personal,
    pub(crate) requested: Moment,
    /// Its place among the requests and invalidations.
    opening: Opening,
    /// The position of what an unsafe request invalidated itself: its response is what came of that.
    effect: Option<u64>,
    ticket: Option<Ticket>,
    /// See [`InFlight::quiet`](super::in_flight::InFlight::quiet).
    quiet: Option<u64>,
    /// Something else came between the request, which invalidates its target itself, and its response.
    pub(super) overtaken: bool,
    /// Its part among the requests for the same, until it is known what has come of it.
    pub(super) part: Option<Part>,
}

/// What a response means.
pub(crate) enum Received<R> {
    /// The answer to the client.
    Answer(Response<ResponseBody<R>>),
    /// A 304 that confirms nothing that is stored and that the client did not ask for: the request has to
    /// be sent again without conditions.
    AskAgain(Box<Exchange>),
}

/// When a response came.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) at: Moment,
    /// Unix seconds.
    pub(crate) wall: i64,
    pub(crate) delay: Duration,
}

/// The target of a request whose response says which resource it is the content of: only a POST's does.
pub(crate) fn target(parts: &Parts) -> Option<TargetUri> {
    (parts.method == Method::POST)
        .then(|| TargetUri::of(effective_uri(parts), &parts.headers).ok())
        .flatten()
}

impl Exchange {
    pub(crate) fn begin(
        core: Arc<Core>,
        parts: &mut Parts,
        asked: Asked,
        looked: Looked,
        bases: Bases,
        part: Option<Part>,
    ) -> Box<Self> {
        Box::new(Self {
            headers: parts.headers.clone(),
            target: target(parts),
            personal: Personal::of(&mut parts.extensions),
            rekeyed: (core.settings.no_vary_search && !asked.facts.body_in_key)
                .then(|| parts.clone()),
            requested: core.settings.clock.now(),
            opening: core.ledger.begin(),
            effect: None,
            // Who invalidates gets one once that is done.
            ticket: asked
                .facts
                .method
                .is_safe()
                .then(|| core.in_flight.ticket(&asked.key)),
            quiet: core.in_flight.quiet(&asked.key),
            overtaken: false,
            part,
            core,
            asked,
            looked,
            bases,
        })
    }

    /// An unsafe request has been answered, or never will be. If anything else was asked for of its resource, or
    /// invalidated, since it began, that may be newer than the response, and nobody can tell.
    pub(crate) fn answered(&mut self) {
        let quiet = self.core.in_flight.quiet(&self.asked.key);
        self.overtaken = self.quiet.is_none() || self.quiet != quiet;
    }

    /// The request itself invalidated its target, at this position.
    pub(crate) fn took_effect(&mut self, position: Option<u64>) {
        let in_flight = &self.core.in_flight;
        self.overtaken |= in_flight.quiet(&self.asked.key).is_none();
        self.ticket = Some(in_flight.ticket(&self.asked.key));
        self.effect = position;
    }

    /// Takes the names of what came, if nothing of it was invalidated meanwhile but by the request itself, as far as
    /// that is known.
    pub(super) fn hold(&self, tags: impl IntoIterator<Item = Name>) -> Result<Held, Rule> {
        let ledger = &self.core.ledger;
        let place = self.core.place_of(&self.asked.key);
        let held = ledger.hold(&self.opening, place.name(), place.host_and_path(), tags);
        let held = held.ok_or(Rule::Overtaken)?;
        match self.effect {
            None => Ok(held),
            Some(own) if held.is_invalidated_upto(ledger, own - 1) => Err(Rule::Overtaken),
            Some(own) => Ok(held.since(own)),
        }
    }

    /// Whether what is stored can be validated by this request.
    pub(crate) fn validates(&self) -> bool {
        self.bases.can_be_confirmed()
    }

    /// Adds the validators of what is stored.
    pub(crate) fn add_conditions(&self, request: &mut HeaderMap) {
        let selected = self.bases.selected.as_ref().map(|base| &base.head.headers);
        let others = self.bases.others.iter().map(|base| &base.head.headers);
        validation::add_conditions(request, selected, others);
    }

    /// Lets a stale response take the place of the origin's failure, if it may (RFC 5861 4).
    pub(crate) fn or_stale<R, E>(
        &mut self,
        result: Result<Response<R>, E>,
        fallback: Fallback,
    ) -> ControlFlow<Result<Response<ResponseBody<R>>, E>, Response<R>> {
        let status = match &result {
            Ok(response) => Some(response.status()),
            Err(_) => None,
        };
        let result = match result {
            Ok(response) if !stale::is_error(response.status()) => {
                return ControlFlow::Continue(response);
            }
            other => other,
        };
        let failed = Failed {
            status,
            collapsed: false,
        };
        let (asked, headers) = (&self.asked, &self.headers);
        let stale = instead(&self.core, asked, headers, &self.looked, failed, fallback);
        match (stale, result) {
            (Some(stale), _) => {
                self.failed_but_stale(status, fallback);
                ControlFlow::Break(Ok(stale))
            }
            (None, Ok(response)) => ControlFlow::Continue(response),
            (None, Err(error)) => {
                self.failed();
                ControlFlow::Break(Err(error))
            }
        }
    }

    /// Understands a response.
    pub(crate) async fn received<R>(self: Box<Self>, response: Response<R>) -> Received<R>
    where
        R: Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        if response.status() != StatusCode::NOT_MODIFIED || !self.validates() {
            return Received::Answer(self.accept(response).await);
        }
        match self.confirmed(response.headers()) {
            // What is gone is not brought back by being unchanged.
            Some(base) if base.is_gone(&self.core.ledger) => Received::AskAgain(self.anew()),
            Some(base) => {
                let (head, _) = response.into_parts();
                let update = Update {
                    headers: &head.headers,
                    policy: head.extensions.get(),
                };
                Received::Answer(Box::pin(self.freshen(&base, update)).await)
            }
            None if self.is_the_clients(response.headers()) => {
                Received::Answer(self.accept(response).await)
            }
            None => Received::AskAgain(self.anew()),
        }
    }

    /// The same, for a request that is sent now.
    fn anew(mut self: Box<Self>) -> Box<Self> {
        self.opening = self.core.ledger.begin();
        self
    }

    /// Whether a 304 that confirms nothing stored answers the client's own conditions. One without a validator
    /// may as well mean a tag that was added here, which the client does not have.
    fn is_the_clients(&self, update: &HeaderMap) -> bool {
        let selected = self.bases.selected.as_ref();
        let added = selected.is_some_and(|base| validation::has_tag(&base.head.headers))
            || !self.bases.others.is_empty();
        validation::has_conditions(&self.headers) && (!added || validation::has_validator(update))
    }

    pub(crate) fn report(&self, status: StatusCode) -> Report<'_> {
        let Decision { reason, trail, .. } = self.looked.decision;
        Report::forwarded(reason, trail, status.as_u16(), Some(&self.asked.key))
            .in_background(self.looked.background)
    }

    pub(crate) fn arrival(&self) -> Arrival {
        let clock = &self.core.settings.clock;
        let at = clock.now();
        Arrival {
            at,
            wall: clock.unix_seconds(),
            delay: at.duration_since(self.requested),
        }
    }

    pub(crate) fn facts(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        arrival: Arrival,
    ) -> ResponseFacts {
        ResponseFacts::read(status, headers, &self.core.settings.rules, arrival.wall)
    }

    pub(crate) async fn remove(&self, base: &Entry) {
        if let Err(error) = resource::remove(&self.core, base).await {
            tracing::debug!(%error, "a superseded response could not be removed");
            self.core.stats.store_failed();
        }
    }
}
