//! A limit on the requests in flight that finds its own height.
//!
//! A service has a number of requests that it can work on at once; more of them only wait, inside of it, and all take
//! longer. [`AdaptiveConcurrencyLayer`] finds that number from the outside, as TCP finds the width of a path: it lets
//! more in while answers come as fast as ever, and fewer once they take longer or fail. What is beyond the limit is
//! refused at once, with 503, rather than late.
//!
//! - [`Gradient`], the default, compares latency with what it is when nothing waits, as TCP Vegas does (Brakmo and
//!   Peterson, 1995) and Netflix's concurrency-limits ("Performance Under Load", 2018).
//! - [`Aimd`] is told the latency that is too much: one more per round trip below it, a fraction less above
//!   (additive increase, multiplicative decrease; RFC 5681, section 3.1).
//!
//! In both, the limit grows only while at least half of it is in use: an idle hour says nothing of what would be too
//! much (RFC 7661 has the same for TCP).
//!
//! A request is in flight until the body of its response ends or is dropped, or until its future is dropped. Its
//! latency is the time until the head of the response: how fast a client reads says nothing of the service. Clients
//! that leave before give no latency.

mod body;
mod future;
mod layer;
mod outcome;
mod refusal;
mod service;
mod settings;
mod shared;
mod state;

pub use self::{
    body::AdaptiveBody,
    future::AdaptiveFuture,
    layer::AdaptiveConcurrencyLayer,
    outcome::Verdict,
    refusal::Overloaded,
    service::AdaptiveConcurrency,
    settings::{Aimd, Gradient, InvalidSetting},
    shared::AdaptiveStats,
};
pub use crate::head::Outcome;
