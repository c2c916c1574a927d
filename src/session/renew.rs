//! How a session gets another id without being lost.
//!
//! What it was is stored under the new id first, and only then the old id is retired, by an exchange that fails if
//! anything has changed meanwhile: then what is under the new id, which nobody knows yet, is brought up to date. However
//! far that gets, there is always a session that the client can reach.

use super::{
    change::Renewal,
    commit::Saved,
    core::{Core, HOPS},
    error::{Kind, SessionError},
    event::SessionEventKind,
    id::SessionKey,
    job::Job,
    record::{How, Moved, Record},
    state::Live,
    store::{SessionStore, Swapped},
};

/// So often what was changed meanwhile is brought up to date.
const TIMES: usize = 5;

/// What has become of the session under the old id.
enum Retired {
    /// It leads to nobody any more, or to the new one. The session is this.
    Done(Live),
    /// It had ended before.
    Gone,
    /// Another request gave it yet another id.
    Moved(Live),
}

impl Core {
    pub(super) async fn renew(
        &self,
        job: &mut Job<'_>,
        mut old: Live,
    ) -> Result<Saved, SessionError> {
        let mut record = job.take_record(&old)?;
        for _ in 0..=TIMES {
            if job.changes.renewal == Renewal::Periodic {
                record.unconfirmed = Some(old.alias.unwrap_or(old.key));
            }
            let (id, new) = self.store_new(job, record, Some(old.key)).await?;
            match self.retire(job, &old, new.clone()).await {
                Ok(Retired::Done(live)) => {
                    self.renewed(&job.changes.renewal, &live);
                    return Ok(Saved::with_new_id(id, live));
                }
                Ok(Retired::Gone) => return self.without(job, &new).await,
                Ok(Retired::Moved(found)) => old = found,
                // Nobody knows whether the old id is still good: the new one is.
                Err(error) if error.is_store() => return Err(error),
                Err(error) => {
                    self.drop_new(job, &new).await?;
                    return Err(error);
                }
            }
            self.drop_new(job, &new).await?;
            if job.changes.renewal == Renewal::Periodic {
                job.changes.renewal = Renewal::None;
                return self.replace(job, old).await;
            }
            record = job.rebuilt(&old)?;
        }
        Err(Kind::Conflict.into())
    }

    /// What has become of an id that an earlier try was to give: whether that got to its end is not known. What is left
    /// to be saved goes to the session under that id; if there is none, there will be none, and all begins anew.
    pub(super) async fn go_on(&self, job: &mut Job<'_>) -> Result<Option<Saved>, SessionError> {
        let Some(issued) = job.changes.issued.clone() else {
            return Ok(None);
        };
        let key = issued.id.key();
        if !self.has_moved(job.live.as_ref(), key).await? {
            self.store.remove(&key).await?;
            job.changes.issued = None;
            return Ok(None);
        }
        let loaded = self.store.load(&key).await?;
        let loaded = loaded.ok_or_else(SessionError::ended)?;
        let alias = None;
        let new = self.follow(Live { key, alias, loaded }).await?;
        if issued.renewal.is_some() {
            self.renewed(&issued.renewal, &new);
        }
        if job.changes.renewal == issued.renewal {
            job.changes.renewal = Renewal::None;
        }
        job.done(new.clone(), issued.changes);
        job.changes.draft = None;
        if new.key != key {
            // Who has given it yet another one tells the client.
            job.changes.issued = None;
        }
        if job.changes.renewal.is_some() {
            return Box::pin(self.renew(job, new)).await.map(Some);
        }
        let saved = self.replace(job, new).await?;
        let id = job.changes.issued.take().map(|issued| issued.id);
        Ok(Some(Saved { id, ..saved }))
    }

    /// Whether this session is by now the one under this key.
    async fn has_moved(&self, from: Option<&Live>, to: SessionKey) -> Result<bool, SessionError> {
        let Some(mut at) = from.map(|live| live.key) else {
            return Ok(false);
        };
        for _ in 0..=HOPS {
            if at == to {
                return Ok(true);
            }
            let loaded = self.store.load(&at).await?;
            match loaded.and_then(|loaded| loaded.record.moved) {
                None => return Ok(false),
                Some(moved) => at = moved.to,
            }
        }
        Err(Kind::Conflict.into())
    }

    /// There is no session any more that could get another id. Whoever logs in has proven who they are, and needs none.
    async fn without(&self, job: &mut Job<'_>, new: &Live) -> Result<Saved, SessionError> {
        self.drop_new(job, new).await?;
        match job.changes.renewal {
            Renewal::Login(_) => self.create(job).await,
            Renewal::None | Renewal::Periodic | Renewal::Rotate => Err(SessionError::ended()),
        }
    }

