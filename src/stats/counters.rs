//! A table of counters, in copies.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{Metric, Published};

/// How many copies of a table there are: threads beyond that share.
pub(crate) const STRIPES: usize = 8;

/// A table of counters. Each thread writes to a stripe of its own, so that two cores counting the same
/// thing do not wait for one another's cache line; reading sums the stripes.
///
/// With the feature `metrics` each count goes to the recorder of the `metrics` crate too.
#[derive(Debug)]
pub(crate) struct Counters {
    stripes: [Box<[Lines]>; STRIPES],
    len: usize,
    published: Published,
}

/// Two cache lines, which processors fetch together: small tables do not lie beside one another in them.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Lines([AtomicU64; PER_LINES]);

const PER_LINES: usize = 16;

impl Counters {
    /// A table of `len` counters. `metric` says what each one is called where it is published, and is asked when it
    /// first counts.
    pub(crate) fn new(
        len: usize,
        metric: impl Fn(usize) -> Metric + Send + Sync + 'static,
    ) -> Self {
        let lines = || (0..len.div_ceil(PER_LINES)).map(|_| Lines::default());
        Self {
            stripes: std::array::from_fn(|_| lines().collect()),
            len,
            published: Published::new(len, metric),
        }
    }

    /// Adds one. An index beyond the table counts nothing.
    #[inline]
    pub(crate) fn add(&self, index: usize) {
        if let Some(counter) = counter(&self.stripes[stripe()], index) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.published.add(index);
    }

    /// Adds one where counts are published, and not to the sums.
    #[cfg(feature = "rate-limit")]
    #[inline]
    pub(crate) fn publish(&self, index: usize) {
        self.published.add(index);
    }

    /// The sums.
    pub(crate) fn snapshot(&self) -> Vec<u64> {
        let sum = |index: usize| {
            let counters = self
                .stripes
                .iter()
                .filter_map(|lines| counter(lines, index));
            counters
                .map(|counter| counter.load(Ordering::Relaxed))
                .sum()
        };
        (0..self.len).map(sum).collect()
    }
}

#[inline]
fn counter(lines: &[Lines], index: usize) -> Option<&AtomicU64> {
    let Lines(counters) = lines.get(index / PER_LINES)?;
    counters.get(index % PER_LINES)
}

/// This thread's stripe.
#[inline]
pub(crate) fn stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static STRIPE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    STRIPE.with(|stripe| *stripe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_lose_no_count() {
        let counters = Counters::new(2, |_| Metric::new("hits", ""));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| (0..1000).for_each(|_| counters.add(1)));
            }
        });
        assert_eq!(counters.snapshot(), [0, 16_000]);
    }

    #[test]
    fn an_index_beyond_the_table_counts_nothing() {
        let counters = Counters::new(1, |_| Metric::new("hits", ""));
        counters.add(1);
        counters.add(1_000);
        assert_eq!(counters.snapshot(), [0]);
    }
}
