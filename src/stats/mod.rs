//! Counters that many cores can write at once.

#[cfg(any(
    feature = "rate-limit",
    feature = "response-cache",
    feature = "retry",
    feature = "session"
))]
mod counters;
#[cfg(feature = "metrics")]
mod published;
#[cfg(feature = "session")]
mod rate;
#[cfg(feature = "rate-limit")]
pub(crate) mod top;
#[cfg(not(feature = "metrics"))]
mod unpublished;

#[cfg(any(
    feature = "rate-limit",
    feature = "response-cache",
    feature = "retry",
    feature = "session"
))]
pub(crate) use self::counters::Counters;
#[cfg(any(feature = "rate-limit", feature = "retry", feature = "session"))]
pub(crate) use self::counters::{STRIPES, stripe};
#[cfg(feature = "metrics")]
pub(crate) use self::published::{Metric, Published};
#[cfg(feature = "session")]
pub(crate) use self::rate::LastMinute;
#[cfg(not(feature = "metrics"))]
pub(crate) use self::unpublished::{Metric, Published};
