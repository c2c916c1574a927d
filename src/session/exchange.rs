//! The session of one request: what is known of it, and what is to become of it.

use std::{net::IpAddr, sync::Arc};

use http::{Extensions, HeaderName, HeaderValue, Request};
use tokio::sync::Notify;

use super::{
    core::{Core, Found},
    error::{Kind, SessionError},
    event::Absence,
    record::{Device, Record},
    state::{Live, Stage, State},
    transport::{Captured, Presented},
};
use crate::{
    personal::{Owned, Owner, Place},
    sync::{Mutex, MutexGuard, lock},
};

/// What is kept of a `User-Agent`, in bytes.
const USER_AGENT_LENGTH: usize = 256;

/// What the layer, the handlers, and whatever stands between them know of a request's session.
pub(super) struct Exchange {
    pub(super) core: Arc<Core>,
    captured: Captured,
    ip: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
    place: Place,
    state: Mutex<State>,
    /// Wakes who waits for the one that is [busy](State::busy).
    freed: Notify,
}

/// The field of a response that tells the client its id, or makes it forget one.
pub(super) type Line = Option<(HeaderName, HeaderValue)>;

/// What is left to do when the handler has answered.
pub(super) enum Closing {
    /// Nothing: nobody has loaded the session, and from now on nobody can.
    Untouched,
    /// Nothing but to tell the client.
    Settled(Line),
    /// Something is to be saved.
    Unsettled,
}

impl Exchange {
    /// That of a request which a client has sent.
    #[inline]
    pub(super) fn of<B>(core: &Arc<Core>, request: &mut Request<B>) -> Arc<Self> {
        let place = Place::innermost(request.extensions_mut());
        let headers = request.headers();
        let (captured, user_agent) = core.transport.capture(headers);
        let exchange = Arc::new(Self {
            captured,
            ip: core.client_ip.of(request.extensions(), headers),
            user_agent,
            core: Arc::clone(core),
            place,
            state: Mutex::new(State::new(false)),
            freed: Notify::const_new(),
        });
        let owned = Owned(Arc::clone(&exchange) as Arc<dyn Owner>);
        request.extensions_mut().insert(owned);
        exchange
    }

    /// That of a request whose extensions these are.
    pub(super) fn find(extensions: &Extensions) -> Option<Arc<Self>> {
        Owned::find(extensions)
    }

    /// Whether anybody has looked at the session.
    pub(super) fn is_seen(&self) -> bool {
        self.place.is_seen()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// For what waits for the store: one thing at a time.
    pub(super) async fn alone(&self) -> Alone<'_> {
        loop {
            if !std::mem::replace(&mut self.state().busy, true) {
                return Alone(self);
            }
            self.freed.notified().await;
        }
    }

    /// The state, once the session is loaded. From now on the response is this client's alone.
    pub(super) async fn loaded(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        self.place.look()?;
        self.loaded_unseen().await
    }

    /// The same, for what says nothing to anybody.
    pub(super) async fn loaded_unseen(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        {
            let mut state = self.state();
            if state.is_unread() {
                self.load_now(&mut state)?;
            }
            if !state.is_unread() {
                return Ok(state);
            }
        }
        self.load().await?;
        Ok(self.state())
    }

    /// The same for a change that is no login. Where another request has given the client another id, one that this
    /// request would make is not to take its place.
    pub(super) async fn changing(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        let state = self.changing_anyway().await?;
        match state.stage {
            Stage::Absent(Absence::Superseded) => Err(Kind::Superseded.into()),
            _ => Ok(state),
        }
    }

    /// The state, once the session is loaded and nobody is saving it, for a change.
    pub(super) async fn changing_anyway(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        let mut waited = false;
        loop {
            {
                let state = self.loaded().await?;
                if !state.busy {
                    if waited {
                        // Others may wait as well.
                        self.freed.notify_one();
                    }
                    return self.if_open(state);
                }
            }
            waited = true;
            self.freed.notified().await;
        }
    }

