//! What can be seen of a breaker.

use std::{fmt, sync::Arc};

use super::window::Outcome;

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Lets calls through, and judges by their outcomes.
    Closed,
    /// Refuses calls. Once its wait is over, the next call makes it half-open.
    Open,
    /// Lets some calls through as probes, and refuses the others.
    HalfOpen,
    /// Refuses calls until somebody takes that back.
    ForcedOpen,
    /// Lets calls through, counts their outcomes, and does not open until somebody takes that back.
    ForcedClosed,
    /// Lets calls through, and does not look at their outcomes, until somebody takes that back.
    Disabled,
}

impl BreakerState {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::ForcedOpen,
        Self::ForcedClosed,
        Self::Disabled,
    ];

    /// The name in logs and metrics: `closed`, `open`, `half_open`, `forced_open`, `forced_closed`, `disabled`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A breaker at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerStatus {
    /// What it does with calls.
    pub state: BreakerState,
    /// The calls that it judges by: those in its window, or the probes that have ended. While it is open, those that
    /// made it open.
    pub calls: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Those of them that were slow, failed or not.
    pub slow: u64,
    /// What it has seen since it was made.
    pub totals: Totals,
}

/// What a breaker, or several, have seen since they were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Calls that ended well.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were slow, failed or not.
    pub slow: u64,
    /// Calls that ended without an outcome that counts: cancelled, or judged to say nothing.
    pub uncounted: u64,
    /// Calls that ended after the state they were let through in: they did not count in the next one.
    pub late: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// How often it has opened by itself.
    pub opened: u64,
}

impl Totals {
    pub(super) fn count(&mut self, outcome: Outcome) {
        self.successes += u64::from(!outcome.failed);
        self.failures += u64::from(outcome.failed);
        self.slow += u64::from(outcome.slow);
    }

    /// Those of another one too.
    pub(crate) fn add(&mut self, other: &Self) {
        self.successes += other.successes;
        self.failures += other.failures;
        self.slow += other.slow;
        self.uncounted += other.uncounted;
        self.late += other.late;
        self.refused += other.refused;
        self.opened += other.opened;
    }
}

/// A breaker has become another state.
#[derive(Clone, Debug)]
pub struct Transition {
    pub(super) name: Arc<str>,
    pub(super) from: BreakerState,
    pub(super) to: BreakerState,
    pub(super) sequence: u64,
}

impl Transition {
    /// The name of the breaker.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was.
    #[must_use]
    pub fn from(&self) -> BreakerState {
        self.from
    }

    /// What it is now.
    #[must_use]
    pub fn to(&self) -> BreakerState {
        self.to
    }

    /// Greater than those of all transitions of this breaker before.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}
