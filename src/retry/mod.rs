//! Retries.

pub use crate::{
    backoff::{Backoff, Jitter},
    classify::{AttemptTimeout, Failure},
};
