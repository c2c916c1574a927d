//! Whose session it is, and how long.

use std::sync::Arc;

use super::Session;
use crate::session::{
    begun::to_the_end,
    change::{Change, Renewal},
    core::Core,
    csrf::CsrfToken,
    error::{Kind, SessionError},
    event::{Absence, Ending},
    exchange::Exchange,
    id::SessionHandle,
    record::{Device, Record},
    state::{Live, Stage, State},
    store::SessionStore,
    time::Timestamp,
    user::UserId,
};

/// # Users
impl<D> Session<D> {
    /// Makes it this user's: from now on it is in the list of their [`Devices`](crate::session::Devices), it gets a new
    /// id, its time begins anew, and the old id is dead as soon as this is saved. Its values stay, unless it was another
    /// user's.
    ///
    /// If the response fails before it begins, the old session is still there.
    ///
    /// # Errors
    /// As of the [type](Session#errors), and [`is_too_many`](SessionError::is_too_many) if the user has as many sessions
    /// as they may and the layer [refuses more](crate::session::SessionLayer::refuse_beyond_cap). Where that happens in
    /// several requests at the same moment, some of them learn it from [`commit`](Self::commit), or are answered 409.
    pub async fn login(&self, user: impl Into<UserId>) -> Result<(), SessionError> {
        let user = user.into();
        let exchange = &self.exchange;
        let own = exchange.loaded().await?.live().map(|live| live.key);
        exchange.core.has_room_for(&user, own.as_ref()).await?;
        let mut state = exchange.changing_anyway().await?;
        let others = state.record().and_then(Record::user);
        let is_anothers = others.is_some_and(|other| *other != user);
        state.changes().forget_token();
        exchange.renew(&mut state, Renewal::Login(user), is_anothers);
        Ok(())
    }

    /// Gives it a new id, as should be done whenever what it may do changes. The old one is dead as soon as this is
    /// saved. A visitor without a session has none to change.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn rotate(&self) -> Result<(), SessionError> {
        let exchange = &self.exchange;
        let mut state = exchange.changing().await?;
        let changes = state.changes.as_ref();
        let logs_in = changes.is_some_and(|all| matches!(all.renewal, Renewal::Login(_)));
        if state.live().is_some() && !logs_in {
            exchange.renew(&mut state, Renewal::Rotate, false);
        }
        Ok(())
    }

    /// Ends it, at once and in the store: when this returns its id is dead, and what other requests that are under way
    /// have changed in it is lost. The response removes the cookie. What is written afterwards is another session's.
    ///
    /// # Errors
    /// As of the [type](Session#errors); whether the session has ended is then unknown.
    pub async fn destroy(&self) -> Result<(), SessionError> {
        drop(self.exchange.loaded().await?);
        let exchange = Arc::clone(&self.exchange);
        to_the_end(async move { exchange.destroy().await }).await
    }

    /// Saves what has been changed so far, before the response begins: for handlers that want to know, or that go on
    /// with what others have changed meanwhile. Goes on to its end when the request is cancelled.
    ///
    /// # Errors
    /// [`is_ended`](SessionError::is_ended) if the session has ended meanwhile; [`is_store`](SessionError::is_store),
    /// [`is_conflict`](SessionError::is_conflict), [`is_no_room`](SessionError::is_no_room) and
    /// [`is_too_many`](SessionError::is_too_many) if the changes are not saved yet: the layer will try once more.
    pub async fn commit(&self) -> Result<(), SessionError> {
        self.exchange.commit().await
    }
}

