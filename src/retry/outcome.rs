//! What became of a request that was tried more than once.

use std::{fmt, time::Duration};

use super::judge::Reason;
use crate::classify::GaveUp;

/// The attempts of a request, in the extensions of its response if there was more than one.
///
/// ```
/// use tower_keep::retry::RetryOutcome;
///
/// fn log<B>(response: &http::Response<B>) {
///     if let Some(outcome) = response.extensions().get::<RetryOutcome>() {
///         println!("after {} attempts and {:?}", outcome.attempts(), outcome.waited());
///     }
/// }
/// # log(&http::Response::new(()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryOutcome {
    failed: Vec<Reason>,
    /// The attempts after the first.
    further: usize,
    hedged: bool,
    waited: Duration,
    gave_up: Option<GaveUp>,
}

impl RetryOutcome {
    pub(super) fn failed(&mut self, reason: Reason) {
        self.failed.push(reason);
    }

    pub(super) fn another(&mut self) {
        self.further += 1;
    }

    pub(super) fn hedge(&mut self) {
        self.hedged = true;
    }

    /// Whether there is more to tell than of any request.
    pub(super) fn tells_something(&self) -> bool {
        self.further > 0 || !self.failed.is_empty()
    }

    pub(super) fn waited_for(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    pub(super) fn give_up(&mut self, why: GaveUp) {
        self.gave_up = Some(why);
    }

    /// How many attempts there have been: the first, its retries, and a second one that was made
    /// [beside the first](super#hedging), whatever became of it.
    #[must_use]
    pub fn attempts(&self) -> usize {
        1 + self.further
    }

    /// Whether a second attempt was made while the first one took long.
    #[must_use]
    pub fn hedged(&self) -> bool {
        self.hedged
    }

    /// Why each attempt that was retried had failed, and the last one if there was nothing more to do about it. Of two
    /// attempts at once, the one that was dropped has no reason, and neither has one whose error would not pass.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.failed
    }

    /// How long was waited between attempts.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Why the last attempt, which failed too, was not retried; `None` if it is final for what it is.
    #[must_use]
    pub fn gave_up(&self) -> Option<GaveUp> {
        self.gave_up
    }
}

/// An attempt took too long, or all of them together. In the extensions of the 504 (Gateway Timeout) that stands in for
/// the response, and the error of a response's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    pub(super) whole: bool,
}

impl TimedOut {
    /// Whether it is the [deadline](super::RetryLayer::deadline) of the whole request, and not the
    /// [timeout](super::RetryLayer::attempt_timeout) of its last attempt.
    #[must_use]
    pub fn is_deadline(self) -> bool {
        self.whole
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.whole {
            "the deadline of the request has passed"
        } else {
            "the attempt has taken too long"
        })
    }
}

impl std::error::Error for TimedOut {}
