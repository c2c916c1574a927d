//! Rate limiting.

pub mod adaptive;
mod wire;

pub use self::{
    adaptive::{
        AdaptiveConcurrency, AdaptiveConcurrencyLayer, AdaptiveStats, Aimd, Gradient,
        InvalidSetting, Outcome, Overloaded, Verdict,
    },
    wire::{
        body::ResponseBody,
        fields::{RateLimitHeaders, ResetUnit},
        refusal::RefusalBody,
    },
};
