use std::{
    cell::{Cell, RefCell},
    future::{Ready, pending, ready},
    io::{self, ErrorKind},
};

use super::*;
use crate::retry::Jitter;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Four attempts under tokio's paused time, with waits of 100, 200 and 400 ms.
fn attempts() -> Attempts {
    Attempts::new()
        .backoff(Backoff::exponential().jitter(Jitter::None))
        .clock(Clock::tokio())
}

fn error(kind: ErrorKind) -> io::Error {
    io::Error::from(kind)
}

fn fail(kind: ErrorKind) -> Ready<Result<(), io::Error>> {
    ready(Err(error(kind)))
}

/// When it was called.
struct Calls {
    clock: Clock,
    start: Moment,
    at: RefCell<Vec<Duration>>,
}

impl Calls {
    fn new() -> Self {
        let clock = Clock::tokio();
        Self {
            start: clock.now(),
            clock,
            at: RefCell::default(),
        }
    }

    fn passed(&self) -> Duration {
        // Tokio's timers count milliseconds, and are late by a part of one.
        ms(u64::try_from(self.clock.now().duration_since(self.start).as_millis()).unwrap())
    }

    /// Counts the call; says its number, from 1.
    fn one_more(&self) -> usize {
        self.at.borrow_mut().push(self.passed());
        self.count()
    }

    fn count(&self) -> usize {
        self.at.borrow().len()
    }

    fn fail(&self, kind: ErrorKind) -> Ready<Result<(), io::Error>> {
        self.one_more();
        fail(kind)
    }
}

#[tokio::test(start_paused = true)]
async fn four_attempts_wait_100_200_and_400_ms() {
    let calls = Calls::new();
    let refused = retry(attempts(), || calls.fail(ErrorKind::ConnectionRefused)).await;
    let error = refused.unwrap_err();
    let at = calls.at.borrow();
    let waits: Vec<_> = at.windows(2).map(|two| two[1] - two[0]).collect();
    for (wait, exact) in waits.iter().zip([100, 200, 400]) {
        assert!((ms(exact)..ms(exact + 3)).contains(wait), "{waits:?}");
    }
    assert_eq!((error.attempts(), error.waited()), (4, ms(700)));
    assert_eq!(error.reason(), GaveUp::Attempts);
    assert!(error.is_transient() && !error.is_retryable());
    let text = "gave up after 4 attempts and 700ms of waiting: there may be no more";
    assert_eq!(error.to_string(), text);
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
    assert!(error.into_last().is::<io::Error>());
}

