//! The effective request URI.

use fluent_uri::{Uri, UriRef};
use http::{HeaderMap, HeaderValue, header};

use crate::header::target::{AmbiguousHost, authority};

/// The URI that a request targets: scheme where it is known, authority, path and query (RFC 9110 7.1).
///
/// The authority is lower-cased, and nothing else is normalised: no two resources are taken for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TargetUri {
    scheme: Option<String>,
    authority: String,
    path_and_query: String,
}

/// Whether an authority ends in a port; the colons of an IPv6 address stand in brackets.
fn has_port(host: &[u8]) -> bool {
    let after_address = host.rsplit(|byte| *byte == b']').next();
    after_address.is_some_and(|rest| rest.contains(&b':'))
}

/// All spellings of the authorities that a request names: each as it is, and with or without the port that is
/// the default of HTTP or HTTPS (RFC 9110 4.2.3). Empty where it names none.
pub(crate) fn hosts(uri: &http::Uri, headers: &HeaderMap) -> Vec<Vec<u8>> {
    let named = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let lines = headers
        .get_all(header::HOST)
        .iter()
        .map(HeaderValue::as_bytes);
    let mut hosts: Vec<Vec<u8>> = Vec::new();
    for host in named
        .into_iter()
        .chain(lines)
        .map(<[u8]>::to_ascii_lowercase)
    {
        let default_port = [&b":80"[..], b":443"].into_iter();
        let bare = default_port
            .clone()
            .find_map(|port| host.strip_suffix(port))
            .map(<[u8]>::to_vec);
        let with_port = |host: &[u8]| {
            default_port
                .clone()
                .map(|port| [host, port].concat())
                .collect()
        };
        let others: Vec<Vec<u8>> = match bare {
            Some(bare) => vec![bare],
            None if has_port(&host) => Vec::new(),
            None => with_port(&host),
        };
        hosts.extend(others.into_iter().chain([host]));
    }
    hosts.sort();
    hosts.dedup();
    if hosts.is_empty() {
        hosts.push(Vec::new());
    }
    hosts
}

impl TargetUri {
    /// The target of a request with this URI and these headers.
    pub(crate) fn of(uri: &http::Uri, headers: &HeaderMap) -> Result<Self, AmbiguousHost> {
        let authority = authority(uri, headers)?.to_ascii_lowercase();
        Ok(Self {
            scheme: uri.scheme_str().map(str::to_ascii_lowercase),
            authority: String::from_utf8_lossy(&authority).into_owned(),
            path_and_query: match path_and_query(uri) {
                (path, Some(query)) => format!("{path}?{query}"),
                (path, None) => path.to_owned(),
            },
        })
    }

    /// The scheme, if the request said it.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.scheme.as_deref()
    }

    /// The authority, lower-cased; empty if the request named none.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path and, after a `?`, the query.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Resolves a URI reference against this target (RFC 3986 5.2). `None` if it is none.
    pub(crate) fn resolve(&self, reference: &[u8]) -> Option<Self> {
        let reference = UriRef::parse(std::str::from_utf8(reference).ok()?).ok()?;
        let scheme = self.scheme.as_deref().unwrap_or("http");
        let base = format!("{scheme}://{}{}", self.authority, self.path_and_query);
        let names_scheme = reference.has_scheme();
        let resolved = reference
            .resolve_against(&Uri::parse(base.as_str()).ok()?)
            .ok()?;
        let path = match resolved.path().as_str() {
            "" => "/",
            path => path,
        };
        Some(Self {
            // A reference cannot know better than the request, unless it says so.
            scheme: if names_scheme {
                Some(resolved.scheme().as_str().to_ascii_lowercase())
            } else {
                self.scheme.clone()
            },
            authority: self.spelled(
                resolved.authority()?.as_str().to_ascii_lowercase(),
                resolved.scheme().as_str(),
            ),
            path_and_query: match resolved.query() {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            },
        })
        .map(|resolved| resolved.with_known_scheme(self))
    }

    /// An authority as this target spells its own, if it is that with or without the default port
    /// (RFC 9110 4.2.3).
    fn spelled(&self, authority: String, scheme: &str) -> String {
        let port = if scheme.eq_ignore_ascii_case("https") {
            ":443"
        } else {
            ":80"
        };
        let bare = |text: &str| text.strip_suffix(port).unwrap_or(text).to_owned();
        if bare(&authority) == bare(&self.authority) {
            return self.authority.clone();
        }
        authority
    }

    /// RFC 9110 8.7: whether Content-Location says that the content is what a GET of this target gets.
    pub(crate) fn is_content_location(&self, headers: &HeaderMap) -> bool {
        let mut locations = headers.get_all(header::CONTENT_LOCATION).iter();
        let only = locations.next().filter(|_| locations.next().is_none());
        only.and_then(|location| self.resolve(location.as_bytes()))
            .as_ref()
            == Some(self)
    }

    /// Drops a scheme that `other` does not know: the two can then be compared.
    fn with_known_scheme(mut self, other: &Self) -> Self {
        let web = matches!(self.scheme.as_deref(), Some("http" | "https"));
        if other.scheme.is_none() && web {
            self.scheme = None;
        }
        self
    }

    /// Whether both have the same scheme, host and port (RFC 6454 4).
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.authority == other.authority
    }

    /// The target as an [`http::Uri`], for building its key.
    pub(crate) fn to_uri(&self) -> Option<http::Uri> {
        let uri = http::Uri::builder().path_and_query(self.path_and_query.as_str());
        match &self.scheme {
            Some(scheme) => uri
                .scheme(scheme.as_str())
                .authority(self.authority.as_str()),
            None => uri,
        }
        .build()
        .ok()
    }
}

