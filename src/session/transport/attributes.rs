//! What browsers accept of the attributes of a cookie, and of their combinations (6265bis: draft-ietf-httpbis-rfc6265bis).

use std::fmt;

/// With which requests of other sites a browser sends a cookie (6265bis, section 4.1.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// With none: whoever follows a link from elsewhere arrives without a session.
    Strict,
    /// With those that show another page, by a safe method: links work, forms of other sites do not.
    #[default]
    Lax,
    /// With all. Only a secure cookie can have it, and then every unsafe request needs a defence of its own against
    /// cross-site forgery.
    None,
}

impl From<SameSite> for cookie::SameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}

/// A cookie cannot be as it was described: browsers would refuse it, or keep another one.
///
/// ```
/// use tower_keep::session::{InvalidCookie, SessionCookie};
///
/// // Whoever wants a `Domain` gives up what the prefix of the default name, `__Host-id`, stands for.
/// let refused = SessionCookie::new().domain("example.com").unwrap_err();
/// assert_eq!(refused, InvalidCookie::HostPrefix);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCookie {
    /// The name is not a token.
    Name,
    /// The name leaves no room for the value.
    LongName,
    /// The path is not one that a browser takes.
    Path,
    /// The domain is not the name of a host.
    Domain,
    /// The name begins with `__Host-`, and the cookie is not secure, has a domain, or a path other than `/`.
    HostPrefix,
    /// The name begins with `__Secure-` or `__Http-`, and the cookie is not secure.
    SecurePrefix,
    /// [`SameSite::None`], and the cookie is not secure.
    InsecureSameSiteNone,
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => {
                "the name of a cookie consists of letters, digits and any of !#$%&'*+-.^_`|~"
            }
            Self::LongName => {
                "a cookie has 4096 bytes at most, and this name leaves no room for its value"
            }
            Self::Path => {
                "the path of a cookie begins with `/`, has 1024 bytes at most, all of them printable ASCII, and no `;`"
            }
            Self::Domain => {
                "the domain of a cookie is the name of a host, without a dot before or after it"
            }
            Self::HostPrefix => {
                "a cookie whose name begins with `__Host-` is secure, has the path `/` and no domain; \
                 name it differently before you set these"
            }
            Self::SecurePrefix => {
                "a cookie whose name begins with `__Secure-` or `__Http-` is secure; name it differently"
            }
            Self::InsecureSameSiteNone => "a cookie with `SameSite=None` is secure",
        })
    }
}

impl std::error::Error for InvalidCookie {}

/// A token (RFC 9110, section 5.6.2), which 6265bis, section 4.1.1, wants servers to use.
pub(crate) fn is_token(name: &str) -> bool {
    let punctuation = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || punctuation(byte);
    !name.is_empty() && name.bytes().all(fits)
}

/// Browsers ignore a longer attribute (6265bis, section 5.6).
const LONGEST_ATTRIBUTE: usize = 1024;

/// An absolute path of what an attribute may have (6265bis, section 4.1.1). For any other a browser takes the path of
/// the request instead (section 5.6.4).
pub(super) fn is_path(path: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && byte != b';';
    let whole = path.trim_end().len() == path.len() && path.len() <= LONGEST_ATTRIBUTE;
    path.starts_with('/') && whole && path.bytes().all(fits)
}

/// A domain name (RFC 1034, section 3.5, and RFC 1123, section 2.1).
pub(super) fn is_domain(domain: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        let ends = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && !ends && label.bytes().all(fits)
    };
    domain.len() <= 253 && domain.split('.').all(is_label)
}

/// Whether the name has a prefix that browsers give a meaning to, in letters of any case (6265bis, section 5.7).
pub(super) fn has_prefix(name: &str, prefix: &str) -> bool {
    let beginning = name.get(..prefix.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
}
