//! Sessions through the public interface.

mod basics;
#[cfg(feature = "response-cache")]
mod beside_a_cache;
mod devices;
mod ending;
mod expiry;
mod ids;
mod laziness;
mod merging;
mod renewal;
mod responses;
mod script;
mod stepped;
mod support;
mod transports;
