//! What a layer, its services and its handles share.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    binding::{Binding, Mismatch},
    error::SessionError,
    event::{Absence, Ending, Listeners, SessionEventKind},
    id::SessionKey,
    record::{How, Life, Moved, Record},
    state::{Live, Stage},
    stats::Counts,
    store::{BoxStore, Loaded, SessionStore, Swapped},
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
    /// What this key leads to, if the store can say so at once.
    pub(super) fn find_now(&self, key: SessionKey) -> Result<Found, SessionError> {
        let mut at = Step::new(key);
        for _ in 0..HOPS {
            let Some(loaded) = self.store.load_now(&at.key) else {
                return Ok(Found::MustAsk);
            };
            match at.found(loaded?, self.grace) {
                Ok(found) => return Ok(found),
                Err(next) => at = next,
            }
        }
        Ok(Found::Nothing)
    }

    /// What this key leads to.
    pub(super) async fn find(&self, key: SessionKey) -> Result<Found, SessionError> {
        let mut at = Step::new(key);
        for _ in 0..HOPS {
            let loaded = self.load(&at.key).await?;
            match at.found(loaded, self.grace) {
                Ok(found) => return Ok(found),
                Err(next) => at = next,
            }
        }
        Ok(Found::Nothing)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, SessionError> {
        let loaded = match self.store.load_now(key) {
            Some(loaded) => loaded,
            None => self.store.load(key).await,
        };
        Ok(loaded?)
    }

    /// Ends the session that was this under the key, also when it has moved a moment ago. Whether there was one. The notes
    /// that lead to it stay: who has to try again finds the way again.
    pub(super) async fn end(
        &self,
        key: SessionKey,
        mut known: Loaded,
        why: Ending,
    ) -> Result<bool, SessionError> {
        let mut at = key;
        for _ in 0..HOPS {
            while known.record.moved.is_none() {
                match self.store.swap(&at, known.version, None).await? {
                    Swapped::Changed(changed) => known = changed,
                    Swapped::Removed => {
                        let kind = SessionEventKind::Destroyed(why);
                        self.happened(kind, Some((&at, &known.record)));
                        return Ok(true);
                    }
                    Swapped::Stored(_) | Swapped::Gone | Swapped::NoRoom => return Ok(false),
                }
            }
            let Some(to) = known.record.moved.and_then(Moved::for_who_had_it) else {
                return Ok(false);
            };
            let Some(loaded) = self.load(&to).await? else {
                return Ok(false);
            };
            (at, known) = (to, loaded);
        }
        Ok(false)
    }

    /// The same for one of which nothing is known but the key.
    pub(super) async fn end_key(&self, key: SessionKey, why: Ending) -> Result<bool, SessionError> {
        match self.load(&key).await? {
            Some(known) => self.end(key, known, why).await,
            None => Ok(false),
        }
    }

    /// A client has come with the id of a session that is bound to another one.
    pub(super) async fn other_client(&self, live: Live) -> Result<Stage, SessionError> {
        let absence = self.refuse(Absence::OtherClient);
        match self.binding.mismatch {
            Mismatch::Flag => Ok(Stage::Live(live)),
            Mismatch::Refuse => Ok(absence),
            Mismatch::End => {
                let Live { key, loaded, .. } = live;
                self.end(key, loaded, Ending::OtherClient).await?;
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

/// What a key leads to.
pub(super) enum Found {
    Live(Live),
    Nothing,
    /// It led to a session until a moment ago.
    Superseded,
    /// The store cannot say so at once.
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
    fn found(self, loaded: Option<Loaded>, grace: Duration) -> Result<Found, Self> {
        let Self { key, alias } = self;
        let Some(loaded) = loaded else {
            return Ok(Found::Nothing);
        };
        match loaded.record.moved {
            None => Ok(Found::Live(Live { key, alias, loaded })),
            Some(moved) if moved.how == How::Periodic => Err(Self {
                key: moved.to,
                alias: alias.or(Some(key)),
            }),
            Some(_) if loaded.now.since(loaded.record.created) < grace => Ok(Found::Superseded),
            Some(_) => Ok(Found::Nothing),
        }
    }
}
