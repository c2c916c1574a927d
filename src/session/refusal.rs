//! Why a layer has answered in place of a handler.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

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
    /// The request has a session, but nobody has [logged in](super::RequireSession::logged_in) to it.
    NotLoggedIn,
    /// The request has a session, which is not what is [required](super::RequireSession::matching).
    NotPermitted,
    /// The request comes from another site, or does not prove that it comes from this one: see
    /// [`CsrfLayer`](super::CsrfLayer).
    Forged,
    /// No [`SessionLayer`](super::SessionLayer) is around a layer that needs one: 500.
    NoSessionLayer,
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

/// A response that says why it is not the handler's.
pub(super) fn answer(status: StatusCode, text: &str, why: SessionRefusal) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from([text, "\n"].concat()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(why);
    response
}
