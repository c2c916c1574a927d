//! The layer and its settings.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use http::HeaderName;
use tower_layer::Layer;

use super::{
    binding::Binding,
    core::{Core, Cores},
    devices::Devices,
    event::SessionEvent,
    record::Life,
    service::Sessions,
    stats::Stats,
    store::{BoxStore, MemorySessions, SessionStore},
    transport::{SessionCookie, Transport},
};
use crate::{
    clock::Clock,
    duration::{hours, minutes, seconds},
    peer::ClientIp,
};

/// Gives every request a [`Session`](super::Session). See the [module docs](super).
///
/// Clones share the store and the counters.
#[derive(Clone, Debug)]
pub struct SessionLayer {
    core: Arc<Core>,
}

impl Default for SessionLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionLayer {
    /// Sessions in 64 MiB of this process's memory, behind the cookie `__Host-id`, which end after 30 minutes without
    /// activity, and after 24 hours.
    #[must_use]
    pub fn new() -> Self {
        Self::with_store(MemorySessions::new())
    }

    /// Sessions in this store.
    #[must_use]
    pub fn with_store(store: impl SessionStore) -> Self {
        let core = Core {
            store: BoxStore::new(store),
            transport: Transport::cookie(SessionCookie::new()),
            life: Life {
                idle: Some(minutes(30)),
                absolute: Some(hours(24)),
            },
            grace: seconds(10),
            renew_every: None,
            cap: None,
            refuse_beyond_cap: false,
            binding: Binding::none(),
            client_ip: ClientIp::default(),
            identifies: false,
            listeners: Default::default(),
            counts: Arc::default(),
            sweeper: Arc::default(),
            clock: Clock::fast(),
        };
        Self {
            core: Arc::new(core),
        }
    }

    /// The sessions of users: to list them, and to end them. What is set later is unknown to this handle: set the layer
    /// up first.
    #[must_use]
    pub fn devices(&self) -> Devices {
        Devices::new(Arc::clone(&self.core))
    }

    /// What has been counted so far, all clones together.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.counts.snapshot(self.core.clock.now())
    }
}

/// # Where the id is
impl SessionLayer {
    /// In this cookie.
    #[must_use]
    pub fn cookie(self, cookie: SessionCookie) -> Self {
        self.set(|core| core.transport = Transport::cookie(cookie))
    }

    /// In this field of requests, in place of a cookie. New ids are told in the field of the same name of responses.
    #[must_use]
    pub fn header(self, name: HeaderName) -> Self {
        self.set(|core| core.transport = Transport::header(name))
    }

    /// In `Authorization: Bearer` (RFC 6750), in place of a cookie. New ids are told in the field `x-session-token` of
    /// responses.
    #[must_use]
    pub fn bearer(self) -> Self {
        self.set(|core| core.transport = Transport::bearer())
    }

    /// The same, with new ids in this field of responses.
    #[must_use]
    pub fn bearer_announced_in(self, field: HeaderName) -> Self {
        self.set(|core| core.transport = Transport::bearer_announced_in(field))
    }
}

/// # How long it lives
///
/// Settings hold for sessions that are created from then on.
impl SessionLayer {
    /// So long without activity, 30 minutes if this is not said. Reading a session is activity; it is written down once
    /// in a tenth of that time.
    #[must_use]
    pub fn idle_timeout(self, time: Duration) -> Self {
        self.set(|core| core.life.idle = Some(time))
    }

    /// So long from its login, or from its first value, whatever its activity: 24 hours if this is not said.
    #[must_use]
    pub fn absolute_timeout(self, time: Duration) -> Self {
        self.set(|core| core.life.absolute = Some(time))
    }

    /// As long as it is used, however long that is.
    #[must_use]
    pub fn danger_without_absolute_timeout(self) -> Self {
        self.set(|core| core.life.absolute = None)
    }

    /// Gives each session a new id when it has had one for so long, and is used. Requests on their way with the old one
    /// find the session for the [grace](Self::grace) longer, and until the client has shown the new one.
    #[must_use]
    pub fn renew_every(self, time: Duration) -> Self {
        self.set(|core| core.renew_every = Some(time))
    }

    /// How long an id that was [renewed](Self::renew_every) is good after the client has shown the new one: 10 seconds
    /// if this is not said. After a [login](super::Session::login) an id is dead at once.
    #[must_use]
    pub fn grace(self, time: Duration) -> Self {
        self.set(|core| core.grace = time)
    }
}

/// # Who may have it
impl SessionLayer {
    /// So many sessions for one user: one more ends the least recently active of them. Any number if this is not said;
    /// a user who logs in in a loop then fills the store.
    #[must_use]
    pub fn max_per_user(self, sessions: NonZeroU32) -> Self {
        self.set(|core| core.cap = Some(sessions))
    }

    /// Whoever has [as many sessions as they may](Self::max_per_user) cannot log in once more: 409. Without such a number
    /// this says nothing.
    #[must_use]
    pub fn refuse_beyond_cap(self) -> Self {
        self.set(|core| core.refuse_beyond_cap = true)
    }

    /// Only the client that has begun a session can use it.
    #[must_use]
    pub fn bind(self, binding: Binding) -> Self {
        self.set(|core| core.binding = binding)
    }

    /// How clients' addresses are found, for lists of devices and for [`bind`](Self::bind). By default that is the peer's.
    #[must_use]
    pub fn client_ip(self, client_ip: ClientIp) -> Self {
        self.set(|core| core.client_ip = client_ip)
    }

    /// Loads the session of every request that presents one, and says to the layers further in who it is
    /// ([`Principal`](crate::Principal)): limits per user, keys of a cache with the user in them. A request whose session
    /// cannot be loaded is answered 503.
    ///
    /// That alone does not make a response this client's: it does so only when somebody looks at the session. A handler
    /// that shows something by the `Principal` alone has to say so itself ([`Personal`](crate::Personal)), or be cached by
    /// a key with the user in it.
    #[must_use]
    pub fn identify(self) -> Self {
        self.set(|core| core.identifies = true)
    }

    /// Tells what happens to sessions.
    ///
    /// ```
    /// use tower_keep::SessionLayer;
    /// use tower_keep::session::SessionEventKind;
    ///
    /// let layer = SessionLayer::new().on_event(|event| {
    ///     if let SessionEventKind::Refused(why) = event.kind {
    ///         eprintln!("refused: {why:?}");
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn on_event(self, listener: impl Fn(&SessionEvent) + Send + Sync + 'static) -> Self {
        self.set(|core| core.listeners.add(listener))
    }

    /// How long the store may take to answer, 2 seconds if this is not said. A request that needs its session is then
    /// answered 503.
    #[must_use]
    pub fn store_timeout(self, time: Duration) -> Self {
        self.set(|core| core.store.timeout = time)
    }

    /// The clock of timeouts and of what is counted by the minute: for tests. What lives how long is the store's to say.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|core| {
            core.store.clock = clock.clone();
            core.clock = clock;
        })
    }

    fn set(mut self, set: impl FnOnce(&mut Core)) -> Self {
        set(Arc::make_mut(&mut self.core));
        self
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = Sessions<S>;

    fn layer(&self, inner: S) -> Sessions<S> {
        Sessions::new(inner, Cores::new(&self.core))
    }
}
