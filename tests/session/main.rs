//! Sessions, by the public interface alone.

mod basics;

#[cfg(feature = "response-cache")]
mod beside_a_cache;
mod binding;
mod devices;
mod ending;
mod expiry;
mod flash;
mod ids;
mod laziness;
mod lost_answers;
mod merging;
mod renewal;
mod responses;
mod script;
mod stepped;
mod store_down;

mod stateless;
mod store;

mod support;
mod transports;
mod typed;
