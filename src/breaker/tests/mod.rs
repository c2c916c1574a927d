//! The handle: clock, lock, permits, events.

#[cfg(shuttle)]
mod interleavings;

use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
};

use super::*;
use crate::{
    duration::seconds,
    sync::{Mutex, lock},
    test_util::ManualClock,
};

/// Opens at the second failure of two calls, for ten seconds, with one probe.
fn settings(time: &ManualClock) -> BreakerSettings {
    BreakerSettings::new()
        .last_calls(2)
        .minimum_calls(2)
        .failure_rate(1.0)
        .wait(seconds(10))
        .probes(1)
        .clock(time.clock())
}

fn breaker(time: &ManualClock) -> Breaker {
    Breaker::new("test", settings(time)).expect("these settings can be")
}

fn fail(breaker: &Breaker, times: usize) {
    for _ in 0..times {
        breaker.try_acquire().expect("it is closed").failure();
    }
}

#[test]
fn clones_are_one_breaker() {
    let time = ManualClock::new();
    let breaker = breaker(&time);
    let clone = breaker.clone();
    fail(&breaker, 1);
    fail(&clone, 1);
    let refused = breaker.try_acquire().unwrap_err();
    assert_eq!(refused.retry_after(), seconds(10));
    assert_eq!(
        (refused.name(), refused.state()),
        ("test", BreakerState::Open)
    );
    time.advance(seconds(9));
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), seconds(1));
    time.advance(seconds(1));
    breaker.try_acquire().expect("a probe").success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_permit_that_is_dropped_counts_nowhere_and_is_given_to_another() {
    let time = ManualClock::new();
    let breaker = breaker(&time);
    drop(breaker.try_acquire().expect("it is closed"));
    assert_eq!(
        (breaker.status().calls, breaker.status().totals.uncounted),
        (0, 1)
    );
    fail(&breaker, 2);
    time.advance(seconds(10));
    let probe = breaker.try_acquire().expect("a probe");
    assert!(breaker.try_acquire().is_err());
    drop(probe);
    breaker.try_acquire().expect("another probe").success();
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn calls_are_slow_from_beyond_the_duration() {
    let time = ManualClock::new();
    let settings = settings(&time).slow_calls(seconds(1), 1.0);
    let breaker = Breaker::new("test", settings).expect("these settings can be");
    let call = |takes| {
        let permit = breaker.try_acquire().expect("it is closed");
        time.advance(takes);
        permit.success();
    };
    call(seconds(1));
    assert_eq!(breaker.status().slow, 0);
    call(seconds(1) + std::time::Duration::from_nanos(1));
    assert_eq!(breaker.status().slow, 1);
    call(seconds(2));
    assert_eq!(breaker.state(), BreakerState::Open);
    time.advance(seconds(10));
    call(seconds(2));
    assert_eq!(
        breaker.state(),
        BreakerState::Open,
        "the probe was slow too"
    );
}

#[tokio::test]
async fn a_call_is_counted_once_it_has_ended() {
    let time = ManualClock::new();
    let breaker = breaker(&time);
    assert_eq!(breaker.call(async || Ok::<_, ()>(1)).await, Ok(1));
    let error = breaker.call(async || Err::<(), _>("no")).await;
    assert_eq!(error, Err(CallError::Failed("no")));
    assert_eq!((breaker.status().calls, breaker.status().failures), (2, 1));
    {
        let mut call = pin!(breaker.call(std::future::pending::<Result<(), ()>>));
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_pending());
    }
    assert_eq!(
        (breaker.status().calls, breaker.status().totals.uncounted),
        (2, 1)
    );
    breaker.force_open();
    let called = Cell::new(false);
    let refused = breaker.call(async || {
        called.set(true);
        Ok::<_, ()>(())
    });
    assert!(refused.await.unwrap_err().is_open());
    assert!(!called.get());
}

#[test]
fn listeners_are_told_of_each_change_and_may_use_the_breaker() {
    let time = ManualClock::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let used: Arc<Mutex<Option<Breaker>>> = Arc::default();
    let (listener, handle) = (Arc::clone(&told), Arc::clone(&used));
    let settings = settings(&time).on_transition(move |transition| {
        let handle = lock(&handle);
        let breaker = handle.as_ref().expect("it is set");
        assert_eq!(breaker.state(), transition.to());
        assert_eq!(breaker.name(), transition.name());
        let sequence = transition.sequence();
        lock(&listener).push((transition.from(), transition.to(), sequence));
    });
    let breaker = Breaker::new("test", settings).expect("these settings can be");
    *lock(&used) = Some(breaker.clone());
    fail(&breaker, 2);
    time.advance(seconds(10));
    let lost = breaker.try_acquire().expect("a probe");
    time.advance(seconds(10));
    breaker.try_acquire().expect("in its place").success();
    lost.failure();
    breaker.reset();
    breaker.disable();
    breaker.force_closed();
    *lock(&used) = None;
    let told = lock(&told);
    let states: Vec<_> = told
        .iter()
        .map(|(from, to, _)| (from.name(), to.name()))
        .collect();
    assert_eq!(
        states,
        [
            ("closed", "open"),
            ("open", "half_open"),
            ("half_open", "closed"),
            ("closed", "disabled"),
            ("disabled", "forced_closed"),
        ]
    );
    assert!(told.is_sorted_by(|one, other| one.2 < other.2));
}

#[test]
fn without_slow_calls_and_windows_of_time_the_clock_is_not_read_while_closed() {
    let time = ManualClock::new();
    let reads = Arc::new(AtomicUsize::new(0));
    let clock = crate::clock::Clock::from_source(Counted(time.clone(), Arc::clone(&reads)));
    let breaker = Breaker::new("test", settings(&time).clock(clock)).expect("they can be");
    for _ in 0..5 {
        breaker.try_acquire().expect("it is closed").failure();
        breaker.try_acquire().expect("it is closed").success();
    }
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    fail(&breaker, 2);
    assert_eq!(reads.load(Ordering::Relaxed), 1, "it has opened");
}

#[derive(Debug)]
struct Counted(ManualClock, Arc<AtomicUsize>);

impl crate::clock::TimeSource for Counted {
    fn now(&self) -> crate::clock::Moment {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.clock().now()
    }

    fn wall(&self) -> std::time::SystemTime {
        self.0.clock().wall()
    }

    fn sleep_until(&self, deadline: crate::clock::Moment) -> crate::clock::Sleep {
        self.0.clock().sleep_until(deadline)
    }
}
