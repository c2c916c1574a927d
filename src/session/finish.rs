//! What becomes of the session, and of the response, when the handler has answered.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::{
    change::{Change, Renewal},
    core::Core,
    error::SessionError,
    exchange::{Exchange, Line},
    refusal::{SessionRefusal, answer},
    response,
    state::{Live, State},
    store::SessionStore,
    user::UserId,
};
use crate::{principal::Principal, wire::body::ResponseBody};

/// A part of the idle time: activity is written down that often at most.
const TOUCHES: u32 = 10;

impl Exchange {
    /// Saves, renews and touches what there is, until nothing is left to do. Then nothing is accepted any more.
    pub(super) async fn settle(self: Arc<Self>) -> (Result<(), SessionError>, Line) {
        let _alone = self.alone().await;
        let settled = self.settle_alone().await;
        let line = self.close_with(&mut self.state());
        (settled, line)
    }

    async fn settle_alone(&self) -> Result<(), SessionError> {
        let before = self.state().live().cloned();
        let is_asked_for = self.state().changes.is_some();
        if let Some(live) = &before {
            self.confirm(live).await;
            self.state().renew_if_due(&self.core, live);
        }
        match self.save().await {
            Err(error) if !is_asked_for && !error.is_ended() => self.put_off(),
            saved => saved?,
        }
        let now = self.state().live().map(|live| live.loaded.version);
        if let Some(live) = before.filter(|live| Some(live.loaded.version) == now) {
            self.core.touch(&live).await;
        }
        Ok(())
    }

    /// What was to be done by the way is left to the next request.
    fn put_off(&self) {
        let mut state = self.state();
        state.announce = state.in_doubt().or(state.announce.take());
        state.changes = None;
        self.core.counts.untouched();
    }

    /// The client has shown the id that it got when the session was renewed by the way.
    async fn confirm(&self, live: &Live) {
        let (Some(old), None) = (live.loaded.record.unconfirmed, live.alias) else {
            return;
        };
        // Where that fails, the next request will do it.
        if self.core.confirm(live, old).await.is_ok() {
            let mut state = self.state();
            state.draft(|| self.blank()).unconfirmed = None;
            state.changes().log.push(Change::Confirmed(old));
        }
    }

    /// Who the request comes from, for those further in: None where that is nobody in particular.
    pub(super) async fn principal(&self) -> Result<Option<Principal>, SessionError> {
        let state = self.loaded_unseen().await?;
        let principal = state.live().map(|live| {
            let user = live.loaded.record.user();
            let principal = user.map_or_else(Principal::anonymous, UserId::to_principal);
            principal.with_session(live.key.handle().to_string())
        });
        Ok(principal)
    }

    /// The answer to a request that cannot do without a session which cannot be loaded.
    pub(super) fn refuse(&self, error: &SessionError) -> Response<Bytes> {
        self.core.counts.failed(error);
        refusal(error)
    }

    /// What the response says of it, or what it is replaced by where the session could not be saved.
    pub(super) fn finish<B>(
        &self,
        saved: Result<(), SessionError>,
        line: Line,
        response: Response<B>,
    ) -> Response<ResponseBody<B>> {
        let mut response = match saved {
            Err(error) if !error.is_ended() => refusal(&error).map(ResponseBody::refused),
            _ => response.map(ResponseBody::passed),
        };
        let headers = response.headers_mut();
        if self.is_seen() {
            response::personal(headers, self.core.transport.field());
        }
        if let Some((name, value)) = line {
            headers.append(name, value);
            response::sets_id(headers);
        }
        response
    }
}

impl Core {
    /// Whether something is due that has nothing to do with what handlers have changed.
    pub(super) fn has_upkeep(&self, state: &State) -> bool {
        let due = |live: &Live| {
            live.is_to_be_touched() || live.is_unconfirmed() || self.is_renewal_due(live)
        };
        state.live().is_some_and(due)
    }

    /// Whether it is time for another id: for the client has had this one long enough, or it never got the last one.
    fn is_renewal_due(&self, live: &Live) -> bool {
        let record = &live.loaded.record;
        let age = live.loaded.now.since(record.renewed);
        let got_lost = live.alias.is_some() && record.unconfirmed.is_some() && age >= self.grace;
        got_lost || self.renew_every.is_some_and(|every| age >= every)
    }

    /// Writes down that the session is used. Where that fails, the next request will do it.
    async fn touch(&self, live: &Live) {
        if live.is_to_be_touched() && self.store.touch(&live.key).await.is_err() {
            self.counts.untouched();
        }
    }
}

impl Live {
    fn is_to_be_touched(&self) -> bool {
        let idle = self.loaded.record.life.idle;
        let since = self.loaded.now.since(self.loaded.seen);
        idle.is_some_and(|idle| since >= idle / TOUCHES)
    }

    fn is_unconfirmed(&self) -> bool {
        self.alias.is_none() && self.loaded.record.unconfirmed.is_some()
    }
}

impl State {
    fn renew_if_due(&mut self, core: &Core, live: &Live) {
        let wanted = self.changes.as_ref().map(|changes| &changes.renewal);
        let is_wanted = wanted.is_some_and(Renewal::is_some);
        if !is_wanted && self.live().is_some() && core.is_renewal_due(live) {
            let changes = self.changes();
            changes.renewal = Renewal::Periodic;
            // What handlers have seen knows nothing of that.
            changes.draft = None;
        }
    }

    /// How long the client is to keep the id beyond the end of the browser, if it is.
    pub(super) fn max_age(&self) -> Option<Duration> {
        let live = self.live()?;
        let record = &live.loaded.record;
        let left = record.life.absolute.map(|life| {
            let ends = record.created() + life;
            ends.since(live.loaded.now)
        });
        record.persistent.then(|| left.unwrap_or(Duration::MAX))
    }
}

/// The response in place of that of a handler whose changes could not be saved.
pub(super) fn refusal(error: &SessionError) -> Response<Bytes> {
    let why = SessionRefusal::of(error);
    let mut response = answer(error.status(), &error.to_string(), why);
    if error.status() == http::StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}
