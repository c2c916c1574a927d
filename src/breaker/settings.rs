//! When a breaker opens, and when it closes again.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    state::{Rules, Slow},
    status::Transition,
    window::Span,
};
use crate::clock::Clock;

/// More calls than a window needs to hold: beyond this it forgets too late to be of use.
const MOST_CALLS: u32 = 1 << 16;
/// Rates are counted in millionths, so that comparing them is exact.
const WHOLE: f64 = 1_000_000.0;

pub(super) type Listener = Arc<dyn Fn(&Transition) + Send + Sync>;

/// When a breaker opens, and when it closes again.
///
/// Whoever takes them says what cannot be.
///
/// ```
/// use tower_keep::{circuit_breaker::{Breaker, BreakerSettings, InvalidSetting}, seconds};
///
/// # fn main() -> Result<(), InvalidSetting> {
/// let settings = BreakerSettings::new()
///     .last(seconds(60))
///     .minimum_calls(50)
///     .failure_rate(0.25)
///     .slow_calls(seconds(2), 0.8)
///     .wait(seconds(10));
/// let breaker = Breaker::new("inventory", settings)?;
/// # let _ = breaker;
///
/// let never_full = BreakerSettings::new().last_calls(10).minimum_calls(20);
/// assert!(Breaker::new("inventory", never_full).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BreakerSettings {
    window: Window,
    minimum: u32,
    failure_rate: f64,
    slow: Option<(Duration, f64)>,
    wait: Duration,
    probes: u32,
    pub(super) clock: Clock,
    pub(super) listener: Option<Listener>,
}

#[derive(Clone, Copy, Debug)]
enum Window {
    Calls(u32),
    Time(Duration),
}

impl BreakerSettings {
    /// Opens when half of the last 100 calls have failed, and at least 20 were made; tries again after 30 seconds, with
    /// three probes. No call is too slow.
    #[must_use]
    pub fn new() -> Self {
        Self {
            window: Window::Calls(100),
            minimum: 20,
            failure_rate: 0.5,
            slow: None,
            wait: Duration::from_secs(30),
            probes: 3,
            clock: Clock::system(),
            listener: None,
        }
    }

    /// Looks at so many of the last calls: at least 1, and at most 65 536.
    #[must_use]
    pub fn last_calls(mut self, calls: u32) -> Self {
        self.window = Window::Calls(calls);
        self
    }

    /// Looks at the calls that ended in this time. It moves on in tenths of itself: what is nine tenths old counts, and
    /// what is older than it does not. Takes a reading of the clock for each call.
    #[must_use]
    pub fn last(mut self, time: Duration) -> Self {
        self.window = Window::Time(time);
        self
    }

