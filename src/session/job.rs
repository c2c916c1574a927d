//! What is to be saved, in one try.

use std::{
    cell::Cell,
    hash::BuildHasher,
    sync::{Arc, LazyLock},
    thread,
};

use foldhash::fast::RandomState;

use super::{
    error::SessionError,
    exchange::Exchange,
    id::SessionId,
    record::Record,
    state::{Changes, Issued, Live},
};

/// What is to be saved.
pub(super) struct Job<'a> {
    pub(super) exchange: &'a Exchange,
    pub(super) live: Option<Live>,
    pub(super) changes: Box<Changes>,
    pub(super) writer: u64,
}

impl Job<'_> {
    /// The session as handlers have seen it.
    pub(super) fn take_record(&mut self, live: &Live) -> Result<Record, SessionError> {
        match self.changes.draft.take() {
            Some(draft) => Ok(Arc::unwrap_or_clone(draft)),
            None => self.rebuilt(live),
        }
    }

    /// The changes, made on what there is now.
    pub(super) fn rebuilt(&mut self, live: &Live) -> Result<Record, SessionError> {
        self.forget_what_is_done(live);
        self.record_on((*live.loaded.record).clone())
    }

    /// What an earlier try has written although its answer was lost, is not to be done again.
    fn forget_what_is_done(&mut self, live: &Live) {
        let tries = self.changes.tries.iter();
        let mut done = tries.filter(|a_try| live.loaded.record.is_by(a_try.writer));
        if let Some(a_try) = done.next_back() {
            let changes = a_try.changes;
            self.done(live.clone(), changes);
        }
    }

    /// So many of the changes are in the session.
    pub(super) fn done(&mut self, live: Live, changes: usize) {
        self.live = Some(live);
        self.changes.log.drain(..changes);
        for a_try in &mut self.changes.tries {
            a_try.changes = a_try.changes.saturating_sub(changes);
        }
        if let Some(issued) = &mut self.changes.issued {
            issued.changes = issued.changes.saturating_sub(changes);
        }
    }

    pub(super) fn issue(&mut self, id: &SessionId, stored: bool) {
        self.changes.issued = Some(Issued {
            id: id.clone(),
            changes: self.changes.log.len(),
            stored,
            renewal: self.changes.renewal.clone(),
        });
    }

    pub(super) fn keep_for_another_try(&mut self, error: &SessionError) {
        if error.is_store() {
            self.changes.tried(self.writer);
        }
        let saved = self.live.as_ref();
        let saved = saved.map(|live| (*live.loaded.record).clone());
        let begin = saved.unwrap_or_else(|| self.exchange.blank());
        // What could be changed once can be changed again.
        self.changes.draft = self.record_on(begin).ok().map(Arc::new);
    }

    /// The changes, made on this.
    pub(super) fn record_on(&mut self, mut record: Record) -> Result<Record, SessionError> {
        let Changes { renewal, log, .. } = &mut *self.changes;
        renewal.apply(&mut record, || self.exchange.device());
        for change in log {
            change.apply(&mut record)?;
        }
        Ok(record)
    }

    pub(super) fn signed(&self, mut record: Record) -> Record {
        record.sign(self.writer);
        record
    }
}

/// A number that no other writer has, as far as chance allows.
/// Each thread counts on its own: every change of a session takes one.
pub(super) fn writer() -> u64 {
    thread_local! {
        static LAST: Cell<u64> = Cell::new(SEED.hash_one(thread::current().id()));
    }
    LAST.set(LAST.get().wrapping_add(1));
    SEED.hash_one(LAST.get())
}

static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);
