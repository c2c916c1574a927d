//! What a layer has counted.

use super::judge::Reason;
use crate::{
    classify::GaveUp,
    stats::{Counters, Metric},
};

/// What is counted, in the order of the table.
const NAMES: [&str; LEN] = [
    "not-processed",
    "transient",
    "attempt-timeout",
    "status",
    "grpc",
    "custom",
    "attempts",
    "budget",
    "body",
    "retry-after",
    "deadline",
    "not-ready",
    "after-1",
    "after-2",
    "after-3-or-more",
    "made",
    "won",
    "body",
    "budget",
    "not-ready",
];
const REASONS: usize = 6;
const GAVE_UP: usize = 6;
const SUCCEEDED: usize = REASONS + GAVE_UP;
const HEDGES: usize = SUCCEEDED + 3;
const LEN: usize = HEDGES + 5;

/// The live counters, shared by the clones of a layer.
#[derive(Debug)]
pub(super) struct Counts(Counters);

impl Default for Counts {
    fn default() -> Self {
        Self(Counters::new(LEN, metric))
    }
}

fn metric(index: usize) -> Metric {
    const RETRIES: (&str, &str) = ("tower_keep_retries_total", "Retries, by what had failed");
    const GIVEN_UP: (&str, &str) = (
        "tower_keep_retries_given_up_total",
        "Failed requests that were not retried any more, by the reason",
    );
    const SUCCEEDED_AFTER: (&str, &str) = (
        "tower_keep_retries_succeeded_total",
        "Requests that a retry has saved, by how many there were",
    );
    const HEDGED: (&str, &str) = (
        "tower_keep_hedges_total",
        "Second attempts beside the first: made, won, or why none was made",
    );
    let ((name, what), label) = match index {
        0..REASONS => (RETRIES, "reason"),
        REASONS..SUCCEEDED => (GIVEN_UP, "reason"),
        SUCCEEDED..HEDGES => (SUCCEEDED_AFTER, "retries"),
        _ => (HEDGED, "event"),
    };
    Metric::new(name, what).label(label, NAMES[index])
}

impl Counts {
    pub(super) fn retried(&self, reason: Reason) {
        self.0.add(match reason {
            Reason::NotProcessed => 0,
            Reason::Transient => 1,
            Reason::AttemptTimeout => 2,
            Reason::Status(_) => 3,
            Reason::Grpc(_) => 4,
            Reason::Custom => 5,
        });
    }

    pub(super) fn gave_up(&self, why: GaveUp) {
        self.0.add(
            REASONS
                + match why {
                    // Requests whose failure is no passing one are not given up, they are answered.
                    GaveUp::Permanent | GaveUp::Attempts => 0,
                    GaveUp::Budget => 1,
                    GaveUp::Body => 2,
                    GaveUp::RetryAfter => 3,
                    GaveUp::Deadline => 4,
                    GaveUp::NotReady => 5,
                },
        );
    }

    pub(super) fn succeeded_after(&self, retries: usize) {
        if retries > 0 {
            self.0.add(SUCCEEDED + retries.min(3) - 1);
        }
    }

    /// A second attempt is made beside the first.
    pub(super) fn hedged(&self) {
        self.0.add(HEDGES);
    }

    /// It was the one that answered.
    pub(super) fn hedge_won(&self) {
        self.0.add(HEDGES + 1);
    }

    pub(super) fn not_hedged(&self, why: GaveUp) {
        self.0.add(
            HEDGES
                + match why {
                    GaveUp::Body => 2,
                    GaveUp::Budget => 3,
                    _ => 4,
                },
        );
    }

    pub(super) fn snapshot(&self) -> Stats {
        let counts = self.0.snapshot();
        let named = |from: usize, to: usize| {
            let counted = (from..to).filter(|at| counts[*at] > 0);
            counted.map(|at| (NAMES[at], counts[at])).collect()
        };
        Stats {
            retried: named(0, REASONS),
            gave_up: named(REASONS, SUCCEEDED),
            succeeded_after: named(SUCCEEDED, HEDGES),
            hedges: named(HEDGES, LEN),
        }
    }
}

/// What a layer has counted since it was made. What never happened is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Retries, by what had failed: `not-processed`, `transient`, `attempt-timeout`, `status`, `grpc`, `custom`.
    pub retried: Vec<(&'static str, u64)>,
    /// Requests whose last attempt failed and was not retried, by the reason: `attempts`, `budget`, `body`,
    /// `retry-after`, `deadline`, `not-ready`.
    pub gave_up: Vec<(&'static str, u64)>,
    /// Requests that a retry has saved, by how many there were: `after-1`, `after-2`, `after-3-or-more`.
    pub succeeded_after: Vec<(&'static str, u64)>,
    /// Second attempts beside a first one that took long: how many were `made`, and how many of them `won`; and how
    /// often none was made although it was time, by what stood against it: `body`, `budget`, `not-ready`.
    pub hedges: Vec<(&'static str, u64)>,
}
