//! What leaves the store without being asked to, and what follows from that.

use super::{
    super::super::id::SessionKey,
    core::Core,
    slots::{Class, Slot},
};
use crate::sync::{Ordering, lock};

/// So many that are over are taken out at once by who needs their room, or wants to know of them.
const SWEPT: usize = 64;

impl Core {
    pub(super) fn refuse<T>(&self, refused: T) -> T {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        refused
    }

    /// Gives up what can best be done without, for a session of this class: what is over, then the least recently active
    /// session of nobody, then, for a user's, that of another user. The one with the key `except` stays. False if there
    /// is nothing.
    pub(super) fn make_room(&self, class: Class, except: Option<&SessionKey>) -> bool {
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
            Class::Anonymous => &self.counts.evicted_anonymous,
            Class::LoggedIn => &self.counts.evicted_logged_in,
        };
        count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Sweeps out some of what is over. False if nothing was.
    pub(super) fn sweep(&self) -> bool {
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
    pub(super) fn is_over(&self, slot: Slot) {
        if slot.record.moved.is_some() {
            // It was not the session that has ended.
            return self.free(&slot);
        }
        self.leave(&slot);
        let given_up = lock(&self.untold).push(slot);
        self.room.give_back(given_up);
    }

    /// Does what follows from it that a session was taken out of its shard, which is still open.
    pub(super) fn free(&self, slot: &Slot) {
        self.leave(slot);
        self.room.give_back(slot.weight);
    }

    fn leave(&self, slot: &Slot) {
        if let Some(user) = slot.record.user() {
            self.users.of(user).leave(&slot.key, user);
        }
    }
}
