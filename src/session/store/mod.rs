//! Where sessions are kept: the [`SessionStore`] trait.

mod erased;
mod memory;

use std::{future::Future, num::NonZeroU32, sync::Arc};

pub(crate) use self::erased::BoxStore;
pub use self::memory::{InvalidCapacity, MemorySessions, MemorySessionsStats};
use super::{id::SessionKey, record::Record, time::Timestamp, user::UserId};
use crate::error::StoreError;

/// A place for sessions.
///
/// What an implementation must do:
///
/// - **Changes are compare-and-swap.** [`create`](Self::create) never replaces anything, [`swap`](Self::swap) replaces
///   the version that the caller has seen or nothing, and nothing brings back what is [removed](Self::remove).
/// - **Time is the store's**: records are [stamped](Record::stamp) by its clock, which decides when a session
///   [is over](Record::ends). What is over is as if it had been removed.
/// - **A user's sessions are found.** A record with a [user](Record::user) is in the list of that user from before it can
///   be loaded until after it is gone: there is never a session that "end all" would not find. A list may name what has
///   gone meanwhile; it is left out when the list is read.
/// - **The cap is kept**: of any number of concurrent [`create`](Self::create)s for one user no more succeed than
///   [`Admission::cap`] has room for.
///
/// Whether a call that failed has taken place is unknown. `test_util::sessions` (feature `test-util`) holds
/// a store to all of that.
pub trait SessionStore: Send + Sync + 'static {
    /// Loads a session, if that needs no waiting. A store that has to ask somebody answers None, as this method does
    /// unless it is overridden.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    fn load_now(&self, key: &SessionKey) -> Option<Result<Option<Loaded>, StoreError>> {
        let _ = key;
        None
    }

    /// Loads a session. That is no activity: see [`touch`](Self::touch).
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn load(
        &self,
        key: &SessionKey,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// Stores a new session, active now, unless something stands under the key or the cap does not admit it.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Replaces a session by this record, or removes it where there is none, if it still has this version. A session
    /// that is replaced is active now.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> impl Future<Output = Result<Swapped, StoreError>> + Send;

    /// The same as [`swap`](Self::swap), if that needs no waiting. A store that has to ask somebody gives the record
    /// back, as this method does unless it is overridden.
    ///
    /// # Errors
    /// The record, where it is not known yet what becomes of it; inside, those of [`swap`](Self::swap).
    fn swap_now(
        &self,
        key: &SessionKey,
        version: u64,
        record: Arc<Record>,
    ) -> Result<Result<Swapped, StoreError>, Arc<Record>> {
        let _ = (key, version);
        Err(record)
    }

    /// Says that a session is active now. Its version stays the same. False if there is none.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn touch(&self, key: &SessionKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a session, whatever its version. Returns what was there.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn remove(
        &self,
        key: &SessionKey,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// The sessions of a user, in no order.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn sessions_of(
        &self,
        user: &UserId,
    ) -> impl Future<Output = Result<Vec<(SessionKey, Loaded)>, StoreError>> + Send;

    /// Users with sessions, those of one tenant or all, who were active since then: a page of at most `limit` of them,
    /// in the order of their ids, beginning after `after`. Ends with an empty page.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn users(
        &self,
        asked: &UsersAsked,
    ) -> impl Future<Output = Result<Vec<(UserId, Timestamp)>, StoreError>> + Send;

    /// Gives up to `limit` sessions that are over and were not yet told of, and frees what they took. A store whose
    /// server lets them expire has none to tell of.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn expired(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(SessionKey, Arc<Record>)>, StoreError>> + Send {
        let _ = limit;
        async { Ok(Vec::new()) }
    }

    /// How many there are, as far as the store can tell.
    ///
    /// # Errors
    /// When the store cannot be asked or does not answer in time.
    fn population(&self) -> impl Future<Output = Result<Population, StoreError>> + Send;
}

/// A session as it was when it was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What is kept of it.
    pub record: Arc<Record>,
    /// Which state of it this is: another one after each change.
    pub version: u64,
    /// When it was last active.
    pub seen: Timestamp,
    /// What the store's clock said.
    pub now: Timestamp,
}

/// What may be created beside what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// How many sessions the record's user may have, the new one among them.
    pub cap: Option<NonZeroU32>,
    /// A session that will be removed when the new one is there, and does not count.
    pub instead_of: Option<SessionKey>,
}

/// What [`SessionStore::create`] did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Created {
    /// It is stored, as this.
    Stored(Loaded),
    /// Something stands under the key.
    Taken,
    /// The user has as many sessions as they may; this one of them has not been active for the longest time.
    TooMany {
        /// The least recently active one.
        oldest: SessionKey,
    },
    /// The store has no room that it would make for this session.
    NoRoom,
}

/// What [`SessionStore::swap`] did.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Swapped {
    /// It was replaced, and is this now.
    Stored(Loaded),
    /// It was removed.
    Removed,
    /// Nothing: it is this by now.
    Changed(Loaded),
    /// Nothing: there is no such session.
    Gone,
    /// Nothing: the store has no room that it would make for the change.
    NoRoom,
}

/// What [`SessionStore::users`] is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsersAsked {
    /// Those of this tenant alone.
    pub tenant: Option<Arc<str>>,
    /// Those who were active then or later.
    pub since: Timestamp,
    /// Those whose id comes after this one.
    pub after: Option<UserId>,
    /// So many at most.
    pub limit: usize,
}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Population {
    /// Sessions.
    pub sessions: u64,
    /// Users who have some.
    pub users: u64,
}
