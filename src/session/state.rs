//! What is known of a request's session, and what is to become of it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    change::{Change, Renewal},
    event::Absence,
    handle::AllDecoded,
    id::{SessionId, SessionKey},
    record::Record,
    store::Loaded,
};

/// What an [`Exchange`](super::exchange::Exchange) guards by its lock.
pub(super) struct State {
    pub(super) stage: Stage,
    /// Whether somebody waits for the store. Nobody else changes anything meanwhile.
    pub(super) busy: bool,
    /// Whether the head of the response is on its way.
    pub(super) closed: bool,
    /// What is not saved yet.
    pub(super) changes: Option<Box<Changes>>,
    decoded: AllDecoded,
    /// A new id that the response has to tell.
    pub(super) announce: Option<SessionId>,
    /// Whether what the client has is of no more use.
    pub(super) retract: bool,
    /// Whether the client is to be told its id once more, with how long to keep it.
    pub(super) retell: bool,
}

/// What is known of the session that the client has presented.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Unread,
    Absent(Absence),
    Live(Live),
}

/// A session in the store.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) key: SessionKey,
    /// The key that the client has presented, if it was renewed since.
    pub(super) alias: Option<SessionKey>,
    pub(super) loaded: Loaded,
}

/// Changes that are to be saved together.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) log: SmallVec<[Change; 1]>,
    pub(super) renewal: Renewal,
    /// The session with all of them, as handlers see it.
    pub(super) draft: Option<Arc<Record>>,
    /// What was tried, and is in the store or not: the answer was lost.
    pub(super) tries: Vec<Try>,
    /// The same for an id.
    pub(super) issued: Option<Issued>,
}

/// A write whose answer was lost.
pub(super) struct Try {
    /// Who has written, if it is in the store.
    pub(super) writer: u64,
    /// How many of the changes were written, from the first one.
    pub(super) changes: usize,
}

/// An id that a session was to be given.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) id: SessionId,
    /// How many of the changes are in the session under it, from the first one.
    pub(super) changes: usize,
    /// Whether there is a session under it for certain.
    pub(super) stored: bool,
    /// What it was given for.
    pub(super) renewal: Renewal,
}

impl State {
    pub(super) fn new(closed: bool) -> Self {
        Self {
            stage: Stage::Unread,
            busy: false,
            closed,
            changes: None,
            decoded: AllDecoded::default(),
            announce: None,
            retract: false,
            retell: false,
        }
    }

    pub(super) fn is_unread(&self) -> bool {
        matches!(self.stage, Stage::Unread)
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.stage {
            Stage::Live(live) => Some(live),
            Stage::Unread | Stage::Absent(_) => None,
        }
    }

    /// The session as handlers see it.
    pub(super) fn record(&self) -> Option<&Record> {
        seen(&self.stage, self.changes.as_deref())
    }

    /// The same, and what was decoded of it.
    pub(super) fn reading(&mut self) -> (Option<&Record>, &mut AllDecoded) {
        let record = seen(&self.stage, self.changes.as_deref());
        (record, &mut self.decoded)
    }

    /// An id that leads to the session although nobody knows whether the old one still does.
    pub(super) fn in_doubt(&self) -> Option<SessionId> {
        let issued = self.changes.as_ref()?.issued.as_ref()?;
        issued.stored.then(|| issued.id.clone())
    }

    pub(super) fn changes(&mut self) -> &mut Changes {
        self.changes.get_or_insert_default()
    }

    /// The session as handlers see it, for a change.
    pub(super) fn draft(&mut self, blank: impl FnOnce() -> Record) -> &mut Record {
        let saved = match &self.stage {
            Stage::Live(live) => Some(&live.loaded.record),
            Stage::Unread | Stage::Absent(_) => None,
        };
        let changes = self.changes.get_or_insert_default();
        let begin = || saved.map_or_else(|| Arc::new(blank()), Arc::clone);
        Arc::make_mut(changes.draft.get_or_insert_with(begin))
    }
}

impl Changes {
    /// Whether they are all that is to be done: the session keeps its id.
    pub(super) fn are_all(&self) -> bool {
        !self.renewal.is_some() && self.issued.is_none()
    }

    /// The token is not wanted any more.
    pub(super) fn forget_token(&mut self) {
        let tokens = self.log.iter_mut();
        let tokens = tokens.filter(|change| matches!(change, Change::Token(_)));
        tokens.for_each(|change| *change = Change::Nothing);
    }

    /// They may have been written by this writer.
    pub(super) fn tried(&mut self, writer: u64) {
        let changes = self.log.len();
        self.tries.push(Try { writer, changes });
    }
}

/// The session with all changes, or as it was loaded.
fn seen<'a>(stage: &'a Stage, changes: Option<&'a Changes>) -> Option<&'a Record> {
    let draft = changes.and_then(|changes| changes.draft.as_deref());
    draft.or(match stage {
        Stage::Live(live) => Some(&live.loaded.record),
        Stage::Unread | Stage::Absent(_) => None,
    })
}
