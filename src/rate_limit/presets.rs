//! Limits for common needs, with their numbers.

use super::{InvalidLimit, Limit, RateLimitLayer};
use crate::{minutes, seconds};

/// The numbers of presets are not input.
fn preset(built: Result<Limit, InvalidLimit>) -> RateLimitLayer {
    RateLimitLayer::new(built.expect("the numbers of presets make limits"))
}

/// # Presets
///
/// Each limits a client by its address, see [`RateLimitLayer::new`], and is a layer like any other: settings can be
/// changed.
impl RateLimitLayer {
    /// For an API: 100 requests a minute, in a [sliding window](Limit::sliding_window).
    #[must_use]
    pub fn api() -> Self {
        let limit = Limit::sliding_window(100).per(minutes(1)).name("api");
        preset(limit.build())
    }

    /// For logins and the like: 5 failures in 15 minutes, in a [sliding log](Limit::sliding_log). A failure is a
    /// response with a status of 4xx; a failing server locks nobody out. Guesses from many addresses at one account
    /// want a limit [by the account](Self::and) as well.
    #[must_use]
    pub fn auth() -> Self {
        let limit = Limit::sliding_log(5).per(minutes(15)).name("auth");
        preset(limit.build()).count_only(|response| response.status().is_client_error())
    }

    /// For uploads: a [token bucket](Limit::token_bucket) of 10, which gets 2 a second.
    #[must_use]
    pub fn upload() -> Self {
        let limit = Limit::token_bucket(2).per(seconds(1)).burst(10);
        preset(limit.name("upload").build())
    }

    /// For searches: a [leaky bucket](Limit::leaky_bucket) of 30, of which one drains in 2 seconds.
    #[must_use]
    pub fn search() -> Self {
        let limit = Limit::leaky_bucket(1).per(seconds(2)).capacity(30);
        preset(limit.name("search").build())
    }
}
