//! What a layer, its services and its handles share.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    binding::{Binding, Mismatch},
    error::SessionError,
    event::{Absence, Ending, Listeners, SessionEventKind},
    exchange::{Live, Stage},
    id::SessionKey,
    record::{How, Life, Record},
    stats::Counts,
    store::{BoxStore, Loaded, SessionStore},
    transport::Transport,
};
use crate::peer::ClientIp;

/// How often a session may have moved while a request with its first id was on its way.
const HOPS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Core {
    pub(super) store: BoxStore,
    pub(super) transport: Transport,
    pub(super) life: Life,
    /// How long an id that was renewed by the way still leads to its session.
    pub(super) grace: Duration,
    pub(super) renew_every: Option<Duration>,
    pub(super) cap: Option<NonZeroU32>,
    pub(super) refuse_beyond_cap: bool,
    pub(super) binding: Binding,
    pub(super) client_ip: ClientIp,
    /// Whether who comes is to be known further in.
    pub(super) identifies: bool,
    pub(super) listeners: Listeners,
    pub(super) counts: Arc<Counts>,
}

impl Core {
    /// The session that this key leads to.
    pub(super) async fn find(&self, key: SessionKey) -> Result<Option<Live>, SessionError> {
        let mut live = (key, None);
        for _ in 0..HOPS {
            let (key, alias) = live;
            let Some(loaded) = self.load(&key).await? else {
                return Ok(None);
            };
            match loaded.record.moved {
                None => return Ok(Some(Live { key, alias, loaded })),
                Some(moved) if moved.how == How::Periodic => {
                    live = (moved.to, alias.or(Some(key)));
                }
                Some(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, SessionError> {
        let loaded = match self.store.load_now(key) {
            Some(loaded) => loaded,
            None => self.store.load(key).await,
        };
        Ok(loaded?)
    }

    /// Ends the session that has this key, also when it has moved a moment ago. Whether there was one.
    pub(super) async fn end(&self, key: SessionKey, why: Ending) -> Result<bool, SessionError> {
        let mut at = key;
        for _ in 0..HOPS {
            let Some(loaded) = self.store.remove(&at).await? else {
                return Ok(false);
            };
            let Some(moved) = loaded.record.moved else {
                let kind = SessionEventKind::Destroyed(why);
                self.happened(kind, Some((&at, &loaded.record)));
                return Ok(true);
            };
            match moved.for_who_had_it() {
                Some(to) => at = to,
                None => return Ok(false),
            }
        }
        Ok(false)
    }

    /// A client has come with the id of a session that is bound to another one.
    pub(super) async fn other_client(&self, live: Live) -> Result<Stage, SessionError> {
        let absence = self.refuse(Absence::OtherClient);
        match self.binding.mismatch {
            Mismatch::Flag => Ok(Stage::Live(live)),
            Mismatch::Refuse => Ok(absence),
            Mismatch::End => {
                self.end(live.key, Ending::OtherClient).await?;
                Ok(absence)
            }
        }
    }

    pub(super) fn refuse(&self, why: Absence) -> Stage {
        self.happened(SessionEventKind::Refused(why), None);
        Stage::Absent(why)
    }

    /// Counts it, and tells those who want to know.
    pub(super) fn happened(&self, kind: SessionEventKind, session: Option<(&SessionKey, &Record)>) {
        self.counts.happened(kind);
        tracing::debug!(
            ?kind,
            session = session.map(|(key, _)| tracing::field::debug(key)),
            "session"
        );
        self.listeners.tell(kind, session);
    }
}
