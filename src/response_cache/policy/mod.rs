//! The rules of HTTP caching as pure functions of what was said and what time it is.
//!
//! Nothing here waits, reads a clock or knows a store. Each decision comes with its reason and with the
//! [`Trail`] of rules that led to it.

pub(crate) mod freshness;
pub(crate) mod invalidation;
pub(crate) mod range;
pub(crate) mod request;
pub(crate) mod reuse;
mod rule;
pub(crate) mod rules;
pub(crate) mod stale;
pub(crate) mod storable;
pub(crate) mod validation;
pub(crate) mod vary;

pub use self::rule::{Rule, Trail};
pub use self::rules::SetCookie;

/// A decision, the rule that decided, and all rules that led there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision<T> {
    pub(crate) verdict: T,
    pub(crate) reason: Rule,
    pub(crate) trail: Trail,
}
