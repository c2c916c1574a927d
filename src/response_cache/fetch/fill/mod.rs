//! A response on its way into the store: what passes to its readers is recorded and, once complete, kept.

pub(crate) mod budget;
pub(crate) mod growing;
mod reader;
mod state;
#[cfg(test)]
mod tests;
mod wakers;

pub(crate) use self::{
    reader::Reader,
    state::{Lost, Window},
};

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body::Frame;

use super::{in_flight::next_id, news::News};
use crate::{
    clock::Moment,
    flight::Landing,
    header::{connection, quota},
    key::Key,
    ledger::Held,
    personal::Personal,
    response_cache::{
        core::Core,
        policy::{
            Rule,
            storable::Terms,
            vary::{Selecting, Vary},
        },
        stored::{
            entry::Entry,
            head::{Head, compact},
            parts::{Parts, Span},
            resource,
            search::Learnt,
        },
    },
};

/// A response that is being recorded. Dropped before its end, it leaves nothing behind.
pub(crate) struct Fill {
    plan: Option<Plan>,
    /// How much of the body has come.
    length: usize,
    trailers: Option<Box<HeaderMap>>,
}

/// All that an entry needs beside its body.
pub(crate) struct Plan {
    pub(crate) core: Arc<Core>,
    pub(crate) key: Key,
    /// What the response teaches about its path's query.
    pub(crate) learnt: Option<Learnt>,
    pub(crate) selecting: Selecting,
    pub(crate) head: Head,
    pub(crate) terms: Terms,
    pub(crate) vary: Vary,
    pub(crate) date: i64,
    pub(crate) held: Held,
    pub(crate) arrived: Moment,
    pub(crate) initial_age: Duration,
    /// Which part of the content it is, if it is one.
    pub(crate) part: Option<Span>,
    /// The length that the response announced.
    pub(crate) length: Option<u64>,
    /// Fields that are left out of what is stored.
    pub(crate) without: Vec<HeaderName>,
    /// Whether trailers were announced, so that the length does not end the response.
    pub(crate) trailers_announced: bool,
    /// The marker to ask before the response is shared; `None` if it is stored for one user alone.
    pub(crate) personal: Option<Personal>,
}

impl Fill {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan: Some(plan),
            length: 0,
            trailers: None,
        }
    }

    /// Notes a frame. `false` once recording makes no sense any more.
    fn push(&mut self, frame: &Frame<Bytes>) -> bool {
        let Some(plan) = &self.plan else { return false };
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(Box::new(stored_trailers(plan, trailers)));
            return true;
        }
        self.length += frame.data_ref().map_or(0, Bytes::len);
        let length = self.length as u64;
        let given_up = if self.length > plan.core.max_body() {
            Rule::TooLarge
        } else if plan.length.is_some_and(|announced| length > announced) {
            Rule::Incomplete
        } else if plan.personal.as_ref().is_some_and(Personal::is_marked) {
            Rule::Personal
        } else {
            return true;
        };
        self.abandon(given_up);
        false
    }

    /// Whether the announced length is reached and nothing more can come.
    fn is_complete(&self) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| plan.length == Some(self.length as u64) && !plan.trailers_announced)
    }

    /// The body has ended: keeps what came, if that is all of it. Returns it as it is kept. Until it is kept,
    /// newcomers find it where it `landed`.
    fn end(mut self, body: &[Bytes], landed: Option<Landing<News>>) -> Option<Bytes> {
        let plan = self.plan.take()?;
        let length = self.length as u64;
        // RFC 9111 3.3: a truncated body never becomes a complete entry.
        let refused = if plan.length.is_some_and(|announced| announced != length) {
            Some(Rule::Incomplete)
        } else if plan
            .personal
            .as_ref()
            .is_some_and(|personal| !personal.share())
        {
            Some(Rule::Personal)
        } else {
            None
        };
        if let Some(rule) = refused {
            plan.core.stats.not_stored(rule);
            return None;
        }
        // An exact allocation: what a buffer has to spare would be held as long as the entry.
        let body = Bytes::from(body.concat().into_boxed_slice());
        keep(plan, body.clone(), self.trailers.take(), landed);
        Some(body)
    }

    /// The readers left. One that knows the length need not have asked for the end.
    fn left(self, body: &[Bytes], landed: Option<Landing<News>>) {
        if self.is_complete() {
            self.end(body, landed);
        }
    }

    /// The body broke off.
    fn fail(mut self) {
        self.abandon(Rule::Incomplete);
    }

    /// There is no room for it on its way.
    fn over_budget(mut self) {
        self.abandon(Rule::FillBudget);
    }

    fn abandon(&mut self, rule: Rule) {
        if let Some(plan) = self.plan.take() {
            plan.core.stats.not_stored(rule);
        }
    }
}

impl Drop for Fill {
    fn drop(&mut self) {
        self.abandon(Rule::Incomplete);
    }
}

/// What of the trailers is stored: as little as of the head. A cookie does not belong there (RFC 9110 6.5.1).
fn stored_trailers(plan: &Plan, trailers: &HeaderMap) -> HeaderMap {
    let mut trailers = trailers.clone();
    connection::remove_hop_by_hop(&mut trailers);
    trailers.remove(header::SET_COOKIE);
    let of_a_quota = trailers.keys().filter(|name| quota::is_of_a_quota(name));
    let of_a_quota: Vec<HeaderName> = of_a_quota.cloned().collect();
    for name in plan.without.iter().chain(&of_a_quota) {
        trailers.remove(name);
    }
    compact(&trailers)
}

/// What of the content is kept, whole or as the part that it is. One part can be the whole.
fn content(
    core: &Core,
    part: Option<Span>,
    head: &mut Head,
    body: Bytes,
) -> (Bytes, Option<Box<Parts>>) {
    match part {
        Some(span) if span.length() < span.complete => {
            (Bytes::new(), Some(Box::new(Parts::one(span, body))))
        }
        part => {
            if part.is_some() {
                head.status = StatusCode::OK;
            }
            core.settings.etag.add_to(head, &body);
            (body, None)
        }
    }
}

fn keep(plan: Plan, body: Bytes, trailers: Option<Box<HeaderMap>>, landed: Option<Landing<News>>) {
    let Plan {
        core,
        key,
        learnt,
        selecting,
        mut head,
        terms,
        vary,
        date,
        held,
        arrived,
        initial_age,
        part,
        ..
    } = plan;
    let (body, parts) = content(&core, part, &mut head, body);
    let entry = Entry {
        key: key.as_bytes().into(),
        id: next_id(),
        head,
        body,
        trailers,
        parts,
        terms,
        vary,
        date,
        held,
        arrived,
        initial_age,
        contradicted: false,
    };
    if entry.is_gone(&core.ledger) {
        core.stats.not_stored(Rule::Overtaken);
        return;
    }
    let background = core.background.clone();
    background.run(async move {
        let retain = entry.retention();
        resource::store(&core, &key, entry, &selecting).await;
        drop(landed);
        if let Some(learnt) = learnt
            && learnt.keep(&core, retain).await.is_err()
        {
            core.stats.store_failed();
        }
    });
}
