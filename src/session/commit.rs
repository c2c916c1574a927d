//! How changes get into the store.
//!
//! A session is never written, it is exchanged for what it was when it was read; where somebody else was faster, the
//! changes are made again on what is there now. So no request undoes what another one did, and none brings back what
//! has ended.

use std::sync::Arc;

use super::{
    begun::to_the_end,
    change::Renewal,
    core::{Core, HOPS},
    error::{Kind, SessionError},
    event::{Absence, Ending, SessionEventKind},
    exchange::Exchange,
    id::{SessionId, SessionKey},
    job::{Job, writer},
    record::{How, Record},
    state::{Live, Stage, State},
    store::{Admission, Created, SessionStore, Swapped},
};

/// So often the changes are made again.
const TIMES: usize = 5;
/// So many sessions of a user are ended for a new one, while others log in at the same time.
const DISPLACED: usize = 64;

/// What has been saved.
pub(super) struct Saved {
    /// None if there was nothing worth a session.
    pub(super) live: Option<Live>,
    pub(super) id: Option<SessionId>,
}

impl Exchange {
    /// Saves what has been changed until now, and goes on with that if nobody waits for it any more.
    pub(super) async fn commit(self: &Arc<Self>) -> Result<(), SessionError> {
        if self.try_save() {
            return Ok(());
        }
        let exchange = Arc::clone(self);
        to_the_end(async move {
            let _alone = exchange.alone().await;
            exchange.save().await
        })
        .await
    }

    /// Saves what there is if that is all that is to be done, and the store has done it at once: nearly always, where it
    /// is in memory. Whether nothing is left to be saved.
    pub(super) fn save_now(&self, state: &mut State) -> bool {
        let State { stage, changes, .. } = state;
        let Some(waiting) = changes else {
            return true;
        };
        let (Stage::Live(live), true) = (stage, waiting.are_all()) else {
            return false;
        };
        let Some(mut record) = waiting.draft.take() else {
            return false;
        };
        if record != live.loaded.record {
            let writer = writer();
            Arc::make_mut(&mut record).sign(writer);
            let version = live.loaded.version;
            // What handlers see stays what it is, whatever becomes of it in the store.
            waiting.draft = Some(Arc::clone(&record));
            match self.core.store.swap_now(&live.key, version, record) {
                Ok(Ok(Swapped::Stored(loaded))) => live.loaded = loaded,
                // It is told once more to who can wait.
                Ok(Ok(_)) => return false,
                Ok(Err(_)) => {
                    waiting.tried(writer);
                    return false;
                }
                Err(_) => return false,
            }
        }
        *changes = None;
        true
    }

    /// Saves what there is. Nobody changes anything meanwhile.
    pub(super) async fn save(&self) -> Result<(), SessionError> {
        let Some(mut job) = self.take_job() else {
            return Ok(());
        };
        match self.core.carry_out(&mut job).await {
            Ok(saved) => {
                self.saved(saved);
                Ok(())
            }
            Err(error) => {
                self.failed(job, &error);
                Err(error)
            }
        }
    }

    /// All that is to be saved.
    fn take_job(&self) -> Option<Job<'_>> {
        let mut state = self.state();
        let changes = state.changes.take()?;
        Some(Job {
            exchange: self,
            live: state.live().cloned(),
            changes,
            writer: writer(),
        })
    }

    fn saved(&self, saved: Saved) {
        let mut state = self.state();
        if let Some(live) = saved.live {
            state.stage = Stage::Live(live);
        }
        if saved.id.is_some() {
            state.announce = saved.id;
            state.retract = false;
            self.core.begin_sweeping();
        }
    }

    /// What was to be saved is kept, for another try; not where there is no session to save it to.
    fn failed(&self, mut job: Job<'_>, error: &SessionError) {
        self.core.counts.failed(error);
        if !error.is_ended() {
            job.keep_for_another_try(error);
        }
        let mut state = self.state();
        if error.is_ended() {
            state.stage = Stage::Absent(match error.is_superseded() {
                true => Absence::Superseded,
                false => Absence::Ended,
            });
            // Whoever has logged in meanwhile has a new id, which must not be taken away.
            state.retract = !error.is_superseded();
            state.announce = None;
            return;
        }
        if let Some(live) = job.live {
            state.stage = Stage::Live(live);
        }
        state.changes = Some(job.changes);
    }
}

