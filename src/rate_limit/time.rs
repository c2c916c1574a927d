//! The time that limits count in: microseconds since 1970, which never go back.

use std::time::{Duration, UNIX_EPOCH};

use crate::clock::{Clock, Moment};

/// A clock whose monotonic time is anchored to the wall once, so that windows begin where calendars say, and a wall
/// clock that is set neither frees nor blocks anybody.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    clock: Clock,
    /// Nanoseconds from the clock's own count to that since 1970.
    offset: u64,
}

impl Timeline {
    pub(super) fn new(clock: Clock) -> Self {
        let wall = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(wall.as_nanos()).unwrap_or(0);
        let offset = wall.wrapping_sub(clock.now().as_nanos());
        Self { clock, offset }
    }

    /// In microseconds.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.clock.now().as_nanos().wrapping_add(self.offset) / 1_000
    }

    /// The moment of the clock that is `micros` on this line.
    pub(super) fn moment(&self, micros: u64) -> Moment {
        let nanos = micros.saturating_mul(1_000);
        Moment::from_nanos(nanos.wrapping_sub(self.offset))
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// In whole microseconds, rounded up.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
}
