//! The layer and its rules.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{StatusCode, request::Parts};
use matchit::{InsertError, Router};
use tower_layer::Layer;

use super::{
    rule::{Compiled, Due, InvalidateRule},
    service::{Invalidate, Pending},
    template::InvalidTemplate,
};
use crate::response_cache::{Purger, policy::invalidation, request::plan::effective_uri};

/// Invalidates by what requests do, so that handlers need no cache code.
///
/// It stands around the handlers that change things: inside of the cache, or outside of it. A rule names methods, a
/// route and what requests to it change; that takes effect before the head of the response leaves, so the client
/// that changed something reads what it changed. What a response says itself (`Cache-Group-Invalidation`) and the
/// target of the request (RFC 9111 4.4) need no rule where the cache sees the request.
///
/// Routes are matched with the whole path that the client asked for, as it is written; inside of axum's `nest` that
/// takes the feature `axum`. Of several the most specific one counts, with all its rules; `{id}` and `{*rest}` in one
/// place are in conflict.
///
/// ```
/// use http::Method;
/// use tower_keep::{
///     ResponseCacheLayer,
///     response_cache::{InvalidRule, InvalidateLayer, InvalidateRule},
/// };
///
/// # fn main() -> Result<(), InvalidRule> {
/// let cache = ResponseCacheLayer::new();
/// let invalidate = InvalidateLayer::new(cache.purger())
///     .rule(InvalidateRule::on_unsafe("/products/{id}").tag("product:{id}").tag("products"))?
///     .rule(InvalidateRule::on([Method::POST], "/products").tag("products").soft())?;
/// # let _ = invalidate;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InvalidateLayer {
    purger: Purger,
    /// In the order in which the routes were tried.
    rules: Vec<(String, Vec<Compiled>)>,
    counters: Arc<Counters>,
}

/// A rule that an [`InvalidateLayer`] cannot have, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rule for `{route}` cannot be")]
pub struct InvalidRule {
    route: String,
    #[source]
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it does not begin with a slash, as every path does")]
    NoSlash,
    #[error(transparent)]
    Route(#[from] InsertError),
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
}

impl InvalidRule {
    /// The route.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Whether another route stands in its way, which is as specific for the same paths.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.reason, Reason::Route(InsertError::Conflict { .. }))
    }
}

/// What an [`InvalidateLayer`] has seen. Tags that nothing stored carries are counted by the cache:
/// [`Stats::unmet_tags`](crate::response_cache::Stats::unmet_tags).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidateStats {
    /// Requests for which a rule took effect.
    pub applied: u64,
    /// Unsafe requests that may have changed something and that no rule is for: perhaps one is missing. Their routes
    /// are in the log (`tracing`, level debug).
    pub unmatched: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    applied: AtomicU64,
    unmatched: AtomicU64,
}

impl InvalidateLayer {
    /// Without any rules.
    #[must_use]
    pub fn new(purger: Purger) -> Self {
        Self {
            purger,
            rules: Vec::new(),
            counters: Arc::default(),
        }
    }

    /// Adds a rule. Several may be for one route.
    ///
    /// # Errors
    /// If the route is none or in conflict with another one, or a text has a parameter that the route does not have.
    pub fn rule(mut self, rule: InvalidateRule) -> Result<Self, InvalidRule> {
        let compiled = self.check(&rule).map_err(|reason| InvalidRule {
            route: rule.route.clone(),
            reason,
        })?;
        match self
            .rules
            .iter_mut()
            .find(|(route, _)| *route == rule.route)
        {
            Some((_, rules)) => rules.push(compiled),
            None => self.rules.push((rule.route, vec![compiled])),
        }
        Ok(self)
    }

    fn check(&self, rule: &InvalidateRule) -> Result<Compiled, Reason> {
        if !rule.route.starts_with('/') {
            return Err(Reason::NoSlash);
        }
        let mut router = Router::new();
        let known = self.rules.iter().map(|(route, _)| route);
        let new = (!known.clone().any(|route| *route == rule.route)).then_some(&rule.route);
        for route in known.chain(new) {
            router.insert(route, ())?;
        }
        Ok(rule.compiled()?)
    }

    /// What the layer and its clones have seen so far.
    #[must_use]
    pub fn stats(&self) -> InvalidateStats {
        InvalidateStats {
            applied: self.counters.applied.load(Ordering::Relaxed),
            unmatched: self.counters.unmatched.load(Ordering::Relaxed),
        }
    }
}

impl<S> Layer<S> for InvalidateLayer {
    type Service = Invalidate<S>;

    fn layer(&self, inner: S) -> Invalidate<S> {
        let mut router = Router::new();
        for (route, rules) in &self.rules {
            router
                .insert(route, rules.clone())
                .expect("it was tried in this order when the rule was added");
        }
        let shared = Shared {
            router,
            purger: self.purger.clone(),
            counters: Arc::clone(&self.counters),
        };
        Invalidate::new(inner, Arc::new(shared))
    }
}

impl fmt::Debug for InvalidateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidateLayer")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// What the services of a layer share.
pub(super) struct Shared {
    router: Router<Vec<Compiled>>,
    purger: Purger,
    counters: Arc<Counters>,
}

impl Shared {
    /// What a request invalidates, once it is answered.
    pub(super) fn of_request(self: &Arc<Self>, parts: &Parts) -> Option<Pending> {
        let path = effective_uri(parts).path();
        let found = self.router.at(path).ok();
        let rules = found.iter().flat_map(|found| {
            let rules = found.value.iter();
            let own = rules.filter(|rule| rule.concerns(&parts.method));
            own.map(|rule| rule.due(&found.params))
        });
        let dues: Vec<Due> = rules.collect();
        if dues.is_empty() && !invalidation::is_unsafe(&parts.method) {
            return None;
        }
        if dues.is_empty() {
            tracing::debug!(method = %parts.method, path, "no rule says what this invalidates");
        }
        Some(Pending::new(Arc::clone(self), dues))
    }

    /// Takes effect: for a status, or for an outcome that nobody knows.
    pub(super) fn apply(&self, dues: &[Due], status: Option<StatusCode>) {
        let counters = &self.counters;
        if dues.is_empty() {
            if status.is_none_or(invalidation::changes_target) {
                counters.unmatched.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        let mut applied = 0;
        for due in dues.iter().filter(|due| due.applies_to(status)) {
            self.purger.purge(&due.purge);
            applied = 1;
        }
        counters.applied.fetch_add(applied, Ordering::Relaxed);
    }
}
