//! Limits in the making.

use std::{sync::Arc, time::Duration};

use super::{
    super::{
        algorithm::{
            Algorithm, FixedWindow, Gcra, InFlight, LeakyQueue as Queue, SlidingLog, SlidingWindow,
        },
        wire::refusal::problem,
    },
    InvalidLimit, Limit,
    error::Problem,
};

/// A century: what is meant to never come back is better said in another way.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);
/// The entries of a log: a mebibyte for each key.
const LONGEST_LOG: u64 = 1 << 16;
const LONGEST_NAME: usize = 64;

/// A [`Limit`] in the making: [`Limit::token_bucket`] and its siblings begin one.
#[derive(Clone, Debug)]
#[must_use = "a limit is made by `build`"]
pub struct LimitBuilder<K> {
    count: u64,
    per: Option<Duration>,
    name: Option<String>,
    kind: K,
}

impl<K> LimitBuilder<K> {
    pub(super) fn new(count: u64, kind: K) -> Self {
        Self {
            count,
            per: None,
            name: None,
            kind,
        }
    }

    /// The name for fields and counters: 1 to 64 printable ASCII characters, `default` if none is given.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl<K: Timed> LimitBuilder<K> {
    /// The time that the number is for: `token_bucket(100).per(minutes(1))` is a hundred per minute.
    pub fn per(mut self, time: Duration) -> Self {
        self.per = Some(time);
        self
    }
}

impl LimitBuilder<TokenBucket> {
    /// How many tokens the bucket holds, and so how many requests can come at once; as many as come back in the
    /// time given if it is not set.
    pub fn burst(mut self, tokens: u64) -> Self {
        self.kind.burst = Some(tokens);
        self
    }
}

impl LimitBuilder<LeakyBucket> {
    /// How much the bucket holds; as much as drains in the time given if it is not set.
    pub fn capacity(mut self, capacity: u64) -> Self {
        self.kind.capacity = Some(capacity);
        self
    }
}

impl LimitBuilder<LeakyQueue> {
    /// How many requests may wait for their turn; as many as pass in the time given if it is not set. With zero, who
    /// is too early is refused.
    pub fn waiting(mut self, requests: u64) -> Self {
        self.kind.waiting = Some(requests);
        self
    }
}

impl<K: Kind> LimitBuilder<K> {
    /// The limit.
    ///
    /// # Errors
    /// If a number is zero, the time is missing or beyond all measure, the name cannot stand in a field, or a
    /// sliding log would take more than a mebibyte for a key.
    pub fn build(self) -> Result<Limit, InvalidLimit> {
        let name = name(self.name.as_deref())?;
        if self.count == 0 {
            return Err(InvalidLimit(Problem::NoQuota));
        }
        let Made(algorithm) = self.kind.made(self.count, self.per)?;
        Ok(Limit {
            problem: problem(&[&name]),
            name,
            algorithm,
        })
    }
}

fn name(given: Option<&str>) -> Result<Arc<str>, InvalidLimit> {
    let name = given.unwrap_or("default");
    let printable = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if name.is_empty() || name.len() > LONGEST_NAME || !printable {
        return Err(InvalidLimit(Problem::BadName));
    }
    Ok(name.into())
}

/// In nanoseconds.
fn nanos(per: Option<Duration>) -> Result<u64, InvalidLimit> {
    match per {
        None => Err(InvalidLimit(Problem::NoPeriod)),
        Some(Duration::ZERO) => Err(InvalidLimit(Problem::ShortPeriod)),
        Some(per) if per > LONGEST => Err(InvalidLimit(Problem::LongPeriod)),
        Some(per) => u64::try_from(per.as_nanos()).map_err(|_| InvalidLimit(Problem::LongPeriod)),
    }
}

/// In microseconds, rounded up: a window that is longer than asked for admits no more than asked for.
fn micros(per: Option<Duration>) -> Result<u64, InvalidLimit> {
    Ok(nanos(per)?.div_ceil(1_000))
}

