//! Retries, through the public API.

mod bodies;
mod budget;
mod cancelled;
mod grpc;
mod hedging;
#[cfg(feature = "hyper")]
mod origin;
#[cfg(feature = "hyper")]
mod over_http;
mod readiness;
mod retry_after;
mod rules;
mod support;
mod timeouts;
#[cfg(feature = "tower")]
mod tower_policy;