/// The path of a URI, which is `/` where it is empty (RFC 9110 4.2.3), and its query.
pub(crate) fn path_and_query(uri: &http::Uri) -> (&str, Option<&str>) {
    let path = match uri.path() {
        "" => "/",
        path => path,
    };
    (path, uri.query())
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;

    fn target(uri: &str, hosts: &[&'static str]) -> Result<TargetUri, AmbiguousHost> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        TargetUri::of(&uri.parse::<Uri>().expect("a URI"), &headers)
    }

    #[test]
    fn host_is_taken_from_the_uri_or_else_from_host() {
        assert_eq!(
            target("/x", &["A.example"]).expect("one host").authority(),
            "a.example"
        );
        assert_eq!(
            target("http://b.example/x", &[])
                .expect("one host")
                .authority(),
            "b.example"
        );
        assert_eq!(target("/x", &[]).expect("no host").authority(), "");
    }

    #[test]
    fn an_empty_path_is_a_slash() {
        for (uri, expected) in [
            ("http://a", "/"),
            ("http://a?b", "/?b"),
            ("http://a?", "/?"),
            ("/x?", "/x?"),
            ("/x?b?c", "/x?b?c"),
        ] {
            let target = target(uri, &[]).expect("one host");
            assert_eq!(target.path_and_query(), expected, "{uri}");
        }
    }

    #[test]
    fn every_spelling_of_every_named_host_is_known() {
        let spelt = |uri: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::HOST, HeaderValue::from_static(line));
            }
            let hosts = hosts(&uri.parse().expect("a URI"), &headers);
            hosts
                .into_iter()
                .map(|host| String::from_utf8(host).expect("ASCII"))
                .collect::<Vec<_>>()
        };
        assert_eq!(spelt("/x", &[]), [""]);
        assert_eq!(spelt("/x", &["A"]), ["a", "a:443", "a:80"]);
        assert_eq!(spelt("http://a:80/x", &["a"]), ["a", "a:443", "a:80"]);
        assert_eq!(spelt("/x", &["b:443"]), ["b", "b:443"]);
        assert_eq!(spelt("/x", &["[::1]"]), ["[::1]", "[::1]:443", "[::1]:80"]);
        assert_eq!(spelt("/x", &["[::1]:8080"]), ["[::1]:8080"]);
        assert_eq!(spelt("http://a:8080/", &["b:80"]), ["a:8080", "b", "b:80"]);
    }

    #[test]
    fn hosts_that_differ_or_repeat_are_ambiguous() {
        assert_eq!(target("/x", &["a", "a"]), Err(AmbiguousHost));
        assert_eq!(target("http://a/x", &["b"]), Err(AmbiguousHost));
        assert!(target("http://a/x", &["A"]).is_ok());
    }

    #[test]
    fn references_are_resolved_and_compared_by_origin() {
        let base = target("/a/b?c", &["h.example:81"]).expect("one host");
        let resolve = |reference: &str| base.resolve(reference.as_bytes());
        let path = |reference: &str| resolve(reference).map(|uri| uri.path_and_query().to_owned());
        assert_eq!(path("d").as_deref(), Some("/a/d"));
        assert_eq!(path("../x?y").as_deref(), Some("/x?y"));
        assert_eq!(path("?z").as_deref(), Some("/a/b?z"));
        assert_eq!(path("").as_deref(), Some("/a/b?c"));
        assert_eq!(path("http://h.example:81").as_deref(), Some("/"));
        for same in [
            "/q",
            "//h.example:81/q",
            "http://H.example:81/q",
            "https://h.example:81/q",
        ] {
            assert!(
                resolve(same).is_some_and(|uri| uri.same_origin(&base)),
                "{same}"
            );
        }
        for other in [
            "//h.example/q",
            "http://other.example/q",
            "http://h.example:82/q",
            "ftp://h.example:81/q",
        ] {
            assert!(
                resolve(other).is_some_and(|uri| !uri.same_origin(&base)),
                "{other}"
            );
        }
        assert_eq!(resolve("not a uri"), None);
    }

    #[test]
    fn a_known_scheme_is_part_of_the_origin() {
        let base = target("https://h.example/a", &[]).expect("one host");
        let resolve = |reference: &str| base.resolve(reference.as_bytes()).expect("a reference");
        assert!(resolve("/b").same_origin(&base));
        assert!(!resolve("http://h.example/b").same_origin(&base));
    }
}
