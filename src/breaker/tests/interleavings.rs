//! Threads that use one breaker, in as many orders as a scheduler can think of. See `scripts/interleavings`.

use std::sync::Arc;

use shuttle::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    breaker::{Breaker, BreakerSettings, BreakerState},
    duration::seconds,
    test_util::ManualClock,
};

/// Tries a test in many orders.
fn check(test: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(test, 2000);
    shuttle::check_pct(test, 500, 3);
}

/// Opens when both of two calls have failed.
fn breaker(time: &ManualClock, probes: u32) -> Breaker {
    let settings = BreakerSettings::new()
        .last_calls(2)
        .minimum_calls(2)
        .failure_rate(1.0)
        .wait(seconds(10))
        .probes(probes)
        .clock(time.clock());
    Breaker::new("test", settings).expect("these settings can be")
}

/// Half-open at the next call.
fn open(probes: u32) -> Breaker {
    let time = ManualClock::new();
    let breaker = breaker(&time, probes);
    for _ in 0..2 {
        breaker.try_acquire().expect("it is closed").failure();
    }
    time.advance(seconds(10));
    breaker
}

/// Runs each on a thread of its own, to its end.
fn all<const N: usize>(breaker: &Breaker, runs: [fn(&Breaker) -> u64; N]) -> [u64; N] {
    let threads = runs.map(|run| {
        let breaker = breaker.clone();
        thread::spawn(move || run(&breaker))
    });
    threads.map(|thread| thread.join().expect("no thread panics"))
}

#[test]
fn never_more_probes_are_in_flight_than_there_may_be() {
    check(|| {
        let breaker = open(2);
        let in_flight = Arc::new(AtomicU64::new(0));
        let threads = [0; 4].map(|_| {
            let (breaker, in_flight) = (breaker.clone(), Arc::clone(&in_flight));
            thread::spawn(move || {
                let Ok(permit) = breaker.try_acquire() else {
                    return;
                };
                assert!(in_flight.fetch_add(1, Ordering::SeqCst) < 2);
                thread::yield_now();
                in_flight.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            })
        });
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let again = [(); 2].map(|()| breaker.try_acquire().expect("both came back"));
        assert!(breaker.try_acquire().is_err());
        for permit in again {
            permit.success();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
    });
}

#[test]
fn it_opens_once_and_lets_nothing_through_that_begins_after_that() {
    check(|| {
        let breaker = breaker(&ManualClock::new(), 1);
        let fail: fn(&Breaker) -> u64 = |breaker| {
            let Ok(permit) = breaker.try_acquire() else {
                return 0;
            };
            permit.failure();
            1
        };
        let failed: u64 = all(&breaker, [fail; 4]).iter().sum();
        let totals = breaker.status().totals;
        assert!(failed >= 2);
        assert_eq!((totals.opened, totals.failures), (1, failed));
        assert_eq!(totals.late, failed - 2);
        assert_eq!(totals.refused, 4 - failed);
        assert!(breaker.try_acquire().is_err());
    });
}

#[test]
fn a_probe_that_closes_it_is_not_overruled_by_one_that_comes_late() {
    check(|| {
        let breaker = open(1);
        let good: fn(&Breaker) -> u64 = |breaker| {
            let permit = breaker.try_acquire();
            permit.map_or(0, |permit| {
                permit.success();
                1
            })
        };
        let reset: fn(&Breaker) -> u64 = |breaker| {
            breaker.reset();
            0
        };
        let lost = breaker.try_acquire().expect("a probe");
        all(&breaker, [good, reset, good]);
        lost.failure();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(breaker.status().failures, 0);
        breaker
            .try_acquire()
            .expect("what is published is closed")
            .success();
    });
}

#[test]
fn the_last_of_two_who_force_it_is_what_is_published() {
    check(|| {
        let breaker = breaker(&ManualClock::new(), 1);
        let force: [fn(&Breaker) -> u64; 3] = [
            |breaker| {
                breaker.force_open();
                0
            },
            |breaker| {
                breaker.reset();
                0
            },
            |breaker| u64::from(breaker.try_acquire().is_ok()),
        ];
        all(&breaker, force);
        let open = breaker.state() == BreakerState::ForcedOpen;
        assert_eq!(breaker.try_acquire().is_err(), open);
    });
}
