//! Composable [`tower`](https://docs.rs/tower) layers that keep things close to the request.
//!
//! Each layer wraps any `Service`, works alone, and starts embedded: there is no server to run. The first of
//! them is the response cache, a shared HTTP cache that follows RFC 9111.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_keep::{ResponseCacheLayer, minutes};
//!
//! let app: Router = Router::new()
//!     .route("/offers", get(|| async { "today's offers" }))
//!     .layer(ResponseCacheLayer::new().default_ttl(minutes(5)));
//! # let _ = app;
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `response-cache` | yes | [`response_cache`]: HTTP responses, in memory |
//! | `axum` | | `OriginalUri` under nesting routers, [`CachePolicy`] as a response part, `ConnectInfo` as [`PeerAddr`] |
//! | `metrics` | | counters go to the recorder of the [`metrics`](https://docs.rs/metrics) crate too |
//! | `test-util` | | [`test_util`]: the clock moved by hand, a slow and failing store, a counting service |
//! | `full` | | all of them |
//!
//! # Where to go on
//!
//! - [`response_cache`]: what is stored, what is served, and why; all settings
//! - [`store`]: where it is kept, and how to bring a store of your own
//! - [`ledger`]: how what is invalidated is told from what is not
//! - [`clock`]: where time comes from
//! - [`test_util`]: testing an application that caches
//!
//! # Stability
//!
//! The crate forbids unsafe code. Public enums that may grow are `non_exhaustive`.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::print_stdout))]

pub mod clock;
mod duration;
mod error;
#[cfg(feature = "response-cache")]
mod flight;
#[cfg(any(feature = "rate-limit", feature = "response-cache"))]
mod header;
#[cfg(feature = "response-cache")]
pub mod key;
#[cfg(feature = "response-cache")]
pub mod ledger;
mod peer;
mod personal;
mod principal;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
#[cfg(feature = "response-cache")]
pub mod response_cache;
#[cfg(any(feature = "rate-limit", feature = "response-cache"))]
mod stats;
#[cfg(feature = "response-cache")]
pub mod store;
#[cfg(any(feature = "rate-limit", feature = "response-cache"))]
mod sync;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;

#[cfg(feature = "rate-limit")]
pub use self::rate_limit::{RateLimitLayer, RateLimiter};
#[cfg(feature = "response-cache")]
pub use self::response_cache::{CachePolicy, ResponseCacheLayer};
pub use self::{
    clock::Clock,
    duration::{days, hours, minutes, seconds},
    error::BoxError,
    peer::{ClientIp, InvalidPrefix, IpPrefix, PeerAddr},
    personal::{AlreadyShared, OwnedCookie, Personal},
    principal::Principal,
};

#[cfg(all(doctest, feature = "response-cache"))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
