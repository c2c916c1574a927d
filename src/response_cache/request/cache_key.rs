//! What makes two requests ask for the same thing: [`CacheKey`].

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use smallvec::SmallVec;

use super::query::{Buffer, Kept, Names, Query};
use crate::{
    key::{INLINE, Key, authority, path_and_query},
    principal::Principal,
    response_cache::policy::Rule,
};

type PartFn = dyn Fn(&Parts) -> Option<String> + Send + Sync;

/// The key of a request: by default authority, path and query of its effective URI.
///
/// Two requests with the same key may get the same response, so a key must hold all that the response
/// depends on; the fields that a response names in Vary are added by themselves. Nothing else that a
/// client controls, such as `X-Forwarded-Host`, is part of the key unless it is named here. Inside of axum's
/// `nest` the path has no prefix unless the feature `axum` is enabled.
///
/// ```
/// use tower_keep::response_cache::{CacheKey, ResponseCacheLayer};
///
/// let by_tenant = CacheKey::new()
///     .ignore_parameters(["utm_*", "fbclid"])
///     .sort_parameters()
///     .header(http::HeaderName::from_static("x-tenant"));
/// let layer = ResponseCacheLayer::new().key(by_tenant);
/// # let _: ResponseCacheLayer = layer;
/// ```
#[derive(Clone, Debug, Default)]
pub struct CacheKey {
    scheme: bool,
    query: Query,
    parts: Vec<Part>,
    pub(crate) post_body: Option<usize>,
}

#[derive(Clone)]
enum Part {
    Header(HeaderName),
    Cookie(String),
    User,
    With(&'static str, Arc<PartFn>),
}

/// What goes into a key beside the head of the request.
#[derive(Default)]
pub(crate) struct Extra<'a> {
    /// A normalised query in place of the request's, and the rule that it was normalised by.
    pub(crate) search: Option<(String, String)>,
    /// The digest of the body.
    pub(crate) digest: Option<&'a [u8]>,
    /// The host, where it is not the one that the request names.
    pub(crate) host: Option<&'a [u8]>,
    /// The compartment of a private cache.
    pub(crate) compartment: Option<u64>,
}

/// What a key was made of, beside its bytes.
pub(crate) struct Keyed {
    pub(crate) key: Key,
    pub(crate) user_in_key: bool,
}

impl CacheKey {
    /// Authority, path and query.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps `http` and `https` apart. For servers that answer the two differently and see the scheme in
    /// the request's URI.
    #[must_use]
    pub fn scheme(mut self) -> Self {
        self.scheme = true;
        self
    }

    /// Leaves the query out of the key: for resources that ignore it.
    #[must_use]
    pub fn ignore_query(mut self) -> Self {
        self.query.kept = Kept::Nothing;
        self
    }

    /// Leaves these query parameters out of the key. A name that ends in `*` stands for all names that
    /// begin so.
    ///
    /// A parameter whose text has a `;` stays: some servers take what follows for another parameter.
    #[must_use]
    pub fn ignore_parameters<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.query.kept = Kept::Without(Names::new(names));
        self
    }

    /// Keeps only these query parameters in the key. A name that ends in `*` stands for all names that
    /// begin so.
    #[must_use]
    pub fn only_parameters<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.query.kept = Kept::Only(Names::new(names));
        self
    }

    /// Makes the order of differently named query parameters irrelevant.
    #[must_use]
    pub fn sort_parameters(mut self) -> Self {
        self.query.sorted = true;
        self
    }

    /// Adds the values of a request header field, such as `HeaderName::from_static("x-tenant")`. Its absence is
    /// a value of its own.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        self.parts.push(Part::Header(name));
        self
    }

    /// Adds the value of a cookie. Its absence is a value of its own. Requests whose cookies are all part
    /// of the key count as requests without cookies.
    #[must_use]
    pub fn cookie(mut self, name: impl Into<String>) -> Self {
        self.parts.push(Part::Cookie(name.into()));
        self
    }

    /// Adds the user that the [`Principal`] in the request's extensions names, and its tenant, so that personal responses,
    /// `private` ones included, can be stored, for this user alone. A request without one shares with others without one, and
    /// what is personal is then not stored.
    #[must_use]
    pub fn user(mut self) -> Self {
        self.parts.push(Part::User);
        self
    }

    /// Adds whatever a closure makes of the request's head, extensions included. A request for which it
    /// answers `None` passes the cache by.
    #[must_use]
    pub fn with<F>(mut self, name: &'static str, part: F) -> Self
    where
        F: Fn(&Parts) -> Option<String> + Send + Sync + 'static,
    {
        self.parts.push(Part::With(name, Arc::new(part)));
        self
    }

    /// Lets POST requests be answered from store, with a SHA-256 digest of the body, its Content-Type and its
    /// Content-Encoding as part of the key: for queries that are sent as POST. Bodies above `limit` bytes pass the cache by.
    ///
    /// Such a request no longer counts as unsafe: it invalidates nothing. It is forwarded once its body has been
    /// read, up to the limit, so this is not for calls that stream both ways.
    #[must_use]
    pub fn post_body(mut self, limit: usize) -> Self {
        self.post_body = Some(limit);
        self
    }

    /// The key of a request to this URI.
    #[inline]
    pub(crate) fn of(
        &self,
        parts: &Parts,
        uri: &http::Uri,
        extra: &Extra<'_>,
    ) -> Result<Keyed, Rule> {
        let host = match extra.host {
            Some(host) => host,
            None => authority(uri, &parts.headers).map_err(|_| Rule::AmbiguousHost)?,
        };
        let search = extra.search.as_ref();
        let mut out = self.url(uri, host, search.map(|(query, _)| query.as_str()));
        let mut user_in_key = false;
        for part in &self.parts {
            user_in_key |= part.write(parts, &mut out)?;
        }
        if let Some((_, rule)) = search {
            write_part("search", "", [rule.as_bytes()].into_iter(), &mut out);
        }
        if let Some(digest) = extra.digest {
            write_part("body", "", [digest].into_iter(), &mut out);
        }
        if let Some(compartment) = extra.compartment {
            write_part(
                "private",
                "",
                [&compartment.to_be_bytes()[..]].into_iter(),
                &mut out,
            );
        }
        Ok(Keyed {
            key: Key::from_buffer(out),
            user_in_key,
        })
    }

    /// The key of a resource, without what else tells keys apart.
    pub(crate) fn of_uri(&self, uri: &http::Uri, host: &[u8]) -> Key {
        Key::from_buffer(self.url(uri, host, None))
    }

    /// The part of a key that every key has.
    fn url(&self, uri: &http::Uri, host: &[u8], normalised: Option<&str>) -> Buffer {
        let scheme = uri.scheme_str().filter(|_| self.scheme);
        let (path, query) = path_and_query(uri);
        let mut out = resource(scheme.unwrap_or_default().as_bytes(), host, path.as_bytes());
        self.query.write(normalised.or(query), &mut out);
        out
    }

    /// Whether the request has a cookie that is not part of the key, save those in `owned`.
    pub(crate) fn has_unkeyed_cookie<'a>(
        &self,
        headers: &HeaderMap,
        owned: impl Iterator<Item = &'a str>,
    ) -> bool {
        let owned: SmallVec<[&str; 4]> = owned.collect();
        let keyed = |name: &[u8]| {
            self.parts
                .iter()
                .any(|part| matches!(part, Part::Cookie(known) if known.as_bytes() == name))
                || owned.iter().any(|known| known.as_bytes() == name)
        };
        cookies(headers).any(|(name, _)| !keyed(name))
    }
}

