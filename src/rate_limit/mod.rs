//! Rate limiting.

pub mod adaptive;
mod admission;
mod algorithm;
mod decision;
mod head;
mod held;
mod key;
mod layer;
mod limit;
mod limiter;
mod presets;
mod refuse;
mod service;
mod settings;
mod stats;
mod subject;
mod table;
mod time;
pub mod whole;
mod wire;

#[cfg(feature = "axum")]
pub use self::key::RouteKey;
pub use self::{
    adaptive::AdaptiveConcurrencyLayer,
    admission::Admission,
    decision::{Reason, Refusal, Standing, Standings},
    head::ResponseHead,
    key::{
        Everyone, FromFn, HeaderKey, KeyExtractor, KeyWriter, LimitKey, MethodKey, MissingKey,
        PathKey, RequestHead, Secret, SessionKey, UserKey, from_fn,
    },
    layer::RateLimitLayer,
    limit::{
        Concurrency, InvalidLimit, LeakyBucket, LeakyQueue, Limit, LimitBuilder, Limits,
        TokenBucket, Window,
    },
    limiter::RateLimiter,
    service::{RateLimit, ResponseFuture},
    stats::{LimitStats, Stats, TopKey},
    subject::WithoutKey,
    whole::ServiceLimitLayer,
    wire::{
        body::ResponseBody,
        fields::{RateLimitHeaders, ResetUnit},
        refusal::RefusalBody,
    },
};
