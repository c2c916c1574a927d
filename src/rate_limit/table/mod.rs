//! What each key has used: bounded, in shards that are locked for moments.
//!
//! A key is told by a fingerprint of 64 bits; two keys of the same fingerprint would share their limits, which among a
//! million keys happens once in some thirty million processes.

mod places;
mod room;
mod shard;
mod slot;
mod states;

use smallvec::SmallVec;

use self::shard::Shard;
use super::{algorithm::Wait, limit::Limits};
use crate::sync::Mutex;

/// What was decided for one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    /// When it was decided: not before what was counted already.
    pub(super) at: u64,
    /// Whether it was charged to the slot of those who found no room.
    pub(super) shared: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be let through after so many microseconds.
    Admitted {
        delay: u64,
    },
    Refused(Refused),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) wait: Wait,
    /// The limits that refuse, a bit for each by its place; none if the key is blocked.
    pub(super) violated: u8,
}

pub(super) type Lefts = SmallVec<[Left; 2]>;

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) remaining: u64,
    /// Microseconds until the full quota is back.
    pub(super) reset: u64,
}

/// What a key has left.
#[derive(Debug)]
pub(super) struct Peeked {
    pub(super) limits: Limits,
    pub(super) left: Lefts,
    pub(super) blocked_until: u64,
}

/// One request, as the table has charged it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    pub(super) fingerprint: u64,
    pub(super) cost: u64,
    /// When it was charged.
    pub(super) at: u64,
    /// How long it has to wait from then.
    pub(super) delay: u64,
    /// Whether it was charged to the slot of those who found no room.
    pub(super) shared: bool,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) limits: &'a Limits,
    pub(super) cost: u64,
    pub(super) now: u64,
}

/// Counts of the table itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TableCounts {
    pub(super) keys: u64,
    pub(super) admitted: u64,
    pub(super) delayed: u64,
    pub(super) blocked: u64,
    pub(super) forgotten: u64,
    pub(super) overflowed: u64,
}

/// A shard with a cache line of its own: threads that use different shards leave each other alone.
#[repr(align(128))]
struct Own(Mutex<Shard>);

pub(super) struct Table {
    shards: Box<[Own]>,
}

impl Table {
    /// For so many keys at most, in the sum of its shards rounded up.
    pub(super) fn new(max_keys: usize) -> Self {
        let room = room::Room::of(max_keys);
        let shard = |_| Own(Mutex::new(Shard::new(room.keys_per_shard)));
        Self {
            shards: (0..room.shards).map(shard).collect(),
        }
    }

    /// The most bytes that a table of so many keys takes under these limits.
    pub(super) fn most_bytes(max_keys: usize, limits: &Limits) -> usize {
        let room = room::Room::of(max_keys);
        room.shards * (size_of::<Own>() + Shard::most_bytes(room.keys_per_shard, limits))
    }

    #[inline]
    fn shard(&self, fingerprint: u64) -> crate::sync::MutexGuard<'_, Shard> {
        #[expect(clippy::cast_possible_truncation, reason = "the lower bits are enough")]
        let index = fingerprint as usize & (self.shards.len() - 1);
        crate::sync::lock(&self.shards[index].0)
    }

    /// Decides, and charges what is admitted. What is left then goes where somebody wants to know it.
    #[inline]
    pub(super) fn decide(
        &self,
        fingerprint: u64,
        asked: Asked<'_>,
        left: Option<&mut Lefts>,
    ) -> Ruling {
        self.shard(fingerprint).decide(fingerprint, asked, left)
    }

    /// What a key has left, or would have as a newcomer.
    pub(super) fn peek(&self, fingerprint: u64, asked: Asked<'_>) -> Peeked {
        self.shard(fingerprint).peek(fingerprint, asked)
    }

    /// What is left of limits of whom was charged.
    pub(super) fn left(&self, charge: Charge, asked: Asked<'_>) -> Lefts {
        let mut shard = self.shard(charge.fingerprint);
        match shard.charged(charge) {
            Some(slot) => slot.peek(asked.now).left,
            None => shard.peek(charge.fingerprint, asked).left,
        }
    }

    /// Gives back what was charged under `asked.limits`, places in flight included; `taken` if it was used all the
    /// same.
    pub(super) fn refund(&self, charge: Charge, asked: Asked<'_>, taken: bool) {
        let mut shard = self.shard(charge.fingerprint);
        if let Some(slot) = shard.charged(charge) {
            slot.refund(charge, asked, taken);
        }
    }

    /// Gives back the places in flight.
    pub(super) fn release(&self, charge: Charge, asked: Asked<'_>) {
        let mut shard = self.shard(charge.fingerprint);
        if let Some(slot) = shard.charged(charge) {
            slot.release(charge, asked);
        }
    }

    /// Charges what a request came to in the end, `asked.cost`, in place of what was charged before.
    pub(super) fn settle(&self, charge: Charge, asked: Asked<'_>) {
        self.shard(charge.fingerprint).settle(charge, asked);
    }

    /// Gives back so much of what a key was charged last.
    pub(super) fn restore(&self, fingerprint: u64, cost: u64, now: u64) {
        if let Some(slot) = self.shard(fingerprint).find(fingerprint) {
            slot.restore(cost, now);
        }
    }

    /// Forgets what a key has used, and that it is blocked. What is in flight is still there.
    pub(super) fn reset(&self, fingerprint: u64, now: u64) {
        if let Some(slot) = self.shard(fingerprint).find(fingerprint) {
            slot.reset(now);
        }
    }

    /// Refuses all requests of a key until then; `false` if there is no room to remember that.
    pub(super) fn block(&self, fingerprint: u64, asked: Asked<'_>, until: u64) -> bool {
        self.shard(fingerprint).block(fingerprint, asked, until)
    }

    pub(super) fn counts(&self) -> TableCounts {
        let mut sum = TableCounts::default();
        for shard in &self.shards {
            let counts = crate::sync::lock(&shard.0).counts();
            sum.keys += counts.keys;
            sum.admitted += counts.admitted;
            sum.delayed += counts.delayed;
            sum.blocked += counts.blocked;
            sum.forgotten += counts.forgotten;
            sum.overflowed += counts.overflowed;
        }
        sum
    }
}

#[cfg(test)]
mod tests;
