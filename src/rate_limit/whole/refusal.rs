//! Why a request was refused.

use std::{fmt, time::Duration};

/// A request was over the limit of the whole service. In the extensions of the refusal.
///
/// ```
/// use http::Response;
/// use tower_keep::rate_limit::whole::ServiceLimited;
///
/// fn was_refused<B>(response: &Response<B>) -> bool {
///     response.extensions().get::<ServiceLimited>().is_some()
/// }
/// # assert!(!was_refused(&Response::new(())));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLimited {
    pub(super) retry_after: Option<Duration>,
}

impl ServiceLimited {
    /// How long it takes until the same request would be let in; none if it costs more than the whole quota, and
    /// never will.
    #[must_use]
    pub fn retry_after(self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for ServiceLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_after {
            Some(wait) => write!(f, "the service is at its limit for another {wait:?}"),
            None => f.write_str("the request costs more than the whole quota"),
        }
    }
}
