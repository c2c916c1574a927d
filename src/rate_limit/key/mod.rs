//! Whom a limit is for.
//!
//! A [`KeyExtractor`] finds the key of a request; [`RateLimiter`](super::RateLimiter) takes [`LimitKey`]s as they are.
//! Both write to a [`KeyWriter`], and equal writings are equal keys: what [`ClientIp::of`](crate::ClientIp::of) has
//! found is the key by which the layer limits that client, and so is an account's name that an extractor took from the
//! request.

mod extractors;
mod head;
mod value;
mod writer;

#[cfg(feature = "axum")]
pub use self::extractors::RouteKey;
pub(super) use self::{
    extractors::{AsyncKey, AsyncKeyExtractor},
    writer::Fingerprints,
};
pub use self::{
    extractors::{
        Everyone, FromFn, HeaderKey, KeyExtractor, MethodKey, MissingKey, PathKey, SessionKey,
        UserKey, from_fn,
    },
    head::RequestHead,
    value::{LimitKey, Secret},
    writer::KeyWriter,
};
