//! The processor's time-stamp counter as a clock.

use std::{
    fmt,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use super::{Moment, Sleep, TimeSource, moment, origin, tokio_has_timers, tokio_sleep};

/// How often the counter is read between two readings of the system's clock, to take the pair with the least
/// between them: a thread that is interrupted there would set the clock apart for good.
const ANCHORINGS: usize = 8;

/// A counter, and the moment at which it had a certain value.
pub(super) struct Fast {
    counter: quanta::Clock,
    anchor: u64,
    moment: Moment,
}

impl Fast {
    /// The clock of the process. The first call calibrates it.
    pub(super) fn of_the_process() -> &'static Self {
        static FAST: OnceLock<Fast> = OnceLock::new();
        FAST.get_or_init(|| Self::anchored(quanta::Clock::new()))
    }

    fn anchored(counter: quanta::Clock) -> Self {
        let origin = origin();
        let anchor = || {
            let before = Instant::now();
            let anchor = counter.raw();
            (before.elapsed(), anchor, before)
        };
        let readings = (0..ANCHORINGS).map(|_| anchor());
        let (width, anchor, before) = readings
            .min_by_key(|(width, ..)| *width)
            .expect("there is more than one");
        Self {
            counter,
            anchor,
            moment: moment(origin, before + width / 2),
        }
    }
}

impl TimeSource for &'static Fast {
    fn now(&self) -> Moment {
        let since = self.counter.delta_as_nanos(self.anchor, self.counter.raw());
        Moment(self.moment.0.saturating_add(since))
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// The timer is the system's, which may run ahead of this clock: what is left then is waited for too.
    fn sleep_until(&self, deadline: Moment) -> Sleep {
        let clock = *self;
        let left = move || deadline.duration_since(clock.now());
        // Made at once, as it panics where there are no timers.
        let mut timer = tokio_sleep(left());
        Sleep::new(async move {
            timer.await;
            while left() > Duration::ZERO {
                timer = tokio_sleep(left());
                timer.await;
            }
        })
    }

    fn has_timers(&self) -> bool {
        tokio_has_timers()
    }
}

impl fmt::Debug for Fast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fast").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Kind};

    const SECOND: Duration = Duration::from_secs(1);

    /// A clock whose counter counts nanoseconds and is moved by hand.
    fn by_hand() -> (Clock, std::sync::Arc<quanta::Mock>) {
        let (counter, hand) = quanta::Clock::mock();
        let fast = Box::leak(Box::new(Fast::anchored(counter)));
        (Clock(Kind::Fast(fast)), hand)
    }

    #[test]
    fn its_moments_are_those_of_the_system() {
        // Far more than calibration errs by in the time that a test takes, and far less than two clocks of
        // different origins are apart.
        let tolerance = Duration::from_millis(20);
        let (system, fast) = (Clock::system(), Clock::fast());
        let before = system.now() - tolerance;
        let reading = fast.now();
        assert!(before < reading && reading < system.now() + tolerance);
    }

    #[test]
    fn readings_of_a_thread_never_go_back() {
        let clock = Clock::fast();
        let readings: Vec<Moment> = (0..10_000).map(|_| clock.now()).collect();
        assert!(readings.is_sorted());
        assert!(readings.first() < readings.last());
    }

    #[test]
    fn a_counter_that_falls_back_does_not_lead_before_its_anchor() {
        let (clock, hand) = by_hand();
        let anchor = clock.now();
        hand.increment(SECOND);
        assert_eq!(clock.now(), anchor + SECOND);
        hand.decrement(SECOND);
        assert_eq!(clock.now(), anchor);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_waits_on_when_the_timer_was_early() {
        let (clock, hand) = by_hand();
        let mut sleep = clock.sleep(SECOND);
        hand.increment(SECOND * 9 / 10);
        let early = tokio::time::timeout(SECOND * 105 / 100, &mut sleep).await;
        assert!(early.is_err(), "a tenth of the second is left");
        hand.increment(SECOND / 10);
        let rest = tokio::time::timeout(SECOND / 10, sleep).await;
        assert!(rest.is_ok(), "the second has passed");
    }

    #[test]
    fn it_knows_whether_there_are_timers() {
        assert!(!Clock::fast().has_timers());
    }
}
