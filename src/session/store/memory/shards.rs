//! Sessions in shards, each under a lock, and what may be known of a shard without it.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{
    super::{
        super::{id::SessionKey, record::Record, time::Timestamp},
        Loaded,
    },
    index::NONE,
    slots::{self, Class, NEVER, Slot, Slots},
};
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering, lock};

pub(super) struct Shard {
    slots: Slots,
    /// The last version that was given: none is ever given again, whatever became of the session.
    version: u64,
    /// The latest time at which something was changed. Clocks that threads have read may come here in another order.
    latest: Timestamp,
}

/// When the least recently active anonymous and logged-in session were active, and when one may be over: as it was when
/// the lock was last let go of.
struct Hints {
    anonymous: AtomicU64,
    logged_in: AtomicU64,
    due: AtomicU64,
}

/// A shard with cache lines of its own: threads that use different shards leave each other alone.
#[repr(align(128))]
struct Own {
    shard: Mutex<Shard>,
    hints: Hints,
}

/// The bytes of a shard with few sessions.
pub(super) const LEAST_BYTES: usize = size_of::<Own>() + slots::LEAST_BYTES;

pub(super) struct Shards(Box<[Own]>);

impl Shards {
    /// So many: a power of two.
    pub(super) fn new(shards: usize) -> Self {
        Self((0..shards).map(|_| Own::new()).collect())
    }

    fn of(&self, key: &SessionKey) -> usize {
        usize::from(key.as_bytes()[0]) & (self.0.len() - 1)
    }

    /// Loads a session: nothing is changed.
    #[inline]
    pub(super) fn load(&self, key: &SessionKey, now: Timestamp) -> Option<Loaded> {
        let shard = lock(&self.0[self.of(key)].shard);
        let now = now.max(shard.latest);
        let slot = shard.slots.at(shard.slots.find(key)?);
        (now < slot.ends).then(|| slot.loaded(now))
    }

    /// The shard of a key, to be changed, and the time there.
    pub(super) fn open(&self, key: &SessionKey, now: Timestamp) -> (Opened<'_>, Timestamp) {
        self.open_at(self.of(key), now)
    }

    fn open_at(&self, at: usize, now: Timestamp) -> (Opened<'_>, Timestamp) {
        let own = &self.0[at];
        let mut shard = lock(&own.shard);
        shard.latest = shard.latest.max(now);
        let now = shard.latest;
        let hints = &own.hints;
        (Opened { shard, hints }, now)
    }

    /// Each shard in which something may be over.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = (Opened<'_>, Timestamp)> {
        let is_due = move |own: &Own| own.hints.due.load(Ordering::Relaxed) <= now.as_millis();
        let shards = self.0.iter().enumerate();
        shards
            .filter(move |(_, own)| is_due(own))
            .map(move |(at, _)| self.open_at(at, now))
    }

    /// The shard with the least recently active session of a class, and which one that is, `except` one.
    pub(super) fn oldest(
        &self,
        class: Class,
        except: Option<&SessionKey>,
        now: Timestamp,
    ) -> Option<(Opened<'_>, u32)> {
        let theirs = except.map(|key| self.of(key));
        loop {
            let (mut least, mut place) = (NEVER.as_millis(), None);
            for (at, own) in self.0.iter().enumerate() {
                let seen = if theirs == Some(at) {
                    self.open_at(at, now).0.seen(class, except)
                } else {
                    own.hints.of(class).load(Ordering::Relaxed)
                };
                if seen < least {
                    (least, place) = (seen, Some(at));
                }
            }
            let at = place?;
            let (shard, _) = self.open_at(at, now);
            // Somebody may have changed the shard since.
            if let Some(slot) = shard.slots.oldest(class, except)
                && shard.slots.at(slot).seen.as_millis() <= least
            {
                return Some((shard, slot));
            }
        }
    }

    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn all(&self) -> Vec<(SessionKey, Arc<Record>)> {
        let mut all = Vec::new();
        for own in &self.0 {
            let shard = lock(&own.shard);
            all.extend(
                shard
                    .slots
                    .iter()
                    .map(|slot| (slot.key, Arc::clone(&slot.record))),
            );
        }
        all
    }

    /// How many sessions are not over. Notes of moves are none.
    pub(super) fn count(&self, now: Timestamp) -> u64 {
        let lives = |slot: &&Slot| now < slot.ends && slot.record.moved.is_none();
        let count = |own: &Own| lock(&own.shard).slots.iter().filter(lives).count() as u64;
        self.0.iter().map(count).sum()
    }
}

