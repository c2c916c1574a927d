//! Pure parsers and formatters of the fields that an HTTP cache reads and writes.
//!
//! Nothing here awaits, reads a clock or keeps state. A parser takes what arrived and never
//! panics on it. Where a field is malformed, the reading is the one that lets a cache do least:
//! what would allow storing or reusing is dropped, what forbids it counts.

pub(crate) mod age;
pub(crate) mod asked;
pub(crate) mod cache_control;
pub(crate) mod cache_status;
pub(crate) mod connection;
pub(crate) mod date;
pub(crate) mod delta;
pub(crate) mod etag;
pub(crate) mod list;
pub(crate) mod no_vary_search;
pub(crate) mod number;
pub(crate) mod quota;
pub(crate) mod range;
