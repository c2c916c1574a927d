//! The one source of time: a monotonic reading, the wall, and timers.
//!
//! Everything that depends on time takes a [`Clock`], so that a test moves one thing and freshness, dates
//! and timeouts follow together. There are these kinds:
//!
//! * [`Clock::system`], the default: the operating system's clocks, and tokio's timers;
//! * `Clock::fast` (features `rate-limit`, `retry` and `session`): the same with the processor's time-stamp counter for the monotonic
//!   reading, which takes half the time;
//! * [`Clock::tokio`]: tokio's time, for tests under `#[tokio::test(start_paused = true)]` or
//!   `tokio::time::advance`. Tokio can pause its monotonic time only, so the wall is read once, at creation,
//!   and moves with the monotonic time from there;
//! * `ManualClock::clock` (feature `test-util`): a clock moved by hand, from a wall time that is always the
//!   same. It knows nothing of tokio's time and needs no runtime; it can also make the wall jump.
//!
//! Under paused time choose [`Clock::tokio`]: with [`Clock::system`] the timers would obey tokio's pause
//! and the readings would not.

#[cfg(any(feature = "rate-limit", feature = "retry", feature = "session"))]
mod fast;

use std::{
    fmt,
    future::Future,
    ops::{Add, Sub},
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where every clock's monotonic reading begins, in nanoseconds: 2^32 seconds. An `Age` is at most 2^31
/// seconds where it is not absurd (RFC 9111, section 1.2.2), so that "that long before now" can be said
/// even right after the start of the process, and four centuries are left above.
const BEGINNING: u64 = (1 << 32) * 1_000_000_000;

/// A reading of a [`Clock`]'s monotonic time, in nanoseconds.
///
/// Only differences between moments of one clock mean anything (those of [`Clock::system`] and
/// [`Clock::tokio`] may be compared within a process while time is not paused, and those of `Clock::fast` with
/// them as far as it is exact). All arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment where clocks begin to count.
    pub(crate) const BEGINNING: Self = Self(BEGINNING);

    /// The moment of this reading, see [`Self::as_nanos`].
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The reading, in nanoseconds from a point of no meaning.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is, zero when it is not after it.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(nanos(later)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(earlier)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A source of time: monotonic, wall, and timers. Clones are cheap and read the same time.
///
/// See the [module docs](self) for the kinds there are.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Read without any indirection: this is on the path of every hit.
    System {
        origin: Instant,
    },
    /// Read without any indirection too, as that is what it is for.
    #[cfg_attr(
        not(any(feature = "rate-limit", feature = "retry", feature = "session")),
        expect(dead_code, reason = "`Clock::fast` makes it")
    )]
    Fast(Fast),
    Other(Arc<dyn TimeSource>),
}

#[cfg(any(feature = "rate-limit", feature = "retry", feature = "session"))]
type Fast = &'static fast::Fast;

/// Without its feature there is none.
#[cfg(not(any(feature = "rate-limit", feature = "retry", feature = "session")))]
type Fast = std::convert::Infallible;

/// What stands behind a [`Clock`] that is not the system's.
pub(crate) trait TimeSource: fmt::Debug + Send + Sync {
    fn now(&self) -> Moment;
    fn wall(&self) -> SystemTime;
    fn sleep_until(&self, deadline: Moment) -> Sleep;

    /// Whether [`sleep_until`](Self::sleep_until) can be called here.
    fn has_timers(&self) -> bool {
        true
    }
}

impl Clock {
    /// The clocks of the operating system, and tokio's timers.
    ///
    /// All such clocks of a process count from the same point, so what one layer has stamped another can
    /// read.
    #[must_use]
    pub fn system() -> Self {
        Self(Kind::System { origin: origin() })
    }

    /// Tokio's time, which `tokio::time::pause` and `tokio::time::advance` move; the wall is read now and
    /// moves along with it.
    #[must_use]
    pub fn tokio() -> Self {
        Self::from_source(TokioTime {
            origin: origin(),
            created: tokio::time::Instant::now(),
            wall: SystemTime::now(),
        })
    }

    /// The clocks of the operating system, except that [`now`](Self::now) reads the processor's time-stamp counter:
    /// a decision that takes some ten nanoseconds should not wait longer than that for the time.
    ///
    /// The counter is calibrated against the system's clock once per process, in the first call, which takes some
    /// milliseconds (200 at most). Its moments count from the same point as those of [`Clock::system`] and may be
    /// compared with them, with these caveats:
    ///
    /// - It runs apart from the system's clock by the error of that calibration, some ten parts per million: a second
    ///   or a few per day. That is nothing to a window of an hour; do not compare what was stamped by one clock days
    ///   ago with a reading of the other.
    /// - Readings of two cores may be out of order by some nanoseconds.
    /// - What the counter does while a machine sleeps, or is moved to another host, is the machine's affair. Stay
    ///   with [`Clock::system`] where that happens.
    ///
    /// Where the processor has no counter of constant rate, the system's clock is read.
    /// Wall and timers are the system's, and [`sleep_until`](Self::sleep_until) keeps its promise by this clock.
    /// It is not for tests under paused time, as it cannot be paused.
    ///
    /// ```
    /// use tower_keep::Clock;
    ///
    /// let clock = Clock::fast();
    /// let (first, second) = (clock.now(), clock.now());
    /// assert!(first <= second);
    /// ```
    #[cfg(any(feature = "rate-limit", feature = "retry", feature = "session"))]
    #[must_use]
    pub fn fast() -> Self {
        Self(Kind::Fast(fast::Fast::of_the_process()))
    }

    pub(crate) fn from_source(source: impl TimeSource + 'static) -> Self {
        Self(Kind::Other(Arc::new(source)))
    }