impl Core {
    async fn carry_out(&self, job: &mut Job<'_>) -> Result<Saved, SessionError> {
        if let Some(saved) = self.go_on(job).await? {
            return Ok(saved);
        }
        match job.live.clone() {
            // Seldom, and large: what every save carries around should not be.
            None => Box::pin(self.create(job)).await,
            Some(live) if job.changes.renewal.is_some() => Box::pin(self.renew(job, live)).await,
            Some(live) => self.replace(job, live).await,
        }
    }

    /// A session where there was none: for what is worth one.
    pub(super) async fn create(&self, job: &mut Job<'_>) -> Result<Saved, SessionError> {
        let record = job.record_on(job.exchange.blank())?;
        if record.is_empty() {
            return Ok(Saved::nothing());
        }
        let (id, live) = self.store_new(job, record, None).await?;
        let session = Some((&live.key, &*live.loaded.record));
        self.happened(SessionEventKind::Created, session);
        Ok(Saved::with_new_id(id, live))
    }

    /// Stores a record under a new id.
    pub(super) async fn store_new(
        &self,
        job: &mut Job<'_>,
        record: Record,
        instead_of: Option<SessionKey>,
    ) -> Result<(SessionId, Live), SessionError> {
        let logs_in = matches!(job.changes.renewal, Renewal::Login(_));
        let record = job.signed(record);
        let admission = Admission {
            cap: self.cap.filter(|_| logs_in),
            instead_of,
        };
        for _ in 0..DISPLACED {
            let id = SessionId::random()?;
            let key = id.key();
            job.issue(&id, false);
            let created = self.store.create(&key, record.clone(), &admission).await?;
            job.changes.issued = None;
            match created {
                Created::Stored(loaded) => {
                    job.issue(&id, true);
                    let alias = None;
                    return Ok((id, Live { key, alias, loaded }));
                }
                Created::Taken => {}
                Created::NoRoom => return Err(Kind::NoRoom.into()),
                Created::TooMany { .. } if self.refuse_beyond_cap => {
                    return Err(Kind::TooMany.into());
                }
                Created::TooMany { oldest } => {
                    self.end_key(oldest, Ending::Displaced).await?;
                }
            }
        }
        Err(Kind::Conflict.into())
    }

    /// The session with the changes, in place of what it was.
    pub(super) async fn replace(
        &self,
        job: &mut Job<'_>,
        mut live: Live,
    ) -> Result<Saved, SessionError> {
        let mut record = job.take_record(&live)?;
        for _ in 0..=TIMES {
            if record == *live.loaded.record {
                return Ok(Saved::as_before(live));
            }
            let (key, version) = (live.key, live.loaded.version);
            let record_to_be = Some(Arc::new(job.signed(record)));
            match self.store.swap(&key, version, record_to_be).await? {
                Swapped::Stored(loaded) => return Ok(Saved::as_before(Live { loaded, ..live })),
                Swapped::Changed(loaded) => live = self.follow(Live { loaded, ..live }).await?,
                Swapped::Removed | Swapped::Gone => return Err(SessionError::ended()),
                Swapped::NoRoom => return Err(Kind::NoRoom.into()),
            }
            self.counts.replayed();
            record = job.rebuilt(&live)?;
        }
        Err(Kind::Conflict.into())
    }

    /// The session itself, if what stands under its key is by now the note that it has moved, however often.
    pub(super) async fn follow(&self, mut live: Live) -> Result<Live, SessionError> {
        for _ in 0..=HOPS {
            let Some(moved) = live.loaded.record.moved else {
                return Ok(live);
            };
            // Nothing leads on from an id that was changed on purpose.
            let alias = live.alias.or(Some(live.key));
            let alias = alias.filter(|_| moved.how == How::Periodic);
            let to = moved.for_who_had_it();
            let key = to.ok_or_else(|| SessionError::from(Kind::Superseded))?;
            let loaded = self
                .store
                .load(&key)
                .await?
                .ok_or_else(SessionError::ended)?;
            live = Live { key, alias, loaded };
        }
        Err(Kind::Conflict.into())
    }
}

impl Saved {
    fn nothing() -> Self {
        Self {
            live: None,
            id: None,
        }
    }

    fn as_before(live: Live) -> Self {
        Self {
            live: Some(live),
            id: None,
        }
    }

    pub(super) fn with_new_id(id: SessionId, live: Live) -> Self {
        Self {
            live: Some(live),
            id: Some(id),
        }
    }
}
