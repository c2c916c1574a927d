//! What is counted.

use crate::{
    breaker::{BreakerState, Totals},
    stats::{self, Metric},
};

/// What the circuits of a layer have seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitStats {
    /// Keys that have a circuit of their own now.
    pub keys: u64,
    /// Circuits that were given up for those of other keys.
    pub forgotten: u64,
    /// Requests that shared the circuit of those without a key, as there was no room for another one.
    pub overflowed: u64,
    /// What all circuits have seen.
    pub totals: Totals,
}

/// Indices of counters for the `metrics` crate. Those of transitions come after them, in the order of
/// [`BreakerState::ALL`].
#[derive(Clone, Copy)]
pub(super) enum Count {
    Success,
    Failure,
    Uncounted,
    Refused,
}

const OUTCOMES: [&str; 4] = ["success", "failure", "uncounted", "refused"];

/// Counters that are published. The sums are those of the breakers, which count under their locks anyway.
#[derive(Debug)]
pub(super) struct Published(stats::Published);

impl Published {
    pub(super) fn new(circuit: &str) -> Self {
        let circuit = circuit.to_owned();
        let metric = move |index: usize| metric(index).label("circuit", circuit.clone());
        Self(stats::Published::new(
            OUTCOMES.len() + BreakerState::ALL.len(),
            metric,
        ))
    }

    #[inline]
    pub(super) fn count(&self, count: Count) {
        self.0.add(count as usize);
    }

    pub(super) fn transition(&self, to: BreakerState) {
        let at = BreakerState::ALL.iter().position(|state| *state == to);
        self.0.add(OUTCOMES.len() + at.unwrap_or_default());
    }
}

fn metric(index: usize) -> Metric {
    match OUTCOMES.get(index) {
        Some(outcome) => Metric::new(
            "tower_keep_circuit_breaker_requests_total",
            "Requests by what circuits made of their outcome, and those that were refused.",
        )
        .label("outcome", *outcome),
        None => Metric::new(
            "tower_keep_circuit_breaker_transitions_total",
            "How often circuits have become another state.",
        )
        .label("to", BreakerState::ALL[index - OUTCOMES.len()].name()),
    }
}
