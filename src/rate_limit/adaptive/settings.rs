//! How the limit is found, and between which bounds.

use std::time::Duration;

/// Additive increase, multiplicative decrease (RFC 5681, section 3.1): the limit grows by one per round trip, and
/// falls to a fraction of itself, at most once per round trip, when a request takes longer than a threshold or is
/// dropped.
///
/// ```
/// use std::time::Duration;
/// use tower_keep::rate_limit::adaptive::{AdaptiveConcurrencyLayer, Aimd, InvalidSetting};
///
/// # fn main() -> Result<(), InvalidSetting> {
/// let aimd = Aimd::new(Duration::from_millis(250)).backoff_ratio(0.8)?;
/// let layer = AdaptiveConcurrencyLayer::new().aimd(aimd);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aimd {
    pub(super) threshold: Duration,
    pub(super) backoff_ratio: f64,
}

impl Aimd {
    /// Latencies above `threshold` are too much. The limit falls to 0.9 of itself.
    #[must_use]
    pub fn new(threshold: Duration) -> Self {
        Self {
            threshold,
            backoff_ratio: 0.9,
        }
    }

    /// What the limit falls to, as a fraction of itself: at least 0.5 and below 1.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn backoff_ratio(mut self, ratio: f64) -> Result<Self, InvalidSetting> {
        self.backoff_ratio = within(
            ratio,
            (0.5..1.0).contains(&ratio),
            "a backoff ratio is at least 0.5 and below 1",
        )?;
        Ok(self)
    }
}

/// A limit that follows the ratio of the latency without load to the latency now.
///
/// Latencies are averaged over windows of at least ten requests and one round trip. Within the tolerance the limit
/// grows by its own square root per window; beyond it, it shrinks in proportion, by half at most; either is smoothed.
///
/// The latency without load is the baseline. It follows what is faster at once, and what is slower only where load
/// cannot be the reason: slowly while less than half of the limit is in use, and at once while the limit is at its
/// minimum. A service that has become slower for good is thus found out at the minimum, from where the limit grows
/// again; one that is overloaded for hours is not taken for slow.
///
/// ```
/// use tower_keep::rate_limit::adaptive::{AdaptiveConcurrencyLayer, Gradient, InvalidSetting};
///
/// # fn main() -> Result<(), InvalidSetting> {
/// let gradient = Gradient::new().tolerance(2.0)?.smoothing(0.1)?;
/// let layer = AdaptiveConcurrencyLayer::new().gradient(gradient);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient {
    pub(super) tolerance: f64,
    pub(super) smoothing: f64,
}

impl Gradient {
    /// A tolerance of 1.5 and a smoothing of 0.2.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tolerance: 1.5,
            smoothing: 0.2,
        }
    }

    /// By which factor latency may rise above the baseline before the limit shrinks: 1 or more.
    ///
    /// # Errors
    /// If it is less, or no finite number.
    pub fn tolerance(mut self, tolerance: f64) -> Result<Self, InvalidSetting> {
        self.tolerance = within(
            tolerance,
            tolerance.is_finite() && tolerance >= 1.0,
            "a tolerance is at least 1",
        )?;
        Ok(self)
    }

    /// Which part of a change takes effect with each window: above 0, and 1 for all of it.
    ///
    /// # Errors
    /// If it is none of these.
    pub fn smoothing(mut self, smoothing: f64) -> Result<Self, InvalidSetting> {
        self.smoothing = within(
            smoothing,
            smoothing > 0.0 && smoothing <= 1.0,
            "a smoothing is above 0 and at most 1",
        )?;
        Ok(self)
    }
}

impl Default for Gradient {
    fn default() -> Self {
        Self::new()
    }
}

/// A setting of an adaptive limit that cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidSetting {
    reason: &'static str,
}

fn within(value: f64, is: bool, reason: &'static str) -> Result<f64, InvalidSetting> {
    if is {
        Ok(value)
    } else {
        Err(InvalidSetting { reason })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Algorithm {
    Aimd(Aimd),
    Gradient(Gradient),
}

/// Between which numbers of requests in flight the limit stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) initial: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Bounds {
    pub(super) const DEFAULT: Self = Self {
        initial: 20.0,
        min: 5.0,
        max: 1000.0,
    };

    pub(super) fn new(initial: u32, min: u32, max: u32) -> Result<Self, InvalidSetting> {
        if min >= 1 && min <= initial && initial <= max {
            Ok(Self {
                initial: f64::from(initial),
                min: f64::from(min),
                max: f64::from(max),
            })
        } else {
            let reason = "the least limit is at least 1, and the first between it and the greatest";
            Err(InvalidSetting { reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_an_error_that_says_why() {
        let aimd = Aimd::new(Duration::from_secs(1));
        for ratio in [0.49, 1.0, f64::NAN] {
            assert!(aimd.backoff_ratio(ratio).is_err(), "{ratio}");
        }
        for tolerance in [0.99, f64::INFINITY, f64::NAN] {
            assert!(Gradient::new().tolerance(tolerance).is_err(), "{tolerance}");
        }
        for smoothing in [0.0, 1.1, f64::NAN] {
            assert!(Gradient::new().smoothing(smoothing).is_err(), "{smoothing}");
        }
        for (initial, min, max) in [(1, 0, 1), (1, 2, 3), (4, 2, 3), (2, 3, 1)] {
            assert!(Bounds::new(initial, min, max).is_err());
        }
        let error = Bounds::new(0, 0, 0).unwrap_err();
        assert!(error.to_string().contains("at least 1"));
    }

    #[test]
    fn the_edges_of_what_can_be_are_allowed() {
        assert!(Aimd::new(Duration::ZERO).backoff_ratio(0.5).is_ok());
        assert!(Gradient::new().tolerance(1.0).is_ok());
        assert!(Gradient::new().smoothing(1.0).is_ok());
        assert!(Bounds::new(1, 1, 1).is_ok());
    }
}
