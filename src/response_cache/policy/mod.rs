//! The rules of HTTP caching as pure functions of what was said and what time it is.
//!
//! Nothing here waits, reads a clock or knows a store. Each decision comes with its reason and with the
//! [`Trail`] of rules that led to it.

mod advice;
pub(super) mod freshness;
pub(super) mod invalidation;
pub(super) mod range;
pub(super) mod request;
pub(super) mod reuse;
mod rule;
pub(super) mod rules;
pub(super) mod said;
pub(super) mod stale;
pub(super) mod storable;
pub(super) mod validation;
pub(super) mod vary;

pub use self::rule::{Rule, Trail};
pub use self::rules::SetCookie;

/// A decision, the rule that decided, and all rules that led there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision<T> {
    pub(crate) verdict: T,
    pub(crate) reason: Rule,
    pub(crate) trail: Trail,
}
