//! Patterns of resources.

use std::{fmt, sync::Arc};

use globset::{GlobBuilder, GlobMatcher};

use crate::key::decoded;

/// Which resources, by host and path; what follows in a query does not matter.
///
/// One that begins with a `/` speaks of that path on every host, any other one begins with the host:
/// `/products/` or `shop.example/products/`. Paths are compared as requests write them, except that characters
/// that need no percent-encoding are taken for what they stand for (RFC 3986 6.2.2.2); so write them in a glob.
///
/// ```
/// use tower_keep::ledger::Pattern;
///
/// # fn main() -> Result<(), tower_keep::ledger::InvalidPattern> {
/// let below = Pattern::prefix("/products/");
/// let reviews = Pattern::glob("/products/*/reviews")?;
/// # let _ = (below, reviews);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(Kind);

#[derive(Clone)]
enum Kind {
    All,
    Path(Arc<str>),
    Prefix(Arc<str>),
    Glob(Arc<GlobMatcher>),
}

/// A pattern that cannot be understood.
#[derive(Clone, Debug, thiserror::Error)]
#[error("not a pattern of paths: {0}")]
pub struct InvalidPattern(globset::Error);

impl Pattern {
    /// All resources.
    #[must_use]
    pub fn all() -> Self {
        Self(Kind::All)
    }

    /// Resources with this path.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self(Kind::Path(spelt(path)))
    }

    /// Resources whose path begins so, character by character: `/products/1` stands for `/products/10` too.
    #[must_use]
    pub fn prefix(prefix: &str) -> Self {
        Self(Kind::Prefix(spelt(prefix)))
    }

    /// Resources whose whole path matches: `*` and `?` stand for any characters and any one character except `/`,
    /// `**` for any characters, `{a,b}` for either, `[ab]` for one of those characters.
    ///
    /// # Errors
    /// If brackets or braces do not match.
    pub fn glob(pattern: &str) -> Result<Self, InvalidPattern> {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let matcher = glob.map_err(InvalidPattern)?.compile_matcher();
        Ok(Self(Kind::Glob(Arc::new(matcher))))
    }

    pub(crate) fn is_all(&self) -> bool {
        matches!(self.0, Kind::All)
    }

    /// The path, if it is a single one.
    pub(super) fn as_path(&self) -> Option<&Arc<str>> {
        match &self.0 {
            Kind::Path(path) => Some(path),
            Kind::All | Kind::Prefix(_) | Kind::Glob(_) => None,
        }
    }

    fn text(&self) -> &str {
        match &self.0 {
            Kind::All => "",
            Kind::Path(text) | Kind::Prefix(text) => text,
            Kind::Glob(glob) => glob.glob().glob(),
        }
    }

    /// Whether it matches a place: the host, and the path that begins with a `/`.
    pub(crate) fn matches(&self, place: &[u8]) -> bool {
        let place = match self.text().starts_with('/') {
            true => {
                let path = place.iter().position(|byte| *byte == b'/');
                &place[path.unwrap_or(place.len())..]
            }
            false => place,
        };
        match &self.0 {
            Kind::All => true,
            Kind::Path(path) => place == path.as_bytes(),
            Kind::Prefix(prefix) => place.starts_with(prefix.as_bytes()),
            // What a request line can hold is ASCII; other bytes are for a glob to match with `*`.
            Kind::Glob(glob) => glob.is_match(&*String::from_utf8_lossy(place)),
        }
    }
}

/// As places are spelt.
fn spelt(text: &str) -> Arc<str> {
    String::from_utf8_lossy(&decoded(text.as_bytes())).into()
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) => true,
            (Self::Path(one), Self::Path(two)) | (Self::Prefix(one), Self::Prefix(two)) => {
                one == two
            }
            (Self::Glob(one), Self::Glob(two)) => one.glob() == two.glob(),
            _ => false,
        }
    }
}

impl Eq for Kind {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a glob is compiled to would fill pages.
        write!(f, "Pattern({self})")
    }
}

/// As it was written; `**` for all.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::All => f.write_str("**"),
            Kind::Prefix(_) => write!(f, "{}...", self.text()),
            Kind::Path(_) | Kind::Glob(_) => f.write_str(self.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(pattern: &Pattern, places: &[&'static str]) -> Vec<&'static str> {
        let matches = |place: &&&str| pattern.matches(place.as_bytes());
        places.iter().filter(matches).copied().collect()
    }

    const PLACES: &[&str] = &[
        "a.example/",
        "a.example/p/1",
        "a.example/p/10",
        "a.example/p/1/r",
        "b.example/p/1",
        "b.example/q/a.example/p/1",
    ];

    #[test]
    fn a_path_is_that_of_every_host() {
        let all = [
            "a.example/p/1",
            "a.example/p/10",
            "a.example/p/1/r",
            "b.example/p/1",
        ];
        assert_eq!(matching(&Pattern::prefix("/p/1"), PLACES), all);
        let of_one = ["b.example/p/1"];
        assert_eq!(matching(&Pattern::prefix("b.example/p"), PLACES), of_one);
        assert_eq!(matching(&Pattern::prefix("/"), PLACES), PLACES);
        let ones = ["a.example/p/1", "b.example/p/1"];
        assert_eq!(matching(&Pattern::path("/p/1"), PLACES), ones);
        assert_eq!(matching(&Pattern::path("b.example/p/1"), PLACES), of_one);
    }

    #[test]
    fn a_star_ends_at_a_slash_and_two_do_not() {
        let glob = |text: &str| Pattern::glob(text).expect("a glob");
        let ones = ["a.example/p/1", "a.example/p/10", "b.example/p/1"];
        assert_eq!(matching(&glob("/p/*"), PLACES), ones);
        let below = [
            "a.example/p/1",
            "a.example/p/10",
            "a.example/p/1/r",
            "b.example/p/1",
        ];
        assert_eq!(matching(&glob("/p/**"), PLACES), below);
        assert_eq!(
            matching(&glob("*/p/1"), PLACES),
            ["a.example/p/1", "b.example/p/1"]
        );
        assert_eq!(matching(&glob("/p/{1,2}/r"), PLACES), ["a.example/p/1/r"]);
        assert_eq!(matching(&Pattern::all(), PLACES), PLACES);
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        for text in ["/p/[", "/p/{a", "/p/a}"] {
            let error = Pattern::glob(text).unwrap_err().to_string();
            assert!(error.starts_with("not a pattern of paths"), "{error}");
        }
    }
}
