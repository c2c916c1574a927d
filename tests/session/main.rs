//! Sessions, by the public interface alone.

mod attacks;
mod basics;
#[cfg(feature = "response-cache")]
mod beside_a_cache;
mod binding;
mod cancelled;
#[path = "../response_cache/coverage.rs"]
mod coverage;
mod csrf;
mod devices;
mod ending;
mod events;
mod expiry;
mod flash;
mod guarded;
mod ids;
mod laziness;
mod lost_answers;
mod many;
mod merging;
mod model;
mod renewal;
mod require;
mod responses;
mod script;
mod secrecy;
mod stateless;
mod stepped;
mod store;
mod store_down;
mod streaming;
mod support;
mod transports;
mod typed;
