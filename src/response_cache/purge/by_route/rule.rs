//! What a request to a route invalidates: [`InvalidateRule`].

use http::{Method, StatusCode};
use matchit::Params;

use super::template::{InvalidTemplate, Template, Values};
use crate::response_cache::{Purge, policy::invalidation};

/// What requests of some methods to a route invalidate: for an [`InvalidateLayer`](super::InvalidateLayer).
///
/// Tags and paths may have parameters of the route in braces, `{path}` for the rest of one in `{*path}`; `{{` and
/// `}}` stand for braces. A rule that names none of them says that requests to its route change nothing else.
///
/// ```
/// use http::{Method, StatusCode};
/// use tower_keep::response_cache::InvalidateRule;
///
/// let rule = InvalidateRule::on([Method::PUT, Method::PATCH], "/products/{id}")
///     .tag("product:{id}")
///     .path("/products/{id}/reviews")
///     .soft();
/// let gone = InvalidateRule::on([Method::DELETE], "/products/{id}")
///     .when(|status| status.is_success() || status == StatusCode::GONE)
///     .tag("product:{id}");
/// # let _ = (rule, gone);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct InvalidateRule {
    /// Any unsafe one if none is named.
    methods: Vec<Method>,
    pub(super) route: String,
    tags: Vec<String>,
    paths: Vec<String>,
    prefixes: Vec<String>,
    soft: bool,
    when: fn(StatusCode) -> bool,
}

impl InvalidateRule {
    /// For requests of these methods to a route, such as `/products/{id}` or `/files/{*path}`; of all unsafe ones if
    /// none is named.
    pub fn on(methods: impl IntoIterator<Item = Method>, route: &str) -> Self {
        Self {
            methods: methods.into_iter().collect(),
            route: route.to_owned(),
            tags: Vec::new(),
            paths: Vec::new(),
            prefixes: Vec::new(),
            soft: false,
            when: invalidation::changes_target,
        }
    }

    /// For requests of all methods but the safe ones (RFC 9110 9.2.1).
    pub fn on_unsafe(route: &str) -> Self {
        Self::on([], route)
    }

    /// The responses that carry a tag. Parameters are filled in as handlers read them, without percent-encoding.
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// The responses of a path, on every host and whatever their query. That of the request itself need not be named
    /// where the cache sees the request too.
    pub fn path(mut self, path: &str) -> Self {
        self.paths.push(path.to_owned());
        self
    }

    /// The responses whose path begins so.
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefixes.push(prefix.to_owned());
        self
    }

    /// Makes them stale instead of removing them.
    pub fn soft(mut self) -> Self {
        self.soft = true;
        self
    }

    /// For which statuses; 2xx and 3xx by default, as RFC 9111 4.4 says. Where no status arrives (an error of the
    /// service, a client that leaves) the rule applies too, as the request may have taken effect.
    pub fn when(mut self, statuses: fn(StatusCode) -> bool) -> Self {
        self.when = statuses;
        self
    }

    /// The same with its texts understood.
    pub(super) fn compiled(&self) -> Result<Compiled, InvalidTemplate> {
        let route = Template::parse(&self.route)?;
        let all = |texts: &[String], parse: fn(&str) -> Result<Template, InvalidTemplate>| {
            let template = |text: &String| {
                let template = parse(text)?;
                template.check(&route)?;
                Ok(template)
            };
            texts.iter().map(template).collect::<Result<Vec<_>, _>>()
        };
        Ok(Compiled {
            tags: all(&self.tags, Template::parse)?,
            paths: all(&self.paths, Template::parse_path)?,
            prefixes: all(&self.prefixes, Template::parse_path)?,
            rule: self.clone(),
        })
    }
}

/// A rule whose texts were understood.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    rule: InvalidateRule,
    tags: Vec<Template>,
    paths: Vec<Template>,
    prefixes: Vec<Template>,
}

impl Compiled {
    pub(super) fn concerns(&self, method: &Method) -> bool {
        match self.rule.methods.as_slice() {
            [] => invalidation::is_unsafe(method),
            methods => methods.contains(method),
        }
    }

    /// What a request with these parameters invalidates.
    pub(super) fn due(&self, params: &Params<'_, '_>) -> Due {
        Due {
            purge: self.purge(params),
            statuses: self.rule.when,
        }
    }

    fn purge(&self, params: &Params<'_, '_>) -> Purge {
        let raw = |template: &Template| template.fill(params, Values::Raw);
        let mut purge = Purge::new().tags(
            self.tags
                .iter()
                .map(|tag| tag.fill(params, Values::Decoded)),
        );
        for path in self.paths.iter().map(raw) {
            purge = purge.path(&path);
        }
        for prefix in self.prefixes.iter().map(raw) {
            purge = purge.prefix(&prefix);
        }
        if self.rule.soft { purge.soft() } else { purge }
    }
}

/// What a request invalidates, once it has been answered.
pub(super) struct Due {
    pub(super) purge: Purge,
    statuses: fn(StatusCode) -> bool,
}

impl Due {
    /// Whether it does so with this status; without one nobody knows whether the request took effect.
    pub(super) fn applies_to(&self, status: Option<StatusCode>) -> bool {
        !self.purge.is_empty() && status.is_none_or(self.statuses)
    }
}
