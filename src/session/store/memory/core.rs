//! What the store does.
//!
//! Locks are taken in this order: that of one shard, that of one part of the index of users, that of the queue of what
//! was not told of. Nobody ever waits for a second one of a kind while holding the first, so that nobody waits for
//! somebody who waits for them.

use std::sync::Arc;

use super::{
    super::{
        super::{id::SessionKey, record::Record, time::Timestamp, user::UserId},
        Admission, Created, Loaded, Population, Swapped, UsersAsked,
    },
    MemorySessionsStats,
    room::{Plan, Room, weigh},
    shards::{Change, Opened, Shards},
    slots::{Class, NEVER, Slot},
    told::Untold,
    users::{Times, Users},
};
use crate::{
    clock::{Clock, Moment},
    sync::{AtomicU64, Mutex, Ordering, lock},
};

/// So many that are due are looked at by who changes something in their shard.
const SWEPT_BY_THE_WAY: usize = 2;
/// So many that are over are taken out at once by who needs their room, or wants to know of them.
const SWEPT: usize = 64;

pub(super) struct Core {
    pub(super) plan: Plan,
    time: Time,
    shards: Shards,
    pub(super) users: Users,
    room: Room,
    untold: Mutex<Untold>,
    evicted_anonymous: AtomicU64,
    evicted_logged_in: AtomicU64,
    refused: AtomicU64,
}

/// The store's time: that of the wall when it was made, and what has passed since. It does not jump when the wall does.
struct Time {
    clock: Clock,
    began: (Timestamp, Moment),
}

impl Time {
    fn now(&self) -> Timestamp {
        let (wall, began) = self.began;
        wall + self.clock.now().duration_since(began)
    }
}

