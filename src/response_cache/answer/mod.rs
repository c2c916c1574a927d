//! The answers of the cache, and what it says about them.

pub(super) mod body;
pub(super) mod body_error;
pub(super) mod looked;
pub(super) mod refusal;
pub(super) mod report;
pub(super) mod serve;
pub(super) mod stale;
