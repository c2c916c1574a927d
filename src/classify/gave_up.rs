//! The error of one who has tried again already.

use std::{error::Error, fmt, time::Duration};

use super::{Failure, chain};
use crate::error::BoxError;

/// All attempts failed that were allowed, and this is the last one's error: from
/// [`retry`](crate::retry::retry()).
///
/// Who catches it need not try again, and nobody who judges errors by [`Failure::of`] does: its attempts were made, and
/// a loop around a loop multiplies them. Whether it is worth coming back later is another question, which
/// [`is_transient`](Self::is_transient) answers: a server may answer 503 rather than 500.
///
/// ```
/// use std::io;
/// use tower_keep::retry::{Attempts, Failure, GaveUp, retry};
/// # use tower_keep::Clock;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let refuse = || async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
/// let attempts = Attempts::new();
/// # let attempts = attempts.clock(Clock::tokio());
/// let error = retry(&attempts, refuse).await.unwrap_err();
///
/// assert_eq!((error.attempts(), error.reason()), (4, GaveUp::Attempts));
/// assert!(error.is_transient() && !error.is_retryable());
/// assert_eq!(Failure::of(&error), Failure::Permanent);
/// assert!(error.last().is::<io::Error>());
/// # }
/// ```
#[derive(Debug)]
pub struct RetryError {
    attempts: u32,
    waited: Duration,
    reason: GaveUp,
    transient: bool,
    last: BoxError,
}

/// Why there was no further attempt, see [`RetryError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GaveUp {
    /// The last error does not pass by itself.
    Permanent,
    /// There were as many attempts as there may be.
    Attempts,
    /// The next attempt would have begun after the deadline.
    Deadline,
    /// The budget allowed no further one.
    Budget,
    /// The body of the request is gone: it was more than is kept, the client has failed, or the answer came before all
    /// of it was sent. Of requests only.
    Body,
    /// The server asked for a longer wait than it may (`Retry-After`), or told not to come back. Of requests only.
    RetryAfter,
    /// The inner service was not ready when it was time. Of requests only.
    NotReady,
}

impl RetryError {
    /// After so many attempts, and waits of so long between them. `failure` is what the classifier said of the last
    /// error.
    pub(crate) fn new(
        reason: GaveUp,
        attempts: u32,
        waited: Duration,
        failure: Failure,
        last: BoxError,
    ) -> Self {
        let of_another = chain(&*last).find_map(|link| link.downcast_ref::<Self>());
        Self {
            attempts,
            waited,
            reason,
            transient: failure.is_transient() || of_another.is_some_and(Self::is_transient),
            last,
        }
    }

    /// How many attempts there were.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long was waited between the attempts, all together.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        self.waited
    }

    /// Why there was no further attempt.
    #[must_use]
    pub const fn reason(&self) -> GaveUp {
        self.reason
    }

    /// Always `false`: what could be tried was tried.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether the last error is of a kind that passes by itself.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        self.transient
    }

    /// The error of the last attempt.
    #[must_use]
    pub fn last(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.last
    }

    /// The error of the last attempt, as what can be downcast to its type.
    #[must_use]
    pub fn into_last(self) -> BoxError {
        self.last
    }
}

impl fmt::Display for RetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            GaveUp::Permanent => "the error is permanent",
            GaveUp::Attempts => "there may be no more",
            GaveUp::Deadline => "the deadline is too near",
            GaveUp::Budget => "the retry budget is used up",
            GaveUp::Body => "the body cannot be sent again",
            GaveUp::RetryAfter => "the server asks for too long a wait",
            GaveUp::NotReady => "the service is not ready",
        };
        let plural = if self.attempts == 1 { "" } else { "s" };
        write!(f, "gave up after {} attempt{plural}", self.attempts)?;
        write!(f, " and {:?} of waiting: {reason}", self.waited)
    }
}

impl Error for RetryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.last)
    }
}
