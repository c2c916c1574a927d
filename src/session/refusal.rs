//! Why a layer has answered in place of a handler.

use super::{error::SessionError, event::Absence};

/// Why a response is not the handler's: in the extensions of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionRefusal {
    /// The store could not be asked, or not in time: 503.
    Store,
    /// Too many requests changed the session at the same time: 503.
    Conflict,
    /// There is no room for the session: 503.
    NoRoom,
    /// The user has as many sessions as they may: 409.
    TooMany,
    /// The application is to be mended: 500.
    Fault,
    /// The request has no session, or none that will do: see [`RequireSession`](super::RequireSession).
    Required(Absence),
    /// The request has a session, which is not what is [required](super::RequireSession::matching).
    NotPermitted,
    /// The request comes from another site, or does not prove that it comes from this one: see
    /// [`CsrfLayer`](super::CsrfLayer).
    Forged,
}

impl SessionRefusal {
    pub(super) fn of(error: &SessionError) -> Self {
        if error.is_store() {
            Self::Store
        } else if error.is_conflict() {
            Self::Conflict
        } else if error.is_no_room() {
            Self::NoRoom
        } else if error.is_too_many() {
            Self::TooMany
        } else if error.is_ended() {
            Self::Required(Absence::Ended)
        } else {
            Self::Fault
        }
    }
}