#[tokio::test(start_paused = true)]
async fn the_first_success_ends_it() {
    let calls = Calls::new();
    let result = retry(attempts(), || async {
        match calls.one_more() {
            3 => Ok("row"),
            _ => Err(error(ErrorKind::ConnectionReset)),
        }
    });
    assert_eq!(result.await.unwrap(), "row");
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_returned_at_once() {
    let calls = Calls::new();
    let denied = retry(attempts(), || calls.fail(ErrorKind::PermissionDenied)).await;
    let error = denied.unwrap_err();
    assert_eq!((calls.count(), error.reason()), (1, GaveUp::Permanent));
    assert!(!error.is_transient());
    let text = "gave up after 1 attempt and 0ns of waiting: the error is permanent";
    assert_eq!(error.to_string(), text);
}

#[tokio::test(start_paused = true)]
async fn a_retry_within_a_retry_makes_4_calls_and_not_16() {
    let calls = Calls::new();
    let inner = || async {
        let result = retry(attempts(), || calls.fail(ErrorKind::ConnectionRefused)).await;
        result.map_err(io::Error::other)
    };
    let error = retry(attempts(), inner).await.unwrap_err();
    assert_eq!((calls.count(), error.attempts()), (4, 1));
    assert_eq!(error.reason(), GaveUp::Permanent);
    assert!(error.is_transient(), "the nature of the innermost error");
}

#[tokio::test(start_paused = true)]
async fn an_inner_permanent_error_is_permanent_outside() {
    let inner = || async { retry(attempts(), || fail(ErrorKind::NotFound)).await };
    let error = retry(attempts(), inner).await.unwrap_err();
    assert!(!error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_dropped_and_tried_again() {
    let calls = Calls::new();
    let result = retry(attempts().timeout(ms(50)), || async {
        if calls.one_more() < 3 {
            pending::<()>().await;
        }
        Ok::<_, io::Error>(calls.passed())
    });
    let passed = result.await.unwrap();
    assert!((ms(400)..ms(410)).contains(&passed), "{passed:?}");
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_the_last_error_when_nothing_else_came() {
    let never = || pending::<Result<(), io::Error>>();
    let attempts = attempts().timeout(ms(50)).at_most(2);
    let error = retry(attempts, never).await.unwrap_err();
    let timeout = error.last().downcast_ref::<AttemptTimeout>();
    assert_eq!(timeout, Some(&AttemptTimeout::after(ms(50))));
    assert_eq!(error.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_wait_is_begun_that_the_deadline_would_cut_off() {
    let calls = Calls::new();
    let attempts = attempts().deadline(ms(500));
    let result = retry(attempts, || calls.fail(ErrorKind::ConnectionReset)).await;
    let error = result.unwrap_err();
    assert_eq!((calls.count(), error.reason()), (3, GaveUp::Deadline));
    assert!(calls.passed() < ms(310));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_cuts_an_attempt_off() {
    let calls = Calls::new();
    let attempts = attempts().timeout(ms(400)).deadline(ms(700));
    let never = || {
        calls.one_more();
        pending::<Result<(), io::Error>>()
    };
    let error = retry(attempts, never).await.unwrap_err();
    assert_eq!((calls.count(), error.reason()), (2, GaveUp::Deadline));
    assert!((ms(700)..ms(705)).contains(&calls.passed()));
    assert!(error.last().is::<AttemptTimeout>());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_ready_succeeds_without_any_time() {
    let attempts = attempts().deadline(Duration::ZERO).timeout(Duration::ZERO);
    let result = retry(attempts, || async { Ok::<_, io::Error>(1) });
    assert_eq!(result.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_paid_from_the_budget() {
    let calls = Calls::new();
    // Two requests before and this one pay for one retry and a half.
    let budget = RetryBudget::new(Duration::from_secs(60), 0, 0.5).unwrap();
    let attempts = attempts().budget(budget.clone());
    (0..2).for_each(|_| budget.deposit(calls.clock.now()));
    let result = retry(&attempts, || calls.fail(ErrorKind::ConnectionReset)).await;
    let error = result.unwrap_err();
    assert_eq!((calls.count(), error.reason()), (2, GaveUp::Budget));
    assert!(error.is_transient());
    let counts = budget.counts();
    assert_eq!((counts.withdrawn, counts.refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tried_again_costs_nothing() {
    let budget = RetryBudget::default();
    let attempts = attempts().budget(budget.clone());
    let once = attempts.clone().at_most(1);
    let hurried = attempts.clone().deadline(ms(100));
    for (attempts, kind) in [
        (attempts, ErrorKind::NotFound),
        (once, ErrorKind::ConnectionReset),
        (hurried, ErrorKind::ConnectionReset),
    ] {
        let result = retry(attempts, || fail(kind)).await;
        assert_eq!(result.unwrap_err().attempts(), 1);
    }
    assert_eq!(budget.counts(), crate::retry::BudgetCounts::default());
}

#[tokio::test(start_paused = true)]
async fn a_classifier_replaces_the_rule() {
    let calls = Calls::new();
    let attempts = attempts().classify(|error| match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == ErrorKind::NotFound => Failure::Transient,
        _ => Failure::Permanent,
    });
    let result = retry(&attempts, || calls.fail(ErrorKind::NotFound)).await;
    assert!(result.unwrap_err().is_transient());
    assert_eq!(calls.count(), 4);
    let result = retry(&attempts, || calls.fail(ErrorKind::ConnectionReset)).await;
    assert!(!result.unwrap_err().is_transient());
    assert_eq!(calls.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn boxed_errors_are_judged_by_what_is_in_them() {
    let calls = Cell::new(0);
    let boxed = || async {
        calls.set(calls.get() + 1);
        Err::<(), BoxError>(error(ErrorKind::ConnectionReset).into())
    };
    let error = retry(attempts(), boxed).await.unwrap_err();
    assert!(error.last().is::<io::Error>());
    assert_eq!(calls.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_always_made() {
    let calls = Calls::new();
    let result = retry(attempts().at_most(0), || calls.fail(ErrorKind::TimedOut)).await;
    assert_eq!(result.unwrap_err().attempts(), 1);
    assert_eq!(calls.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_it_ends_a_wait() {
    let calls = Calls::new();
    let endless = attempts().at_most(u32::MAX);
    let running = retry(endless, || calls.fail(ErrorKind::ConnectionReset));
    assert!(tokio::time::timeout(ms(350), running).await.is_err());
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(calls.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_spawned() {
    let attempts = attempts();
    let task = async move { retry(&attempts, || async { Ok::<_, io::Error>(7) }).await };
    assert_eq!(tokio::spawn(task).await.unwrap().unwrap(), 7);
}
