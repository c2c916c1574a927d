//! Retries, through the public API.

mod bodies;
mod budget;
mod grpc;
mod readiness;
mod retry_after;
mod rules;
mod support;
mod timeouts;
