//! Circuit breaking, through the public API.

mod cancellation;
mod fallback;
mod keys;
mod outcomes;
mod readiness;
mod refusals;
mod states;
mod support;
