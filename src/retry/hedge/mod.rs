//! A second attempt beside a first one that takes long.

mod latency;
mod race;
mod window;

use std::{error::Error, fmt, sync::Arc, time::Duration};

use self::{latency::Quantile, window::Latencies};
use crate::clock::Moment;

/// When a second attempt is made beside a first one that takes long: for [`RetryLayer::hedge`](super::RetryLayer::hedge).
/// See the [module docs](super#hedging).
///
/// ```
/// use std::time::Duration;
/// use tower_keep::retry::{Hedge, RetryLayer};
///
/// # fn main() -> Result<(), tower_keep::retry::InvalidHedge> {
/// // After what 95 % of the answers of the last minute took.
/// let layer = RetryLayer::new().hedge(Hedge::default());
/// // The same for 99 %.
/// let layer = layer.hedge(Hedge::at_quantile(0.99)?);
/// // After a time that is known to be long.
/// let layer = layer.hedge(Hedge::after(Duration::from_millis(50)));
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge(When);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    After(Duration),
    Slower(Quantile),
}

impl Hedge {
    /// When the first attempt has taken so long.
    #[must_use]
    pub const fn after(delay: Duration) -> Self {
        Self(When::After(delay))
    }

    /// When the first attempt has taken longer than this share of the answers of the last minute: with 0.95, longer
    /// than 95 % of them. It is read once a second, and rounded up by an eighth at most.
    ///
    /// There is no second attempt before 100 answers have come within a minute, and of them, as the share says, five
    /// slower ones: 500 for 0.99. What counts is the time until an answer that is no failure; one that a second attempt
    /// or a timeout came before counts with the time until then.
    ///
    /// # Errors
    /// If the share is not from 0.5 to 0.999.
    pub fn at_quantile(share: f64) -> Result<Self, InvalidHedge> {
        let quantile = Quantile::of(share).ok_or(InvalidHedge(()))?;
        Ok(Self(When::Slower(quantile)))
    }
}

/// What 95 % of the answers of the last minute took, as "The Tail at Scale" has it.
impl Default for Hedge {
    fn default() -> Self {
        Self(When::Slower(Quantile::P95))
    }
}

/// A share of answers that cannot be: from [`Hedge::at_quantile`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidHedge(());

impl fmt::Display for InvalidHedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the share of answers that are not slow is from 0.5 to 0.999")
    }
}

impl Error for InvalidHedge {}

/// What knows when to hedge: the clones of a layer share it.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    After(Duration),
    Slower(Arc<Latencies>),
}

impl Plan {
    pub(super) fn of(hedge: Hedge) -> Self {
        match hedge.0 {
            When::After(delay) => Self::After(delay),
            When::Slower(quantile) => Self::Slower(Arc::new(Latencies::new(quantile))),
        }
    }

    /// How long a first attempt may take that begins now.
    fn delay(&self, now: Moment) -> Option<Duration> {
        match self {
            Self::After(delay) => Some(*delay),
            Self::Slower(latencies) => latencies.quantile(now),
        }
    }

    /// An answer took so long.
    fn record(&self, now: Moment, took: Duration) {
        if let Self::Slower(latencies) = self {
            latencies.record(now, took);
        }
    }
}
