//! The requests of the window, which every request adds to: no lock, and no cache line that all cores write.

use super::{
    super::slot::Slot,
    arithmetic::{RING, paying, slot},
};
use crate::{
    stats::{STRIPES, stripe},
    sync::{AtomicU64, Ordering},
};

/// Each thread writes to a stripe of its own; reading sums the stripes.
pub(super) struct Deposits([Stripe; STRIPES]);

/// One [`Slot`] for each step. It is full after 16 million requests of one stripe in one step, and errs to the side of
/// fewer retries.
#[repr(align(128))]
struct Stripe([AtomicU64; RING]);

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
