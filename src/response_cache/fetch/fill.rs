//! A response on its way into the store: what passes to the reader is copied and, once complete, kept.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use http_body::Frame;

use super::in_flight::{Ticket, next_id};
use crate::{
    clock::Moment,
    header::connection,
    key::Key,
    personal::Personal,
    response_cache::{
        core::Core,
        policy::{
            Rule,
            storable::Terms,
            vary::{Selecting, Vary},
        },
        stored::{entry::Entry, head::Head, resource, search::Learnt},
    },
};

/// A response that is being recorded. Dropped before its end, it leaves nothing behind.
pub(crate) struct Fill {
    plan: Option<Plan>,
    body: Vec<u8>,
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
    pub(crate) began: u64,
    /// Held until the response is stored or given up.
    pub(crate) ticket: Ticket,
    pub(crate) arrived: Moment,
    pub(crate) initial_age: Duration,
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
            body: Vec::new(),
            trailers: None,
        }
    }

    /// Records a frame. `false` once recording makes no sense any more.
    pub(crate) fn push(&mut self, frame: &Frame<Bytes>) -> bool {
        let Some(plan) = &self.plan else { return false };
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(Box::new(stored_trailers(plan, trailers)));
            return true;
        }
        let data = frame.data_ref().map_or(&[][..], |data| data);
        let length = self.body.len() + data.len();
        if length > plan.core.max_body() {
            self.abandon(Rule::TooLarge);
            return false;
        }
        if plan
            .length
            .is_some_and(|announced| length as u64 > announced)
        {
            self.abandon(Rule::Incomplete);
            return false;
        }
        if plan.personal.as_ref().is_some_and(Personal::is_marked) {
            self.abandon(Rule::Personal);
            return false;
        }
        if self.body.is_empty()
            && let Some(announced) = plan.length
        {
            self.body.reserve_exact(
                usize::try_from(announced)
                    .unwrap_or(length)
                    .min(plan.core.max_body()),
            );
        }
        self.body.extend_from_slice(data);
        true
    }

    /// Whether the announced length is reached and nothing more can come.
    fn is_complete(&self) -> bool {
        let plan = self.plan.as_ref();
        plan.is_some_and(|plan| {
            plan.length == Some(self.body.len() as u64) && !plan.trailers_announced
        })
    }

    /// The body has ended: keeps what was recorded, if that is all of it.
    pub(crate) fn end(mut self) {
        self.finish();
    }

    /// The body broke off.
    pub(crate) fn fail(mut self) {
        self.abandon(Rule::Incomplete);
    }

    fn finish(&mut self) {
        let Some(plan) = self.plan.take() else { return };
        let cut_short = plan
            .length
            .is_some_and(|length| length != self.body.len() as u64);
        // RFC 9111 3.3: a truncated body never becomes a complete entry.
        if cut_short {
            plan.core.stats.not_stored(Rule::Incomplete);
        } else if plan
            .personal
            .as_ref()
            .is_some_and(|personal| !personal.share())
        {
            plan.core.stats.not_stored(Rule::Personal);
        } else {
            keep(plan, std::mem::take(&mut self.body), self.trailers.take());
        }
    }

    fn abandon(&mut self, rule: Rule) {
        if let Some(plan) = self.plan.take() {
            plan.core.stats.not_stored(rule);
        }
        self.body = Vec::new();
    }
}

/// A reader who knows the length may leave without asking for the end.
impl Drop for Fill {
    fn drop(&mut self) {
        if self.is_complete() {
            self.finish();
        }
        self.abandon(Rule::Incomplete);
    }
}

/// What of the trailers is stored: as little as of the head. A cookie does not belong there (RFC 9110 6.5.1).
fn stored_trailers(plan: &Plan, trailers: &HeaderMap) -> HeaderMap {
    let mut trailers = trailers.clone();
    connection::remove_hop_by_hop(&mut trailers);
    trailers.remove(header::SET_COOKIE);
    for name in &plan.without {
        trailers.remove(name);
    }
    Head::compact(plan.head.status, &trailers).headers
}

fn keep(plan: Plan, body: Vec<u8>, trailers: Option<Box<HeaderMap>>) {
    let Plan {
        core,
        key,
        learnt,
        selecting,
        mut head,
        terms,
        vary,
        date,
        began,
        ticket,
        arrived,
        initial_age,
        ..
    } = plan;
    // An exact allocation: capacity that a buffer grew to would be held as long as the entry.
    let body = Bytes::from(body.into_boxed_slice());
    core.settings.etag.add_to(&mut head, &body);
    let head = head.with_room();
    let entry = Entry {
        key: key.as_bytes().into(),
        id: next_id(),
        head,
        body,
        trailers,
        terms,
        vary,
        date,
        began,
        arrived,
        initial_age,
        contradicted: false,
    };
    let background = core.background.clone();
    background.run(async move {
        let retain = entry.retention();
        resource::store(&core, &key, entry, &selecting).await;
        drop(ticket);
        if let Some(learnt) = learnt
            && learnt.keep(&core, retain).await.is_err()
        {
            core.stats.store_failed();
        }
    });
}