mod sealed {
    use super::{Algorithm, Duration, InvalidLimit};

    /// What a kind of limit comes to.
    #[derive(Debug)]
    pub struct Made(pub(super) Algorithm);

    /// A kind of limit.
    pub trait Kind {
        #[doc(hidden)]
        fn made(self, count: u64, per: Option<Duration>) -> Result<Made, InvalidLimit>;
    }

    /// A kind of limit that is for a time.
    pub trait Timed {}
}
use sealed::{Kind, Made, Timed};

/// A limit that counts by windows of time, see [`Limit::fixed_window`], [`Limit::sliding_window`] and
/// [`Limit::sliding_log`].
#[derive(Clone, Debug)]
pub struct Window(Counting);

#[derive(Clone, Copy, Debug)]
enum Counting {
    Fixed,
    Sliding,
    Log,
}

impl Window {
    pub(super) fn fixed() -> Self {
        Self(Counting::Fixed)
    }

    pub(super) fn sliding() -> Self {
        Self(Counting::Sliding)
    }

    pub(super) fn log() -> Self {
        Self(Counting::Log)
    }
}

impl Timed for Window {}

impl Kind for Window {
    fn made(self, count: u64, per: Option<Duration>) -> Result<Made, InvalidLimit> {
        let window = micros(per)?;
        Ok(Made(match self.0 {
            Counting::Fixed => Algorithm::FixedWindow(FixedWindow::new(count, window)),
            Counting::Sliding => Algorithm::SlidingWindow(SlidingWindow::new(count, window)),
            Counting::Log if count > LONGEST_LOG => return Err(InvalidLimit(Problem::LongLog)),
            Counting::Log => Algorithm::SlidingLog(SlidingLog::new(count, window)),
        }))
    }
}

/// See [`Limit::token_bucket`].
#[derive(Clone, Debug, Default)]
pub struct TokenBucket {
    burst: Option<u64>,
}

impl Timed for TokenBucket {}

impl Kind for TokenBucket {
    fn made(self, count: u64, per: Option<Duration>) -> Result<Made, InvalidLimit> {
        bucket(count, per, self.burst)
    }
}

/// See [`Limit::leaky_bucket`].
#[derive(Clone, Debug, Default)]
pub struct LeakyBucket {
    capacity: Option<u64>,
}

impl Timed for LeakyBucket {}

impl Kind for LeakyBucket {
    fn made(self, count: u64, per: Option<Duration>) -> Result<Made, InvalidLimit> {
        bucket(count, per, self.capacity)
    }
}

fn bucket(count: u64, per: Option<Duration>, holds: Option<u64>) -> Result<Made, InvalidLimit> {
    let (period, holds) = (nanos(per)?, holds.unwrap_or(count));
    if holds == 0 {
        return Err(InvalidLimit(Problem::NoBurst));
    }
    Gcra::new(count, period, holds)
        .map(|bucket| Made(Algorithm::Bucket(bucket)))
        .ok_or(InvalidLimit(Problem::TooLarge))
}

/// See [`Limit::leaky_queue`].
#[derive(Clone, Debug, Default)]
pub struct LeakyQueue {
    waiting: Option<u64>,
}

impl Timed for LeakyQueue {}

impl Kind for LeakyQueue {
    fn made(self, count: u64, per: Option<Duration>) -> Result<Made, InvalidLimit> {
        let period = nanos(per)?;
        Queue::new(count, period, self.waiting.unwrap_or(count))
            .map(|queue| Made(Algorithm::Queue(queue)))
            .ok_or(InvalidLimit(Problem::TooLarge))
    }
}

/// See [`Limit::concurrency`].
#[derive(Clone, Debug, Default)]
pub struct Concurrency {
    _private: (),
}

impl Kind for Concurrency {
    fn made(self, count: u64, _: Option<Duration>) -> Result<Made, InvalidLimit> {
        Ok(Made(Algorithm::InFlight(InFlight::new(count))))
    }
}
