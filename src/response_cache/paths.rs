//! Settings for paths: see [`ResponseCacheLayer::path`](super::ResponseCacheLayer::path).

use std::sync::{Arc, Weak};

use http::{Uri, request::Parts};
use matchit::{InsertError, Router};

use super::{
    core::{Core, Settings},
    request::plan::effective_uri,
    stored::place::Place,
};
use crate::key::Key;

/// A pattern that a path rule cannot have, and why.
///
/// ```
/// use tower_keep::ResponseCacheLayer;
///
/// let twice = ResponseCacheLayer::new()
///     .path("/api/{id}", |route| route)
///     .and_then(|layer| layer.path("/api/{name}", |route| route));
/// let error = twice.expect_err("both match the same paths");
/// assert!(error.is_conflict());
/// assert_eq!(error.pattern(), "/api/{name}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path rule `{pattern}` cannot be")]
pub struct InvalidPath {
    pattern: String,
    #[source]
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it does not begin with a slash, as every path does")]
    NoSlash,
    #[error("it has rules for paths inside of it")]
    Nested,
    #[error(transparent)]
    Pattern(#[from] InsertError),
}

impl InvalidPath {
    /// The pattern.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether another rule stands in its way: the same pattern, or one that is as specific for the same paths.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self.reason, Reason::Pattern(InsertError::Conflict { .. }))
    }
}

/// The rules of a layer, none of which is in the way of another.
#[derive(Clone, Debug, Default)]
pub(super) struct PathRules(Vec<(String, Settings)>);

impl PathRules {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the settings of a layer that was made for a pattern, `inner` being the rules which that has.
    pub(super) fn add(
        &mut self,
        pattern: &str,
        settings: Settings,
        inner: &Self,
    ) -> Result<(), InvalidPath> {
        self.check(pattern, inner).map_err(|reason| InvalidPath {
            pattern: pattern.to_owned(),
            reason,
        })?;
        self.0.push((pattern.to_owned(), settings));
        Ok(())
    }

    fn check(&self, pattern: &str, inner: &Self) -> Result<(), Reason> {
        if !pattern.starts_with('/') {
            return Err(Reason::NoSlash);
        }
        if !inner.is_empty() {
            return Err(Reason::Nested);
        }
        let mut router = Router::new();
        for (known, _) in &self.0 {
            router.insert(known, ())?;
        }
        Ok(router.insert(pattern, ())?)
    }

    /// The cache that these rules make of one with settings for everything else.
    pub(super) fn over(&self, core: &Core) -> Core {
        if self.is_empty() {
            return core.clone();
        }
        let paths = Arc::new_cyclic(|family| {
            let mut router = Router::new();
            for (pattern, settings) in &self.0 {
                router
                    .insert(pattern, Arc::new(core.with(settings, family)))
                    .expect("it was tried when the rule was added");
            }
            Paths {
                router,
                others: core.settings.clone(),
            }
        });
        Core {
            paths: Some(paths),
            ..core.clone()
        }
    }
}

/// A cache for each path that a rule was made for.
#[derive(Debug)]
pub(crate) struct Paths {
    router: Router<Arc<Core>>,
    /// The settings of all other paths.
    others: Settings,
}

impl Core {
    /// The same cache with the settings that the path of a request has.
    #[inline]
    pub(crate) fn at<'a>(self: &'a Arc<Self>, parts: &Parts) -> &'a Arc<Self> {
        match &self.paths {
            None => self,
            Some(paths) => paths.find(parts).unwrap_or(self),
        }
    }

    /// The key of a URI without what else tells keys apart, and the resource that it belongs to: by the settings of
    /// its own path, whichever path these are the settings of.
    pub(crate) fn resource(&self, uri: &Uri, host: &[u8]) -> (Key, Place) {
        let family = self.paths.clone().or_else(|| self.family.upgrade());
        let settings = match &family {
            Some(family) => family.settings(uri.path()),
            None => &self.settings,
        };
        let key = settings.key.of_uri(uri, host);
        let place = Place::of(&key, settings.no_vary_search);
        (key, place)
    }

    /// The same cache with other settings. There is one clock to it.
    fn with(&self, settings: &Settings, family: &Weak<Paths>) -> Self {
        Self {
            settings: Settings {
                clock: self.settings.clock.clone(),
                ..settings.clone()
            },
            paths: None,
            family: Weak::clone(family),
            ..self.clone()
        }
    }
}

impl Paths {
    fn find(&self, parts: &Parts) -> Option<&Arc<Core>> {
        self.at(effective_uri(parts).path())
    }

    fn settings(&self, path: &str) -> &Settings {
        self.at(path).map_or(&self.others, |core| &core.settings)
    }

    fn at(&self, path: &str) -> Option<&Arc<Core>> {
        self.router.at(path).ok().map(|found| found.value)
    }
}
