//! Retries.

mod budget;

pub use self::budget::{BudgetCounts, InvalidBudget, RetryBudget};
pub use crate::{
    backoff::{Backoff, Jitter},
    classify::{AttemptTimeout, Failure},
};
