//! Whose a session is.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::principal::Principal;

/// The account that a session belongs to: the application's own name for it, and the tenant that it is in, if there are
/// tenants. Two tenants may have users of the same name.
///
/// ```
/// use tower_keep::session::UserId;
///
/// let user = UserId::from("u1");
/// assert_eq!((user.name(), user.tenant()), ("u1", None));
///
/// let tenants = UserId::from("u1").in_tenant("acme");
/// assert_eq!(tenants.tenant(), Some("acme"));
/// assert_ne!(user, tenants);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserId {
    tenant: Option<Arc<str>>,
    name: Arc<str>,
}

impl UserId {
    /// The user with this name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            tenant: None,
            name: name.into(),
        }
    }

    /// The user of that name in this tenant.
    #[must_use]
    pub fn in_tenant(self, tenant: impl Into<Arc<str>>) -> Self {
        Self {
            tenant: Some(tenant.into()),
            ..self
        }
    }

    /// For layers further in, which know nothing of sessions.
    pub(crate) fn to_principal(&self) -> Principal {
        let principal = Principal::user(Arc::clone(&self.name));
        match &self.tenant {
            Some(tenant) => principal.in_tenant(Arc::clone(tenant)),
            None => principal,
        }
    }

    /// The application's name for the account.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tenant, if the user is in one.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }
}

impl From<&str> for UserId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for UserId {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "UserId({:?} in {tenant:?})", self.name),
            None => write!(f, "UserId({:?})", self.name),
        }
    }
}