/// # What is known of it
impl<D> Session<D> {
    /// The user whose session it is; None for a visitor.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn user(&self) -> Result<Option<UserId>, SessionError> {
        let state = self.exchange.loaded().await?;
        Ok(state.record().and_then(Record::user).cloned())
    }

    /// What is known of it beside its values; None where there is no session yet.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn info(&self) -> Result<Option<SessionInfo>, SessionError> {
        let state = self.exchange.loaded().await?;
        Ok(state
            .live()
            .map(|live| SessionInfo::of(&live.key, &live.loaded)))
    }

    /// What the application calls the device, in the list of [`Devices`](crate::session::Devices). None takes the name
    /// away. That alone is not worth a session to a visitor who has none.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn label(&self, label: Option<&str>) -> Result<(), SessionError> {
        let label = label.map(Arc::from);
        self.exchange.record(Change::Label(label)).await
    }

    /// Whether its cookie survives the end of the browser ("remember me"), as long as the session itself lives. By
    /// default that is as its [cookie](crate::session::SessionCookie::persist) says. That alone is not worth a session to
    /// a visitor who has none.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn persist(&self, persistent: bool) -> Result<(), SessionError> {
        self.exchange.record(Change::Persist(persistent)).await?;
        let mut state = self.exchange.state();
        let has_a_cookie = self.exchange.core.transport.cookie_name().is_some();
        let live = state.live();
        let changes = live.is_some_and(|live| live.loaded.record.persistent != persistent);
        state.retell = has_a_cookie && changes;
        Ok(())
    }

    /// The token that unsafe requests of this session prove themselves with: see
    /// [`CsrfLayer`](crate::session::CsrfLayer). The first call makes one.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn csrf_token(&self) -> Result<CsrfToken, SessionError> {
        let known = |state: &State| state.record().and_then(|record| record.token);
        if let Some(token) = known(&*self.exchange.loaded().await?) {
            return CsrfToken::masked(token);
        }
        self.exchange
            .record(Change::Token(CsrfToken::fresh()?))
            .await?;
        let token = known(&*self.exchange.loaded().await?);
        CsrfToken::masked(token.ok_or_else(SessionError::ended)?)
    }

    /// Whether this text is a [token](Self::csrf_token) of this session: for handlers that find it in a form. Without a
    /// session no text is one.
    ///
    /// # Errors
    /// As of the [type](Session#errors).
    pub async fn verify_csrf_token(&self, text: &str) -> Result<bool, SessionError> {
        let state = self.exchange.loaded().await?;
        let token = state.record().and_then(|record| record.token);
        Ok(token.is_some_and(|token| CsrfToken::is_one_of(text.as_bytes(), token)))
    }
}

/// What is known of a session beside its values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// What it is called where people may see it.
    pub handle: SessionHandle,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last active.
    pub seen: Timestamp,
    /// Where it was begun.
    pub device: Device,
    /// Whose it is.
    pub user: Option<UserId>,
}

impl Exchange {
    fn renew(&self, state: &mut State, renewal: Renewal, cleared: bool) {
        if cleared {
            state.draft(|| self.blank()).clear();
            state.changes().log.push(Change::Clear);
        }
        renewal.apply(state.draft(|| self.blank()), || self.device());
        state.changes().renewal = renewal;
    }

    async fn destroy(&self) -> Result<(), SessionError> {
        let _alone = self.alone().await;
        let live = self.state().live().cloned();
        if let Some(Live { key, loaded, .. }) = live {
            self.core.end(key, loaded, Ending::Logout).await?;
        }
        // Of two that may be it, both.
        let issued = self.state().in_doubt().map(|id| id.key());
        if let Some(key) = issued {
            self.core.end_key(key, Ending::Logout).await?;
        }
        let mut state = self.state();
        state.changes = None;
        state.announce = None;
        state.retract = self.has_captured();
        state.stage = Stage::Absent(Absence::Ended);
        Ok(())
    }
}

impl Core {
    /// Whether the user may have one more session than those beside `own`.
    async fn has_room_for(
        &self,
        user: &UserId,
        own: Option<&crate::session::SessionKey>,
    ) -> Result<(), SessionError> {
        let (Some(cap), true) = (self.cap, self.refuse_beyond_cap) else {
            return Ok(());
        };
        let sessions = self.store.sessions_of(user).await?;
        let others = sessions.iter().filter(|(key, _)| own != Some(key));
        if others.count() >= cap.get() as usize {
            return Err(Kind::TooMany.into());
        }
        Ok(())
    }
}