    /// Does not judge before so many calls are in the window: at least 1, and no more than it has room for.
    #[must_use]
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.minimum = calls;
        self
    }

    /// Opens when this part of the calls has failed, or more: above 0, and 1 for all of them. It is rounded to
    /// millionths.
    #[must_use]
    pub fn failure_rate(mut self, rate: f64) -> Self {
        self.failure_rate = rate;
        self
    }

    /// Opens when this part of the calls, or more, took longer than `longer_than`, whether they failed or not. Takes two
    /// readings of the clock for each call.
    #[must_use]
    pub fn slow_calls(mut self, longer_than: Duration, rate: f64) -> Self {
        self.slow = Some((longer_than, rate));
        self
    }

    /// How long it stays open before probes are let through. Not zero.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// So many calls are let through then: at least 1. When all of them have ended, their rates decide: it opens again,
    /// or closes.
    #[must_use]
    pub fn probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }

    /// The clock, in place of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Is told when a breaker has become another state, by the thread that did it, while no lock is held. Two changes
    /// that two threads make may be told in the other order: [`Transition::sequence`] says which was first.
    #[must_use]
    pub fn on_transition(mut self, listener: impl Fn(&Transition) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Another one is told too, before the one that is there.
    pub(crate) fn first_on_transition(
        mut self,
        first: impl Fn(&Transition) + Send + Sync + 'static,
    ) -> Self {
        let then = self.listener.take();
        self.on_transition(move |transition| {
            first(transition);
            if let Some(then) = &then {
                then(transition);
            }
        })
    }

    /// The numbers, if they can be.
    pub(super) fn rules(&self) -> Result<Rules, InvalidSetting> {
        let slow = match self.slow {
            None => None,
            Some((longer_than, rate)) => Some(Slow {
                longer_than: nanos(longer_than),
                rate: millionths(rate)?,
            }),
        };
        Ok(Rules {
            span: self.span()?,
            minimum: self.minimum.into(),
            failure_rate: millionths(self.failure_rate)?,
            slow,
            wait: positive(self.wait, "the wait is longer than nothing")?,
            probes: at_least_one(self.probes, "there is at least one probe")?.into(),
        })
    }

    fn span(&self) -> Result<Span, InvalidSetting> {
        at_least_one(self.minimum, "the minimum of calls is at least 1")?;
        match self.window {
            Window::Calls(calls) if calls > MOST_CALLS => {
                fail("a window has room for 65 536 calls at most")
            }
            Window::Calls(calls) if calls < self.minimum => {
                fail("a window has room for the minimum of calls")
            }
            Window::Calls(calls) => Ok(Span::Calls(calls)),
            Window::Time(time) => {
                let time = positive(time, "a window is longer than nothing")?;
                Ok(Span::Time(time))
            }
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BreakerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerSettings")
            .field("window", &self.window)
            .field("minimum", &self.minimum)
            .field("failure_rate", &self.failure_rate)
            .field("slow", &self.slow)
            .field("wait", &self.wait)
            .field("probes", &self.probes)
            .finish_non_exhaustive()
    }
}

/// A setting of a breaker that cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidSetting {
    reason: &'static str,
}

fn fail<T>(reason: &'static str) -> Result<T, InvalidSetting> {
    Err(InvalidSetting { reason })
}

fn at_least_one(number: u32, reason: &'static str) -> Result<u32, InvalidSetting> {
    if number == 0 {
        return fail(reason);
    }
    Ok(number)
}

fn positive(duration: Duration, reason: &'static str) -> Result<u64, InvalidSetting> {
    match nanos(duration) {
        0 => fail(reason),
        nanos => Ok(nanos),
    }
}

/// Five centuries at most.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn millionths(rate: f64) -> Result<u64, InvalidSetting> {
    let scaled = (rate * WHOLE).round();
    if !(1.0..=WHOLE).contains(&scaled) {
        return fail("a rate is above 0 and at most 1");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is a whole number between 1 and a million"
    )]
    let millionths = scaled as u64;
    Ok(millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_an_error_that_says_why() {
        let new = BreakerSettings::new;
        for (settings, why) in [
            (new().last_calls(0), "room for the minimum"),
            (new().last_calls(19), "room for the minimum"),
            (new().last_calls(65_537), "65 536"),
            (new().last(Duration::ZERO), "window"),
            (new().minimum_calls(0), "minimum"),
            (new().failure_rate(0.0), "rate"),
            (new().failure_rate(0.000_000_1), "rate"),
            (new().failure_rate(1.1), "rate"),
            (new().failure_rate(f64::NAN), "rate"),
            (new().slow_calls(Duration::ZERO, -1.0), "rate"),
            (new().wait(Duration::ZERO), "wait"),
            (new().probes(0), "probe"),
        ] {
            let error = settings.rules().unwrap_err().to_string();
            assert!(error.contains(why), "{settings:?}: {error}");
        }
    }

    #[test]
    fn the_edges_of_what_can_be_are_allowed() {
        let new = BreakerSettings::new;
        for settings in [
            new(),
            new().last_calls(1).minimum_calls(1),
            new().last_calls(65_536),
            new().last(Duration::from_nanos(1)),
            new().last(Duration::MAX).minimum_calls(u32::MAX),
            new().failure_rate(1.0),
            new().failure_rate(0.000_001),
            new().slow_calls(Duration::ZERO, 1.0),
            new().wait(Duration::MAX).probes(u32::MAX),
        ] {
            assert!(settings.rules().is_ok(), "{settings:?}");
        }
    }
}
