//! A store that does as it is told to, right or wrong.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use tokio::task::yield_now;

use crate::{
    clock::Clock,
    error::StoreError,
    session::{
        Admission, Created, Loaded, Population, Record, SessionKey, SessionStore, Swapped,
        Timestamp, UserId, UsersAsked, sample::SampleRecord,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    StampsNothing,
    CreateReplaces,
    CreateLooksFirst,
    LoadsNowWhatIsOver,
    LoadTouches,
    SwapCreates,
    SwapOverwrites,
    SwapLooksFirst,
    SwapTouchesNot,
    SwapKeepsLife,
    RemovesAnyVersion,
    RemovedComesBack,
    RemovedStaysListed,
    VersionsBeginAnew,
    VersionsRepeat,
    TouchCounts,
    TouchDoesNothing,
    TouchRollsBack,
    TouchRevives,
    GivesOutWhatIsOver,
    ListsWhatIsOver,
    OutlivesItsTime,
    NeverIdle,
    ListsLater,
    ForgetsWhileSwapping,
    KeepsFormerUsers,
    MixesTenants,
    CapLooksFirst,
    CapIsIgnored,
    CapCountsWhatIsOver,
    CapCountsAll,
    CapCountsTheReplaced,
    NamesTheNewest,
    TellsTwice,
    TellsOfTheLiving,
    TellsTooMuch,
    UsersUnordered,
    UsersFromTheStart,
    UsersWithoutLimit,
    UsersOfAllTenants,
    UsersOfOldActivity,
    UsersOfNoTenantOnly,
    Fails,
}

struct Entry {
    record: Arc<Record>,
    version: u64,
    seen: Timestamp,
    removed: bool,
    told: bool,
}

/// One lock, and a search from end to end.
pub(super) struct Plain {
    fault: Fault,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: HashMap<SessionKey, Entry>,
    /// Whose each of them is, or is said to be.
    owners: Vec<(UserId, SessionKey)>,
    version: u64,
}

impl Plain {
    pub(super) fn new(fault: Fault, clock: Clock) -> Self {
        Self {
            fault,
            clock,
            state: Mutex::default(),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn now(&self) -> Timestamp {
        self.clock.wall().into()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn pause_if(&self, fault: Fault) {
        if self.has(fault) {
            yield_now().await;
        }
    }

    fn is_over(&self, entry: &Entry) -> bool {
        let record = &entry.record;
        let seen = match self.fault {
            Fault::NeverIdle => self.now(),
            _ => entry.seen,
        };
        let is_over = |ends: Timestamp| match self.fault {
            // To a store that knows no absolute end each activity begins the time anew.
            Fault::OutlivesItsTime => ends + entry.seen.since(record.created()) <= self.now(),
            _ => ends <= self.now(),
        };
        record.ends(seen).is_some_and(is_over)
    }

    fn is_there(&self, entry: &Entry) -> bool {
        !entry.removed && (self.has(Fault::GivesOutWhatIsOver) || !self.is_over(entry))
    }

    fn loaded(&self, entry: &Entry) -> Loaded {
        Loaded {
            record: Arc::clone(&entry.record),
            version: entry.version,
            seen: entry.seen,
            now: self.now(),
        }
    }

    fn find(&self, key: &SessionKey) -> Option<Loaded> {
        let state = self.state();
        let entry = state.entries.get(key)?;
        self.is_there(entry).then(|| self.loaded(entry))
    }

    /// Puts it there, whatever was there.
    fn put(&self, key: &SessionKey, record: Record) -> Loaded {
        let mut state = self.state();
        let before = state.entries.get(key);
        let version = match self.fault {
            Fault::VersionsBeginAnew => before
                .filter(|entry| !entry.removed)
                .map_or(1, |entry| entry.version + 1),
            Fault::VersionsRepeat => before.map_or(1, |entry| 3 - entry.version),
            _ => state.version + 1,
        };
        state.version += 1;
        let record = match self.fault {
            Fault::StampsNothing => record,
            _ => record.stamped(self.now()),
        };
        let entry = Entry {
            record: Arc::new(record),
            version,
            seen: self.now(),
            removed: false,
            told: false,
        };
        let loaded = self.loaded(&entry);
        state.entries.insert(*key, entry);
        loaded
    }

    fn disown(&self, key: &SessionKey) {
        self.state().owners.retain(|(_, owned)| owned != key);
    }

    fn own(&self, key: &SessionKey, user: Option<&UserId>) {
        if !self.has(Fault::KeepsFormerUsers) {
            self.disown(key);
        }
        self.state()
            .owners
            .extend(user.map(|user| (user.clone(), *key)));
    }

    /// The sessions that count for the cap.
    fn counted(&self, user: &UserId, admission: &Admission) -> Vec<(Timestamp, SessionKey)> {
        let state = self.state();
        let theirs = state.entries.iter().filter(|(key, entry)| {
            let counts = match self.fault {
                Fault::CapCountsWhatIsOver => !entry.removed,
                _ => self.is_there(entry),
            };
            let replaced = admission.instead_of.as_ref() == Some(key);
            let is_theirs = entry.record.user() == Some(user) || self.has(Fault::CapCountsAll);
            counts && is_theirs && (!replaced || self.has(Fault::CapCountsTheReplaced))
        });
        theirs.map(|(key, entry)| (entry.seen, *key)).collect()
    }

    fn beyond_cap(&self, record: &Record, admission: &Admission) -> Option<SessionKey> {
        let mut counted = self.counted(record.user()?, admission);
        counted.sort_unstable();
        if self.has(Fault::NamesTheNewest) {
            counted.reverse();
        }
        let cap = admission.cap?.get() as usize;
        let is_full = counted.len() >= cap && !self.has(Fault::CapIsIgnored);
        is_full.then(|| counted[0].1)
    }

    fn remove_if(&self, key: &SessionKey, is: impl Fn(&Entry) -> bool) -> Option<Loaded> {
        let removed = {
            let mut state = self.state();
            let entry = state.entries.get_mut(key)?;
            if !self.is_there(entry) || !is(entry) {
                return None;
            }
            entry.removed = true;
            self.loaded(entry)
        };
        if !self.has(Fault::RemovedStaysListed) {
            self.disown(key);
        }
        Some(removed)
    }
}

type Answer<T> = Result<T, StoreError>;

impl SessionStore for Plain {
    fn load_now(&self, key: &SessionKey) -> Option<Answer<Option<Loaded>>> {
        let state = self.state();
        let over = state.entries.get(key).map(|entry| self.loaded(entry));
        self.has(Fault::LoadsNowWhatIsOver).then_some(Ok(over))
    }

    async fn load(&self, key: &SessionKey) -> Answer<Option<Loaded>> {
        if self.has(Fault::Fails) {
            return Err(StoreError::timeout());
        }
        let loaded = self.find(key);
        if self.has(Fault::LoadTouches) {
            self.touch(key).await?;
        }
        Ok(loaded)
    }

    async fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Answer<Created> {
        if self.find(key).is_some() && !self.has(Fault::CreateReplaces) {
            return Ok(Created::Taken);
        }
        self.pause_if(Fault::CreateLooksFirst).await;
        if let Some(oldest) = self.beyond_cap(&record, admission) {
            return Ok(Created::TooMany { oldest });
        }
        self.pause_if(Fault::CapLooksFirst).await;
        let user = record.user().cloned();
        if !self.has(Fault::ListsLater) {
            self.own(key, user.as_ref());
        }
        let loaded = self.put(key, record);
        if self.has(Fault::ListsLater) {
            yield_now().await;
            self.own(key, user.as_ref());
        }
        Ok(Created::Stored(loaded))
    }

    async fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Answer<Swapped> {
        let record = record.map(Arc::unwrap_or_clone);
        let Some(found) = self.find(key) else {
            let revives = {
                let state = self.state();
                let removed = state.entries.get(key);
                self.has(Fault::RemovedComesBack) && removed.is_some_and(|e| e.version == version)
            };
            return Ok(match record {
                Some(record) if revives || self.has(Fault::SwapCreates) => {
                    Swapped::Stored(self.put(key, record))
                }
                _ => Swapped::Gone,
            });
        };
        let overwrites = match record {
            Some(_) => self.has(Fault::SwapOverwrites),
            None => self.has(Fault::RemovesAnyVersion),
        };
        if found.version != version && !overwrites {
            return Ok(Swapped::Changed(found));
        }
        self.pause_if(Fault::SwapLooksFirst).await;
        let Some(mut record) = record else {
            self.remove_if(key, |_| true);
            return Ok(Swapped::Removed);
        };
        if self.has(Fault::ForgetsWhileSwapping) {
            self.disown(key);
            yield_now().await;
        }
        if self.has(Fault::SwapKeepsLife) {
            record = SampleRecord::from(record).living_as(&found.record).record();
        }
        self.own(key, record.user());
        let stored = self.put(key, record);
        if self.has(Fault::SwapTouchesNot) {
            let mut state = self.state();
            let entry = state.entries.get_mut(key).unwrap();
            entry.seen = found.seen;
            return Ok(Swapped::Stored(self.loaded(entry)));
        }
        Ok(Swapped::Stored(stored))
    }

    async fn touch(&self, key: &SessionKey) -> Answer<bool> {
        let Some(found) = self.find(key) else {
            return Ok(false);
        };
        if self.has(Fault::TouchDoesNothing) {
            return Ok(true);
        }
        if matches!(self.fault, Fault::TouchRollsBack | Fault::TouchRevives) {
            yield_now().await;
        }
        let mut state = self.state();
        state.version += 1;
        let version = state.version;
        let entry = state.entries.get_mut(key).unwrap();
        entry.seen = self.now();
        match self.fault {
            Fault::TouchRollsBack => entry.record = found.record,
            Fault::TouchRevives => entry.removed = false,
            Fault::TouchCounts => entry.version = version,
            _ => {}
        }
        Ok(true)
    }

    async fn remove(&self, key: &SessionKey) -> Answer<Option<Loaded>> {
        Ok(self.remove_if(key, |_| true))
    }

    async fn sessions_of(&self, user: &UserId) -> Answer<Vec<(SessionKey, Loaded)>> {
        let state = self.state();
        let is_theirs = |owner: &UserId| match self.fault {
            Fault::MixesTenants => owner.name() == user.name(),
            _ => owner == user,
        };
        let theirs = state.owners.iter().filter(|(owner, _)| is_theirs(owner));
        let loaded = theirs.filter_map(|(_, key)| {
            let entry = state.entries.get(key)?;
            let lists = match self.fault {
                Fault::ListsWhatIsOver => !entry.removed,
                Fault::RemovedStaysListed => true,
                _ => self.is_there(entry),
            };
            lists.then(|| (*key, self.loaded(entry)))
        });
        Ok(loaded.collect())
    }

    async fn users(&self, asked: &UsersAsked) -> Answer<Vec<(UserId, Timestamp)>> {
        let state = self.state();
        let mut users: HashMap<UserId, Timestamp> = HashMap::new();
        let there = state.entries.values().filter(|entry| self.is_there(entry));
        for entry in there {
            let Some(user) = entry.record.user() else {
                continue;
            };
            let of_tenant = asked
                .tenant
                .as_deref()
                .is_none_or(|tenant| user.tenant() == Some(tenant));
            let comes_after = asked.after.as_ref().is_none_or(|after| user > after);
            let hidden = self.has(Fault::UsersOfNoTenantOnly)
                && asked.tenant.is_none()
                && user.tenant().is_some();
            if (of_tenant || self.has(Fault::UsersOfAllTenants))
                && (comes_after || self.has(Fault::UsersFromTheStart))
                && !hidden
            {
                let seen = users.entry(user.clone()).or_default();
                *seen = entry.seen.max(*seen);
            }
        }
        if !self.has(Fault::UsersOfOldActivity) {
            users.retain(|_, seen| *seen >= asked.since);
        }
        let mut users: Vec<_> = users.into_iter().collect();
        users.sort();
        if self.has(Fault::UsersUnordered) {
            users.reverse();
        }
        if !self.has(Fault::UsersWithoutLimit) {
            users.truncate(asked.limit);
        }
        Ok(users)
    }

    async fn expired(&self, limit: usize) -> Answer<Vec<(SessionKey, Arc<Record>)>> {
        let mut state = self.state();
        let limit = match self.fault {
            Fault::TellsTooMuch => usize::MAX,
            _ => limit,
        };
        let over = state.entries.iter_mut().filter(|(_, entry)| {
            !entry.told
                && !entry.removed
                && (self.is_over(entry) || self.has(Fault::TellsOfTheLiving))
        });
        let told = over.take(limit).map(|(key, entry)| {
            entry.told = !self.has(Fault::TellsTwice);
            (*key, Arc::clone(&entry.record))
        });
        Ok(told.collect())
    }

    async fn population(&self) -> Answer<Population> {
        Ok(Population::default())
    }
}