    /// The monotonic reading.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Kind::System { origin } => moment(*origin, Instant::now()),
            Kind::Fast(fast) => fast.now(),
            Kind::Other(source) => source.now(),
        }
    }

    /// The wall clock, which can jump in either direction.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Kind::System { .. } => SystemTime::now(),
            Kind::Fast(fast) => fast.wall(),
            Kind::Other(source) => source.wall(),
        }
    }

    /// The wall clock in whole seconds since 1970, rounded down: the precision of HTTP's dates.
    #[must_use]
    pub fn unix_seconds(&self) -> i64 {
        match self.wall().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => before_1970(before.duration()),
        }
    }

    /// Completes when `duration` has passed, and not before.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose timers are enabled, unless it is a clock moved by hand, which needs none.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Completes when [`Clock::now`] has reached `deadline`, and not before.
    ///
    /// # Panics
    /// Outside of a tokio runtime whose timers are enabled, unless it is a clock moved by hand, which needs none.
    pub fn sleep_until(&self, deadline: Moment) -> Sleep {
        match &self.0 {
            Kind::System { .. } => tokio_sleep(deadline.duration_since(self.now())),
            Kind::Fast(fast) => fast.sleep_until(deadline),
            Kind::Other(source) => source.sleep_until(deadline),
        }
    }
}

impl Clock {
    /// Whether [`sleep`](Self::sleep) can be called here, as far as that can be known: inside of a tokio runtime,
    /// where it takes one. Who only limits how long something takes can do without a limit otherwise.
    #[must_use]
    pub fn has_timers(&self) -> bool {
        match &self.0 {
            Kind::System { .. } => tokio_has_timers(),
            Kind::Fast(fast) => fast.has_timers(),
            Kind::Other(source) => source.has_timers(),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// The future of [`Clock::sleep`]. Dropping it leaves no timer behind.
#[must_use = "futures do nothing unless polled"]
pub struct Sleep(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Sleep {
    pub(crate) fn new(sleep: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(sleep))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct TokioTime {
    origin: Instant,
    created: tokio::time::Instant,
    wall: SystemTime,
}

impl TimeSource for TokioTime {
    fn now(&self) -> Moment {
        moment(self.origin, tokio::time::Instant::now().into_std())
    }

    fn wall(&self) -> SystemTime {
        self.wall + self.created.elapsed()
    }

    fn sleep_until(&self, deadline: Moment) -> Sleep {
        tokio_sleep(deadline.duration_since(self.now()))
    }

    fn has_timers(&self) -> bool {
        tokio_has_timers()
    }
}

#[cfg(not(any(feature = "rate-limit", feature = "retry", feature = "session")))]
impl TimeSource for Fast {
    fn now(&self) -> Moment {
        match *self {}
    }

    fn wall(&self) -> SystemTime {
        match *self {}
    }

    fn sleep_until(&self, _: Moment) -> Sleep {
        match *self {}
    }
}

fn tokio_has_timers() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

fn tokio_sleep(duration: Duration) -> Sleep {
    Sleep::new(tokio::time::sleep(duration))
}

/// One origin for the whole process, see [`Clock::system`].
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// The instant as a moment. Tokio's paused time may stand before the origin.
fn moment(origin: Instant, instant: Instant) -> Moment {
    match instant.checked_duration_since(origin) {
        Some(after) => Moment::BEGINNING + after,
        None => Moment::BEGINNING - origin.duration_since(instant),
    }
}

/// Seconds before 1970, rounded away from it, so that a second is never entered before it has begun.
fn before_1970(before: Duration) -> i64 {
    let begun = u64::from(before.subsec_nanos() > 0);
    let whole = before.as_secs().saturating_add(begun);
    i64::try_from(whole).map_or(i64::MIN, |seconds| -seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn moments_saturate_and_never_go_below_zero_apart() {
        let first = Moment::from_nanos(5);
        let later = first + Duration::from_nanos(7);
        assert_eq!(later.duration_since(first), Duration::from_nanos(7));
        assert_eq!(first.duration_since(later), Duration::ZERO);
        assert_eq!(first - HOUR, Moment::from_nanos(0));
        assert_eq!(first + Duration::MAX, Moment::from_nanos(u64::MAX));
    }

    #[test]
    fn an_age_of_68_years_can_be_subtracted_right_after_the_start() {
        let age = Duration::from_secs(1 << 31);
        let now = Clock::system().now();
        assert_eq!(now.duration_since(now - age), age);
    }

    #[test]
    fn system_clocks_share_their_origin() {
        let (first, second) = (Clock::system(), Clock::default());
        let before = first.now();
        let between = second.now();
        assert!(before <= between && between <= first.now());
    }

    #[test]
    fn seconds_before_1970_are_rounded_down() {
        assert_eq!(before_1970(Duration::from_millis(1)), -1);
        assert_eq!(before_1970(Duration::from_secs(2)), -2);
        assert_eq!(before_1970(Duration::MAX), i64::MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn tokio_time_moves_readings_wall_and_timers_together() {
        let clock = Clock::tokio();
        let (moment, wall) = (clock.now(), clock.wall());
        clock.sleep(HOUR).await;
        assert!(clock.now().duration_since(moment) >= HOUR);
        tokio::time::advance(HOUR).await;
        let passed = clock.now().duration_since(moment);
        assert!(passed >= HOUR * 2);
        assert_eq!(clock.wall(), wall + passed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_of_tokio_time_waits_for_its_deadline() {
        let clock = Clock::tokio();
        let deadline = clock.now() + HOUR;
        clock.sleep_until(deadline).await;
        assert!(clock.now() >= deadline);
        let at_once = tokio::time::timeout(Duration::ZERO, clock.sleep_until(deadline));
        assert!(at_once.await.is_ok());
    }
}
