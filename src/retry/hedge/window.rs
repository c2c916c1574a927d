//! The answers of the last minute, which every request adds to: no lock.

use std::{fmt, time::Duration};

use super::{
    super::slot::Slot,
    latency::{Quantile, SIZES, size_of},
};
use crate::{
    clock::Moment,
    sync::{AtomicU64, Ordering},
};

/// The window moves in steps of so long.
const STEP: u64 = 10_000_000_000;
/// So many of them count, the one that has begun among them.
const STEPS: u64 = 6;
/// The steps that there is room for.
const RING: u64 = 8;

/// The quantile is read so often, as that takes the sum of all counts.
const READ_EVERY: Duration = Duration::from_secs(1);

const UNKNOWN: u64 = u64::MAX;

/// How long the answers of the last minute took, by size, and a quantile of that.
pub(in super::super) struct Latencies {
    quantile: Quantile,
    /// By step, and in that by size.
    counts: Box<[AtomicU64]>,
    /// The quantile as it was read last, in nanoseconds.
    read: AtomicU64,
    /// When it is to be read again.
    due: AtomicU64,
}

impl Latencies {
    pub(super) fn new(quantile: Quantile) -> Self {
        Self {
            quantile,
            counts: (0..RING)
                .flat_map(|_| (0..SIZES).map(|_| AtomicU64::new(0)))
                .collect(),
            read: AtomicU64::new(UNKNOWN),
            due: AtomicU64::new(0),
        }
    }

    /// An answer took so long.
    pub(super) fn record(&self, now: Moment, took: Duration) {
        let tick = now.as_nanos() / STEP;
        let row = usize::try_from(tick % RING).unwrap_or_default();
        let one_more = |word| Some(Slot(word).and_one_in(tick)?.0);
        if let Some(cell) = self.counts.get(row * SIZES + size_of(took)) {
            // The counts are all there is to know: nothing else is published with them.
            let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        }
    }

    /// The quantile, not older than a second; none as long as too few answers are known.
    pub(super) fn quantile(&self, now: Moment) -> Option<Duration> {
        let due = self.due.load(Ordering::Relaxed);
        if now.as_nanos() >= due && self.takes_turn(due, now) {
            let read = self.quantile.read(&self.live(now));
            let nanos = read.and_then(|time| u64::try_from(time.as_nanos()).ok());
            self.read.store(nanos.unwrap_or(UNKNOWN), Ordering::Relaxed);
        }
        match self.read.load(Ordering::Relaxed) {
            UNKNOWN => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Whether it is this caller who reads. The others go on with what was read last.
    fn takes_turn(&self, due: u64, now: Moment) -> bool {
        let next = (now + READ_EVERY).as_nanos();
        let (ok, failed) = (Ordering::Relaxed, Ordering::Relaxed);
        self.due.compare_exchange(due, next, ok, failed).is_ok()
    }

    fn live(&self, now: Moment) -> [u64; SIZES] {
        let tick = now.as_nanos() / STEP;
        let live = tick.saturating_sub(STEPS - 1)..=tick;
        let mut sums = [0; SIZES];
        for (index, cell) in self.counts.iter().enumerate() {
            let slot = Slot(cell.load(Ordering::Relaxed));
            if live.contains(&slot.tick()) {
                sums[index % SIZES] += slot.count();
            }
        }
        sums
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latencies")
            .field("quantile", &self.quantile)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);
    const START: Moment = Moment::from_nanos(7 * STEP);

    /// A hundred answers that took 1 to 100 ms.
    fn hundred(latencies: &Latencies, now: Moment) {
        (1..=100).for_each(|ms| latencies.record(now, MS * ms));
    }

    #[test]
    fn the_slow_of_the_last_minute_are_known_and_forgotten() {
        let latencies = Latencies::new(Quantile::P95);
        assert_eq!(latencies.quantile(START), None);
        hundred(&latencies, START);
        let known = |after: u32| latencies.quantile(START + SECOND * after);
        let read = known(1).unwrap();
        assert!(MS * 95 <= read && read <= MS * 95 * 9 / 8, "{read:?}");
        assert_eq!(known(59), Some(read));
        assert_eq!(known(61), None);
    }

    #[test]
    fn what_was_read_last_holds_for_a_second() {
        let latencies = Latencies::new(Quantile::P95);
        assert_eq!(latencies.quantile(START), None);
        hundred(&latencies, START);
        assert_eq!(latencies.quantile(START + SECOND - MS), None);
        assert!(latencies.quantile(START + SECOND).is_some());
    }

    #[test]
    fn a_later_minute_takes_the_place_of_an_earlier_one() {
        let latencies = Latencies::new(Quantile::P95);
        (0..100).for_each(|_| latencies.record(START, SECOND * 9));
        let later = START + Duration::from_nanos(STEP * RING);
        hundred(&latencies, later);
        assert!(latencies.quantile(later).unwrap() < SECOND);
    }
}
