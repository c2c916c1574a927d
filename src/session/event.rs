//! What happens to sessions.

use std::{fmt, sync::Arc};

use super::{
    id::{SessionHandle, SessionKey},
    record::Record,
    transport::RefusedId,
    user::UserId,
};

/// Something that happened to a session, as [`SessionLayer::on_event`](super::SessionLayer::on_event) tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// What it was.
    pub kind: SessionEventKind,
    /// To which session; None where what was presented is none.
    pub session: Option<SessionHandle>,
    /// Whose session it is.
    pub user: Option<UserId>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEventKind {
    /// It was created: at the first write of an anonymous visitor, or at a login.
    Created,
    /// It was given another id.
    Renewed,
    /// It was ended.
    Destroyed(Ending),
    /// Its time was over. A remote store whose server lets sessions expire does not tell of that.
    Expired,
    /// What was presented is not the id of a session that this client may have.
    Refused(Absence),
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// A handler of one of its own requests.
    Logout,
    /// [`Devices`](super::Devices).
    Device,
    /// A login of the same user, who had as many as they may.
    Displaced,
    /// A client that it is not [bound](super::Binding) to has presented its id.
    OtherClient,
}

/// Why a request has no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Absence {
    /// It has presented no id.
    NonePresented,
    /// The id that it has presented is nobody's: it has expired, it was ended, or somebody guesses.
    Unknown,
    /// What it has presented cannot be an id.
    Refused(RefusedId),
    /// The session is [bound](super::Binding) to another client.
    OtherClient,
    /// It was given another id a moment ago, by a login or a rotation, while this request was on its way: its client
    /// has that one by now, or will have.
    Superseded,
    /// It was ended in the course of this request.
    Ended,
}

type Listener = Arc<dyn Fn(&SessionEvent) + Send + Sync>;

/// Those who want to be told.
#[derive(Clone, Default)]
pub(super) struct Listeners(Vec<Listener>);

impl Listeners {
    pub(super) fn add(&mut self, listener: impl Fn(&SessionEvent) + Send + Sync + 'static) {
        self.0.push(Arc::new(listener));
    }

    pub(super) fn tell(&self, kind: SessionEventKind, session: Option<(&SessionKey, &Record)>) {
        if self.0.is_empty() {
            return;
        }
        let event = SessionEvent {
            kind,
            session: session.map(|(key, _)| key.handle()),
            user: session.and_then(|(_, record)| record.user().cloned()),
        };
        for listener in &self.0 {
            listener(&event);
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listeners").field(&self.0.len()).finish()
    }
}
