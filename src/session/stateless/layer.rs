//! The layer and its settings.

use std::{sync::Arc, time::Duration};

use tower_layer::Layer;

use super::{exchange::Core, service::CookieSessions};
use crate::{
    clock::Clock,
    duration::{hours, minutes},
    session::{
        record::Life,
        transport::{Keys, SessionCookie},
    },
};

/// What the cookie is called if nobody says otherwise: not as that of a [`SessionLayer`](crate::SessionLayer), which may
/// be in the same stack.
const NAME: &str = "__Host-data";

/// Gives every request a [`CookieSession`](super::CookieSession). See the [module docs](super) for what it lacks beside
/// a [`SessionLayer`](crate::SessionLayer).
///
/// ```
/// use tower_keep::{hours, session::{Keys, SameSite, SessionCookie, stateless::CookieSessionLayer}};
///
/// # let secret = |name: &str| name.repeat(8).into_bytes();
/// let cookie = SessionCookie::new().named("__Host-basket")?.same_site(SameSite::Strict)?;
/// let layer = CookieSessionLayer::new(Keys::new(&secret("COOKIE_KEY"))?)
///     .cookie(cookie.persist())
///     .idle_timeout(hours(8));
/// # let _ = layer;
/// # Ok::<(), tower_keep::BoxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CookieSessionLayer {
    core: Arc<Core>,
}

impl CookieSessionLayer {
    /// Sessions in the cookie `__Host-data`, encrypted with the first of these keys, which end after 30 minutes without
    /// activity, and after 24 hours.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        let core = Core {
            cookie: SessionCookie::of_this_host(NAME),
            keys,
            life: Life {
                idle: Some(minutes(30)),
                absolute: Some(hours(24)),
            },
            clock: Clock::system(),
        };
        Self {
            core: Arc::new(core),
        }
    }

    /// In this cookie. It needs no [keys](SessionCookie::encrypted) of its own: those of [`new`](Self::new) are used
    /// whatever it has. If it [persists](SessionCookie::persist), it does for as long as the session will live if it is
    /// not used.
    ///
    /// A [`SessionLayer`](crate::SessionLayer) in the same stack has to have another name for its own.
    #[must_use]
    pub fn cookie(self, cookie: SessionCookie) -> Self {
        self.set(|core| core.cookie = cookie)
    }

    /// So long without activity, 30 minutes if this is not said. Reading a session is activity; it is written down once
    /// in a tenth of that time.
    #[must_use]
    pub fn idle_timeout(self, time: Duration) -> Self {
        self.set(|core| core.life.idle = Some(time))
    }

    /// So long from its first value, whatever its activity: 24 hours if this is not said. There is no other end to a
    /// copy that somebody uses, so there is always one.
    #[must_use]
    pub fn absolute_timeout(self, time: Duration) -> Self {
        self.set(|core| core.life.absolute = Some(time))
    }

    /// Another clock than the system's, whose wall time counts.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|core| core.clock = clock)
    }

    fn set(mut self, set: impl FnOnce(&mut Core)) -> Self {
        set(Arc::make_mut(&mut self.core));
        self
    }
}

impl<S> Layer<S> for CookieSessionLayer {
    type Service = CookieSessions<S>;

    fn layer(&self, inner: S) -> CookieSessions<S> {
        CookieSessions::new(inner, Arc::clone(&self.core))
    }
}
