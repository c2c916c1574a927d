//! What may go wrong with a session in a cookie.

use std::{error::Error, fmt};

use http::StatusCode;

use crate::personal::{AlreadyShared, Blind};

/// Why a [`CookieSession`](super::CookieSession) could not be read or changed. As a response it is a 500: the application
/// is to be mended.
#[derive(Debug)]
pub struct CookieSessionError {
    kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    TooLarge,
    TooLate,
    Shared(AlreadyShared),
    Read(serde_json::Error),
    Write(serde_json::Error),
}

impl CookieSessionError {
    /// With this value the cookie would be larger than browsers keep: 4096 bytes of name and value, encrypted. Nothing
    /// was changed.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge)
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
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl From<Kind> for CookieSessionError {
    fn from(kind: Kind) -> Self {
        Self { kind }
    }
}

impl From<Blind> for CookieSessionError {
    fn from(blind: Blind) -> Self {
        match blind {
            Blind::Shared(error) => Kind::Shared(error),
            Blind::Closed => Kind::TooLate,
        }
        .into()
    }
}

impl fmt::Display for CookieSessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::TooLarge => "the session does not fit into a cookie",
            Kind::TooLate => "the head of the response is on its way already",
            Kind::Shared(_) => "the response is not this client's alone any more",
            Kind::Read(_) => "the value in the session is of another type",
            Kind::Write(_) => "the value cannot be written as JSON",
        })
    }
}

impl Error for CookieSessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Shared(error) => Some(error),
            Kind::Read(error) | Kind::Write(error) => Some(error),
            Kind::TooLarge | Kind::TooLate => None,
        }
    }
}
