//! How a session's id travels: in a cookie, in a field of its own, or as a bearer token.
//!
//! One way is chosen, and nothing else is ever looked at: an id in the wrong place is no id. What a request carries is
//! only [captured](Transport::capture) when it arrives, and [read](Transport::read) when somebody asks for the session.

mod attributes;
mod cookie;
mod keys;
mod pairs;
mod presented;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

pub(crate) use self::{
    attributes::is_token,
    pairs::Found,
    presented::{MOST, Presented},
};
pub use self::{
    attributes::{InvalidCookie, SameSite},
    cookie::SessionCookie,
    keys::{InvalidKey, Keys},
    presented::RefusedId,
};
use super::id::SessionId;

/// Where a new id is announced to a client that presents it as a bearer token.
const TOKEN: HeaderName = HeaderName::from_static("x-session-token");

static COOKIE: HeaderName = header::COOKIE;
static AUTHORIZATION: HeaderName = header::AUTHORIZATION;

/// The way of a session's id.
#[derive(Clone, Debug)]
pub(crate) enum Transport {
    Cookie(SessionCookie),
    /// A field of requests, and the same field of responses.
    Header(HeaderName),
    /// `Authorization: Bearer` (RFC 6750, section 2.1), and a field of responses.
    Bearer {
        announced: HeaderName,
    },
}

/// The lines of the one field that matters, as they came.
#[derive(Clone, Default)]
pub(crate) struct Captured(SmallVec<[HeaderValue; 1]>);

impl Captured {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The lines of this field.
    pub(super) fn of(headers: &HeaderMap, field: &HeaderName) -> Self {
        Self(headers.get_all(field).iter().cloned().collect())
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(HeaderValue::as_bytes)
    }
}

impl Transport {
    pub(crate) fn cookie(cookie: SessionCookie) -> Self {
        Self::Cookie(cookie)
    }

    pub(crate) fn header(name: HeaderName) -> Self {
        Self::Header(name)
    }

    pub(crate) fn bearer() -> Self {
        Self::bearer_announced_in(TOKEN)
    }

    pub(crate) fn bearer_announced_in(announced: HeaderName) -> Self {
        Self::Bearer { announced }
    }

    /// The field of requests that the id is in, which responses with a session depend on.
    #[inline]
    pub(crate) fn field(&self) -> &HeaderName {
        match self {
            Self::Cookie(_) => &COOKIE,
            Self::Header(name) => name,
            Self::Bearer { .. } => &AUTHORIZATION,
        }
    }

    /// What a request carries, unread, and what its client calls itself. This happens to every request: going through
    /// its few fields once takes less time than looking two of them up.
    #[inline]
    pub(crate) fn capture(&self, headers: &HeaderMap) -> (Captured, Option<HeaderValue>) {
        let field = self.field();
        let mut captured = Captured::default();
        let mut user_agent = None;
        for (name, value) in headers {
            if name == field {
                captured.0.push(value.clone());
            } else if name == header::USER_AGENT {
                user_agent = Some(value.clone());
            }
        }
        (captured, user_agent)
    }

    /// What was presented. Whatever is not exactly one well-formed id is none.
    pub(crate) fn read(&self, captured: &Captured) -> Presented {
        match self {
            Self::Cookie(cookie) => cookie.read(captured),
            Self::Header(_) => presented::in_field(captured.lines()),
            Self::Bearer { .. } => presented::as_bearer(captured.lines()),
        }
    }

    /// The field that tells the client its id. `max_age` is how long the session will live, if the client is to keep the
    /// id beyond its own end ([`Duration::MAX`] if there is no limit): only a cookie can say so.
    pub(crate) fn announce(
        &self,
        id: &SessionId,
        max_age: Option<Duration>,
    ) -> (HeaderName, HeaderValue) {
        match self {
            Self::Cookie(cookie) => cookie.announce(id, max_age),
            Self::Header(name) => (name.clone(), plain(id)),
            Self::Bearer { announced } => (announced.clone(), plain(id)),
        }
    }

    /// The field that makes the client forget its id, if there is a way to say so.
    pub(crate) fn retract(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Cookie(cookie) => Some(cookie.retract()),
            Self::Header(_) | Self::Bearer { .. } => None,
        }
    }

    pub(crate) fn cookie_name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Cookie(cookie) => Some(cookie.name()),
            Self::Header(_) | Self::Bearer { .. } => None,
        }
    }

    /// Whether a client is to keep its id beyond its own end, unless a session says otherwise.
    pub(crate) fn persists(&self) -> bool {
        match self {
            Self::Cookie(cookie) => cookie.persists(),
            Self::Header(_) | Self::Bearer { .. } => false,
        }
    }

    /// `WWW-Authenticate` of a 401, which has to have one (RFC 9110, section 15.5.2): what was presented is `invalid`, or
    /// nothing was.
    ///
    /// Bearer tokens have a registered scheme (RFC 6750, section 3), cookies a proposed one
    /// (draft-broyer-http-cookie-auth), other fields none. All borrow the `error` of the first.
    pub(crate) fn challenge(&self, invalid: bool) -> HeaderValue {
        let challenge = match self {
            Self::Cookie(cookie) => format!(r#"Cookie cookie-name="{}""#, cookie.name()),
            Self::Header(name) => format!(r#"Session field-name="{name}""#),
            Self::Bearer { .. } => "Bearer".to_owned(),
        };
        let error = match (invalid, self) {
            (false, _) => "",
            (true, Self::Bearer { .. }) => r#" error="invalid_token""#,
            (true, _) => r#", error="invalid_token""#,
        };
        HeaderValue::try_from(challenge + error).expect("it is made of tokens and quotes")
    }
}

fn plain(id: &SessionId) -> HeaderValue {
    sensitive(id.to_text())
}

/// The value of a field that carries what gives access: HPACK does not index it, `Debug` does not show it.
fn sensitive(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text)
        .expect("its parts were checked when they were set, or are base64");
    value.set_sensitive(true);
    value
}
