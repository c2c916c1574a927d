//! Limits that are decided together.

use std::{fmt, sync::Arc};

use super::{InvalidLimit, Limit, error::Problem};
use crate::{
    rate_limit::algorithm::Algorithm,
    stats::{Counters, Metric},
};

/// The most limits of one set: as many as a byte has bits.
const MOST: usize = 8;

/// Limits on one subject which are decided together: "ten a second and a thousand an hour". A request is charged to
/// all of them, or, if one refuses it, to none.
///
/// A single [`Limit`] is such a set too. Clones share their counters.
///
/// ```
/// use tower_keep::{hours, rate_limit::{Limit, Limits}, seconds};
///
/// # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
/// let limits = Limits::all([
///     Limit::token_bucket(10).per(seconds(1)).name("burst").build()?,
///     Limit::sliding_window(1_000).per(hours(1)).name("hourly").build()?,
/// ])?;
/// # let _ = limits;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Limits(Arc<Set>);

struct Set {
    limits: Box<[Limit]>,
    counters: Counters,
}

impl Limits {
    /// All of `limits`.
    ///
    /// # Errors
    /// If there are none, more than eight, two of one name, or two leaky queues: a request has one turn.
    pub fn all(limits: impl IntoIterator<Item = Limit>) -> Result<Self, InvalidLimit> {
        let limits: Box<[Limit]> = limits.into_iter().collect();
        if limits.is_empty() {
            return Err(InvalidLimit(Problem::NoLimits));
        }
        if limits.len() > MOST {
            return Err(InvalidLimit(Problem::ManyLimits));
        }
        let queues = limits
            .iter()
            .filter(|limit| matches!(limit.algorithm, Algorithm::Queue(_)));
        if queues.count() > 1 {
            return Err(InvalidLimit(Problem::ManyQueues));
        }
        let named_before = |at: usize| limits[..at].iter().any(|l| l.name() == limits[at].name());
        if (0..limits.len()).any(named_before) {
            return Err(InvalidLimit(Problem::SameName));
        }
        Ok(Self::counted(limits))
    }

    fn counted(limits: Box<[Limit]>) -> Self {
        let names: Box<[Arc<str>]> = limits.iter().map(|limit| Arc::clone(&limit.name)).collect();
        let metric = move |index| Count::metric(index, &names);
        let counters = Counters::new(Count::all(limits.len()), metric);
        Self(Arc::new(Set { limits, counters }))
    }

    /// The limits, in the order in which they were given.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Limit> {
        self.0.limits.iter()
    }

    pub(in super::super) fn as_slice(&self) -> &[Limit] {
        &self.0.limits
    }

    /// The same limits with counters of their own.
    pub(in super::super) fn recounted(&self) -> Self {
        Self::counted(self.0.limits.clone())
    }

    /// Whether they are the same limits: those, or others with the same names and numbers.
    #[inline]
    pub(in super::super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.equals(other)
    }

    #[cold]
    fn equals(&self, other: &Self) -> bool {
        let same = |(one, other): (&Limit, &Limit)| {
            one.name() == other.name() && one.algorithm == other.algorithm
        };
        self.iter().len() == other.iter().len() && self.iter().zip(other.iter()).all(same)
    }

    pub(in super::super) fn count(&self, count: Count) {
        self.0.counters.add(count.index());
    }

    /// Counts what is counted elsewhere, for those to whom counts are published.
    #[inline]
    pub(in super::super) fn publish(&self, count: Count) {
        self.0.counters.publish(count.index());
    }

    /// The counts so far.
    pub(in super::super) fn counts(&self) -> Counts {
        Counts(self.0.counters.snapshot())
    }

    pub(in super::super) fn count_in_flight(&self) -> bool {
        self.0.limits.iter().any(Limit::counts_in_flight)
    }
}

/// What is counted of a set, and of a limit in it by its place.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Count {
    Admitted,
    Delayed,
    Blocked,
    WithoutKey,
    Forgotten,
    Overflowed,
    Refused(usize),
    Shadowed(usize),
}

impl Count {
    /// Those that are of the whole set.
    const OF_SET: usize = 6;

    const fn all(limits: usize) -> usize {
        Self::OF_SET + 2 * limits
    }

    /// What a counter is called where it is published.
    fn metric(index: usize, names: &[Arc<str>]) -> Metric {
        const NAME: &str = "tower_keep_rate_limit_requests_total";
        const WHAT: &str = "Requests that limits have decided about, by outcome and limit";
        let metric = Metric::new(NAME, WHAT);
        let Some(of_limit) = index.checked_sub(Self::OF_SET) else {
            let outcome = [
                "admitted",
                "delayed",
                "blocked",
                "without-key",
                "forgotten",
                "overflowed",
            ][index];
            return metric
                .label("outcome", outcome)
                .label("limit", names.join(","));
        };
        let outcome = ["refused", "shadowed"][of_limit % 2];
        let limit = names[of_limit / 2].to_string();
        metric.label("outcome", outcome).label("limit", limit)
    }

    const fn index(self) -> usize {
        match self {
            Self::Admitted => 0,
            Self::Delayed => 1,
            Self::Blocked => 2,
            Self::WithoutKey => 3,
            Self::Forgotten => 4,
            Self::Overflowed => 5,
            Self::Refused(limit) => Self::OF_SET + 2 * limit,
            Self::Shadowed(limit) => Self::OF_SET + 2 * limit + 1,
        }
    }
}

/// What [`Count`]s came to.
pub(in super::super) struct Counts(Vec<u64>);

impl Counts {
    pub(in super::super) fn of(&self, count: Count) -> u64 {
        self.0[count.index()]
    }
}

impl From<Limit> for Limits {
    fn from(limit: Limit) -> Self {
        Self::counted(Box::new([limit]))
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
