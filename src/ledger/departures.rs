//! What became of things that are not there any more, as far as that is remembered.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::event::Cause;
use crate::key::Key;

/// How many things are remembered. A new one takes the place of another one.
const PLACES: usize = 16 * 1024;

/// The bits of a place that hold the reason; the others are those of the key's fingerprint.
const REASON: u64 = 0b1111;

/// Why something is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It made room for something else.
    Evicted,
    /// It was past all use.
    Expired,
    /// It was invalidated.
    Invalidated(Cause),
}

const ALL: [Departure; 8] = [
    Departure::Evicted,
    Departure::Expired,
    Departure::Invalidated(Cause::Write),
    Departure::Invalidated(Cause::Resource),
    Departure::Invalidated(Cause::Tag),
    Departure::Invalidated(Cause::Group),
    Departure::Invalidated(Cause::Pattern),
    Departure::Invalidated(Cause::All),
];

/// A table of a fixed size. What it says is for counters: it may forget, and in one of 2^46 cases it takes a key
/// for another one.
///
/// It takes 128 KiB once there is something to remember.
#[derive(Default)]
pub(crate) struct Departures(OnceLock<Box<[AtomicU64]>>);

/// The lowest bits are not among those that are kept; the ones above choose the place.
fn place(table: &[AtomicU64], fingerprint: u64) -> &AtomicU64 {
    &table[(fingerprint >> 4) as usize % PLACES]
}

impl Departures {
    /// Remembers why something is no longer there.
    pub(crate) fn note(&self, fingerprint: u64, departure: Departure) {
        let reason = ALL.iter().position(|known| *known == departure);
        let reason = reason.map_or(0, |place| place as u64 + 1);
        let new = || (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        let place = place(self.0.get_or_init(new), fingerprint);
        place.store(fingerprint & !REASON | reason, Ordering::Relaxed);
    }

    /// Why something is not there; `None` if it never was, or that is forgotten.
    pub(crate) fn of(&self, key: &Key) -> Option<Departure> {
        let fingerprint = key.fingerprint();
        let found = place(self.0.get()?, fingerprint).load(Ordering::Relaxed);
        let own = found & !REASON == fingerprint & !REASON;
        let reason = usize::try_from(found & REASON).ok()?;
        own.then(|| ALL.get(reason.checked_sub(1)?).copied())?
    }
}

impl fmt::Debug for Departures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departures").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reason_is_remembered_for_each_key() {
        let departures = Departures::default();
        let (one, two) = (Key::new(b"one"), Key::new(b"two"));
        assert_eq!(departures.of(&one), None);
        for departure in ALL {
            departures.note(one.fingerprint(), departure);
            assert_eq!(departures.of(&one), Some(departure));
        }
        assert_eq!(departures.of(&two), None);
    }

    #[test]
    fn another_key_at_the_same_place_is_not_taken_for_it() {
        let departures = Departures::default();
        let key = Key::new(b"one");
        let other = key.fingerprint() ^ (1 << 40);
        departures.note(other, Departure::Evicted);
        assert_eq!(departures.of(&key), None);
        departures.note(key.fingerprint(), Departure::Expired);
        assert_eq!(departures.of(&key), Some(Departure::Expired));
    }
}
