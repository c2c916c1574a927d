//! Requests and responses without their bodies, for rules that look at them.

#[cfg(any(feature = "circuit-breaker", feature = "rate-limit", feature = "retry"))]
mod outcome;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "session"
))]
mod request;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit", feature = "retry"))]
mod response;

#[cfg(any(feature = "circuit-breaker", feature = "rate-limit", feature = "retry"))]
pub use self::outcome::Outcome;
#[cfg(any(
    feature = "circuit-breaker",
    feature = "rate-limit",
    feature = "session"
))]
pub use self::request::RequestHead;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit", feature = "retry"))]
pub use self::response::ResponseHead;
