//! Retries.

mod budget;
mod general;

pub use self::{
    budget::{BudgetCounts, InvalidBudget, RetryBudget},
    general::{Attempts, retry},
};
pub use crate::{
    backoff::{Backoff, Jitter},
    classify::{AttemptTimeout, Failure, GaveUp, RetryError},
};
