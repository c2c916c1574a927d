//! What refusals of several layers have in common on the wire.

pub(crate) mod body;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
pub(crate) mod grpc;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
pub(crate) mod text;
