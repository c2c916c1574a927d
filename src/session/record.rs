//! What a store keeps of a session.

use std::{fmt, mem, net::IpAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{id::SessionKey, time::Timestamp, user::UserId, values::Values};

/// So many writers are known: as many may come between one whose answer was lost and its next try.
const WRITERS: usize = 8;

/// What a store keeps under a [`SessionKey`]: a session, or the note that it has moved to another key.
///
/// To a store it is a value that it keeps as it is: [`stamped`](Self::stamped) when it comes in, found under the
/// [user](Self::user) if it has one, gone when its [time is over](Self::ends). A remote store writes it down with `serde`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub(super) user: Option<UserId>,
    /// Zero until a store has stamped it.
    pub(super) created: Timestamp,
    /// When it was given its id. Zero until a store has stamped it.
    pub(super) renewed: Timestamp,
    pub(super) life: Life,
    pub(super) device: Device,
    pub(super) persistent: bool,
    /// The key that it was under until it was renewed by the way, if its client has not shown its new id yet.
    pub(super) unconfirmed: Option<SessionKey>,
    /// Where it is now.
    pub(super) moved: Option<Moved>,
    /// Who wrote this and what was before it, the last one first: a writer whose answer was lost knows its own writing
    /// by that.
    pub(super) writers: [u64; WRITERS],
    /// What unsafe requests have to know.
    pub(super) token: Option<Token>,
    /// The typed whole, as JSON.
    pub(super) whole: Option<Arc<str>>,
    /// What is read once.
    pub(super) flash: Values,
    pub(super) values: Values,
}

/// Where a session has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) to: SessionKey,
    pub(crate) how: How,
}

/// Whom the note that a session has moved is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How {
    /// Renewed by the way: the old id still leads to it.
    Periodic,
    /// Its id was to be changed: the old one is dead, but requests that had the session before save to it, and end it.
    Rotated,
    /// It is somebody's now: nobody who had the old id finds it.
    LoggedIn,
}

impl Moved {
    /// Where who had the session before it moved finds it.
    pub(crate) fn for_who_had_it(self) -> Option<SessionKey> {
        (self.how != How::LoggedIn).then_some(self.to)
    }
}

/// The token against forged requests.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token(pub(crate) [u8; 16]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// How long a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// Without activity.
    pub(crate) idle: Option<Duration>,
    /// From its creation, whatever happens.
    pub(crate) absolute: Option<Duration>,
}

/// Where a session was begun: what its user sees of it in a list of devices.
///
/// ```
/// use tower_keep::session::Device;
///
/// let unknown = Device::default();
/// assert_eq!((unknown.ip(), unknown.user_agent(), unknown.label()), (None, None, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub(super) ip: Option<IpAddr>,
    pub(super) user_agent: Option<Arc<str>>,
    pub(super) label: Option<Arc<str>>,
}

impl Device {
    /// The client's address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// What the client has called itself (`User-Agent`), at most 256 bytes of it.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// What the application has called it.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
}

impl Record {
    /// A session without values.
    pub(crate) fn new(life: Life, device: Device) -> Self {
        Self {
            user: None,
            created: Timestamp::default(),
            renewed: Timestamp::default(),
            life,
            device,
            persistent: false,
            unconfirmed: None,
            moved: None,
            writers: [0; WRITERS],
            token: None,
            whole: None,
            flash: Values::default(),
            values: Values::default(),
        }
    }

    /// The note that the session has moved. It lives for `time`, whoever comes by.
    pub(crate) fn moved(moved: Moved, time: Duration) -> Self {
        let life = Life {
            idle: None,
            absolute: Some(time),
        };
        Self {
            moved: Some(moved),
            ..Self::new(life, Device::default())
        }
    }

    /// With the times of what is new about it, which is what a store does to all that it is given: `now` by its clock.
    #[must_use]
    pub fn stamped(mut self, now: Timestamp) -> Self {
        let new = Timestamp::default();
        for time in [&mut self.created, &mut self.renewed] {
            if *time == new {
                *time = now;
            }
        }
        self
    }

    /// The same for one that is shared, which is copied only if something is new about it.
    pub fn stamp(this: &mut Arc<Self>, now: Timestamp) {
        let new = Timestamp::default();
        if this.created == new || this.renewed == new {
            *this = Arc::new((**this).clone().stamped(now));
        }
    }

    /// Whose session it is; a store finds it under that name.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// When the session was created; it is another one after a login.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it is over, if its client was last active at `seen`: a store gives it to nobody from then on. None if it
    /// never is.
    #[must_use]
    pub fn ends(&self, seen: Timestamp) -> Option<Timestamp> {
        let idle = self.life.idle.map(|idle| seen + idle);
        let absolute = self.life.absolute.map(|time| self.created + time);
        idle.into_iter().chain(absolute).min()
    }

    /// Where it was begun.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.flash.clear();
        self.whole = None;
    }

    /// Whether it is nobody's and has nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        let nothing = self.user.is_none() && self.token.is_none() && self.whole.is_none();
        nothing && self.values.is_empty() && self.flash.is_empty()
    }

    pub(super) fn sign(&mut self, writer: u64) {
        self.writers.rotate_right(1);
        self.writers[0] = writer;
    }

    pub(super) fn is_by(&self, writer: u64) -> bool {
        self.writers.contains(&writer)
    }

    /// The memory that it takes, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len() + 16);
        let user = self.user.as_ref();
        let user = user.map_or(0, |user| {
            user.name().len() + user.tenant().map_or(0, str::len) + 32
        });
        let device = texts(&self.device.user_agent) + texts(&self.device.label);
        mem::size_of::<Self>()
            + 16
            + user
            + device
            + texts(&self.whole)
            + self.flash.weight()
            + self.values.weight()
    }
}
