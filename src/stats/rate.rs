//! How often something happened lately.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::clock::Moment;

/// A minute, in parts.
const PARTS: u32 = 12;
const PART: Duration = Duration::from_secs(5);

/// Counts what happened in the last minute, to a twelfth of it.
///
/// Each part of the ring has the number of the part of time that it counts, and the count: a part that is counted anew
/// forgets what it had, and one that nobody has counted for a minute says nothing.
#[derive(Debug, Default)]
pub(crate) struct LastMinute([AtomicU64; PARTS as usize]);

impl LastMinute {
    /// Counts one.
    pub(crate) fn add(&self, now: Moment) {
        let number = number(now);
        let add = |kept: u64| {
            let (of, count) = split(kept);
            // A late one counts in the part that has begun meanwhile.
            let count = if of >= number { count } else { 0 };
            Some(join(of.max(number), count.saturating_add(1)))
        };
        let part = &self.0[(number % PARTS) as usize];
        // The closure always wants an update.
        let _ = part.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// How many there were in the minute before `now`.
    pub(crate) fn count(&self, now: Moment) -> u64 {
        let now = number(now);
        let parts = self
            .0
            .iter()
            .map(|part| split(part.load(Ordering::Relaxed)));
        let recent = parts.filter(|(of, _)| now.wrapping_sub(*of) < PARTS);
        recent.map(|(_, count)| u64::from(count)).sum()
    }
}

/// Which part of time it is. Centuries fit.
fn number(now: Moment) -> u32 {
    let parts = u128::from(now.as_nanos()) / PART.as_nanos();
    u32::try_from(parts).unwrap_or(u32::MAX)
}

fn split(kept: u64) -> (u32, u32) {
    let [a, b, c, d, rest @ ..] = kept.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(rest))
}

fn join(number: u32, count: u32) -> u64 {
    u64::from(number) << 32 | u64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::BEGINNING + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_older_than_a_minute_is_forgotten() {
        let rate = LastMinute::default();
        assert_eq!(rate.count(at(0)), 0);
        for second in 0..300 {
            rate.add(at(second));
        }
        let count = rate.count(at(299));
        assert!((55..=60).contains(&count), "{count}");
        let half = rate.count(at(299 + 30));
        assert!((25..=30).contains(&half), "{half}");
        assert_eq!(rate.count(at(299 + 61)), 0);
    }

    #[test]
    fn threads_lose_no_count() {
        let rate = LastMinute::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| rate.add(at(7))));
            }
        });
        assert_eq!(rate.count(at(7)), 4000);
    }
}
