//! tower-keep
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::print_stdout))]

pub mod clock;
mod duration;
mod error;
#[cfg(feature = "response-cache")]
mod header;
#[cfg(feature = "response-cache")]
pub mod key;
mod peer;
mod personal;
mod principal;
#[cfg(feature = "response-cache")]
pub mod response_cache;
#[cfg(feature = "response-cache")]
mod stats;
#[cfg(feature = "response-cache")]
pub mod store;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;

#[cfg(feature = "response-cache")]
pub use self::response_cache::{CachePolicy, ResponseCacheLayer};
pub use self::{
    clock::Clock,
    duration::{days, hours, minutes, seconds},
    error::BoxError,
    peer::{ClientIp, InvalidPrefix, IpPrefix, PeerAddr},
    personal::{AlreadyShared, OwnedCookie, Personal},
    principal::Principal,
};
