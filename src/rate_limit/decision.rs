//! What a limiter says.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;

use super::{
    algorithm::Wait,
    limit::{Limit, Limits},
    table::{Left, Lefts, Refused},
    wire::fields::Line,
};

/// What is left of one limit.
///
/// It is that of the moment in which it was decided: requests in flight may have changed it since.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing<'a> {
    /// The limit's name.
    pub name: &'a str,
    /// The most that can be admitted at once.
    pub quota: u64,
    /// The time in which the whole quota comes back; zero for a limit of concurrency.
    pub window: Duration,
    /// The largest cost that would be admitted.
    pub remaining: u64,
    /// The time until the full quota is back, if nothing else comes; half a million years with a limit of concurrency
    /// that is in use.
    pub reset: Duration,
}

/// What is left of limits that are decided together.
#[derive(Clone, Debug)]
pub struct Standings {
    limits: Limits,
    left: Lefts,
}

impl Standings {
    pub(super) fn new(limits: Limits, left: Lefts) -> Self {
        Self { limits, left }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// That of each limit, in the order of the set.
    pub fn iter(&self) -> impl Iterator<Item = Standing<'_>> {
        standings(&self.limits, &self.left)
    }
}

impl<'a> From<Standing<'a>> for Line<'a> {
    fn from(standing: Standing<'a>) -> Self {
        Self {
            name: standing.name,
            quota: standing.quota,
            window: standing.window,
            remaining: standing.remaining,
            reset: standing.reset,
        }
    }
}

fn standings<'a>(limits: &'a Limits, left: &'a [Left]) -> impl Iterator<Item = Standing<'a>> {
    let both = limits.iter().zip(left);
    both.map(|(limit, left)| standing(limit, *left))
}

/// Those of a key that has used nothing.
pub(super) fn standings_in_full(limits: &Limits) -> impl Iterator<Item = Standing<'_>> {
    limits.iter().map(|limit| {
        let left = Left {
            remaining: limit.quota(),
            reset: 0,
        };
        standing(limit, left)
    })
}

/// What is left of a limit.
pub(super) fn standing(limit: &Limit, left: Left) -> Standing<'_> {
    Standing {
        name: limit.name(),
        quota: limit.quota(),
        window: limit.window(),
        remaining: left.remaining,
        reset: Duration::from_micros(left.reset),
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// At least one limit is used up.
    Limited,
    /// The key is [blocked](super::RateLimiter::block).
    Blocked,
    /// The request has no key, and [such requests are refused](super::WithoutKey::Refuse).
    MissingKey,
}

/// A request is refused: the error of a [`RateLimiter`](super::RateLimiter), and in the extensions of a response with
/// which a [`RateLimitLayer`](super::RateLimitLayer) refuses.
#[derive(Clone, Debug)]
pub struct Refusal {
    reason: Reason,
    limits: Limits,
    violated: u8,
    wait: Wait,
    left: Lefts,
}

impl Refusal {
    pub(super) fn new(limits: Limits, refused: Refused, left: Lefts) -> Self {
        let reason = if refused.violated == 0 {
            Reason::Blocked
        } else {
            Reason::Limited
        };
        Self {
            reason,
            limits,
            violated: refused.violated,
            wait: refused.wait,
            left,
        }
    }

    pub(super) fn missing_key(limits: Limits) -> Self {
        Self {
            reason: Reason::MissingKey,
            limits,
            violated: 0,
            wait: Wait::Never,
            left: Lefts::new(),
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// How long to wait until this request would be admitted, if nothing else comes. `None` if that cannot be known,
    /// as with a limit of concurrency, or [never](Self::is_final) comes.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.wait {
            Wait::For(micros) => Some(Duration::from_micros(micros)),
            Wait::Unknown | Wait::Never => None,
        }
    }

    /// Whether the same request would be refused at any time: it costs more than the limit holds, or has no key.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.wait == Wait::Never
    }

    /// The body that says so, if one limit alone refuses.
    pub(super) fn problem(&self) -> Option<&Bytes> {
        let alone = self.violated.is_power_of_two();
        let limit = self
            .limits
            .as_slice()
            .get(self.violated.trailing_zeros() as usize);
        limit.filter(|_| alone).map(|limit| &limit.problem)
    }

    /// The names of the limits that refuse.
    pub fn violated(&self) -> impl Iterator<Item = &str> {
        let violated = |at: &usize| self.violated >> at & 1 == 1;
        let limits = self.limits.as_slice();
        (0..limits.len())
            .filter(violated)
            .map(|at| limits[at].name())
    }

    /// What is left of each limit. A layer that [shows none of it](super::RateLimitHeaders::None) does not say.
    pub fn standings(&self) -> impl Iterator<Item = Standing<'_>> {
        standings(&self.limits, &self.left)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Reason::Limited => {
                f.write_str("too many requests: ")?;
                for (at, name) in self.violated().enumerate() {
                    write!(f, "{}{name:?}", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Reason::Blocked => f.write_str("blocked"),
            Reason::MissingKey => f.write_str("no key to limit it by"),
        }
    }
}

impl Error for Refusal {}
