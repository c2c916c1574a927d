//! The session of one request: what the client has presented, and what the response sets.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, Request, header};

use super::{
    content::Content,
    error::{CookieSessionError, Kind},
};
use crate::{
    clock::Clock,
    personal::{Owned, Owner, Place},
    session::{
        record::Life,
        response,
        time::Timestamp,
        transport::{Captured, Found, Keys, SessionCookie},
        values::Values,
    },
    sync::{Mutex, MutexGuard, lock},
};

/// A part of the idle time: activity is written down that often at most.
const TOUCHES: u32 = 10;

/// What the requests of a layer share.
#[derive(Clone, Debug)]
pub(super) struct Core {
    pub(super) cookie: SessionCookie,
    pub(super) keys: Keys,
    pub(super) life: Life,
    pub(super) clock: Clock,
}

/// What the layer and the handlers know of a request's session.
pub(super) struct Exchange {
    core: Arc<Core>,
    captured: Captured,
    place: Place,
    state: Mutex<State>,
}

struct State {
    opened: Option<Opened>,
    head: Head,
}

/// Where the head of the response is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    Open,
    /// It said that the response is personal.
    SentPersonal,
    Sent,
}

/// What was found in the cookie, and what has become of it.
#[derive(Clone)]
struct Opened {
    content: Content,
    /// Whether the client has sent a cookie of the name, whatever is in it.
    presented: bool,
    /// Whether the client has a cookie that is to be removed when there are no values.
    removable: bool,
    /// Whether the client is to be told.
    changed: bool,
}

impl Core {
    /// Decrypts what there is. All but a session that has not ended is none.
    fn open(&self, captured: &Captured) -> Opened {
        let now = Timestamp::from(self.clock.wall());
        let found = self.cookie.find(captured);
        let mut opened = Opened {
            content: Content::new(now),
            presented: !matches!(found, Found::Nothing),
            removable: false,
            changed: false,
        };
        let Some(content) = self.read(&found) else {
            return opened;
        };
        opened.removable = true;
        if content.left(self.life, now).is_zero() {
            // A dead cookie has no more use.
            opened.changed = true;
            return opened;
        }
        let due = |idle: Duration| now.since(content.seen) >= idle / TOUCHES;
        opened.changed = self.life.idle.is_some_and(due);
        opened.content = Content {
            seen: now,
            ..content
        };
        opened
    }

    fn read(&self, found: &Found<'_>) -> Option<Content> {
        let Found::One(value) = *found else {
            return None;
        };
        if !self.cookie.fits(value.len()) {
            return None;
        }
        let value = str::from_utf8(value).ok()?;
        let text = self.keys.decrypt(self.cookie.name(), value)?;
        Content::parse(&text)
    }

    fn fits(&self, content: &Content) -> bool {
        let length = content.to_text().len();
        self.cookie.fits(Keys::encrypted_length(length))
    }

    fn answer(&self, opened: &Opened, headers: &mut HeaderMap) {
        response::personal(headers, &header::COOKIE);
        if !opened.changed {
            return;
        }
        let line = if !opened.content.values.is_empty() {
            self.set(&opened.content)
        } else if opened.removable {
            self.cookie.retract()
        } else {
            return;
        };
        headers.append(line.0, line.1);
        response::sets_id(headers);
    }

    fn set(&self, content: &Content) -> (http::HeaderName, http::HeaderValue) {
        let value = self.keys.encrypt(self.cookie.name(), &content.to_text());
        let persists = self.cookie.persists();
        let max_age = persists.then(|| content.left(self.life, content.seen));
        self.cookie.set(&value, max_age)
    }
}

impl Exchange {
    /// That of a request which a client has sent.
    pub(super) fn of<B>(core: &Arc<Core>, request: &mut Request<B>) -> Arc<Self> {
        let captured = Captured::of(request.headers(), &header::COOKIE);
        let place = Place::innermost(request.extensions_mut());
        let exchange = Arc::new(Self::new(core, captured, place));
        let owned = Owned(Arc::clone(&exchange) as Arc<dyn Owner>);
        request.extensions_mut().insert(owned);
        exchange
    }

    fn new(core: &Arc<Core>, captured: Captured, place: Place) -> Self {
        Self {
            core: Arc::clone(core),
            captured,
            place,
            state: Mutex::new(State {
                opened: None,
                head: Head::Open,
            }),
        }
    }

    /// That of a request whose extensions these are.
    pub(super) fn find(extensions: &http::Extensions) -> Option<Arc<Self>> {
        Owned::find(extensions)
    }

    pub(super) fn is_asked(&self) -> bool {
        lock(&self.state).opened.is_some()
    }

    /// The value of a name, as JSON.
    pub(super) fn get(&self, name: &str) -> Result<Option<Arc<str>>, CookieSessionError> {
        let mut state = lock(&self.state);
        let opened = self.opened(&mut state)?;
        Ok(opened.content.values.get(name).cloned())
    }

    /// Changes the values, unless they would not fit into the cookie any more.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&mut Values),
    ) -> Result<(), CookieSessionError> {
        let mut state = lock(&self.state);
        let opened = self.opened_for_changes(&mut state)?;
        let mut content = opened.content.clone();
        change(&mut content.values);
        if content == opened.content {
            return Ok(());
        }
        if !self.core.fits(&content) {
            return Err(Kind::TooLarge.into());
        }
        opened.content = content;
        opened.changed = true;
        Ok(())
    }

    /// Begins anew.
    pub(super) fn destroy(&self) -> Result<(), CookieSessionError> {
        let mut state = lock(&self.state);
        let opened = self.opened_for_changes(&mut state)?;
        *opened = Opened {
            content: Content::new(opened.content.seen),
            presented: opened.presented,
            removable: opened.presented,
            changed: true,
        };
        Ok(())
    }

    /// Tells the client, and takes no more changes.
    pub(super) fn finish(&self, headers: &mut HeaderMap) {
        let mut state = lock(&self.state);
        state.head = match &state.opened {
            None => Head::Sent,
            Some(opened) => {
                self.core.answer(opened, headers);
                Head::SentPersonal
            }
        };
    }

    /// What the client has presented. From now on the response is this client's alone.
    fn opened<'a>(
        &self,
        state: &'a mut MutexGuard<'_, State>,
    ) -> Result<&'a mut Opened, CookieSessionError> {
        if state.head == Head::Sent {
            return Err(Kind::TooLate.into());
        }
        self.place.look()?;
        let open = || self.core.open(&self.captured);
        Ok(state.opened.get_or_insert_with(open))
    }

    fn opened_for_changes<'a>(
        &self,
        state: &'a mut MutexGuard<'_, State>,
    ) -> Result<&'a mut Opened, CookieSessionError> {
        match state.head {
            Head::Open => self.opened(state),
            Head::SentPersonal | Head::Sent => Err(Kind::TooLate.into()),
        }
    }
}

impl Owner for Exchange {
    fn cookie(&self) -> Option<&str> {
        (!self.captured.is_empty()).then_some(&**self.core.cookie.name())
    }

    fn place(&self) -> &Place {
        &self.place
    }

    #[cfg(feature = "response-cache")]
    fn anew(&self) -> Arc<dyn Owner> {
        let anew = Self::new(&self.core, self.captured.clone(), self.place.anew());
        // Its head is on its way from the beginning, and personal: it can be read.
        lock(&anew.state).head = Head::SentPersonal;
        Arc::new(anew)
    }
}
