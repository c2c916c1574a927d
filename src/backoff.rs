//! How long to wait before another attempt.
//!
//! Waits grow, so that who is overloaded gets rest, and are random, so that those who failed together do not come
//! back together. The kinds and their names are those of Marc Brooker, [Exponential Backoff And Jitter].
//!
//! [Exponential Backoff And Jitter]: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

#[cfg(test)]
mod tests;

use std::time::Duration;

/// How long to wait before each retry: exponential, with [`Jitter`].
///
/// By default a wait is drawn evenly from zero to 100 ms before the first retry, to 200 ms before the second, and so
/// on up to 2 s.
///
/// ```
/// use std::time::Duration;
/// use tower_keep::retry::{Backoff, Jitter};
///
/// let ms = Duration::from_millis;
/// let backoff = Backoff::exponential().base(ms(50)).factor(3.0).cap(ms(400));
/// // The fourth retry waits up to 50 * 3^3 ms, but for the cap; here three quarters of it were drawn.
/// assert_eq!(backoff.delay(3, Duration::ZERO, 0.75), ms(300));
/// assert!(backoff.draw(3, Duration::ZERO) <= ms(400));
///
/// let exact = Backoff::exponential().jitter(Jitter::None);
/// let mut waits = (0..4).map(|retry| exact.draw(retry, Duration::ZERO));
/// assert!(waits.by_ref().eq([ms(100), ms(200), ms(400), ms(800)]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    base: Duration,
    factor: f64,
    cap: Duration,
    jitter: Jitter,
}

/// How chance takes part in a wait, see [`Backoff`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Jitter {
    /// Anything from zero to `min(cap, base * factor^n)` before retry `n`, counted from zero. It spreads those who
    /// failed together most evenly.
    #[default]
    Full,
    /// Anything from `base` to three times the wait before, at most the cap: `min(cap, base + u * (3 * previous - base))`.
    /// The factor plays no part.
    Decorrelated,
    /// Exactly `min(cap, base * factor^n)`. Clients that fail together come back together.
    None,
}

impl Backoff {
    /// Waits of up to 100 ms, twice that for each further retry, and never more than 2 s; with [`Jitter::Full`].
    #[must_use]
    pub const fn exponential() -> Self {
        Self {
            base: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(2),
            jitter: Jitter::Full,
        }
    }

    /// What the first wait is drawn from; by default 100 ms. With zero there are no waits.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// By how much the ceiling grows with each retry; by default 2. Waits do not shrink: what is less than 1, or no
    /// number, counts as 1.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = if factor >= 1.0 { factor } else { 1.0 };
        self
    }

    /// The longest wait; by default 2 s. It counts before chance takes its part: full jitter is drawn from zero to
    /// the cap however often was retried.
    #[must_use]
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How chance takes part; by default [`Jitter::Full`].
    #[must_use]
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The wait before retry `n`, counted from zero, after a wait of `previous` (zero before the first), if `u` was
    /// drawn from `0.0..1.0`. It is never longer than the [`cap`](Self::cap), whatever the arguments are.
    #[must_use]
    pub fn delay(&self, n: u32, previous: Duration, u: f64) -> Duration {
        // What is no number can only come from a caller's own generator: as if nothing was drawn.
        let u = if u.is_nan() { 1.0 } else { u.clamp(0.0, 1.0) };
        match self.jitter {
            Jitter::Full => self.capped(self.ceiling(n).as_secs_f64() * u),
            Jitter::Decorrelated => {
                let base = self.base.as_secs_f64();
                let previous = previous.max(self.base).as_secs_f64();
                self.capped(base + u * (3.0 * previous - base))
            }
            Jitter::None => self.ceiling(n),
        }
    }

    /// [`delay`](Self::delay) with a fresh draw, from the generator of the thread. Nothing of chance is kept in
    /// `self`, so that clones do not repeat one another.
    #[must_use]
    pub fn draw(&self, n: u32, previous: Duration) -> Duration {
        self.delay(n, previous, fastrand::f64())
    }

    /// `min(cap, base * factor^n)`.
    fn ceiling(&self, n: u32) -> Duration {
        if self.base.is_zero() {
            // Zero times infinity is no number.
            return Duration::ZERO;
        }
        let power = self.factor.powi(i32::try_from(n).unwrap_or(i32::MAX));
        self.capped(self.base.as_secs_f64() * power)
    }

    /// So many seconds, none of them beyond the cap. What is beyond all durations is beyond the cap.
    fn capped(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds).map_or(self.cap, |wait| wait.min(self.cap))
    }
}

/// [`Backoff::exponential`].
impl Default for Backoff {
    fn default() -> Self {
        Self::exponential()
    }
}
