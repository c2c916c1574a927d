//! Whether a request has the session that it needs.

use std::sync::Arc;

use crate::session::{
    error::SessionError,
    event::Absence,
    exchange::Exchange,
    handle::SessionInfo,
    record::Record,
    refusal::SessionRefusal,
    state::{Stage, State},
};

type Predicate = dyn Fn(&SessionInfo) -> bool + Send + Sync;

/// What is asked of a session.
#[derive(Clone, Default)]
pub(super) struct Demands {
    pub(super) user: bool,
    pub(super) predicates: Vec<Arc<Predicate>>,
}

impl Demands {
    /// Why the request has no session, or not the one that it needs.
    pub(super) async fn judge(
        &self,
        exchange: &Arc<Exchange>,
    ) -> Result<Result<(), SessionRefusal>, SessionError> {
        let has_unsaved_session = {
            let state = exchange.loaded().await;
            let state = state.inspect_err(|error| exchange.core.counts.failed(error))?;
            let changes = state.changes.as_ref();
            changes.is_some_and(|all| state.live().is_none() || all.renewal.is_some())
        };
        // A layer further out has just logged somebody in: what nobody could save is no session.
        if has_unsaved_session {
            exchange.commit().await?;
        }
        Ok(self.meets(&exchange.state()))
    }

    fn meets(&self, state: &State) -> Result<(), SessionRefusal> {
        let live = match &state.stage {
            Stage::Live(live) => live,
            Stage::Absent(why) => return Err(SessionRefusal::Required(*why)),
            Stage::Unread => return Err(SessionRefusal::Required(Absence::NonePresented)),
        };
        let user = state.record().and_then(Record::user);
        if self.user && user.is_none() {
            return Err(SessionRefusal::NotLoggedIn);
        }
        if self.predicates.is_empty() {
            return Ok(());
        }
        let mut info = SessionInfo::of(&live.key, &live.loaded);
        info.user = user.cloned();
        match self.predicates.iter().all(|holds| holds(&info)) {
            true => Ok(()),
            false => Err(SessionRefusal::NotPermitted),
        }
    }
}

impl Exchange {
    /// Whether the client does better to forget what it has presented.
    pub(super) fn presents_a_dead_id(why: Absence) -> bool {
        match why {
            Absence::Refused(_) | Absence::Unknown => true,
            // It has a new id by now, under the same name, which must not be taken away.
            Absence::Superseded => false,
            // Whoever comes back to where the session was begun can still use it.
            Absence::OtherClient => false,
            // Who has ended it has seen to that.
            Absence::NonePresented | Absence::Ended => false,
        }
    }
}
