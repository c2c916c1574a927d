//! Rate limiting, through its public API.

mod adaptive;
mod churn;
mod clock;
mod concurrency;
mod costs;
mod keys;
mod keys_later;
mod limits;
mod outcomes;
#[cfg(feature = "axum")]
mod peer;
mod presets;
mod queue;
mod readiness;
mod shadow;
mod stats;
mod subjects;
mod support;
mod whole;
#[cfg(feature = "response-cache")]
mod wire;
