//! Passing the inner service's response on, and storing it if it may be.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body::Body;

use super::{
    admission::{Admission, announced_length},
    exchange::{Arrival, Exchange},
    fill::{Fill, Plan, Reader, growing::Growing},
    news::Arriving,
};
use crate::{
    error::BoxError,
    header::{connection::HopByHop, date, quota},
    ledger::{Held, Standing},
    response_cache::{
        CachePolicy,
        answer::body::{Plain, ResponseBody},
        policy::{
            Decision, Rule, Trail,
            freshness::ResponseFacts,
            storable::{Storing, is_newer_content, supersedes},
            vary::Vary,
        },
        stored::{head::Head, parts::Span, search, tags::Tags},
    },
};

/// Fields that speak of a part and not of the whole (RFC 9110 14.4, 8.6; RFC 9530 2).
const OF_A_PART: [HeaderName; 4] = [
    header::CONTENT_RANGE,
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
];

impl Exchange {
    /// Passes a response on, and stores it if it may be.
    pub(crate) async fn accept<R>(
        mut self: Box<Self>,
        mut response: Response<R>,
    ) -> Response<ResponseBody<R>>
    where
        R: Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        if response.status().is_informational() {
            return response.map(ResponseBody::passed);
        }
        let arrival = self.arrival();
        add_vary(&mut response);
        if let Some((fields, policy)) = self.head_news(&response) {
            Box::pin(self.learn_from_head(fields, policy, arrival)).await;
        }
        let tags = self.tags(response.headers(), response.extensions().get());
        self.core.strip_tags(response.headers_mut());
        let facts = self.facts(response.status(), response.headers(), arrival);
        // Read before: without one it is the time of arrival, which need not be read again.
        add_date(response.headers_mut(), arrival.wall);
        let length = announced_length(&response);
        let (verdict, trail) = self.verdict(&facts, &response, length, &tags);
        self.keep_from_others(response.headers_mut());
        let reason = verdict.as_ref().err().copied().unwrap_or(Rule::Stored);
        let age = facts.initial_age(arrival.wall, arrival.delay);
        let stored = verdict.as_ref().ok();
        let ttl = stored.map(|(storing, _)| storing.terms.ttl(age));
        let plan = match verdict {
            Ok((storing, held)) => {
                let fields = self.rekeyed.is_some().then(|| response.headers().clone());
                let headers = response.headers();
                let plan = self.plan(storing, held, &facts, headers, length, arrival);
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
        tags: &Result<Tags, Rule>,
    ) -> (Result<(Storing, Held), Rule>, Trail) {
        let Decision {
            verdict,
            reason,
            trail,
        } = self.admission().decide(
            facts,
            response.headers(),
            response.extensions().get(),
            length,
            tags,
        );
        let storing = verdict.ok_or(reason);
        let held = storing.and_then(|storing| Ok((storing, self.hold_valid(tags)?)));
        let trail = trail.ending_in(&held);
        (held, trail)
    }

    fn admission(&self) -> Admission<'_> {
        Admission {
            core: &self.core,
            request: &self.asked.facts,
            headers: &self.headers,
            target: self.target.as_ref(),
            personal: self.personal.is_marked(),
            overtaken: self.overtaken,
        }
    }

    /// The tags of a response.
    pub(super) fn tags(
        &self,
        headers: &HeaderMap,
        policy: Option<&CachePolicy>,
    ) -> Result<Tags, Rule> {
        self.core.tags_of(&self.asked.key, headers, policy)
    }

    /// Takes the names of what came, unless it was invalidated on its way.
    fn hold_valid(&self, tags: &Result<Tags, Rule>) -> Result<Held, Rule> {
        let tags = tags.as_ref().map_err(|rule| *rule)?;
        let held = self.hold(tags.names())?;
        match held.standing(&self.core.ledger) {
            Standing::Gone(_) => Err(Rule::Overtaken),
            Standing::Valid | Standing::Stale(..) => Ok(held),
        }
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

    fn plan(
        &self,
        storing: Storing,
        held: Held,
        facts: &ResponseFacts,
        headers: &HeaderMap,
        length: Option<u64>,
        arrival: Arrival,
    ) -> Plan {
        let part = self.admission().part_of(facts.status, headers);
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
            part,
            held,
            arrived: arrival.at,
            length: part.map(Span::length).or(length),
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

/// What of a head is stored (RFC 9111 3.1). A quota is that of the client whose request was forwarded, and others must
/// not take it for theirs.
pub(crate) fn stored_head(status: StatusCode, headers: &HeaderMap, storing: &Storing) -> Head {
    let hop_by_hop = HopByHop::of(headers);
    let is_a_part = status == StatusCode::PARTIAL_CONTENT;
    Head::stored(status, headers, |name| {
        hop_by_hop.has(name)
            || quota::is_of_a_quota(name)
            || (is_a_part && OF_A_PART.contains(name))
            || storing.without.contains(name)
    })
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