impl Part {
    /// Writes the part, and says whether it was the user.
    fn write(&self, parts: &Parts, out: &mut Buffer) -> Result<bool, Rule> {
        match self {
            Self::Header(name) => {
                let values = parts
                    .headers
                    .get_all(name)
                    .iter()
                    .map(HeaderValue::as_bytes);
                write_part("header", name.as_str(), values, out);
            }
            Self::Cookie(name) => {
                let own = cookies(&parts.headers).filter(|(known, _)| *known == name.as_bytes());
                write_part("cookie", name, own.map(|(_, value)| value), out);
            }
            Self::User => {
                let principal = parts.extensions.get::<Principal>();
                let user = principal.and_then(Principal::user_id);
                let tenant = principal.and_then(Principal::tenant);
                let names = user.into_iter().chain(tenant).map(str::as_bytes);
                write_part("user", "", names, out);
                return Ok(user.is_some());
            }
            Self::With(name, part) => {
                let value = part(parts).ok_or(Rule::NoKey)?;
                write_part("with", name, [value.as_bytes()].into_iter(), out);
            }
        }
        Ok(false)
    }
}

/// What every key begins with. No part of a URI or field value can hold a line feed, so what it separates
/// cannot run together.
fn resource(scheme: &[u8], host: &[u8], path: &[u8]) -> Buffer {
    let place = scheme.len() + 1;
    let end = place + host.len();
    let length = end + 1 + path.len();
    let mut out = if length > INLINE {
        Buffer::from_vec(vec![0; length])
    } else {
        Buffer::from_buf_and_len([0; INLINE], length)
    };
    let bytes = out.as_mut_slice();
    bytes[..scheme.len()].copy_from_slice(scheme);
    bytes[scheme.len()] = b'\n';
    bytes[place..end].copy_from_slice(host);
    bytes[place..end].make_ascii_lowercase();
    bytes[end] = b'\n';
    bytes[end + 1..].copy_from_slice(path);
    out
}

/// Writes a part so that no two lists of parts read the same: what it is, and each value after its length.
fn write_part<'a>(
    kind: &str,
    name: &str,
    values: impl Iterator<Item = &'a [u8]>,
    out: &mut Buffer,
) {
    out.push(b'\n');
    out.extend_from_slice(kind.as_bytes());
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    for value in values {
        out.push(b'=');
        out.extend_from_slice(&(value.len() as u64).to_be_bytes());
        out.extend_from_slice(value);
    }
}

/// The cookies of a request (RFC 6265 4.2.1).
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii)
        .filter(|cookie| !cookie.is_empty())
        .map(
            |cookie| match cookie.iter().position(|byte| *byte == b'=') {
                Some(at) => (
                    cookie[..at].trim_ascii_end(),
                    cookie[at + 1..].trim_ascii_start(),
                ),
                None => (&cookie[..0], cookie),
            },
        )
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => f.debug_tuple("Header").field(name).finish(),
            Self::Cookie(name) => f.debug_tuple("Cookie").field(name).finish(),
            Self::User => f.write_str("User"),
            Self::With(name, _) => f.debug_tuple("With").field(name).finish(),
        }
    }
}
