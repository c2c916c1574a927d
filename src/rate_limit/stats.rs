//! What a limiter has counted.

use super::{
    limit::{Count, Limits},
    table::TableCounts,
};
pub use crate::stats::top::TopKey;

/// What a limiter has counted since it was made. Counts of one snapshot may be apart by requests in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Requests that were admitted, and charged to all limits; under those of plans too.
    pub admitted: u64,
    /// Those of them that had to wait for their turn, or would have had to, in a shadow.
    pub delayed: u64,
    /// Requests that were refused because their key is blocked, or would have been, by a shadow; under plans too.
    pub blocked: u64,
    /// Requests without a key, whatever became of them.
    pub without_key: u64,
    /// The counts of each limit. Those of a plan are counted by the plan: [`Limits::stats`].
    pub limits: Vec<LimitStats>,
    /// Keys that are remembered now.
    pub keys: u64,
    /// Keys that were forgotten before their quota was back in full, as there was no room for all.
    pub forgotten: u64,
    /// Requests of newcomers that had to share their limits, as all keys in reach were being limited.
    pub overflowed: u64,
    /// The keys that were refused most, most first.
    pub top_refused: Vec<TopKey>,
}

/// What was counted of one limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitStats {
    /// The limit's name.
    pub name: String,
    /// Requests that it has refused, possibly together with others.
    pub refused: u64,
    /// Requests that it would have refused, had the layer not been a
    /// [shadow](super::RateLimitLayer::shadow).
    pub shadowed: u64,
}

impl Stats {
    pub(super) fn new(limits: &Limits, table: TableCounts, top_refused: Vec<TopKey>) -> Self {
        Self {
            keys: table.keys,
            admitted: table.admitted,
            delayed: table.delayed,
            blocked: table.blocked,
            forgotten: table.forgotten,
            overflowed: table.overflowed,
            top_refused,
            ..limits.stats()
        }
    }
}

impl Limits {
    /// What was decided under these limits, for all keys of all limiters that use them as a plan. What is of a limiter
    /// and not of limits is zero here.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counts = self.counts();
        let of_limit = |(at, limit): (usize, &super::Limit)| LimitStats {
            name: limit.name().to_owned(),
            refused: counts.of(Count::Refused(at)),
            shadowed: counts.of(Count::Shadowed(at)),
        };
        Stats {
            admitted: counts.of(Count::Admitted),
            delayed: counts.of(Count::Delayed),
            blocked: counts.of(Count::Blocked),
            without_key: counts.of(Count::WithoutKey),
            limits: self.iter().enumerate().map(of_limit).collect(),
            ..Stats::default()
        }
    }
}
