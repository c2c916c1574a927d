//! How long answers take: counts by size, and what can be read from them. Pure numbers.

use std::time::Duration;

/// Parts of an octave: what is read from the counts is at most an eighth too long.
const PARTS: u64 = 8;
const PART_BITS: u32 = PARTS.ilog2();

/// The longest time that is told from longer ones, in microseconds: 134 seconds.
const LONGEST: u64 = (1 << 27) - 1;

/// How many sizes are told apart.
pub(super) const SIZES: usize = 200;

/// So many answers have to be slower than a quantile for it to mean something.
const SLOWER: u32 = 5;
/// And so many have to have come at all.
const AT_LEAST: u32 = 100;

const WHOLE: u32 = 10_000;

/// A share of all answers, in ten thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quantile(u32);

impl Quantile {
    pub(super) const P95: Self = Self(9_500);

    /// None outside of 0.5 to 0.999.
    pub(super) fn of(share: f64) -> Option<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is from five thousand to ten thousand"
        )]
        let parts = |share: f64| (share * f64::from(WHOLE)).round() as u32;
        (0.5..=0.999).contains(&share).then(|| Self(parts(share)))
    }

    /// How many answers have to be known before it is read.
    fn enough(self) -> u64 {
        let for_the_slow = (SLOWER * WHOLE).div_ceil(WHOLE - self.0);
        u64::from(for_the_slow.max(AT_LEAST))
    }

    /// The shortest time that this share of the answers took no longer than, rounded up to the size that it counts
    /// for; none as long as too few are known.
    pub(super) fn read(self, counts: &[u64; SIZES]) -> Option<Duration> {
        let total: u64 = counts.iter().sum();
        if total < self.enough() {
            return None;
        }
        let rank = total.saturating_mul(self.0.into()).div_ceil(WHOLE.into());
        let mut up_to = 0;
        let size = counts.iter().position(|count| {
            up_to += count;
            up_to >= rank
        });
        size.map(longest_of)
    }
}

/// Which size a time is of. The sizes are those of whole microseconds up to 8, and eighths of octaves beyond.
pub(super) fn size_of(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST);
    let micros = micros.min(LONGEST);
    let size = if micros < PARTS {
        micros
    } else {
        let shift = micros.ilog2() - PART_BITS;
        u64::from(shift) * PARTS + (micros >> shift)
    };
    usize::try_from(size).unwrap_or(SIZES - 1)
}

/// What all times of this size are shorter than.
fn longest_of(size: usize) -> Duration {
    let size = size as u64;
    let micros = if size < PARTS {
        size + 1
    } else {
        (PARTS + size % PARTS + 1) << (size / PARTS - 1)
    };
    Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(times: &[Duration]) -> [u64; SIZES] {
        let mut counts = [0; SIZES];
        for time in times {
            counts[size_of(*time)] += 1;
        }
        counts
    }

    proptest! {
        #[test]
        fn a_quantile_is_that_of_the_sorted_times_and_up_to_an_eighth_more(
            mut times in prop::collection::vec(
                prop_oneof![0..10_000_u64, 0..10_000_000_u64, 0..130_000_000_000_u64],
                100..400,
            ),
            share in 0.5..0.95,
        ) {
            times.sort_unstable();
            let times: Vec<_> = times.into_iter().map(Duration::from_nanos).collect();
            let quantile = Quantile::of(share).unwrap();
            let read = quantile.read(&counts(&times)).unwrap();
            let rank = (times.len() * quantile.0 as usize).div_ceil(WHOLE as usize);
            let exact = times[rank - 1];
            prop_assert!(exact <= read, "{exact:?} {read:?}");
            prop_assert!(read <= exact * 9 / 8 + Duration::from_micros(1), "{exact:?} {read:?}");
        }

        #[test]
        fn every_time_has_a_size_that_it_is_shorter_than(nanos: u64) {
            let time = Duration::from_nanos(nanos);
            let size = size_of(time);
            prop_assert!(size < SIZES);
            let longest = Duration::from_micros(LONGEST);
            prop_assert!(time.min(longest) < longest_of(size));
            prop_assert!(size == 0 || time >= longest_of(size - 1));
        }
    }

    #[test]
    fn the_longest_times_have_the_last_size() {
        assert_eq!(size_of(Duration::MAX), SIZES - 1);
        assert_eq!(size_of(Duration::from_micros(LONGEST)), SIZES - 1);
        assert_eq!(size_of(Duration::ZERO), 0);
    }

    #[test]
    fn few_answers_say_nothing_of_the_slow_ones() {
        let known = |share, known: u64| {
            let mut counts = [0; SIZES];
            counts[50] = known;
            Quantile::of(share).unwrap().read(&counts).is_some()
        };
        for (share, enough) in [(0.5, 100), (0.95, 100), (0.99, 500), (0.999, 5_000)] {
            assert!(!known(share, enough - 1), "{share}");
            assert!(known(share, enough), "{share}");
        }
    }

    #[test]
    fn a_share_that_says_nothing_of_slow_answers_is_none() {
        for share in [f64::NAN, -1.0, 0.0, 0.49, 1.0, 95.0] {
            assert_eq!(Quantile::of(share), None);
        }
        assert_eq!(Quantile::of(0.95), Some(Quantile::P95));
    }
}
