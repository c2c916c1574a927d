//! The fields that say how much of a quota is left.

use std::{
    cmp::Reverse,
    time::{Duration, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    clock::Clock,
    header::number,
    wire::text::{Text, retry_after_seconds, seconds},
};

/// The greatest Integer of structured fields (RFC 9651 3.3.1).
const MOST: u64 = 999_999_999_999_999;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// In which fields a limiter tells clients how much of their quota is left, on admitted responses and on refusals.
///
/// ```
/// use tower_keep::rate_limit::{RateLimitHeaders, ResetUnit};
///
/// assert_eq!(RateLimitHeaders::default(), RateLimitHeaders::Draft11);
/// let as_github_does = RateLimitHeaders::XRateLimit(ResetUnit::UnixSeconds);
/// # let _ = as_github_does;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateLimitHeaders {
    /// `RateLimit-Policy: "burst";q=100;w=60` and `RateLimit: "burst";r=50;t=30`, as in
    /// draft-ietf-httpapi-ratelimit-headers-11, of all limits: `q` is the quota and `w` the window in seconds, `r`
    /// what remains and `t` the seconds until all of it is back. On a refusal no `t` is later than `Retry-After`. A
    /// limit of concurrency has neither `w` nor `t`, as nobody knows them.
    /// Members of a limiter further in are kept.
    #[default]
    Draft11,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, of the limit of which the least remains: a widespread
    /// convention without a definition, so that the unit of `-Reset` is to be said. Of two limiters in a row, the one
    /// with less remaining is heard; both should use the same unit.
    XRateLimit(ResetUnit),
    /// None. Refusals have their `Retry-After` all the same.
    None,
}

/// What `X-RateLimit-Reset` counts. It is rounded up.
///
/// See [`RateLimitHeaders`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResetUnit {
    /// Seconds from now.
    Seconds,
    /// Seconds since 1970, by the server's clock.
    UnixSeconds,
}

/// What is to be said of one limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// The limit's name. What ASCII cannot print becomes a question mark in fields.
    pub(crate) name: &'a str,
    /// As much as can be had at once.
    pub(crate) quota: u64,
    /// How long it takes until all of it is back; zero for a limit of concurrency, which has no such time.
    pub(crate) window: Duration,
    /// What could be had now.
    pub(crate) remaining: u64,
    /// How long it takes from now until the whole quota is back.
    pub(crate) reset: Duration,
}

impl Line<'_> {
    /// When the quota of what is in flight is back is not a matter of time.
    fn known_reset(&self) -> Option<Duration> {
        let known = !self.window.is_zero() || self.reset.is_zero();
        known.then_some(self.reset)
    }
}

/// What the fields of one response say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// One for each limit. Without any, nothing is said.
    pub(crate) lines: &'a [Line<'a>],
    /// What [`RateLimitHeaders::policy`] made of the same limits. Without it that is made here.
    pub(crate) policy: Option<&'a HeaderValue>,
    /// Of a refusal that ends: how long the client has to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl RateLimitHeaders {
    /// The value that says which limits there are, for as long as they are the same; none if these fields have none.
    pub(crate) fn policy(self, lines: &[Line<'_>]) -> Option<HeaderValue> {
        (self == Self::Draft11 && !lines.is_empty()).then(|| policy_value(lines))
    }

    /// Adds the fields to those of a response. The clock is read where a date is to be said.
    pub(crate) fn write(self, headers: &mut HeaderMap, said: &Said<'_>, clock: &Clock) {
        match self {
            Self::Draft11 => said.write_draft_11(headers),
            Self::XRateLimit(unit) => said.write_x_rate_limit(headers, unit, clock),
            Self::None => {}
        }
    }
}

impl Said<'_> {
    /// The draft has its Lists split over several field lines where that is easier (section 3), which leaves what a
    /// limiter further in has said as it is.
    fn write_draft_11(&self, headers: &mut HeaderMap) {
        if self.lines.is_empty() {
            return;
        }
        let policy = match self.policy {
            Some(prepared) => prepared.clone(),
            None => policy_value(self.lines),
        };
        headers.append(RATELIMIT_POLICY, policy);
        headers.append(RATELIMIT, self.quota_value());
    }

    fn quota_value(&self) -> HeaderValue {
        list(self.lines, |text, line| {
            push_parameter(text, ";r=", line.remaining);
            if let Some(seconds) = self.effective_seconds(line) {
                push_parameter(text, ";t=", seconds);
            }
        })
    }

    /// How long the client is held to what remains: never longer than it is told to wait ("the Retry-After field
    /// value SHOULD NOT reference a point in time earlier than the end of the effective window", section 6 of the
    /// draft). With the limit that refused the two are equal, since nothing is full before it can be used.
    fn effective_seconds(&self, line: &Line<'_>) -> Option<u64> {
        let reset = line.known_reset().map(seconds);
        shorter(reset, self.retry_after.map(retry_after_seconds))
    }

    fn write_x_rate_limit(&self, headers: &mut HeaderMap, unit: ResetUnit, clock: &Clock) {
        let least = |line: &&Line<'_>| (line.remaining, Reverse(line.reset));
        let Some(line) = self.lines.iter().min_by_key(least) else {
            return;
        };
        let reset = match unit {
            ResetUnit::Seconds => self.effective_seconds(line),
            ResetUnit::UnixSeconds => self.unix_seconds(line, clock),
        };
        if restricts_more(headers, line.remaining, reset.unwrap_or(u64::MAX)) {
            return;
        }
        headers.insert(X_LIMIT, number::value(line.quota));
        headers.insert(X_REMAINING, number::value(line.remaining));
        match reset {
            Some(reset) => headers.insert(X_RESET, number::value(reset)),
            None => headers.remove(X_RESET),
        };
    }

    /// Rounded up once, after the addition: who comes at that second does not come early.
    fn unix_seconds(&self, line: &Line<'_>, clock: &Clock) -> Option<u64> {
        let since_1970 = clock
            .wall()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let wait = shorter(line.known_reset(), self.retry_after)?;
        Some(seconds(since_1970.saturating_add(wait)))
    }
}

/// The shorter of two times, as far as they are known.
fn shorter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

/// Whether what a limiter further in has said leaves less, or the same for longer.
fn restricts_more(headers: &HeaderMap, remaining: u64, reset: u64) -> bool {
    let said = |name: HeaderName| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let (Some(inner), Some(inner_reset)) = (said(X_REMAINING), said(X_RESET)) else {
        return false;
    };
    (inner, Reverse(inner_reset)) <= (remaining, Reverse(reset))
}

/// The value of `RateLimit-Policy` for these limits.
fn policy_value(lines: &[Line<'_>]) -> HeaderValue {
    list(lines, |text, line| {
        push_parameter(text, ";q=", line.quota);
        if !line.window.is_zero() {
            push_parameter(text, ";w=", seconds(line.window));
        }
    })
}

/// A List of the limits' names, each with what `push` adds to it.
fn list(lines: &[Line<'_>], push: impl Fn(&mut Text, &Line<'_>)) -> HeaderValue {
    let mut text = Text::default();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            text.push(", ");
        }
        text.push_sf_string(line.name);
        push(&mut text, line);
    }
    text.to_value()
}

fn push_parameter(text: &mut Text, name: &str, value: u64) {
    text.push(name);
    text.push_number(value.min(MOST));
}

#[cfg(test)]
mod tests;
