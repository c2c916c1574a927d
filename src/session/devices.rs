//! The sessions of users.

use std::{fmt, sync::Arc, time::SystemTime};

use super::{
    core::Core,
    error::SessionError,
    event::Ending,
    handle::SessionInfo,
    id::{SessionHandle, SessionKey},
    store::{Loaded, Population, SessionStore, UsersAsked},
    time::Timestamp,
    user::UserId,
};

/// So many users are asked for at a time.
const PAGE: usize = 100;

/// The sessions of users: a handle from [`SessionLayer::devices`](super::SessionLayer::devices).
///
/// ```
/// use tower_keep::{SessionLayer, session::SessionError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), SessionError> {
/// let layer = SessionLayer::new();
/// let devices = layer.devices();
/// for device in devices.of(&"u1".into()).await? {
///     println!("{}: {:?}", device.handle, device.device.user_agent());
/// }
/// let ended = devices.end_all(&"u1".into()).await?;
/// assert_eq!(ended, 0);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Of every method: [`is_store`](SessionError::is_store) if the store cannot be asked. Some of what was to be ended may
/// have been.
#[derive(Clone)]
pub struct Devices {
    core: Arc<Core>,
}

impl Devices {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The sessions of a user, the most recently active first.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn of(&self, user: &UserId) -> Result<Vec<SessionInfo>, SessionError> {
        let sessions = self.core.store.sessions_of(user).await?;
        let infos = sessions
            .iter()
            .map(|(key, loaded)| SessionInfo::of(key, loaded));
        let mut infos: Vec<SessionInfo> = infos.collect();
        infos.sort_by_key(|info| (std::cmp::Reverse(info.seen), info.handle));
        Ok(infos)
    }

    /// Ends this session, if it is the user's. Whether it was there.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn end(&self, user: &UserId, device: SessionHandle) -> Result<bool, SessionError> {
        let ended = self.end_those(user, |handle| handle == device).await?;
        Ok(ended > 0)
    }

    /// Ends all sessions of a user. How many there were.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn end_all(&self, user: &UserId) -> Result<usize, SessionError> {
        self.end_those(user, |_| true).await
    }

    /// Ends all sessions of a user but this one, which has the handle that [`info`](super::Session::info) says it has. How
    /// many there were. Whoever has changed its id in the same request has to [commit](super::Session::commit) and ask
    /// for the handle again before.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn end_all_but(
        &self,
        user: &UserId,
        this: SessionHandle,
    ) -> Result<usize, SessionError> {
        self.end_those(user, |handle| handle != this).await
    }

    /// The users of a tenant who have sessions, in the order of their names.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn users_in(&self, tenant: &str) -> Result<Vec<UserId>, SessionError> {
        let asked = UsersAsked {
            tenant: Some(tenant.into()),
            ..UsersAsked::default()
        };
        let users = self.users(asked).await?;
        Ok(users.into_iter().map(|(user, _)| user).collect())
    }

    /// Ends all sessions of all users of a tenant. How many there were.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn end_tenant(&self, tenant: &str) -> Result<usize, SessionError> {
        let mut ended = 0;
        for user in self.users_in(tenant).await? {
            ended += self.end_all(&user).await?;
        }
        Ok(ended)
    }

    /// The users who were active then or later, and when each was last, in the order of their ids.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn active_since(
        &self,
        time: SystemTime,
    ) -> Result<Vec<(UserId, Timestamp)>, SessionError> {
        let since = time.into();
        self.users(UsersAsked {
            since,
            ..UsersAsked::default()
        })
        .await
    }

    /// How many sessions there are, and users who have some.
    ///
    /// # Errors
    /// See the [type](Devices#errors).
    pub async fn population(&self) -> Result<Population, SessionError> {
        Ok(self.core.store.population().await?)
    }

    async fn users(&self, mut asked: UsersAsked) -> Result<Vec<(UserId, Timestamp)>, SessionError> {
        let mut users = Vec::new();
        asked.limit = PAGE;
        loop {
            let page = self.core.store.users(&asked).await?;
            let Some((last, _)) = page.last() else {
                return Ok(users);
            };
            asked.after = Some(last.clone());
            users.extend(page);
        }
    }

    async fn end_those(
        &self,
        user: &UserId,
        which: impl Fn(SessionHandle) -> bool,
    ) -> Result<usize, SessionError> {
        let sessions = self.core.store.sessions_of(user).await?;
        let mut ended = 0;
        for (key, known) in sessions {
            if which(key.handle()) && self.core.end(key, known, Ending::Device).await? {
                ended += 1;
            }
        }
        Ok(ended)
    }
}

impl SessionInfo {
    pub(super) fn of(key: &SessionKey, loaded: &Loaded) -> Self {
        Self {
            handle: key.handle(),
            created: loaded.record.created(),
            seen: loaded.seen,
            device: loaded.record.device().clone(),
            user: loaded.record.user().cloned(),
        }
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices").finish_non_exhaustive()
    }
}