    /// Nobody has been told the new id, and nobody will be.
    async fn drop_new(&self, job: &mut Job<'_>, new: &Live) -> Result<(), SessionError> {
        if let Some(issued) = &mut job.changes.issued {
            issued.stored = false;
        }
        self.store.remove(&new.key).await?;
        job.changes.issued = None;
        Ok(())
    }

    /// Ends what the old id stands for.
    async fn retire(
        &self,
        job: &mut Job<'_>,
        old: &Live,
        mut new: Live,
    ) -> Result<Retired, SessionError> {
        let mut version = old.loaded.version;
        for _ in 0..=TIMES {
            let note = self.note(&job.changes.renewal, old, new.key);
            let found = match self
                .store
                .swap(&old.key, version, Some(note.into()))
                .await?
            {
                Swapped::Changed(found) => found,
                Swapped::Stored(_) => {
                    self.lead_on(&job.changes.renewal, old, &new).await?;
                    return Ok(Retired::Done(new));
                }
                Swapped::Removed | Swapped::Gone => return Ok(Retired::Gone),
                Swapped::NoRoom => return Err(Kind::NoRoom.into()),
            };
            version = found.version;
            let base = Live {
                loaded: found,
                ..old.clone()
            };
            match base.loaded.record.moved {
                Some(moved) if moved.to == new.key => return Ok(Retired::Done(new)),
                Some(moved) if moved.how == How::LoggedIn => return Ok(Retired::Gone),
                Some(_) => return Ok(Retired::Moved(self.follow(base).await?)),
                None => new = self.bring_up_to_date(job, &base, new).await?,
            }
        }
        Err(Kind::Conflict.into())
    }

    async fn bring_up_to_date(
        &self,
        job: &mut Job<'_>,
        base: &Live,
        new: Live,
    ) -> Result<Live, SessionError> {
        self.counts.replayed();
        let record = job.rebuilt(base)?;
        let mut record = job.signed(record);
        record.unconfirmed = new.loaded.record.unconfirmed;
        let swapped = self
            .store
            .swap(&new.key, new.loaded.version, Some(record.into()));
        match swapped.await? {
            Swapped::Stored(loaded) => Ok(Live { loaded, ..new }),
            Swapped::NoRoom => Err(Kind::NoRoom.into()),
            // Nobody knows its id: only who ends all sessions of the user can have reached it.
            Swapped::Changed(_) | Swapped::Removed | Swapped::Gone => Err(SessionError::ended()),
        }
    }

    /// What stands where the session was.
    fn note(&self, renewal: &Renewal, old: &Live, to: SessionKey) -> Record {
        let life = old.loaded.record.life;
        let how = match renewal {
            Renewal::Periodic => How::Periodic,
            Renewal::Login(_) => How::LoggedIn,
            Renewal::None | Renewal::Rotate => How::Rotated,
        };
        // Until the client has shown its new id, as the response may get lost; and for slow requests that had the
        // session before.
        let time = life.idle.or(life.absolute);
        Record::moved(Moved { to, how }, time.unwrap_or(self.grace))
    }

    /// Lets the id that the client still has lead to the newest one, where it never got the one between.
    async fn lead_on(&self, renewal: &Renewal, old: &Live, new: &Live) -> Result<(), SessionError> {
        let Some(alias) = old.alias else {
            return Ok(());
        };
        self.rewrite_note(&alias, self.note(renewal, old, new.key))
            .await
    }

    /// The client has shown its new id: the old one leads to it for a short while longer.
    pub(super) async fn confirm(&self, live: &Live, old: SessionKey) -> Result<(), SessionError> {
        let moved = Moved {
            to: live.key,
            how: How::Periodic,
        };
        self.rewrite_note(&old, Record::moved(moved, self.grace))
            .await
    }

    async fn rewrite_note(&self, at: &SessionKey, note: Record) -> Result<(), SessionError> {
        let Some(found) = self.store.load(at).await? else {
            return Ok(());
        };
        if found.record.moved.is_some() {
            self.store
                .swap(at, found.version, Some(note.into()))
                .await?;
        }
        Ok(())
    }

    fn renewed(&self, renewal: &Renewal, live: &Live) {
        let kind = match renewal {
            Renewal::Login(_) => SessionEventKind::Created,
            Renewal::None | Renewal::Rotate | Renewal::Periodic => SessionEventKind::Renewed,
        };
        self.happened(kind, Some((&live.key, &live.loaded.record)));
    }
}
