//! Passing the inner service's response on, and storing it if it may be.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body;

use super::{
    exchange::{Arrival, Exchange},
    fill::{Fill, Plan, Reader, growing::Growing},
    news::Arriving,
};
use crate::{
    error::BoxError,
    header::{connection, date},
    key::Key,
    response_cache::{
        CachePolicy,
        answer::body::{Plain, ResponseBody},
        policy::{
            Decision, Rule,
            freshness::ResponseFacts,
            range,
            said::Said,
            storable::{Circumstances, Storing, is_newer_content, storable, supersedes},
            vary::Vary,
        },
        stored::{
            head::Head,
            parts::Span,
            search::{self, Learnt},
        },
    },
};

/// How long the values of the selecting fields of a request may be, in bytes, that a variant is stored for.
/// They stand in its key and in the list of variants.
const MAX_SELECTING: usize = 4096;

/// Fields that speak of a part and not of the whole (RFC 9110 14.4, 8.6; RFC 9530 2).
const OF_A_PART: [HeaderName; 4] = [
    header::CONTENT_RANGE,
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
];

impl Exchange {
    /// Passes a response on, and stores it if it may be.
    pub(crate) async fn accept<R>(mut self, mut response: Response<R>) -> Response<ResponseBody<R>>
    where
        R: Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        if response.status().is_informational() {
            return response.map(ResponseBody::passed);
        }
        let arrival = self.arrival();
        add_date(response.headers_mut(), arrival.wall);
        add_vary(&mut response);
        if self.asked.facts.method == Method::HEAD && response.status() == StatusCode::OK {
            let policy = response.extensions().get().cloned();
            let fields = response.headers().clone();
            Box::pin(self.learn_from_head(fields, policy, arrival)).await;
        }
        let facts = self.facts(response.status(), response.headers(), arrival);
        let Decision {
            verdict,
            reason,
            trail,
        } = self.storable(&facts, &response);
        self.keep_from_others(response.headers_mut());
        let length = announced_length(&response);
        let (verdict, reason) = self.within_limits(verdict, reason, length);
        let age = facts.initial_age(arrival.wall, arrival.delay);
        let ttl = verdict.as_ref().map(|storing| storing.terms.ttl(age));
        let plan = match verdict {
            Some(storing) => {
                let fields = self.rekeyed.is_some().then(|| response.headers().clone());
                let learnt = Box::pin(self.learn(fields)).await;
                let part = self.part_of(&response);
                let length = part.map(Span::length).or(length);
                let plan = self.plan(storing, learnt, &facts, response.headers(), arrival);
                Some(Plan {
                    part,
                    length,
                    ..plan
                })
            }
            None => {
                self.not_stored(response.status(), reason).await;
                None
            }
        };
        let mut response = response.map(|body| match plan {
            None => ResponseBody::passed(body),
            Some(plan) => self.record(body, plan),
        });
        self.report(response.status())
            .storing(reason, trail, ttl)
            .write(&self.core, &mut response);
        response
    }

    /// What the response teaches about its path. It takes its fields, as a response cannot be lent across an
    /// await: its body need not be `Sync`.
    async fn learn(&self, response: Option<HeaderMap>) -> Option<(Key, Learnt)> {
        search::learn(&self.core, self.rekeyed.as_ref()?, &response?).await
    }

    fn storable<R>(
        &self,
        facts: &ResponseFacts,
        response: &Response<R>,
    ) -> Decision<Option<Storing>> {
        let policy = response.extensions().get::<CachePolicy>();
        let target = self.target.as_ref();
        let also = Circumstances {
            said: Said::updated(None, policy.map(|policy| &policy.said)),
            no_store: policy.is_some_and(|policy| policy.no_store),
            personal: self.personal.is_marked(),
            part: self.part_of(response).is_some(),
            content_of_target: target
                .is_some_and(|target| target.is_content_location(response.headers())),
        };
        storable(
            &self.core.settings.rules,
            &self.asked.facts,
            facts,
            response.headers(),
            &also,
        )
    }

    /// Which part of the content a response is, if it is one that was asked for and can be stored.
    fn part_of<R>(&self, response: &Response<R>) -> Option<Span> {
        let (first, last, complete) = range::part(response.status(), response.headers())?;
        let asked = self.headers.contains_key(header::RANGE);
        let fits = usize::try_from(complete).is_ok_and(|length| length <= self.core.max_body());
        (asked && fits && self.asked.facts.method == Method::GET).then_some(Span {
            first,
            last,
            complete,
        })
    }

    /// A response that was marked as personal says so to caches further out too.
    fn keep_from_others(&self, headers: &mut HeaderMap) {
        if !self.personal.is_marked() {
            return;
        }
        for name in &self.core.settings.rules.targeted {
            headers.remove(name);
        }
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    }

    /// Leaves out what is too large for the store.
    fn within_limits(
        &self,
        verdict: Option<Storing>,
        reason: Rule,
        length: Option<u64>,
    ) -> (Option<Storing>, Rule) {
        let Some(storing) = verdict else {
            return (None, reason);
        };
        if self.overtaken {
            return (None, Rule::Overtaken);
        }
        if length.is_some_and(|length| length > self.core.max_body() as u64) {
            return (None, Rule::TooLarge);
        }
        if storing.vary.selecting(&self.headers).len() > MAX_SELECTING {
            return (None, Rule::VaryTooLong);
        }
        (Some(storing), reason)
    }

    fn plan(
        &self,
        storing: Storing,
        learnt: Option<(Key, Learnt)>,
        facts: &ResponseFacts,
        headers: &HeaderMap,
        arrival: Arrival,
    ) -> Plan {
        let shared = !(self.core.settings.rules.private || self.asked.facts.user_in_key);
        let (key, learnt) = match learnt {
            Some((key, learnt)) => (key, Some(learnt)),
            None => (self.asked.key.clone(), None),
        };
        Plan {
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
            part: None,
            began: self.began,
            ticket: self.core.in_flight.ticket(&self.asked.key),
            arrived: arrival.at,
            length: None,
            trailers_announced: headers.contains_key(header::TRAILER),
            personal: shared.then(|| self.personal.clone()),
        }
    }

    /// The body, recorded on its way: for the store, and for those who want the same.
    fn record<R>(&mut self, body: R, plan: Plan) -> ResponseBody<R>
    where
        R: Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let arriving = self.part.is_some().then(|| Arriving::of(&plan));
        let source = Box::pin(Plain::new(body));
        let body = Arc::new(Growing::new(source, Fill::new(plan), &self.core));
        let news = arriving.and_then(|arriving| self.share(arriving, &body));
        body.end_if_over();
        ResponseBody::growing(Reader::leading(body, news))
    }

    /// A response that says of itself that it must not be stored takes the place of what is stored; one that
    /// cannot be stored makes it stale, as there is something newer. An error of the server says nothing about
    /// the resource (RFC 9111 4.3.3).
    async fn not_stored(&mut self, status: StatusCode, reason: Rule) {
        self.core.stats.not_stored(reason);
        self.unshared(status, reason);
        let base = self.bases.selected.as_ref();
        let newer = !status.is_server_error() && self.asked.facts.method == Method::GET;
        let Some(base) = base.filter(|_| newer) else {
            return;
        };
        if supersedes(reason) {
            Box::pin(self.remove(base)).await;
        } else if status.is_success() && is_newer_content(reason) && !base.contradicted {
            Box::pin(self.replace(base, base.contradicted())).await;
        }
    }
}

