//! Clients that take only bodies of their own: between them and the layers that wrap bodies.
//!
//! The layers of this crate wrap what a request and a response carry, and call the inner service with a body of
//! theirs. A client of `hyper-util` takes any body. These do not:
//!
//! - `tonic::transport::Channel`, which takes `tonic::body::Body`: `TonicLayer`, with the feature `tonic`.
//! - `reqwest::Client`, which takes requests of its own: `ReqwestLayer`, with the feature `reqwest`.
//!
//! They go innermost, right around the client, and do nothing else.

#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "tonic")]
mod tonic;

#[cfg(feature = "reqwest")]
pub use self::reqwest::{Reqwest, ReqwestFuture, ReqwestLayer};
#[cfg(feature = "tonic")]
pub use self::tonic::{Tonic, TonicLayer};
