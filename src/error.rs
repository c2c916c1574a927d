//! The error types that bodies and stores pass on.

#[cfg(any(feature = "response-cache", feature = "session"))]
mod store;

#[cfg(any(feature = "response-cache", feature = "session"))]
pub use self::store::StoreError;

/// Any error, as `tower` and `hyper` pass it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
