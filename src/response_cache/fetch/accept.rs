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
    ledger::{Held, Standing},
    response_cache::{
        CachePolicy,
        answer::body::{Plain, ResponseBody},
        policy::{
            Decision, Rule, Trail,
            freshness::ResponseFacts,
            range,
            said::Said,
            storable::{Circumstances, Storing, is_newer_content, storable, supersedes},
            vary::Vary,
        },
        stored::{head::Head, parts::Span, search, tags::Tags},
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
        if let Some((fields, policy)) = self.head_news(&response) {
            Box::pin(self.learn_from_head(fields, policy, arrival)).await;
        }
        let tags = self.tags(response.headers(), response.extensions().get());
        self.core.strip_tags(response.headers_mut());
        let facts = self.facts(response.status(), response.headers(), arrival);
        let length = announced_length(&response);
        let (verdict, trail) = self.verdict(&facts, &response, length, tags);
        self.keep_from_others(response.headers_mut());
        let reason = verdict.as_ref().err().copied().unwrap_or(Rule::Stored);
        let age = facts.initial_age(arrival.wall, arrival.delay);
        let ttl = verdict.as_ref().map(|(storing, _)| storing.terms.ttl(age));
        let ttl = ttl.ok();
        let plan = match verdict {
            Ok((storing, held)) => {
                let part = self.part_of(&response);
                let length = part.map(Span::length).or(length);
                let fields = self.rekeyed.is_some().then(|| response.headers().clone());
                let plan = Plan {
                    part,
                    length,
                    ..self.plan(storing, held, &facts, response.headers(), arrival)
                };
                Some(match fields {
                    Some(fields) => Box::pin(self.learn(plan, fields)).await,
                    None => plan,
                })
            }
            Err(reason) => {
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

    /// What a response to HEAD says of a stored one to GET.
    fn head_news<R>(&self, response: &Response<R>) -> Option<(HeaderMap, Option<CachePolicy>)> {
        let answers =
            self.asked.facts.method == Method::HEAD && response.status() == StatusCode::OK;
        let policy = || response.extensions().get().cloned();
        answers.then(|| (response.headers().clone(), policy()))
    }

    /// Keeps what the response teaches about its path. It takes its fields, as a response cannot be lent across an
    /// await: its body need not be `Sync`.
    async fn learn(&self, plan: Plan, response: HeaderMap) -> Plan {
        let learnt = match &self.rekeyed {
            Some(parts) => search::learn(&self.core, parts, &response).await,
            None => None,
        };
        let Some((key, learnt)) = learnt else {
            return plan;
        };
        Plan {
            key,
            learnt: Some(learnt),
            ..plan
        }
    }

    /// Whether the response is stored, and how.
    fn verdict<R>(
        &self,
        facts: &ResponseFacts,
        response: &Response<R>,
        length: Option<u64>,
        tags: Result<Tags, Rule>,
    ) -> (Result<(Storing, Held), Rule>, Trail) {
        let Decision {
            verdict,
            reason,
            trail,
        } = self.storable(facts, response);
        let storing = verdict.ok_or(reason);
        let limited = storing.and_then(|storing| self.within_limits(storing, length, tags));
        (limited, trail)
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

    /// The tags of a response.
    pub(super) fn tags(
        &self,
        headers: &HeaderMap,
        policy: Option<&CachePolicy>,
    ) -> Result<Tags, Rule> {
        let origin = || self.core.place_of(&self.asked.key);
        let more = policy.into_iter().flat_map(CachePolicy::tag_names);
        Tags::read(headers, more, origin, self.core.settings.max_tags)
    }

    /// Leaves out what is too large for the store, or was invalidated on its way.
    fn within_limits(
        &self,
        storing: Storing,
        length: Option<u64>,
        tags: Result<Tags, Rule>,
    ) -> Result<(Storing, Held), Rule> {
        if self.overtaken {
            return Err(Rule::Overtaken);
        }
        if length.is_some_and(|length| length > self.core.max_body() as u64) {
            return Err(Rule::TooLarge);
        }
        if storing.vary.selecting(&self.headers).len() > MAX_SELECTING {
            return Err(Rule::VaryTooLong);
        }
        let held = self.hold(tags?.names())?;
        if let Standing::Gone(_) = held.standing(&self.core.ledger) {
            return Err(Rule::Overtaken);
        }
        Ok((storing, held))
    }

    fn plan(
        &self,
        storing: Storing,
        held: Held,
        facts: &ResponseFacts,
        headers: &HeaderMap,
        arrival: Arrival,
    ) -> Plan {
        let shared = !(self.core.settings.rules.private || self.asked.facts.user_in_key);
        Plan {
            core: Arc::clone(&self.core),
            key: self.asked.key.clone(),
            learnt: None,
            selecting: storing.vary.selecting(&self.headers),
            head: stored_head(facts.status, headers, &storing),
            initial_age: facts.initial_age(arrival.wall, arrival.delay),
            without: storing.without,
            terms: storing.terms,
            vary: storing.vary,
            date: facts.date,
            part: None,
            held,
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
