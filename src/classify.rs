//! Which failures pass by themselves.
//!
//! An error is judged by the types in it, through the whole chain of its sources, and never by its text, which changes
//! with versions and languages. See [`Failure::of`] for the rules.

mod clients;
#[cfg(feature = "hyper")]
mod connection;
mod gave_up;
mod io;
#[cfg(test)]
mod tests;

use std::{error::Error, fmt, iter, time::Duration};

pub use self::gave_up::{GaveUp, RetryError};

/// What is to be thought of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// It may pass by itself, and the other side has certainly not begun with the request: no connection came about,
    /// or the protocol says so. It may be tried again even if doing it twice would do harm.
    ///
    /// That is certain of one exchange, such as a client's. Where an attempt consists of several, a connection refused
    /// to the second proves nothing about the first: let a classifier of your own say [`Transient`](Self::Transient).
    NotProcessed,
    /// It may pass by itself, but perhaps the request was processed.
    Transient,
    /// Another attempt would fail as well, or nothing speaks for the contrary.
    Permanent,
}

impl Failure {
    /// Whether it may pass by itself.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::NotProcessed | Self::Transient)
    }

    /// Judges by the types of the error and of its sources; the outermost that says something decides.
    ///
    /// - [`std::io::Error`], by its kind. Not processed: refused, no local address to connect from, and names that
    ///   were not resolved by the standard library (see below). Transient: reset, aborted, broken pipe, unexpected end,
    ///   not connected, timed out, host or network unreachable, network down, interrupted, would block. What is inside
    ///   of an error of another kind is judged in its place.
    /// - [`AttemptTimeout`], and `Elapsed` of [`tokio::time`]: transient.
    /// - With the feature `hyper`, the errors of `hyper`, `h2` and `hyper-util`. Not processed: what hyper cancelled
    ///   before it was sent or could not send any more, streams that were refused (RFC 9113, section 8.7) or that are
    ///   above the last one of a GOAWAY frame (section 6.8), and whatever is transient and happened while
    ///   `hyper-util`'s client connected.
    ///   Transient: messages that end early, timeouts, and streams reset with `CANCEL`, `INTERNAL_ERROR`,
    ///   `CONNECT_ERROR` or `ENHANCE_YOUR_CALM`.
    /// - With the feature `reqwest`, its timeouts, and with `tonic` those of its endpoints: transient. What is transient
    ///   and happened while a client of `reqwest` connected is not processed.
    /// - All else is permanent; and so is whatever has a [`RetryError`] in its chain, as its attempts were made.
    ///
    /// There is no type for a name that does not resolve. On Unix the standard library says it with an error of a kind
    /// that nothing else constructs around a message, and Windows has codes for it: both are recognised, wherever in
    /// the chain they are. A resolver of another make is judged by the I/O errors in its own.
    ///
    /// ```
    /// use std::io;
    /// use tower_keep::retry::Failure;
    ///
    /// let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    /// assert_eq!(Failure::of(&refused), Failure::NotProcessed);
    /// let reset = io::Error::other(io::Error::from(io::ErrorKind::ConnectionReset));
    /// assert_eq!(Failure::of(&reset), Failure::Transient);
    /// let unknown = io::Error::other("connection reset, or so they say");
    /// assert_eq!(Failure::of(&unknown), Failure::Permanent);
    /// ```
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        if chain(error).any(<dyn Error>::is::<RetryError>) {
            return Self::Permanent;
        }
        let failure = chain(error)
            .find_map(of_link)
            .or_else(|| chain(error).find_map(of_client))
            .unwrap_or(Self::Permanent);
        let connecting = |link| while_connecting(link) || clients::connecting(link);
        if failure.is_transient() && chain(error).any(connecting) {
            Self::NotProcessed
        } else {
            failure
        }
    }
}

/// The error, what caused it, what caused that, and so on.
///
/// An I/O error that was made of another one names that one's source as its own, and leaves it out itself.
pub(crate) fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| {
        io::inner(error).or_else(|| error.source())
    })
    .take(LONGEST)
}

/// No chain is that long, unless it is a ring.
const LONGEST: usize = 100;

/// What one link says, if anything.
fn of_link(error: &(dyn Error + 'static)) -> Option<Failure> {
    if error.is::<AttemptTimeout>() || error.is::<tokio::time::error::Elapsed>() {
        return Some(Failure::Transient);
    }
    io::failure(error).or_else(|| of_http(error))
}

fn of_client(error: &(dyn Error + 'static)) -> Option<Failure> {
    clients::of_reqwest(error).or_else(|| clients::of_tonic(error))
}

#[cfg(feature = "hyper")]
use self::connection::{failure as of_http, while_connecting};

#[cfg(not(feature = "hyper"))]
fn of_http(_: &(dyn Error + 'static)) -> Option<Failure> {
    None
}

#[cfg(not(feature = "hyper"))]
fn while_connecting(_: &(dyn Error + 'static)) -> bool {
    false
}

/// An attempt took longer than it may.
///
/// ```
/// use std::time::Duration;
/// use tower_keep::retry::{AttemptTimeout, Failure};
///
/// let timeout = AttemptTimeout::after(Duration::from_millis(250));
/// assert_eq!(timeout.to_string(), "no answer within 250ms");
/// assert_eq!(Failure::of(&timeout), Failure::Transient);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptTimeout(Duration);

impl AttemptTimeout {
    /// An attempt that was given up after so much time.
    #[must_use]
    pub const fn after(limit: Duration) -> Self {
        Self(limit)
    }

    /// How long the attempt was waited for.
    #[must_use]
    pub const fn limit(self) -> Duration {
        self.0
    }
}

impl fmt::Display for AttemptTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {:?}", self.0)
    }
}

impl Error for AttemptTimeout {}