/// What of a head is stored (RFC 9111 3.1).
pub(crate) fn stored_head(status: StatusCode, headers: &HeaderMap, storing: &Storing) -> Head {
    let mut headers = headers.clone();
    connection::remove_hop_by_hop(&mut headers);
    headers.remove(header::AGE);
    if status == StatusCode::PARTIAL_CONTENT {
        OF_A_PART.iter().for_each(|name| {
            headers.remove(name);
        });
    }
    for name in &storing.without {
        headers.remove(name);
    }
    Head::stored(status, &headers)
}

/// RFC 9110 6.6.1: a response without Date gets the time of its arrival.
pub(crate) fn add_date(headers: &mut HeaderMap, wall: i64) {
    headers
        .entry(header::DATE)
        .or_insert_with(|| date::format(wall));
}

/// The handler's word on what a response depends on is for all caches on the way.
pub(crate) fn add_vary<R>(response: &mut Response<R>) {
    let policy = response.extensions().get::<CachePolicy>();
    let names = policy.filter(|policy| !policy.said.vary.is_empty());
    if let Some(names) = names.map(|policy| policy.said.vary.clone()) {
        Vary::add(response.headers_mut(), &names);
    }
}

/// The length that a response announces: by its field, or by a body that knows.
pub(crate) fn announced_length<R: Body>(response: &Response<R>) -> Option<u64> {
    let field = response.headers().get(header::CONTENT_LENGTH);
    let field = field.and_then(|value| value.to_str().ok()?.parse().ok());
    field.or_else(|| response.body().size_hint().exact())
}
