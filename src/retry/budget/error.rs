//! Why a budget is none.

use std::{error::Error, fmt};

/// A budget that cannot be: from [`RetryBudget::new`](super::RetryBudget::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidBudget(pub(super) Problem);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Ttl,
    Ratio,
}

impl fmt::Display for InvalidBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Problem::Ttl => "a budget is over 1 to 60 seconds",
            Problem::Ratio => "the retries per request are 0, or from 0.000001 to 10",
        })
    }
}

impl Error for InvalidBudget {}
