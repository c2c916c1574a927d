//! The crate's clock as governor's, so that tests move both.

use std::{ops::Add, time::Duration};

use governor::{
    clock::{Clock as GovernorClock, Reference},
    nanos::Nanos,
};

use crate::clock::{Clock, Moment};

/// A clock that governor reads.
#[derive(Clone, Debug)]
pub(super) struct Time(pub(super) Clock);

/// A reading of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reading(Moment);

impl GovernorClock for Time {
    type Instant = Reading;

    fn now(&self) -> Reading {
        Reading(self.0.now())
    }
}

impl Add<Nanos> for Reading {
    type Output = Self;

    fn add(self, later: Nanos) -> Self {
        Self(self.0 + Duration::from_nanos(later.as_u64()))
    }
}

impl Reference for Reading {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.as_nanos().saturating_sub(earlier.0.as_nanos()))
    }

    /// The trait wants the reading itself where there is nothing before it.
    fn saturating_sub(&self, duration: Nanos) -> Self {
        let earlier = self.0.as_nanos().checked_sub(duration.as_u64());
        Self(earlier.map_or(self.0, Moment::from_nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_as_the_trait_wants_them() {
        let (early, late) = (
            Reading(Moment::from_nanos(3)),
            Reading(Moment::from_nanos(8)),
        );
        assert_eq!(late.duration_since(early), Nanos::new(5));
        assert_eq!(early.duration_since(late), Nanos::new(0));
        assert_eq!(early + Nanos::new(5), late);
        assert_eq!(late.saturating_sub(Nanos::new(5)), early);
        assert_eq!(early.saturating_sub(Nanos::new(4)), early);
    }
}
