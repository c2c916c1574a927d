//! A count that belongs to a step of time, in one word.

/// A step and how often something was counted in it, in one word: so a slot that is taken over by a later step neither
/// keeps what it held nor loses what others add at that moment.
///
/// The upper 40 bits are the step, of which there are less than 2^39 at 31 ms and more in the 584 years that moments
/// reach; the lower 24 the count, which stays where it is when it is full.
#[derive(Clone, Copy)]
pub(super) struct Slot(pub(super) u64);

const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

impl Slot {
    pub(super) const fn tick(self) -> u64 {
        self.0 >> COUNT_BITS
    }

    pub(super) const fn count(self) -> u64 {
        self.0 & COUNT_MASK
    }

    /// With one more in this step; none if the slot has gone on to a later one, or is full.
    pub(super) fn and_one_in(self, tick: u64) -> Option<Self> {
        match self.tick().cmp(&tick) {
            std::cmp::Ordering::Less => Some(Self((tick << COUNT_BITS) | 1)),
            std::cmp::Ordering::Equal if self.count() < COUNT_MASK => Some(Self(self.0 + 1)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_slot_stays_full_and_keeps_its_step() {
        let full = Slot((7 << COUNT_BITS) | COUNT_MASK);
        assert!(full.and_one_in(7).is_none());
        let next = full.and_one_in(7 + 64).unwrap();
        assert_eq!((next.tick(), next.count()), (7 + 64, 1));
    }

    #[test]
    fn the_last_moment_of_all_has_a_step() {
        let tick = u64::MAX / 31_250_000;
        let last = Slot(0).and_one_in(tick).unwrap();
        assert_eq!((last.tick(), last.count()), (tick, 1));
    }
}
