//! What a layer, its services and its handles share.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    binding::{Binding, Mismatch},
    error::SessionError,
    event::{Absence, Ending, Listeners, SessionEventKind},
    id::SessionKey,
    record::{How, Life, Record},
    state::{Live, Stage},
    stats::Counts,
    store::{BoxStore, Loaded, SessionStore},
    sweeper::Sweeper,
    transport::Transport,
};
use crate::{
    clock::Clock,
    peer::ClientIp,
    stats::{STRIPES, stripe},
};

/// How often a session may have moved while a request with its first id was on its way.
pub(super) const HOPS: usize = 4;

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
    pub(super) sweeper: Arc<Sweeper>,
    pub(super) clock: Clock,
}

/// Copies of what a layer's services share, one for each of some threads: a request holds one, and two threads that
/// count what they hold at the same place wait for one another.
#[derive(Clone, Debug)]
pub(super) struct Cores(Arc<[Arc<Core>; STRIPES]>);

impl Cores {
    pub(super) fn new(core: &Core) -> Self {
        Self(Arc::new(std::array::from_fn(|_| Arc::new(core.clone()))))
    }

    /// This thread's.
    #[inline]
    pub(super) fn own(&self) -> &Arc<Core> {
        &self.0[stripe()]
    }
}

impl Core {
    /// The session that this key leads to, if the store can say so at once.
    pub(super) fn find_now(&self, key: SessionKey) -> Result<Found, SessionError> {
        let mut at = Step::new(key);
        for _ in 0..HOPS {
            let Some(loaded) = self.store.load_now(&at.key) else {
                return Ok(Found::MustAsk);
            };
            match at.found(loaded?) {
                Ok(live) => return Ok(live.map_or(Found::Nothing, Found::Live)),
                Err(next) => at = next,
            }
        }
        Ok(Found::Nothing)
    }

    /// The session that this key leads to.
    pub(super) async fn find(&self, key: SessionKey) -> Result<Option<Live>, SessionError> {
        let mut at = Step::new(key);
        for _ in 0..HOPS {
            let loaded = match self.store.load_now(&at.key) {
                Some(loaded) => loaded?,
                None => self.store.load(&at.key).await?,
            };
            match at.found(loaded) {
                Ok(live) => return Ok(live),
                Err(next) => at = next,
            }
        }
        Ok(None)
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
        self.counts.happened(kind, self.clock.now());
        tracing::debug!(
            ?kind,
            session = session.map(|(key, _)| tracing::field::debug(key)),
            "session"
        );
        self.listeners.tell(kind, session);
    }
}

/// What a store has said at once.
pub(super) enum Found {
    Live(Live),
    Nothing,
    MustAsk,
}

/// A step on the way from the id that a client has to the session.
struct Step {
    key: SessionKey,
    alias: Option<SessionKey>,
}

impl Step {
    fn new(key: SessionKey) -> Self {
        Self { key, alias: None }
    }

    /// What is here, or the next step.
    fn found(self, loaded: Option<Loaded>) -> Result<Option<Live>, Self> {
        let Self { key, alias } = self;
        let Some(loaded) = loaded else {
            return Ok(None);
        };
        match loaded.record.moved {
            None => Ok(Some(Live { key, alias, loaded })),
            Some(moved) if moved.how == How::Periodic => Err(Self {
                key: moved.to,
                alias: alias.or(Some(key)),
            }),
            Some(_) => Ok(None),
        }
    }
}
