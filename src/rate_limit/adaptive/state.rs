//! The limit as a function of what requests took. Pure: the time is given, as the time since the limiter began.

use std::time::Duration;

use super::settings::{Aimd, Algorithm, Bounds, Gradient};

/// A window is over when it has so many latencies, and a round trip has passed.
const WINDOW_SAMPLES: u32 = 10;
/// How long it takes a baseline to follow a service that has become slower while it has little to do.
const DRIFT: Duration = Duration::from_secs(600);
/// What the limit falls to when a request is dropped and latency is what decides otherwise.
const DROP_RATIO: f64 = 0.9;
/// One window does not shrink the limit by more.
const LEAST_GRADIENT: f64 = 0.5;
/// Clocks may not see that time passes between two readings.
const LEAST_LATENCY: Duration = Duration::from_nanos(1);

/// The limit, and what it is made from.
#[derive(Clone, Debug)]
pub(super) struct State {
    algorithm: Algorithm,
    bounds: Bounds,
    /// Within the bounds, and finite.
    limit: f64,
    in_flight: usize,
    /// Requests that began before this were sent under a higher limit, and are no reason to lower it again: once per
    /// round trip is enough (RFC 6582 has the same for TCP).
    lowered_at: Duration,
    window: Window,
    baseline: Option<Baseline>,
}

/// How a request ended for the limiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Measured,
    Dropped,
}

/// What is learned from a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) began: Duration,
    pub(super) now: Duration,
    /// How many requests were in flight when it was admitted, itself among them.
    pub(super) beside: usize,
    pub(super) ending: Ending,
}

impl Sample {
    fn latency(&self) -> Duration {
        self.now.saturating_sub(self.began).max(LEAST_LATENCY)
    }
}

/// Latencies until the limit is found anew.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    opened: Duration,
    samples: u32,
    sum: Duration,
    /// The most requests in flight that were seen.
    peak: usize,
}

impl Window {
    fn add(&mut self, latency: Duration, now: Duration, in_flight: usize) {
        if self.samples == 0 {
            self.opened = now;
        }
        self.samples += 1;
        self.sum = self.sum.saturating_add(latency);
        self.peak = self.peak.max(in_flight);
    }

    fn mean(&self) -> Duration {
        self.sum / self.samples.max(1)
    }

    fn is_over(&self, now: Duration) -> bool {
        self.samples >= WINDOW_SAMPLES && now.saturating_sub(self.opened) >= self.mean()
    }
}

/// The latency when nothing waits.
#[derive(Clone, Copy, Debug)]
struct Baseline {
    /// In seconds, above zero.
    latency: f64,
    at: Duration,
}

impl State {
    pub(super) fn new(algorithm: Algorithm, bounds: Bounds) -> Self {
        Self {
            algorithm,
            bounds,
            limit: bounds.initial,
            in_flight: 0,
            lowered_at: Duration::ZERO,
            window: Window::default(),
            baseline: None,
        }
    }

    /// How many requests may be in flight.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the limit is between bounds that were whole numbers of 32 bits"
    )]
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Lets one more in if there is room: how many are in flight then.
    pub(super) fn admit(&mut self) -> Option<usize> {
        if self.in_flight >= self.limit() {
            return None;
        }
        self.in_flight += 1;
        Some(self.in_flight)
    }

    /// One of those that were let in is gone.
    pub(super) fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Finds the limit anew, while the request that the sample is of is still in flight.
    pub(super) fn learn(&mut self, sample: &Sample) {
        match self.algorithm {
            Algorithm::Aimd(aimd) => self.learn_aimd(aimd, sample),
            Algorithm::Gradient(gradient) => self.learn_gradient(gradient, sample),
        }
        self.limit = self.limit.clamp(self.bounds.min, self.bounds.max);
    }

    fn learn_aimd(&mut self, aimd: Aimd, sample: &Sample) {
        if sample.ending == Ending::Dropped || sample.latency() > aimd.threshold {
            self.lower(aimd.backoff_ratio, sample);
        } else if self.is_in_use(self.beside(sample)) {
            // One more by the time that all of a full limit have been answered.
            self.limit += self.limit.recip();
        }
    }

    /// To a fraction, unless that has been done since the request began.
    fn lower(&mut self, ratio: f64, sample: &Sample) {
        if sample.began >= self.lowered_at {
            self.limit *= ratio;
            self.lowered_at = sample.now;
        }
    }

    /// The first of a burst were beside few when they came, and the last when they left.
    fn beside(&self, sample: &Sample) -> usize {
        sample.beside.max(self.in_flight)
    }

    /// Whether so many in flight are at least half of the limit.
    fn is_in_use(&self, in_flight: usize) -> bool {
        in_flight.saturating_mul(2) >= self.limit()
    }

    fn learn_gradient(&mut self, gradient: Gradient, sample: &Sample) {
        if sample.ending == Ending::Dropped {
            self.lower(DROP_RATIO, sample);
            return;
        }
        let beside = self.beside(sample);
        self.window.add(sample.latency(), sample.now, beside);
        if self.window.is_over(sample.now) {
            let window = std::mem::take(&mut self.window);
            self.follow(gradient, &window, sample.now);
        }
    }

    fn follow(&mut self, gradient: Gradient, window: &Window, now: Duration) {
        let latency = window.mean().as_secs_f64();
        let in_use = self.is_in_use(window.peak);
        let baseline = self.moved_baseline(gradient, latency, in_use, now);
        self.baseline = Some(baseline);
        if !in_use {
            return;
        }
        let ratio = gradient.tolerance * baseline.latency / latency;
        let target = if ratio < 1.0 {
            self.limit * ratio.max(LEAST_GRADIENT)
        } else {
            self.limit + self.limit.sqrt()
        };
        self.limit += gradient.smoothing * (target - self.limit);
    }

    /// See the docs of [`Gradient`] for when it follows what.
    fn moved_baseline(
        &self,
        gradient: Gradient,
        latency: f64,
        in_use: bool,
        now: Duration,
    ) -> Baseline {
        let Some(before) = self.baseline else {
            return Baseline { latency, at: now };
        };
        let at_minimum = self.limit <= self.bounds.min;
        let part = if latency < before.latency || at_minimum {
            gradient.smoothing
        } else if in_use {
            0.0
        } else {
            let passed = now.saturating_sub(before.at);
            (passed.as_secs_f64() / DRIFT.as_secs_f64()).min(1.0)
        };
        Baseline {
            latency: before.latency + part * (latency - before.latency),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests;
