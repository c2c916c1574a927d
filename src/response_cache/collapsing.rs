use std::time::Duration;

use super::fetch::fill::Window;
use crate::flight::Limits;

/// How requests for the same thing at the same time are collapsed into one (RFC 9111 4, RFC 9211 2.6), and what
/// that may cost: see [`ResponseCacheLayer::collapsing`](super::ResponseCacheLayer::collapsing).
///
/// The first of them goes to the inner service, for all who ask for the same key and, of a resource that is known
/// to vary, the same variant. What becomes of the others:
///
/// * When its head arrives, each looks whether a stored response with this head could answer it, by the same rules
///   as ever. If so it reads the body while that arrives; if it is another variant that it wants, it waits for the
///   first of those who do; otherwise it goes by itself.
/// * If the response is not to be shared, two of them go by themselves, then four, and so on, as one of them may
///   bring one that is. That the resource is like this is remembered: next time nobody waits.
/// * If the inner service fails, panics or takes too long, the next one tries. After three failures all others are
///   answered with what is stale, if that is allowed, or with a 502 or 504 that has a
///   [`Refusal`](super::Refusal). If what is stale already took the place of the first failure, those who may have
///   it do not try again.
/// * If its client leaves before there is a head, the next one goes, and nothing is counted. If it leaves later, the
///   others go on reading.
///
/// Requests with Range or `no-store` take no part; HEAD, and conditions where nothing is stored, wait for others
/// but are not waited for; `no-cache` is not content with what others fetch.
///
/// Who reads a response that is being stored reads at any speed. All such responses together are held within a
/// [budget](super::ResponseCacheLayer::fill_budget).
///
/// ```
/// use tower_keep::{ResponseCacheLayer, response_cache::Collapsing, seconds};
///
/// let layer = ResponseCacheLayer::new()
///     .collapsing(Collapsing::new().leader_time(seconds(5)).wait(seconds(15)));
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collapsing {
    pub(super) on: bool,
    pub(super) limits: Limits,
    pub(super) window: Window,
    pub(super) remember: Duration,
}

impl Default for Collapsing {
    fn default() -> Self {
        Self::new()
    }
}

impl Collapsing {
    /// The defaults, which each method names.
    #[must_use]
    pub fn new() -> Self {
        Self {
            on: true,
            limits: Limits {
                leaders: 3,
                followers: 16_384,
                lead: Duration::from_secs(30),
                wait: Duration::from_secs(90),
            },
            window: Window {
                size: 256 << 10,
                stall: Duration::from_secs(10),
            },
            remember: Duration::from_secs(120),
        }
    }

    /// Every request goes to the inner service by itself.
    #[must_use]
    pub fn off() -> Self {
        Self {
            on: false,
            ..Self::new()
        }
    }

    /// How long a request that others wait for may take until it has a response; 30 seconds by default. It
    /// goes on after that, but the next one starts, and counts as the next of the three that may fail before
    /// all who wait are answered with a 504 (or a 502, if the last one failed).
    #[must_use]
    pub fn leader_time(mut self, time: Duration) -> Self {
        self.limits.lead = time;
        self
    }

    /// How long a request waits for others, 90 seconds by default; then it is answered with what is stale, if
    /// that is allowed, or with a 504. Three times the [`leader_time`](Self::leader_time) leaves time for all
    /// who may try.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.limits.wait = wait;
        self
    }

    /// How many requests wait for the same one; 16 384 by default. More go to the inner service by themselves.
    #[must_use]
    pub fn max_followers(mut self, followers: usize) -> Self {
        self.limits.followers = followers;
        self
    }

    /// How long it is remembered of a resource that its responses cannot be shared, so that requests for it do
    /// not wait for one another; two minutes by default. A response that can be shared ends it.
    #[must_use]
    pub fn remember_uncacheable(mut self, time: Duration) -> Self {
        self.remember = time;
        self
    }

    /// How many bytes those may be apart who read the same response, once it has turned out not to be stored;
    /// 256 KiB by default. What is being stored can be read at any speed.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window.size = bytes;
        self
    }

    /// How long one of those may hold up the others before its body ends with
    /// [`BodyError::Stalled`](super::BodyError::Stalled); 10 seconds by default.
    #[must_use]
    pub fn stall_time(mut self, time: Duration) -> Self {
        self.window.stall = time;
        self
    }
}
