//! Rate limiting, through its public API.

#[cfg(feature = "axum")]
mod peer;
