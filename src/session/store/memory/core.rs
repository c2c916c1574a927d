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
    slots::{Class, NEVER},
    told::Untold,
    users::{Times, Users},
};
use crate::{
    clock::{Clock, Moment},
    sync::{AtomicU64, Mutex, Ordering, lock},
};

/// So many that are due are looked at by who changes something in their shard.
const SWEPT_BY_THE_WAY: usize = 2;

pub(super) struct Core {
    pub(super) plan: Plan,
    pub(super) time: Time,
    pub(super) shards: Shards,
    pub(super) users: Users,
    pub(super) room: Room,
    pub(super) untold: Mutex<Untold>,
    pub(super) counts: Counts,
}

/// See [`MemorySessionsStats`].
#[derive(Default)]
pub(super) struct Counts {
    pub(super) evicted_anonymous: AtomicU64,
    pub(super) evicted_logged_in: AtomicU64,
    pub(super) refused: AtomicU64,
}

/// The store's time: that of the wall when it was made, and what has passed since. It does not jump when the wall does.
pub(super) struct Time {
    clock: Clock,
    began: (Timestamp, Moment),
}

impl Time {
    pub(super) fn now(&self) -> Timestamp {
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
            counts: Counts::default(),
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
            lists.join(key, user, times(new, now));
        } else if !self.room.take(new.weight) {
            return None;
        }
        Some(Created::Stored(shard.insert(key, new, now)))
    }

    pub(super) fn swap(
        &self,
        key: &SessionKey,
        version: u64,
        record: Option<Arc<Record>>,
    ) -> Swapped {
        let Some(mut record) = record else {
            return self.take_out(key, version);
        };
        Record::stamp(&mut record, self.time.now());
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
        self.users.change(key, before, after, times(new, now));
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
            evicted_anonymous: of(&self.counts.evicted_anonymous),
            evicted_logged_in: of(&self.counts.evicted_logged_in),
            refused: of(&self.counts.refused),
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

fn times(new: Change<'_>, now: Timestamp) -> Times {
    Times {
        seen: now,
        ends: new.ends,
    }
}
