//! Rate limiting.

pub mod adaptive;
pub mod whole;
mod wire;

pub use self::{
    adaptive::{
        AdaptiveConcurrency, AdaptiveConcurrencyLayer, AdaptiveStats, Aimd, Gradient,
        InvalidSetting, Outcome, Overloaded, Verdict,
    },
    whole::{InvalidQuota, ServiceLimit, ServiceLimitLayer, ServiceLimited},
    wire::{
        body::ResponseBody,
        fields::{RateLimitHeaders, ResetUnit},
        refusal::RefusalBody,
    },
};
