//! Requests and responses without their bodies, for rules that look at them.

mod outcome;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
mod request;
mod response;

pub use self::outcome::Outcome;
#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
pub use self::request::RequestHead;
pub use self::response::ResponseHead;