    fn if_open<'a>(
        &self,
        state: MutexGuard<'a, State>,
    ) -> Result<MutexGuard<'a, State>, SessionError> {
        if state.closed {
            self.core.counts.too_late();
            return Err(Kind::TooLate.into());
        }
        Ok(state)
    }

    /// Loads the session if that needs no waiting.
    fn load_now(&self, state: &mut State) -> Result<(), SessionError> {
        let stage = match self.core.transport.read(&self.captured) {
            Presented::Nothing => Stage::Absent(Absence::NonePresented),
            Presented::Refused(why) => self.core.refuse(Absence::Refused(why)),
            Presented::Id(id) => match self.core.find_now(id.key())? {
                Found::Nothing => self.core.refuse(Absence::Unknown),
                Found::Superseded => self.core.refuse(Absence::Superseded),
                Found::Live(live) if self.admits(&live) => Stage::Live(live),
                Found::Live(_) | Found::MustAsk => return Ok(()),
            },
        };
        state.stage = stage;
        Ok(())
    }

    async fn load(&self) -> Result<(), SessionError> {
        let _alone = self.alone().await;
        if !self.state().is_unread() {
            return Ok(());
        }
        // Anything but an id is told from the outset.
        let Presented::Id(id) = self.core.transport.read(&self.captured) else {
            return Ok(());
        };
        let stage = match self.core.find(id.key()).await? {
            Found::Nothing | Found::MustAsk => self.core.refuse(Absence::Unknown),
            Found::Superseded => self.core.refuse(Absence::Superseded),
            Found::Live(live) if self.admits(&live) => Stage::Live(live),
            Found::Live(live) => self.core.other_client(live).await?,
        };
        self.state().stage = stage;
        Ok(())
    }

    /// Whether the session is for the client that comes.
    fn admits(&self, live: &Live) -> bool {
        let binding = &self.core.binding;
        binding.admits(&live.loaded.record.device, &|| self.device())
    }

    /// A session without anything in it.
    pub(super) fn blank(&self) -> Record {
        let mut blank = Record::new(self.core.life, self.device());
        blank.persistent = self.core.transport.persists();
        blank
    }

    /// Where the request comes from.
    pub(super) fn device(&self) -> Device {
        let user_agent = self.user_agent.as_ref().map(|value| {
            let text = value.as_bytes();
            let text = &text[..text.len().min(USER_AGENT_LENGTH)];
            String::from_utf8_lossy(text).into()
        });
        Device {
            ip: self.ip,
            user_agent,
            label: None,
        }
    }

    /// Whether the client has presented anything.
    pub(super) fn has_captured(&self) -> bool {
        !self.captured.is_empty()
    }

    /// The handler has answered. If nothing is left to do, nothing is accepted any more.
    pub(super) fn close(&self) -> Closing {
        if self.place.close() && !self.core.identifies {
            return Closing::Untouched;
        }
        let mut state = self.state();
        if state.busy || self.core.has_upkeep(&state) || !self.save_now(&mut state) {
            return Closing::Unsettled;
        }
        Closing::Settled(self.close_with(&mut state))
    }

    /// Saves what there is, and says whether nothing is left, if that needs no waiting.
    pub(super) fn try_save(&self) -> bool {
        let mut state = self.state();
        !state.busy && self.save_now(&mut state)
    }

    /// Accepts nothing any more, and says what the client is to be told.
    pub(super) fn close_with(&self, state: &mut State) -> Line {
        state.closed = true;
        let announced = state.announce.take();
        match state.in_doubt().or(announced) {
            Some(id) => Some(self.core.transport.announce(&id, state.max_age())),
            None if state.retract => self.core.transport.retract(),
            None if state.retell => self.retold(state),
            None => None,
        }
    }

    /// The id that the client has, if it is still that of its session.
    fn retold(&self, state: &State) -> Line {
        let key = state.live()?.key;
        match self.core.transport.read(&self.captured) {
            Presented::Id(id) if id.key() == key => {
                Some(self.core.transport.announce(&id, state.max_age()))
            }
            Presented::Nothing | Presented::Id(_) | Presented::Refused(_) => None,
        }
    }
}

/// Nobody else waits for the store as long as this is there.
pub(super) struct Alone<'a>(&'a Exchange);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.state().busy = false;
        self.0.freed.notify_one();
    }
}

impl Owner for Exchange {
    fn cookie(&self) -> Option<&str> {
        let name = self.core.transport.cookie_name()?;
        self.has_captured().then_some(&**name)
    }

    fn place(&self) -> &Place {
        &self.place
    }

    #[cfg(feature = "response-cache")]
    fn anew(&self) -> Arc<dyn Owner> {
        // Nobody will save what is changed in it.
        Arc::new(Self {
            core: Arc::clone(&self.core),
            captured: self.captured.clone(),
            ip: self.ip,
            user_agent: self.user_agent.clone(),
            place: self.place.anew(),
            state: Mutex::new(State::new(true)),
            freed: Notify::const_new(),
        })
    }
}
