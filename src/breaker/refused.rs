//! Calls that do not take place.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use super::status::BreakerState;

/// A call was refused, as the circuit is open. A [layer](crate::circuit_breaker) leaves it in the extensions of the
/// response.
///
/// ```
/// use http::Response;
/// use tower_keep::circuit_breaker::CircuitOpen;
///
/// fn was_refused<B>(response: &Response<B>) -> bool {
///     response.extensions().get::<CircuitOpen>().is_some()
/// }
/// # assert!(!was_refused(&Response::new(())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitOpen {
    pub(super) name: Arc<str>,
    pub(super) state: BreakerState,
    pub(super) retry_after: Duration,
}

impl CircuitOpen {
    /// The name of the breaker.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the breaker was: open, half-open (with all probes in flight), or forced open.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// How long until it makes sense to try again: the rest of the wait of one that is open, a second at most of one
    /// that is half-open, and the whole wait of one that is forced open.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

impl fmt::Display for CircuitOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, .. } = self;
        write!(f, "the circuit {name} is {state}")
    }
}

impl Error for CircuitOpen {}

/// Why [`Breaker::call`](super::Breaker::call) has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// The call did not take place.
    Open(CircuitOpen),
    /// It failed.
    Failed(E),
}

impl<E> CallError<E> {
    /// Whether the call did not take place.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(open) => open.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for CallError<E> {
    /// An error that is passed on speaks for itself.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(_) => None,
            Self::Failed(error) => error.source(),
        }
    }
}
