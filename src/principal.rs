//! Who a request is from.

use std::{fmt, sync::Arc};

/// The user and the session of a request, in its extensions.
///
/// Set by whoever knows (a session layer, an authentication layer), read by whoever tells requests
/// apart: limits per user, keys of a cache.
///
/// - The user is the application's own name for an account, stable across sessions.
/// - The session is a *handle*: a hash, or any other name that cannot be used in place of the
///   session's id. It ends up in keys of stores, so the id itself does not belong here.
///
/// [`Debug`](fmt::Debug) shows the user, and of the session only whether there is one.
///
/// ```
/// use tower_keep::Principal;
///
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(Principal::user("u1").with_session("5f2c"));
///
/// let principal = request.extensions().get::<Principal>().unwrap();
/// assert_eq!(principal.user_id(), Some("u1"));
/// assert_eq!(principal.session_handle(), Some("5f2c"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Principal {
    user: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
    session: Option<Arc<str>>,
}

impl Principal {
    /// Nobody in particular; the same as the default.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The user with this id, in no session.
    #[must_use]
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self {
            user: Some(id.into()),
            ..Self::default()
        }
    }

    /// The user of that id in this tenant: two tenants may have users of the same name.
    #[must_use]
    pub fn in_tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The same user in the session with this handle (not the session's id: see [`Principal`]).
    #[must_use]
    pub fn with_session(mut self, handle: impl Into<Arc<str>>) -> Self {
        self.session = Some(handle.into());
        self
    }

    /// The user's id, if a user is known.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The tenant that the user is in, if there are tenants. Who tells users apart by [`user_id`](Self::user_id) has to look
    /// at this too.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The session's handle, if there is a session.
    #[must_use]
    pub fn session_handle(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = self.session.as_ref().map(|_| format_args!("(hidden)"));
        f.debug_struct("Principal")
            .field("user", &self.user)
            .field("tenant", &self.tenant)
            .field("session", &session)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_session_are_independent() {
        let both = Principal::user("u1").with_session("h1");
        assert_eq!(both.user_id(), Some("u1"));
        assert_eq!(both.session_handle(), Some("h1"));

        let visitor = Principal::anonymous().with_session("h2");
        assert_eq!(visitor.user_id(), None);
        assert_eq!(visitor.session_handle(), Some("h2"));

        assert_eq!(Principal::user("u1").session_handle(), None);
    }

    #[test]
    fn debug_does_not_show_the_session() {
        let shown = format!("{:?}", Principal::user("u1").with_session("secret"));
        assert_eq!(
            shown,
            r#"Principal { user: Some("u1"), tenant: None, session: Some((hidden)) }"#
        );
        assert!(format!("{:?}", Principal::user("u1")).contains("session: None"));
    }
}
