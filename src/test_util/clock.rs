use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::clock::{Clock, Moment, Sleep, TimeSource};

/// 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

/// A clock that stands still until it is moved by hand. Clones are the same clock.
///
/// It starts at 2026-01-01T00:00:00Z. It needs no runtime, and tokio's paused time does not move it (nor
/// it tokio's): a test has either this or [`Clock::tokio`].
#[derive(Clone, Debug)]
pub struct ManualClock {
    shared: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    now: Moment,
    /// What the wall showed, and when: it moves on from there with the monotonic time.
    wall: (SystemTime, Moment),
    timers: BTreeMap<TimerId, Waker>,
    created: u64,
}

/// Sorted by deadline, then by creation.
type TimerId = (Moment, u64);

impl ManualClock {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        let now = Moment::BEGINNING;
        let state = State {
            now,
            wall: (UNIX_EPOCH + START, now),
            timers: BTreeMap::new(),
            created: 0,
        };
        Self {
            shared: Arc::new(Mutex::new(state)),
        }
    }

    /// The clock to hand to what is tested. All that come from here show the same time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::from_source(self.clone())
    }

    /// Moves the monotonic time and the wall, and wakes the sleeps that are due, in the order of their
    /// deadlines.
    ///
    /// Woken tasks run when their runtime gets to them and then see the time after the whole step: move in
    /// several steps where one sleep follows another.
    pub fn advance(&self, by: Duration) {
        // A waker may run its task at once, which may sleep again: not under the lock.
        for waker in self.move_on(by) {
            waker.wake();
        }
    }

    fn move_on(&self, by: Duration) -> Vec<Waker> {
        let mut state = self.state();
        state.now = state.now + by;
        // `u64::MAX` is above every timer of the same deadline.
        let now = state.now;
        let later = state.timers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.timers, later);
        due.into_values().collect()
    }

    /// Makes the wall jump, as an administrator or NTP does; monotonic time and sleeps notice nothing.
    pub fn set_wall(&self, wall: SystemTime) {
        let mut state = self.state();
        state.wall = (wall, state.now);
    }

    /// How many sleeps are waited for: polled, not yet due, not dropped.
    #[must_use]
    pub fn pending_timers(&self) -> usize {
        self.state().timers.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl TimeSource for ManualClock {
    fn now(&self) -> Moment {
        self.state().now
    }

    fn wall(&self) -> SystemTime {
        let state = self.state();
        let (wall, since) = state.wall;
        wall + state.now.duration_since(since)
    }

    fn sleep_until(&self, deadline: Moment) -> Sleep {
        let id = {
            let mut state = self.state();
            state.created += 1;
            (deadline, state.created)
        };
        Sleep::new(ManualSleep {
            clock: self.clone(),
            id,
        })
    }
}

struct ManualSleep {
    clock: ManualClock,
    id: TimerId,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        if state.now >= self.id.0 {
            return Poll::Ready(());
        }
        state.timers.insert(self.id, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        self.clock.state().timers.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Writes its name down when it is woken.
    struct Note(&'static str, Arc<Mutex<Vec<&'static str>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    fn poll_once(sleep: &mut Sleep, waker: &Waker) -> Poll<()> {
        Pin::new(sleep).poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn it_starts_with_the_year_2026_and_moves_only_by_hand() {
        let time = ManualClock::new();
        let clock = time.clock();
        assert_eq!(clock.unix_seconds(), 1_767_225_600);
        let start = clock.now();
        assert_eq!(clock.now(), start);
        time.advance(SECOND * 90);
        assert_eq!(clock.now().duration_since(start), SECOND * 90);
        assert_eq!(clock.unix_seconds(), 1_767_225_690);
    }

    #[test]
    fn the_wall_jumps_without_the_monotonic_time() {
        let time = ManualClock::new();
        let clock = time.clock();
        time.advance(SECOND);
        let before = clock.now();
        time.set_wall(UNIX_EPOCH + SECOND * 1000);
        assert_eq!(clock.now(), before);
        time.advance(SECOND);
        assert_eq!(clock.unix_seconds(), 1001);
    }

    #[test]
    fn due_sleeps_wake_in_the_order_of_their_deadlines() {
        let time = ManualClock::new();
        let clock = time.clock();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let note = |name| Waker::from(Arc::new(Note(name, woken.clone())));
        let mut sleeps = [
            (clock.sleep(SECOND * 3), note("third")),
            (clock.sleep(SECOND), note("first")),
            (clock.sleep(SECOND * 9), note("later")),
            (clock.sleep(SECOND), note("second")),
        ];
        for (sleep, waker) in &mut sleeps {
            assert!(poll_once(sleep, waker).is_pending());
        }
        time.advance(SECOND * 3);
        assert_eq!(*woken.lock().unwrap(), ["first", "second", "third"]);
        assert_eq!(time.pending_timers(), 1);
        let ready = sleeps
            .each_mut()
            .map(|(sleep, waker)| poll_once(sleep, waker).is_ready());
        assert_eq!(ready, [true, true, false, true]);
    }

    #[test]
    fn a_sleep_is_not_over_a_nanosecond_early() {
        let time = ManualClock::new();
        let mut sleep = time.clock().sleep(SECOND);
        time.advance(Duration::from_nanos(999_999_999));
        assert!(poll_once(&mut sleep, Waker::noop()).is_pending());
        time.advance(Duration::from_nanos(1));
        assert!(poll_once(&mut sleep, Waker::noop()).is_ready());
    }

    #[test]
    fn a_dropped_sleep_leaves_no_timer() {
        let time = ManualClock::new();
        let mut sleep = time.clock().sleep(SECOND);
        assert!(poll_once(&mut sleep, Waker::noop()).is_pending());
        assert_eq!(time.pending_timers(), 1);
        drop(sleep);
        assert_eq!(time.pending_timers(), 0);
    }

    #[tokio::test]
    async fn a_sleeping_task_goes_on_when_the_clock_is_moved() {
        let time = ManualClock::new();
        let clock = time.clock();
        let task = tokio::spawn(async move { clock.sleep(SECOND).await });
        while time.pending_timers() == 0 {
            tokio::task::yield_now().await;
        }
        time.advance(SECOND);
        task.await.unwrap();
    }
}
