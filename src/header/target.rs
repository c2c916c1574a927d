//! What a request is for.

use http::{Extensions, HeaderMap, HeaderValue, Uri, header};

/// A request names its host twice, or in two ways that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AmbiguousHost;

/// The authority of a request as it was sent: that of the URI, or else Host.
///
/// RFC 9112 3.2: several Host lines, or a Host that differs from the URI's authority, could mean one thing
/// here and another to the service behind, so neither is believed.
pub(crate) fn authority<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<&'a [u8], AmbiguousHost> {
    let mut lines = headers.get_all(header::HOST).iter();
    authority_of(uri, [lines.next(), lines.next()])
}

/// The same, from the first two lines of Host.
#[inline]
pub(crate) fn authority_of<'a>(
    uri: &'a Uri,
    lines: [Option<&'a HeaderValue>; 2],
) -> Result<&'a [u8], AmbiguousHost> {
    let named = uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let [first, second] = lines.map(|line| line.map(HeaderValue::as_bytes));
    match (named, first, second) {
        (_, _, Some(_)) => Err(AmbiguousHost),
        (Some(named), Some(host), None) if !named.eq_ignore_ascii_case(host) => Err(AmbiguousHost),
        (Some(authority), _, None) | (None, Some(authority), None) => Ok(authority),
        (None, None, None) => Ok(b""),
    }
}

/// The URI that the client asked for, before a nesting router stripped a prefix. A URI that was rewritten in
/// another way since counts as it is now.
#[cfg(feature = "axum")]
pub(crate) fn effective_uri<'a>(uri: &'a Uri, extensions: &'a Extensions) -> &'a Uri {
    let original = extensions.get::<axum::extract::OriginalUri>();
    let original = original.map(|original| &original.0).filter(|original| {
        original.path().ends_with(uri.path())
            && original.query() == uri.query()
            && original.authority() == uri.authority()
    });
    original.unwrap_or(uri)
}

/// The URI that the client asked for.
#[cfg(not(feature = "axum"))]
pub(crate) fn effective_uri<'a>(uri: &'a Uri, _: &'a Extensions) -> &'a Uri {
    uri
}