impl Own {
    fn new() -> Self {
        let shard = Shard {
            slots: Slots::default(),
            version: 0,
            latest: Timestamp::default(),
        };
        let never = || AtomicU64::new(NEVER.as_millis());
        Self {
            shard: Mutex::new(shard),
            hints: Hints {
                anonymous: never(),
                logged_in: never(),
                due: never(),
            },
        }
    }
}

impl Hints {
    fn of(&self, class: Class) -> &AtomicU64 {
        match class {
            Class::Anonymous => &self.anonymous,
            Class::LoggedIn => &self.logged_in,
        }
    }
}

/// A shard that may be changed. The hints are right when it is let go of.
pub(super) struct Opened<'a> {
    shard: MutexGuard<'a, Shard>,
    hints: &'a Hints,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        for class in [Class::Anonymous, Class::LoggedIn] {
            let seen = self.shard.seen(class, None);
            self.hints.of(class).store(seen, Ordering::Relaxed);
        }
        let due = self.shard.slots.next_due().as_millis();
        self.hints.due.store(due, Ordering::Relaxed);
    }
}

impl Deref for Opened<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for Opened<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

/// What is new of a session.
#[derive(Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) record: &'a Arc<Record>,
    pub(super) ends: Timestamp,
    pub(super) weight: usize,
}

impl Shard {
    pub(super) fn find(&self, key: &SessionKey) -> Option<u32> {
        self.slots.find(key)
    }

    pub(super) fn at(&self, slot: u32) -> &Slot {
        self.slots.at(slot)
    }

    pub(super) fn over(&mut self, now: Timestamp, steps: &mut usize) -> Option<u32> {
        self.slots.over(now, steps)
    }

    pub(super) fn remove(&mut self, slot: u32) -> Slot {
        self.slots.remove(slot)
    }

    pub(super) fn insert(&mut self, key: &SessionKey, new: Change<'_>, now: Timestamp) -> Loaded {
        let slot = Slot {
            key: *key,
            record: Arc::clone(new.record),
            version: self.next_version(),
            seen: now,
            ends: new.ends,
            weight: new.weight,
            before: NONE,
            after: NONE,
            due: NONE,
        };
        let at = self.slots.insert(slot);
        self.at(at).loaded(now)
    }

    pub(super) fn replace(&mut self, slot: u32, new: Change<'_>, now: Timestamp) -> Loaded {
        let version = self.next_version();
        let changed = self.slots.change(slot, |slot| {
            slot.record = Arc::clone(new.record);
            slot.version = version;
            slot.seen = now;
            slot.ends = new.ends;
            slot.weight = new.weight;
        });
        changed.loaded(now)
    }

    pub(super) fn touch(&mut self, slot: u32, ends: Timestamp, now: Timestamp) {
        self.slots.change(slot, |slot| {
            slot.seen = now;
            slot.ends = ends;
        });
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn seen(&self, class: Class, except: Option<&SessionKey>) -> u64 {
        let oldest = self.slots.oldest(class, except);
        let seen = oldest.map_or(NEVER, |slot| self.slots.at(slot).seen);
        seen.as_millis()
    }
}

impl Slot {
    pub(super) fn loaded(&self, now: Timestamp) -> Loaded {
        Loaded {
            record: Arc::clone(&self.record),
            version: self.version,
            seen: self.seen,
            now,
        }
    }
}
