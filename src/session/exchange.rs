//! The session of one request: what is known of it, and what is to become of it.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{HeaderValue, Request, header::USER_AGENT};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use super::{
    change::{Change, Renewal},
    core::Core,
    error::{Kind, SessionError},
    event::Absence,
    id::{SessionId, SessionKey},
    record::{Device, Record},
    store::Loaded,
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
    /// Whether anybody has asked for the session.
    asked: AtomicBool,
    state: Mutex<State>,
    /// What waits for the store, one thing at a time.
    busy: AsyncMutex<()>,
}

pub(super) struct State {
    pub(super) stage: Stage,
    /// Changes that are not saved yet.
    pub(super) log: Vec<Change>,
    pub(super) renewal: Renewal,
    /// The session with all changes; none where there are none.
    pub(super) draft: Option<Box<Record>>,
    pub(super) decoded: Vec<super::handle::Decoded>,
    /// A new id that the response has to tell.
    pub(super) announce: Option<SessionId>,
    /// Whether what the client has is of no more use.
    pub(super) retract: bool,
    pub(super) head: Head,
    /// Who is writing; 0 while nobody is.
    pub(super) writer: u64,
}

/// What is known of the session that the client has presented.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Unread,
    Absent(Absence),
    Live(Live),
}

/// A session in the store.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) key: SessionKey,
    /// The key that the client has presented, if it was renewed since.
    pub(super) alias: Option<SessionKey>,
    pub(super) loaded: Loaded,
}

/// Where the head of the response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Open,
    /// It said that the response is personal.
    SentPersonal,
    Sent,
}

impl Exchange {
    /// That of a request which a client has sent.
    pub(super) fn of<B>(core: &Arc<Core>, request: &mut Request<B>) -> Arc<Self> {
        let place = Place::innermost(request.extensions_mut());
        let headers = request.headers();
        let exchange = Arc::new(Self {
            captured: core.transport.capture(headers),
            ip: core.client_ip.of(request.extensions(), headers),
            user_agent: headers.get(USER_AGENT).cloned(),
            place,
            ..Self::new(Arc::clone(core), Captured::default(), Head::Open)
        });
        let owned = Owned(Arc::clone(&exchange) as Arc<dyn Owner>);
        request.extensions_mut().insert(owned);
        exchange
    }

    fn new(core: Arc<Core>, captured: Captured, head: Head) -> Self {
        Self {
            core,
            captured,
            ip: None,
            user_agent: None,
            place: Place::default(),
            asked: AtomicBool::new(false),
            state: Mutex::new(State::new(head)),
            busy: AsyncMutex::new(()),
        }
    }

    /// That of a request whose extensions these are.
    pub(super) fn find(extensions: &http::Extensions) -> Option<Arc<Self>> {
        Owned::find(extensions)
    }

    /// Whether anybody has asked for the session.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// For what waits for the store.
    pub(super) async fn alone(&self) -> AsyncMutexGuard<'_, ()> {
        self.busy.lock().await
    }

    /// The state, once the session is loaded.
    pub(super) async fn loaded(&self) -> Result<MutexGuard<'_, State>, SessionError> {
        self.load().await?;
        Ok(self.state())
    }

    /// Changes the session, once it is loaded and nobody is saving it.
    pub(super) async fn change<T>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, SessionError> + Send,
    ) -> Result<T, SessionError> {
        self.load().await?;
        let _alone = self.alone().await;
        let mut state = self.state();
        match state.head {
            Head::Open => change(&mut state),
            Head::SentPersonal | Head::Sent => {
                self.core.counts.too_late();
                Err(Kind::TooLate.into())
            }
        }
    }

    pub(super) async fn load(&self) -> Result<(), SessionError> {
        self.ask()?;
        if !self.state().is_unread() {
            return Ok(());
        }
        let _alone = self.alone().await;
        if !self.state().is_unread() {
            return Ok(());
        }
        let stage = match self.core.transport.read(&self.captured) {
            Presented::Nothing => Stage::Absent(Absence::NonePresented),
            Presented::Refused(why) => self.core.refuse(Absence::Refused(why)),
            Presented::Id(id) => self.presented(id.key()).await?,
        };
        self.state().stage = stage;
        Ok(())
    }

    /// From now on the response is this client's alone.
    fn ask(&self) -> Result<(), SessionError> {
        if self.is_asked() {
            return Ok(());
        }
        let state = self.state();
        if state.head == Head::Sent {
            return Err(Kind::TooLate.into());
        }
        self.place.mark()?;
        self.asked.store(true, Ordering::Release);
        Ok(())
    }

    async fn presented(&self, key: SessionKey) -> Result<Stage, SessionError> {
        let Some(live) = self.core.find(key).await? else {
            return Ok(self.core.refuse(Absence::Unknown));
        };
        if self
            .core
            .binding
            .admits(&live.loaded.record.device, &|| self.device())
        {
            return Ok(Stage::Live(live));
        }
        self.core.other_client(live).await
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

    /// The key of the id that the client has presented, if it is one.
    pub(super) fn presented_key(&self) -> Option<SessionKey> {
        match self.core.transport.read(&self.captured) {
            Presented::Id(id) => Some(id.key()),
            Presented::Nothing | Presented::Refused(_) => None,
        }
    }

    /// Whether the client has presented anything.
    pub(super) fn has_captured(&self) -> bool {
        !self.captured.is_empty()
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
        // Its head is on its way from the beginning, and personal: it can be read.
        Arc::new(Self {
            ip: self.ip,
            user_agent: self.user_agent.clone(),
            place: self.place.anew(),
            ..Self::new(
                Arc::clone(&self.core),
                self.captured.clone(),
                Head::SentPersonal,
            )
        })
    }
}

impl State {
    fn new(head: Head) -> Self {
        Self {
            stage: Stage::Unread,
            log: Vec::new(),
            renewal: Renewal::None,
            draft: None,
            decoded: Vec::new(),
            announce: None,
            retract: false,
            head,
            writer: 0,
        }
    }

    pub(super) fn is_unread(&self) -> bool {
        matches!(self.stage, Stage::Unread)
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.stage {
            Stage::Live(live) => Some(live),
            Stage::Unread | Stage::Absent(_) => None,
        }
    }

    /// The session as handlers see it.
    pub(super) fn record(&self) -> Option<&Record> {
        let saved = || self.live().map(|live| &*live.loaded.record);
        self.draft.as_deref().or_else(saved)
    }
}
