//! Retries.

pub use crate::backoff::{Backoff, Jitter};
