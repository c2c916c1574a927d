//! Rate limiting.

mod wire;

pub use self::wire::{
    body::ResponseBody,
    fields::{RateLimitHeaders, ResetUnit},
    refusal::RefusalBody,
};
