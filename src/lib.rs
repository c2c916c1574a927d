//! Composable [`tower`](https://docs.rs/tower) layers that keep things close to the request: a shared HTTP cache that
//! follows RFC 9111, rate limits, sessions, and retries.
//!
//! Each layer wraps any `Service`, works alone, and starts embedded: there is no server to run.
//!
//! ```
//! use axum::{Router, routing::get};
//! use tower_keep::{RateLimitLayer, ResponseCacheLayer, minutes, rate_limit::Limit};
//!
//! # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
//! let per_client = Limit::token_bucket(100).per(minutes(1)).burst(20).build()?;
//! let app: Router = Router::new()
//!     .route("/offers", get(|| async { "today's offers" }))
//!     .layer(ResponseCacheLayer::new().default_ttl(minutes(5)))
//!     .layer(RateLimitLayer::new(per_client));
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `response-cache` | yes | [`response_cache`]: HTTP responses, in memory |
//! | `rate-limit` | yes | [`rate_limit`]: how often, how much, how many at once |
//! | `session` | yes | [`session`]: sessions, the devices of users, guards against forged requests |
//! | `retry` | yes | [`retry`]: what fails in passing is tried again |
//! | `circuit-breaker` | | [`circuit_breaker`]: what fails is left alone; [`fallback`]: what answers instead |
//! | `axum` | | `OriginalUri` under nesting routers, [`CachePolicy`] as a response part, [`Session`](session::Session) as an extractor, `ConnectInfo` as [`PeerAddr`] |
//! | `hyper` | | errors of `hyper`, `h2` and `hyper-util` are told from one another where it is decided what to retry |
//! | `reqwest` | | [`adapter`]: the layers around a client of `reqwest`, whose timeouts are known as such |
//! | `tonic` | | [`adapter`]: the layers around a channel of `tonic`, whose timeouts are known as such |
//! | `tower` | | [`TowerPolicy`](retry::TowerPolicy): the rules of retries for tower's own layer |
//! | `metrics` | | counters go to the recorder of the [`metrics`](https://docs.rs/metrics) crate too |
//! | `test-util` | | [`test_util`]: the clock moved by hand, a slow and failing store, a counting service |
//! | `full` | | all of them |
//!
//! # Where to go on
//!
//! - [`response_cache`]: what is stored, what is served, and why; all settings
//! - [`rate_limit`]: what each algorithm admits, keys, presets; refusals and what responses say
//! - [`session`]: values and users of a session, its cookie, when it ends; [`Devices`](session::Devices)
//! - [`retry`]: what is tried again, how often, and what servers ask for
//! - [`circuit_breaker`]: when a circuit opens, its states, where to put it; [`fallback`]
//! - [`adapter`]: clients that take only bodies of their own
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

#[cfg(any(feature = "reqwest", feature = "tonic"))]
pub mod adapter;
#[cfg(feature = "retry")]
mod backoff;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "retry",
    feature = "session"
))]
mod body;
#[cfg(feature = "circuit-breaker")]
mod breaker;
#[cfg(feature = "circuit-breaker")]
pub mod circuit_breaker;
#[cfg(feature = "retry")]
mod classify;
pub mod clock;
mod duration;
mod error;
#[cfg(any(feature = "circuit-breaker", feature = "retry"))]
pub mod fallback;
#[cfg(feature = "response-cache")]
mod flight;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "retry",
    feature = "session"
))]
mod head;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "response-cache",
    feature = "session"
))]
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
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
mod request_key;
#[cfg(feature = "response-cache")]
pub mod response_cache;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg(feature = "session")]
pub mod session;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "response-cache",
    feature = "retry",
    feature = "session"
))]
mod stats;
#[cfg(feature = "response-cache")]
pub mod store;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "response-cache",
    feature = "retry",
    feature = "session"
))]
mod sync;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "retry",
    feature = "session"
))]
mod wire;

#[cfg(feature = "circuit-breaker")]
pub use self::circuit_breaker::CircuitBreakerLayer;
#[cfg(any(feature = "circuit-breaker", feature = "retry"))]
pub use self::fallback::FallbackLayer;
#[cfg(feature = "rate-limit")]
pub use self::rate_limit::{RateLimitLayer, RateLimiter};
#[cfg(feature = "response-cache")]
pub use self::response_cache::{CachePolicy, ResponseCacheLayer};
#[cfg(feature = "retry")]
pub use self::retry::RetryLayer;
#[cfg(feature = "session")]
pub use self::session::SessionLayer;
pub use self::{
    clock::Clock,
    duration::{days, hours, minutes, seconds},
    error::BoxError,
    peer::{ClientIp, InvalidPrefix, IpPrefix, PeerAddr},
    personal::{AlreadyShared, OwnedCookie, Personal},
    principal::Principal,
};

#[cfg(all(
    doctest,
    feature = "axum",
    feature = "rate-limit",
    feature = "response-cache",
    feature = "session"
))]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
