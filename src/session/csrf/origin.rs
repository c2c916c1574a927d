//! Origins: scheme, host and port (RFC 6454).

use http::uri::Authority;

/// A text is no origin: `scheme://host` or `scheme://host:port`, and nothing more.
///
/// ```
/// use tower_keep::session::CsrfLayer;
///
/// let refused = CsrfLayer::new().trust_origin("https://example.com/app").unwrap_err();
/// assert!(refused.to_string().contains("scheme://host"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is scheme://host or scheme://host:port, in ASCII, and nothing more")]
pub struct InvalidOrigin(());

/// An origin, in lower case, without the port that its scheme implies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: String,
    authority: String,
}

impl Origin {
    /// What browsers write (RFC 6454, section 6.2); `null`, several origins and whatever else is none.
    pub(super) fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = InvalidOrigin(());
        let (scheme, authority) = text.split_once("://").ok_or(invalid)?;
        if !is_scheme(scheme) || !is_authority(authority) {
            return Err(invalid);
        }
        let scheme = scheme.to_ascii_lowercase();
        let authority = without_default_port(&scheme, authority).to_ascii_lowercase();
        Ok(Self { scheme, authority })
    }

    /// Whether a request for this authority comes from there.
    ///
    /// By which scheme the client came only its proxy knows, and what it says of it (`X-Forwarded-Proto`) anybody can
    /// say who reaches the service without it. So only the port that the scheme of the origin implies may be left out.
    pub(super) fn is_at(&self, authority: &[u8]) -> bool {
        let browsed = ["http", "https"].contains(&&*self.scheme);
        let Ok(authority) = str::from_utf8(authority) else {
            return false;
        };
        let authority = without_default_port(&self.scheme, authority);
        browsed && authority.eq_ignore_ascii_case(&self.authority)
    }
}

/// RFC 3986, section 3.1.
fn is_scheme(text: &str) -> bool {
    let mut letters = text.bytes();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(is_letter)
}

fn is_authority(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else {
        return false;
    };
    let port = text.get(authority.host().len()..);
    let port = match port.map(|rest| rest.strip_prefix(':').ok_or(rest)) {
        Some(Ok(port)) => port.parse::<u16>().is_ok_and(|port| port > 0),
        Some(Err("")) => true,
        Some(Err(_)) | None => false,
    };
    let host = authority.host();
    port && !host.is_empty() && host.bytes().all(is_of_host)
}

/// Names in ASCII, addresses, and addresses in brackets. No user, no wildcard.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte)
}

fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_without_case_and_without_the_port_that_is_implied() {
        let same = [
            ("https://example.com", "https://example.com:443"),
            ("https://Example.COM", "HTTPS://example.com"),
            ("http://[::1]", "http://[::1]:80"),
            ("capacitor://localhost", "capacitor://localhost"),
        ];
        for (one, other) in same {
            assert_eq!(Origin::parse(one), Origin::parse(other), "{one}");
            assert!(Origin::parse(one).is_ok(), "{one}");
        }
        let differ = [
            ("https://example.com", "http://example.com"),
            ("https://example.com", "https://example.com:8443"),
            ("https://example.com", "https://example.com:80"),
            ("https://example.com", "https://www.example.com"),
        ];
        for (one, other) in differ {
            assert_ne!(Origin::parse(one), Origin::parse(other), "{one}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_none() {
        for text in [
            "",
            "null",
            "*",
            "example.com",
            "https://",
            "https://*",
            "https://*.example.com",
            "https://example.com/",
            "https://example.com/app",
            "https://example.com?x",
            "https://example.com#x",
            "https://user@example.com",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:65536",
            "https://:443",
            "https://a.example https://b.example",
            "https://bücher.example",
            "://example.com",
            "1http://example.com",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_request_is_from_its_own_host_whatever_proxies_say_of_the_scheme() {
        let cases = [
            ("https://a.example", "a.example", true),
            ("https://a.example", "A.example:443", true),
            ("http://a.example", "a.example", true),
            ("http://a.example:8080", "a.example:8080", true),
            ("https://a.example", "a.example:80", false),
            ("http://a.example", "a.example:443", false),
            ("https://a.example:8443", "a.example", false),
            ("https://a.example", "a.example.evil.example", false),
            ("https://a.example", "b.a.example", false),
            ("https://a.example", "", false),
            ("ftp://a.example", "a.example", false),
        ];
        for (origin, host, same) in cases {
            let origin = Origin::parse(origin).unwrap();
            assert_eq!(origin.is_at(host.as_bytes()), same, "{origin:?} {host}");
        }
    }
}
