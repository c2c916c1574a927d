//! Rate limiting, through its public API.

mod adaptive;
#[cfg(feature = "axum")]
mod peer;
mod whole;
