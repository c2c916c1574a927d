//! Requests and responses without their bodies, for rules that look at them.

#[cfg(any(feature = "circuit-breaker", feature = "retry"))]
mod outcome;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
mod request;
mod response;

#[cfg(any(feature = "circuit-breaker", feature = "retry"))]
pub use self::outcome::Outcome;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
pub use self::request::RequestHead;
pub use self::response::ResponseHead;
