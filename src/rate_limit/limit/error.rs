//! Why a limit is none.

use std::{error::Error, fmt};

/// A limit that cannot be: from [`LimitBuilder::build`](super::LimitBuilder::build),
/// [`Limits::all`](super::Limits::all) and conversions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidLimit(pub(super) Problem);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    NoQuota,
    NoPeriod,
    ShortPeriod,
    LongPeriod,
    NoBurst,
    TooLarge,
    LongLog,
    BadName,
    NoLimits,
    ManyLimits,
    SameName,
    ManyQueues,
}

impl fmt::Display for InvalidLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Problem::NoQuota => "a limit of zero admits nothing",
            Problem::NoPeriod => "the time that the quota is for is not set: say per(..)",
            Problem::ShortPeriod => "the time that the quota is for is zero",
            Problem::LongPeriod => "the time that the quota is for is more than a century",
            Problem::NoBurst => "a bucket that holds nothing admits nothing",
            Problem::TooLarge => "the numbers are too large to count with",
            Problem::LongLog => "a sliding log of more than 65536 requests takes too much memory",
            Problem::BadName => "a name has 1 to 64 printable ASCII characters",
            Problem::NoLimits => "a set of limits has at least one",
            Problem::ManyLimits => "a set of limits has at most eight",
            Problem::ManyQueues => "a set of limits has at most one leaky queue",
            Problem::SameName => "two limits of a set have the same name",
        })
    }
}

impl Error for InvalidLimit {}
