//! What requests are told apart by: whom a limit is for, whose circuit a call belongs to.
//!
//! A [`KeyExtractor`] finds the key of a request; handles take [`LimitKey`]s as they are. Both write to a [`KeyWriter`],
//! and equal writings are equal keys: what [`ClientIp::of`](crate::ClientIp::of) has found is the key by which a layer
//! knows that client, and so is an account's name that an extractor took from the request.

mod extractors;
#[cfg(feature = "rate-limit")]
mod later;
mod value;
mod writer;

#[cfg(feature = "axum")]
pub use self::extractors::RouteKey;
#[cfg(feature = "rate-limit")]
pub(crate) use self::later::{AsyncKey, AsyncKeyExtractor};
pub(crate) use self::writer::Fingerprints;
pub use self::{
    extractors::{
        Everyone, FromFn, HeaderKey, HostKey, KeyExtractor, MethodKey, MissingKey, PathKey,
        SessionKey, UserKey, from_fn,
    },
    value::{LimitKey, Secret},
    writer::KeyWriter,
};
