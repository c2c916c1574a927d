//! A store whose type is forgotten.

use std::{fmt, future::poll_fn, sync::Arc, task::Poll, time::Duration};

use futures_util::future::{BoxFuture, Either, select};

use super::{
    super::{id::SessionKey, record::Record, time::Timestamp, user::UserId},
    Admission, Created, Loaded, Population, SessionStore, Swapped, UsersAsked,
};
use crate::{clock::Clock, error::StoreError};

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A store may take so long to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A [`SessionStore`] whose type is erased, and which answers in time. Clones are the same store.
#[derive(Clone)]
pub(crate) struct BoxStore {
    store: Arc<dyn Erased>,
    pub(crate) timeout: Duration,
    pub(crate) clock: Clock,
}

impl BoxStore {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            timeout: TIMEOUT,
            clock: Clock::system(),
        }
    }

    async fn in_time<T>(&self, mut answer: Answer<'_, T>) -> Result<T, StoreError> {
        // A store that answers at once needs no timer.
        let at_once = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
        if let Poll::Ready(answer) = at_once {
            return answer;
        }
        match select(answer, self.clock.sleep(self.timeout)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(StoreError::timeout()),
        }
    }
}

impl fmt::Debug for BoxStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxStore").finish_non_exhaustive()
    }
}

impl SessionStore for BoxStore {
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Loaded>, StoreError>> {
        self.store.load_now(key)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.in_time(self.store.load(key)).await
    }

    async fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Result<Created, StoreError> {
        self.in_time(self.store.create(key, record, admission))
            .await
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Result<Swapped, StoreError> {
        self.in_time(self.store.swap(key, version, record)).await
    }

    fn swap_now(
        &self,
        key: &SessionKey,
        version: u64,
        record: Arc<Record>,
    ) -> Result<Result<Swapped, StoreError>, Arc<Record>> {
        self.store.swap_now(key, version, record)
    }

    async fn touch(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.in_time(self.store.touch(key)).await
    }

    async fn remove(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.in_time(self.store.remove(key)).await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionKey, Loaded)>, StoreError> {
        self.in_time(self.store.sessions_of(user)).await
    }

    async fn users(&self, asked: &UsersAsked) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        self.in_time(self.store.users(asked)).await
    }

    async fn expired(&self, limit: usize) -> Result<Vec<(SessionKey, Arc<Record>)>, StoreError> {
        self.in_time(self.store.expired(limit)).await
    }

    async fn population(&self) -> Result<Population, StoreError> {
        self.in_time(self.store.population()).await
    }
}

/// The object-safe twin.
trait Erased: Send + Sync {
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Loaded>, StoreError>>;
    fn load<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, Option<Loaded>>;
    fn create<'a>(
        &'a self,
        key: &'a SessionKey,
        record: Record,
        admission: &'a Admission,
    ) -> Answer<'a, Created>;
    fn swap<'a>(
        &'a self,
        key: &'a SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Answer<'a, Swapped>;
    fn swap_now(
        &self,
        key: &SessionKey,
        version: u64,
        record: Arc<Record>,
    ) -> Result<Result<Swapped, StoreError>, Arc<Record>>;
    fn touch<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, bool>;
    fn remove<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, Option<Loaded>>;
    fn sessions_of<'a>(&'a self, user: &'a UserId) -> Answer<'a, Vec<(SessionKey, Loaded)>>;
    fn users<'a>(&'a self, asked: &'a UsersAsked) -> Answer<'a, Vec<(UserId, Timestamp)>>;
    fn expired(&self, limit: usize) -> Answer<'_, Vec<(SessionKey, Arc<Record>)>>;
    fn population(&self) -> Answer<'_, Population>;
}

impl<S: SessionStore> Erased for S {
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Loaded>, StoreError>> {
        SessionStore::load_now(self, key)
    }

    fn load<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, Option<Loaded>> {
        Box::pin(SessionStore::load(self, key))
    }

    fn create<'a>(
        &'a self,
        key: &'a SessionKey,
        record: Record,
        admission: &'a Admission,
    ) -> Answer<'a, Created> {
        Box::pin(SessionStore::create(self, key, record, admission))
    }

    fn swap<'a>(
        &'a self,
        key: &'a SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Answer<'a, Swapped> {
        Box::pin(SessionStore::swap(self, key, version, record))
    }

    fn swap_now(
        &self,
        key: &SessionKey,
        version: u64,
        record: Arc<Record>,
    ) -> Result<Result<Swapped, StoreError>, Arc<Record>> {
        SessionStore::swap_now(self, key, version, record)
    }

    fn touch<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, bool> {
        Box::pin(SessionStore::touch(self, key))
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> Answer<'a, Option<Loaded>> {
        Box::pin(SessionStore::remove(self, key))
    }

    fn sessions_of<'a>(&'a self, user: &'a UserId) -> Answer<'a, Vec<(SessionKey, Loaded)>> {
        Box::pin(SessionStore::sessions_of(self, user))
    }

    fn users<'a>(&'a self, asked: &'a UsersAsked) -> Answer<'a, Vec<(UserId, Timestamp)>> {
        Box::pin(SessionStore::users(self, asked))
    }

    fn expired(&self, limit: usize) -> Answer<'_, Vec<(SessionKey, Arc<Record>)>> {
        Box::pin(SessionStore::expired(self, limit))
    }

    fn population(&self) -> Answer<'_, Population> {
        Box::pin(SessionStore::population(self))
    }
}
