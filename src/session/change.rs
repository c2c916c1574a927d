//! Changes to a session, that can be made again where somebody else was faster.

use std::sync::Arc;

use super::{
    error::SessionError,
    id::SessionKey,
    record::{Device, Record, Token},
    user::UserId,
};

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<N = Arc<str>> {
    Named(N),
    Flash(N),
    Whole,
}

impl<N: AsRef<str>> Place<N> {
    pub(super) fn get<'a>(&self, record: &'a Record) -> Option<&'a Arc<str>> {
        match self {
            Self::Named(name) => record.values.get(name.as_ref()),
            Self::Flash(name) => record.flash.get(name.as_ref()),
            Self::Whole => record.whole.as_ref(),
        }
    }
}

impl Place {
    fn set(&self, record: &mut Record, json: Option<Arc<str>>) {
        let (values, name) = match self {
            Self::Named(name) => (&mut record.values, name),
            Self::Flash(name) => (&mut record.flash, name),
            Self::Whole => return record.whole = json,
        };
        match json {
            Some(json) => values.set(name, json),
            None => values.remove(name),
        }
    }
}

/// What is there before, to what is there after.
pub(super) type Update =
    Box<dyn FnMut(Option<&str>) -> Result<Option<Arc<str>>, SessionError> + Send>;

/// One change of a session's content.
pub(super) enum Change {
    Set(Place, Arc<str>),
    Remove(Place),
    Clear,
    Update(Place, Update),
    Label(Option<Arc<str>>),
    Persist(bool),
    /// Unless there is one.
    Token(Token),
    /// The client has shown its new id: the one before is not needed any more.
    Confirmed(SessionKey),
    /// What was here is not wanted any more. Its place is kept, as those of others are known by number.
    Nothing,
}

impl Change {
    /// # Errors
    /// If an update cannot read what is there, or write what it wants there.
    pub(super) fn apply(&mut self, record: &mut Record) -> Result<(), SessionError> {
        match self {
            Self::Set(place, json) => place.set(record, Some(Arc::clone(json))),
            Self::Remove(place) => place.set(record, None),
            Self::Clear => record.clear(),
            Self::Update(place, update) => {
                let json = update(place.get(record).map(AsRef::as_ref))?;
                place.set(record, json);
            }
            Self::Label(label) => record.device.label.clone_from(label),
            Self::Persist(persistent) => record.persistent = *persistent,
            Self::Token(token) => {
                record.token.get_or_insert(*token);
            }
            Self::Confirmed(old) => {
                record.unconfirmed.take_if(|unconfirmed| unconfirmed == old);
            }
            Self::Nothing => {}
        }
        Ok(())
    }
}

/// Whether a session gets another id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Renewal {
    #[default]
    None,
    /// By the way: requests under way with the old id still find the session.
    Periodic,
    /// The old id is dead at once.
    Rotate,
    /// It becomes this user's, and begins anew.
    Login(UserId),
}

impl Renewal {
    pub(super) fn is_some(&self) -> bool {
        *self != Self::None
    }

    /// What it makes of a record, when a client with this device gets the new id.
    pub(super) fn apply(&self, record: &mut Record, device: impl FnOnce() -> Device) {
        match self {
            Self::None => return,
            Self::Periodic | Self::Rotate => {}
            Self::Login(user) => {
                record.user = Some(user.clone());
                record.created = Default::default();
                let label = record.device.label.take();
                record.device = Device { label, ..device() };
                // Whoever knew it may not be whom it is to protect now.
                record.token = None;
            }
        }
        record.renewed = Default::default();
        record.unconfirmed = None;
    }
}
