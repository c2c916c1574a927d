//! The requests of the window, which every request adds to: no lock, and no cache line that all cores write.

use super::arithmetic::{RING, paying, slot};
use crate::{
    stats::{STRIPES, stripe},
    sync::{AtomicU64, Ordering},
};

/// Each thread writes to a stripe of its own; reading sums the stripes.
pub(super) struct Deposits([Stripe; STRIPES]);

/// One [`Slot`] for each step.
#[repr(align(128))]
struct Stripe([AtomicU64; RING]);

/// A step and how often was deposited in it, in one word: so a slot that is taken over by a later step neither keeps
/// what it held nor loses what others add at that moment.
///
/// The upper 40 bits are the step, of which there are less than 2^39 at 31 ms and more in the 584 years that moments
/// reach; the lower 24 the count, which stays where it is when it is full. That is 16 million requests of one stripe in
/// one step, and errs to the side of fewer retries.
#[derive(Clone, Copy)]
struct Slot(u64);

const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

impl Slot {
    const fn tick(self) -> u64 {
        self.0 >> COUNT_BITS
    }

    const fn count(self) -> u64 {
        self.0 & COUNT_MASK
    }

    /// With one deposit more in this step; none if the slot has gone on to a later one, or is full.
    fn and_one_in(self, tick: u64) -> Option<Self> {
        match self.tick().cmp(&tick) {
            std::cmp::Ordering::Less => Some(Self((tick << COUNT_BITS) | 1)),
            std::cmp::Ordering::Equal if self.count() < COUNT_MASK => Some(Self(self.0 + 1)),
            _ => None,
        }
    }
}

impl Default for Deposits {
    fn default() -> Self {
        let stripe = |_| Stripe(std::array::from_fn(|_| AtomicU64::new(0)));
        Self(std::array::from_fn(stripe))
    }
}

impl Deposits {
    /// One deposit more in this step, unless the step is long gone.
    #[inline]
    pub(super) fn add(&self, tick: u64) {
        let one_more = |word| Some(Slot(word).and_one_in(tick)?.0);
        let cell = &self.0[stripe()].0[slot(tick)];
        // The counts are all there is to know: nothing else is published with them.
        let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
    }

    /// How many deposits count in this step.
    pub(super) fn live(&self, tick: u64) -> u64 {
        let paying = paying(tick);
        let slots = self.0.iter().flat_map(|stripe| &stripe.0);
        slots
            .map(|cell| Slot(cell.load(Ordering::Relaxed)))
            .filter(|slot| paying.contains(&slot.tick()))
            .map(Slot::count)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_slot_stays_full_and_keeps_its_step() {
        let full = Slot((7 << COUNT_BITS) | COUNT_MASK);
        assert!(full.and_one_in(7).is_none());
        let next = full.and_one_in(7 + RING as u64).unwrap();
        assert_eq!((next.tick(), next.count()), (7 + RING as u64, 1));
    }

    #[test]
    fn the_last_moment_of_all_has_a_step() {
        let tick = u64::MAX / 31_250_000;
        let last = Slot(0).and_one_in(tick).unwrap();
        assert_eq!((last.tick(), last.count()), (tick, 1));
    }
}
