//! What may go wrong with a session.

use std::{error::Error, fmt};

use http::StatusCode;

use crate::{
    error::StoreError,
    personal::{AlreadyShared, Blind},
};

/// Why a session could not be read or changed.
///
/// As an answer of a handler it is 503, but 409 where the [user has too many sessions](Self::is_too_many), 401 where
/// [it has ended](Self::is_ended), and 500 where the application is to be mended. With the feature `axum` it is a
/// response.
#[derive(Debug)]
pub struct SessionError {
    kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Store(StoreError),
    Ended,
    Superseded,
    Conflict,
    TooMany,
    NoRoom,
    TooLate,
    Shared(AlreadyShared),
    Read(serde_json::Error),
    Write(serde_json::Error),
    Random(getrandom::Error),
}

impl SessionError {
    /// The store did not answer, or not in time. What was to be changed may have been.
    #[must_use]
    pub fn is_store(&self) -> bool {
        matches!(self.kind, Kind::Store(_))
    }

    /// The session has ended while the request was under way: by a logout elsewhere, or as it was not used for too
    /// long. Or it was given another id a moment ago, by a login or a rotation, which its client has by now. Nothing is
    /// saved to it any more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.kind, Kind::Ended | Kind::Superseded)
    }

    /// So many others changed the session at the same time that this change had its turn five times in vain.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.kind, Kind::Conflict)
    }

    /// The user has as many sessions as they may have.
    #[must_use]
    pub fn is_too_many(&self) -> bool {
        matches!(self.kind, Kind::TooMany)
    }

    /// The store is full of sessions that are more important than this one.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        matches!(self.kind, Kind::NoRoom)
    }

    /// The head of the response is on its way: the session can be changed no more, and if it was not read before that,
    /// not be read either.
    #[must_use]
    pub fn is_too_late(&self) -> bool {
        matches!(self.kind, Kind::TooLate)
    }

    /// A cache has given the response to other requests already: see [`Personal`](crate::Personal).
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Shared(_))
    }

    /// What is kept is not of the type that it was read as, or a value could not be written as JSON.
    #[must_use]
    pub fn is_value(&self) -> bool {
        matches!(self.kind, Kind::Read(_) | Kind::Write(_))
    }

    /// The status of a response that tells of it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Store(_) | Kind::Conflict | Kind::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Ended | Kind::Superseded => StatusCode::UNAUTHORIZED,
            Kind::TooMany => StatusCode::CONFLICT,
            Kind::TooLate | Kind::Shared(_) | Kind::Read(_) | Kind::Write(_) | Kind::Random(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// It has ended in that another request of the same client has logged in, or given it another id.
    pub(super) fn is_superseded(&self) -> bool {
        matches!(self.kind, Kind::Superseded)
    }

    pub(super) fn ended() -> Self {
        Kind::Ended.into()
    }

    pub(super) fn read(error: serde_json::Error) -> Self {
        Kind::Read(error).into()
    }

    pub(super) fn write(error: serde_json::Error) -> Self {
        Kind::Write(error).into()
    }
}

impl From<Kind> for SessionError {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Kind::Store(error).into()
    }
}

impl From<Blind> for SessionError {
    fn from(blind: Blind) -> Self {
        match blind {
            Blind::Shared(error) => Kind::Shared(error),
            Blind::Closed => Kind::TooLate,
        }
        .into()
    }
}

impl From<getrandom::Error> for SessionError {
    fn from(error: getrandom::Error) -> Self {
        Kind::Random(error).into()
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Store(_) => "the sessions cannot be reached",
            Kind::Ended => "the session has ended",
            Kind::Superseded => "the session was given another id meanwhile",
            Kind::Conflict => "too many requests change the session at the same time",
            Kind::TooMany => "the user has too many sessions",
            Kind::NoRoom => "there is no room for the session",
            Kind::TooLate => "the head of the response is on its way already",
            Kind::Shared(_) => "the response is not this client's alone any more",
            Kind::Read(_) => "the value in the session is of another type",
            Kind::Write(_) => "the value cannot be written as JSON",
            Kind::Random(_) => "the operating system has no random numbers",
        })
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Store(error) => Some(error),
            Kind::Shared(error) => Some(error),
            Kind::Read(error) | Kind::Write(error) => Some(error),
            Kind::Random(error) => Some(error),
            Kind::Ended
            | Kind::Superseded
            | Kind::Conflict
            | Kind::TooMany
            | Kind::NoRoom
            | Kind::TooLate => None,
        }
    }
}
