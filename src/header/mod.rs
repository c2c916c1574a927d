//! Pure parsers and formatters of the fields that an HTTP cache reads and writes, and of numbers.
//!
//! Nothing here awaits, reads a clock or keeps state. A parser takes what arrived and never
//! panics on it. Where a field is malformed, the reading is the one that lets a cache do least:
//! what would allow storing or reusing is dropped, what forbids it counts.

#[cfg(feature = "response-cache")]
pub(crate) mod age;
#[cfg(feature = "response-cache")]
pub(crate) mod asked;
#[cfg(feature = "response-cache")]
pub(crate) mod cache_control;
#[cfg(feature = "response-cache")]
pub(crate) mod cache_status;
#[cfg(feature = "response-cache")]
pub(crate) mod connection;
#[cfg(feature = "response-cache")]
pub(crate) mod date;
#[cfg(feature = "response-cache")]
pub(crate) mod delta;
#[cfg(feature = "response-cache")]
pub(crate) mod etag;
#[cfg(feature = "response-cache")]
pub(crate) mod list;
#[cfg(feature = "response-cache")]
pub(crate) mod no_vary_search;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "response-cache"
))]
pub(crate) mod number;
#[cfg(feature = "response-cache")]
pub(crate) mod quota;
#[cfg(feature = "response-cache")]
pub(crate) mod range;
#[cfg(any(feature = "response-cache", feature = "session"))]
pub(crate) mod target;
