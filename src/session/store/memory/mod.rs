//! The store in this process's memory.

mod core;
mod ends;
mod index;
mod leaving;
mod order;
mod room;
mod shards;
mod slots;
#[cfg(test)]
mod tests;
mod told;
mod users;

use std::{fmt, sync::Arc};

use self::{core::Core, room::Plan};
use super::{
    super::{id::SessionKey, record::Record, time::Timestamp, user::UserId},
    Admission, Created, Loaded, Population, SessionStore, Swapped, UsersAsked,
};
use crate::{clock::Clock, error::StoreError};

/// A store in the memory of this process. Clones are the same store.
///
/// - **It answers at once**: no call waits, and [`load`](SessionStore::load) takes one short lock.
/// - **It expires by itself.** A session is given to nobody from the moment at which it [is over](Record::ends); its
///   memory is freed by the way, some of it whenever another session is written, and all of it when the
///   room is needed. [`expired`](SessionStore::expired) tells of each session once, also of those that were freed before,
///   as long as no more than 1024 wait to be told of and their room is not needed.
/// - **It is bounded**, in bytes: each session weighs what its [record](Record::weight) does, and the most that it can take
///   in the tables by which it is found, with the free places that these have. The largest one is a sixteenth of the
///   capacity.
/// - **When it is full** the session of nobody that was not active for the longest time goes. There being none,
///   an anonymous newcomer finds [no room](Created::NoRoom), and one of a user takes the place of the
///   user's session that was not active for the longest time. So a crowd without accounts logs nobody out. A session that
///   grows is treated like a newcomer, and never loses its own place by that. [`stats`](Self::stats) counts all three.
/// - **Time** is the wall's when the store is made, and goes on by the monotonic clock: it does not jump.
///
/// What it keeps ends with the process.
///
/// ```
/// use tower_keep::session::MemorySessions;
///
/// # fn main() -> Result<(), tower_keep::session::InvalidCapacity> {
/// let store = MemorySessions::with_capacity(16 << 20)?;
/// let same = store.clone();
/// assert_eq!(same.stats(), store.stats());
/// assert!(MemorySessions::with_capacity(100).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemorySessions(Arc<Core>);

/// A capacity that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a capacity of {capacity} bytes is too small for sessions: it takes at least {least} bytes"
)]
pub struct InvalidCapacity {
    capacity: usize,
    least: usize,
}

/// What a [`MemorySessions`] has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemorySessionsStats {
    /// Bytes that sessions take now, those included that are over but not freed.
    pub bytes: u64,
    /// Sessions without a user that had to go before they were over, as there was no room for all.
    pub evicted_anonymous: u64,
    /// Sessions of users that had to.
    pub evicted_logged_in: u64,
    /// Sessions that found no room, or no room to grow.
    pub refused: u64,
}

impl MemorySessions {
    /// A store of 64 MiB: room for some ninety thousand small sessions.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Core::new(Plan::default(), Clock::fast())))
    }

    /// A store of so many bytes.
    ///
    /// # Errors
    /// If that is less than 64 KiB.
    pub fn with_capacity(bytes: usize) -> Result<Self, InvalidCapacity> {
        let plan = Plan::new(bytes)?;
        Ok(Self(Arc::new(Core::new(plan, Clock::fast()))))
    }

    /// With another clock than [`Clock::fast`]. To be said before anything is stored and before the store is cloned:
    /// the store that is returned is another one, and empty.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self(Arc::new(Core::new(self.0.plan, clock)))
    }

    /// What it has counted. Counts of one snapshot may be apart by what is being done meanwhile.
    #[must_use]
    pub fn stats(&self) -> MemorySessionsStats {
        self.0.stats()
    }

    /// All that is kept.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn all(&self) -> Vec<(SessionKey, Arc<Record>)> {
        self.0.all()
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows nothing of what is kept.
impl fmt::Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions")
            .field("capacity", &self.0.plan.capacity)
            .finish_non_exhaustive()
    }
}

impl SessionStore for MemorySessions {
    #[inline]
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Loaded>, StoreError>> {
        Some(Ok(self.0.load(key)))
    }

    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        Ok(self.0.load(key))
    }

    async fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Result<Created, StoreError> {
        Ok(self.0.create(key, record, admission))
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Result<Swapped, StoreError> {
        Ok(self.0.swap(key, version, record))
    }

    fn swap_now(
        &self,
        key: &SessionKey,
        version: u64,
        record: Arc<Record>,
    ) -> Result<Result<Swapped, StoreError>, Arc<Record>> {
        Ok(Ok(self.0.swap(key, version, Some(record))))
    }

    async fn touch(&self, key: &SessionKey) -> Result<bool, StoreError> {
        Ok(self.0.touch(key))
    }

    async fn remove(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        Ok(self.0.remove(key))
    }

    async fn sessions_of(&self, user: &UserId) -> Result<Vec<(SessionKey, Loaded)>, StoreError> {
        Ok(self.0.sessions_of(user))
    }

    async fn users(&self, asked: &UsersAsked) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        Ok(self.0.users(asked))
    }

    async fn expired(&self, limit: usize) -> Result<Vec<(SessionKey, Arc<Record>)>, StoreError> {
        Ok(self.0.expired(limit))
    }

    async fn population(&self) -> Result<Population, StoreError> {
        Ok(self.0.population())
    }
}