impl Core {
    pub(super) fn new(plan: Plan, clock: Clock) -> Self {
        let began = (clock.wall().into(), clock.now());
        Self {
            plan,
            time: Time { clock, began },
            shards: Shards::new(plan.shards),
            users: Users::new(plan.parts),
            room: Room::new(&plan),
            untold: Mutex::default(),
            evicted_anonymous: AtomicU64::new(0),
            evicted_logged_in: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(super) fn load(&self, key: &SessionKey) -> Option<Loaded> {
        self.shards.load(key, self.time.now())
    }

    /// The shard of a key, some of what is over there swept out, and the time there.
    fn open(&self, key: &SessionKey) -> (Opened<'_>, Timestamp) {
        let (mut shard, now) = self.shards.open(key, self.time.now());
        let mut steps = SWEPT_BY_THE_WAY;
        while let Some(slot) = shard.over(now, &mut steps) {
            self.is_over(shard.remove(slot));
        }
        (shard, now)
    }

    /// The session with a key, if it is not over.
    fn find(&self, shard: &mut Opened<'_>, key: &SessionKey, now: Timestamp) -> Option<u32> {
        let slot = shard.find(key)?;
        if now < shard.at(slot).ends {
            return Some(slot);
        }
        self.is_over(shard.remove(slot));
        None
    }

    pub(super) fn create(
        &self,
        key: &SessionKey,
        record: Record,
        admission: &Admission,
    ) -> Created {
        let record = Arc::new(record.stamped(self.time.now()));
        if weigh(&record) > self.plan.largest() {
            return self.refuse(Created::NoRoom);
        }
        loop {
            if let Some(created) = self.try_create(key, &record, admission) {
                return created;
            }
            if !self.make_room(Class::of(&record), admission.instead_of.as_ref()) {
                return self.refuse(Created::NoRoom);
            }
        }
    }

    /// None if there is no room.
    fn try_create(
        &self,
        key: &SessionKey,
        record: &Arc<Record>,
        admission: &Admission,
    ) -> Option<Created> {
        let (mut shard, now) = self.open(key);
        if self.find(&mut shard, key, now).is_some() {
            return Some(Created::Taken);
        }
        let new = change(record, now);
        if let Some(user) = record.user() {
            let mut lists = self.users.of(user);
            if let Some(oldest) = lists.full(user, admission, now) {
                return Some(Created::TooMany { oldest });
            }
            if !self.room.take(new.weight) {
                return None;
            }
            lists.join(key, user, times(&new, now));
        } else if !self.room.take(new.weight) {
            return None;
        }
        Some(Created::Stored(shard.insert(key, new, now)))
    }

    pub(super) fn swap(&self, key: &SessionKey, version: u64, record: Option<Record>) -> Swapped {
        let Some(record) = record else {
            return self.take_out(key, version);
        };
        let record = Arc::new(record.stamped(self.time.now()));
        loop {
            if let Some(swapped) = self.try_swap(key, version, &record) {
                return swapped;
            }
            if !self.make_room(Class::of(&record), Some(key)) {
                return self.refuse(Swapped::NoRoom);
            }
        }
    }

    /// None if there is no room.
    fn try_swap(&self, key: &SessionKey, version: u64, record: &Arc<Record>) -> Option<Swapped> {
        let (mut shard, now) = self.open(key);
        let Some(slot) = self.find(&mut shard, key, now) else {
            return Some(Swapped::Gone);
        };
        let before = shard.at(slot);
        if before.version != version {
            return Some(Swapped::Changed(before.loaded(now)));
        }
        let new = change(record, now);
        if new.weight > self.plan.largest() {
            return Some(self.refuse(Swapped::NoRoom));
        }
        if !self.room.exchange(before.weight, new.weight) {
            return None;
        }
        let (before, after) = (before.record.user(), record.user());
        self.users.change(key, before, after, times(&new, now));
        Some(Swapped::Stored(shard.replace(slot, new, now)))
    }

    fn take_out(&self, key: &SessionKey, version: u64) -> Swapped {
        let (mut shard, now) = self.open(key);
        let Some(slot) = self.find(&mut shard, key, now) else {
            return Swapped::Gone;
        };
        if shard.at(slot).version != version {
            return Swapped::Changed(shard.at(slot).loaded(now));
        }
        self.free(&shard.remove(slot));
        Swapped::Removed
    }

    pub(super) fn touch(&self, key: &SessionKey) -> bool {
        let (mut shard, now) = self.open(key);
        let Some(slot) = self.find(&mut shard, key, now) else {
            return false;
        };
        let record = &shard.at(slot).record;
        let ends = record.ends(now).unwrap_or(NEVER);
        if let Some(user) = record.user() {
            self.users
                .of(user)
                .touch(key, user, Times { seen: now, ends });
        }
        shard.touch(slot, ends, now);
        true
    }

    pub(super) fn remove(&self, key: &SessionKey) -> Option<Loaded> {
        let (mut shard, now) = self.open(key);
        let slot = self.find(&mut shard, key, now)?;
        let removed = shard.remove(slot);
        self.free(&removed);
        Some(removed.loaded(now))
    }

    pub(super) fn sessions_of(&self, user: &UserId) -> Vec<(SessionKey, Loaded)> {
        let keys = self.users.sessions_of(user).into_iter();
        let theirs = keys.filter_map(|key| Some((key, self.load(&key)?)));
        theirs
            .filter(|(_, loaded)| loaded.record.user() == Some(user))
            .collect()
    }

    pub(super) fn users(&self, asked: &UsersAsked) -> Vec<(UserId, Timestamp)> {
        self.users.page(asked, self.time.now())
    }

    pub(super) fn population(&self) -> Population {
        let now = self.time.now();
        Population {
            sessions: self.shards.count(now),
            users: self.users.count(now),
        }
    }

    pub(super) fn expired(&self, limit: usize) -> Vec<(SessionKey, Arc<Record>)> {
        let mut expired = Vec::new();
        while expired.len() < limit {
            let Some((over, weight)) = lock(&self.untold).pop() else {
                if self.sweep() {
                    continue;
                }
                break;
            };
            self.room.give_back(weight);
            expired.push(over);
        }
        expired
    }

    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn all(&self) -> Vec<(SessionKey, Arc<Record>)> {
        let mut all = self.shards.all();
        all.extend(lock(&self.untold).all());
        all
    }

    pub(super) fn stats(&self) -> MemorySessionsStats {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MemorySessionsStats {
            bytes: self.room.taken(),
            evicted_anonymous: of(&self.evicted_anonymous),
            evicted_logged_in: of(&self.evicted_logged_in),
            refused: of(&self.refused),
        }
    }
}

/// Room.
impl Core {
    fn refuse<T>(&self, refused: T) -> T {
        self.refused.fetch_add(1, Ordering::Relaxed);
        refused
    }

    /// Gives up what can best be done without, for a session of this class: what is over, then the least recently active
    /// session of nobody, then, for a user's, that of another user. The one with the key `except` stays. False if there
    /// is nothing.
    fn make_room(&self, class: Class, except: Option<&SessionKey>) -> bool {
        let given_up = lock(&self.untold).pop_weight();
        if given_up > 0 {
            self.room.give_back(given_up);
            return true;
        }
        self.sweep()
            || self.evict(Class::Anonymous, except)
            || (class == Class::LoggedIn && self.evict(Class::LoggedIn, except))
    }

    fn evict(&self, class: Class, except: Option<&SessionKey>) -> bool {
        let Some((mut shard, slot)) = self.shards.oldest(class, except, self.time.now()) else {
            return false;
        };
        self.free(&shard.remove(slot));
        let count = match class {
            Class::Anonymous => &self.evicted_anonymous,
            Class::LoggedIn => &self.evicted_logged_in,
        };
        count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Sweeps out some of what is over. False if nothing was.
    fn sweep(&self) -> bool {
        let now = self.time.now();
        for (mut shard, now) in self.shards.due(now) {
            let mut swept = 0;
            while swept < SWEPT
                && let Some(slot) = shard.over(now, &mut { usize::MAX })
            {
                self.is_over(shard.remove(slot));
                swept += 1;
            }
            if swept > 0 {
                return true;
            }
        }
        false
    }

    /// Does what follows from it that a session is over and was taken out of its shard, which is still open.
    fn is_over(&self, slot: Slot) {
        if slot.record.moved.is_some() {
            // It was not the session that has ended.
            return self.free(&slot);
        }
        self.leave(&slot);
        let given_up = lock(&self.untold).push(slot);
        self.room.give_back(given_up);
    }

    /// Does what follows from it that a session was taken out of its shard, which is still open.
    fn free(&self, slot: &Slot) {
        self.leave(slot);
        self.room.give_back(slot.weight);
    }

    fn leave(&self, slot: &Slot) {
        if let Some(user) = slot.record.user() {
            self.users.of(user).leave(&slot.key, user);
        }
    }
}

fn change(record: &Arc<Record>, now: Timestamp) -> Change<'_> {
    Change {
        record,
        ends: record.ends(now).unwrap_or(NEVER),
        weight: weigh(record),
    }
}

fn times(new: &Change<'_>, now: Timestamp) -> Times {
    Times {
        seen: now,
        ends: new.ends,
    }
}
