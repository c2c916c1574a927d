//! One limit for a whole service, without a key: what it can bear, whoever asks.
//!
//! [`ServiceLimitLayer`] counts with [`governor`], whose limiter is one atomic number: nothing is looked up and nothing
//! is locked. It decides by the generic cell rate algorithm (a token bucket): a burst, and one more each interval.

mod future;
mod layer;
mod limiter;
mod refusal;
mod service;
mod shared;
mod time;

pub use self::{
    future::ServiceLimitFuture,
    layer::ServiceLimitLayer,
    limiter::{InvalidQuota, ServiceLimitStats},
    refusal::ServiceLimited,
    service::ServiceLimit,
};
