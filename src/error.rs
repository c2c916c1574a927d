//! The error type that bodies and stores pass on.

/// Any error, as `tower` and `hyper` pass it on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
