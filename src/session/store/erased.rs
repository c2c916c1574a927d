//! A store whose type is forgotten.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    super::{id::SessionKey, record::Record, time::Timestamp, user::UserId},
    Admission, Created, Loaded, Population, SessionStore, Swapped, UsersAsked,
};
use crate::error::StoreError;

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A [`SessionStore`] whose type is erased. Clones are the same store.
#[derive(Clone)]
pub(crate) struct BoxStore(Arc<dyn Erased>);

impl BoxStore {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self(Arc::new(store))
    }
}

impl fmt::Debug for BoxStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxStore").finish_non_exhaustive()
    }
}

impl SessionStore for BoxStore {
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Loaded>, StoreError>> {
        self.0.load_now(key)
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.0.load(key).await
    }

    async fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Result<Created, StoreError> {
        self.0.create(key, record, admission).await
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Record>,
    ) -> Result<Swapped, StoreError> {
        self.0.swap(key, version, record).await
    }

    async fn touch(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.0.touch(key).await
    }

    async fn remove(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.0.remove(key).await
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionKey, Loaded)>, StoreError> {
        self.0.sessions_of(user).await
    }

    async fn users(&self, asked: &UsersAsked) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        self.0.users(asked).await
    }

    async fn expired(&self, limit: usize) -> Result<Vec<(SessionKey, Arc<Record>)>, StoreError> {
        self.0.expired(limit).await
    }

    async fn population(&self) -> Result<Population, StoreError> {
        self.0.population().await
    }
}

/// The object-safe twin: only where a store has to wait is a future boxed.
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
        record: Option<Record>,
    ) -> Answer<'a, Swapped>;
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
        record: Option<Record>,
    ) -> Answer<'a, Swapped> {
        Box::pin(SessionStore::swap(self, key, version, record))
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
