//! Fields that concern one connection only (RFC 9110 7.6.1, RFC 9111 3.1).

use http::{HeaderMap, HeaderName, header};

use super::list;

/// Fields that are never stored nor passed on, whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    header::PROXY_AUTHORIZATION,
];

/// Fields that decide for whom a message is, how long it may be used and what its content means.
const END_TO_END: [HeaderName; 21] = [
    header::AGE,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::COOKIE,
    header::DATE,
    header::ETAG,
    header::EXPIRES,
    header::HOST,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::ORIGIN,
    header::PRAGMA,
    header::RANGE,
    header::REFERRER_POLICY,
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::VARY,
    header::WWW_AUTHENTICATE,
    header::X_FRAME_OPTIONS,
    HeaderName::from_static("cache-groups"),
    HeaderName::from_static("no-vary-search"),
];

/// Families of such fields; the last takes in the targeted fields of RFC 9213.
const END_TO_END_PREFIXES: [&str; 4] = ["accept", "access-control-", "content-", "if-"];
const END_TO_END_SUFFIX: &str = "cache-control";

/// Removes the fields of one hop, those that `Connection` names included.
///
/// RFC 9110 7.6.1 forbids senders to name fields there that are meant for all recipients, such
/// as `Cache-Control`. One that does is not obeyed: a message without its `Vary`, `Set-Cookie`,
/// `Content-Encoding` or `Authorization` is another message, and must not be stored, served or
/// sent on in its place.
///
/// Other fields can vanish by a client's will. Who selects a stored response by request fields
/// must therefore select by those that were sent on, not by those that came.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let options = HopByHop::of(headers).options;
    for name in HOP_BY_HOP.iter().chain(&options) {
        headers.remove(name);
    }
}

/// The fields of one hop that a message has: what [`remove_hop_by_hop`] removes.
pub(crate) struct HopByHop {
    /// Those that `Connection` names.
    options: Vec<HeaderName>,
}

impl HopByHop {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let options = list::members(headers, &header::CONNECTION)
            .filter_map(|option| HeaderName::from_bytes(option).ok())
            .filter(|name| !is_end_to_end(name));
        Self {
            options: options.collect(),
        }
    }

    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        HOP_BY_HOP.contains(name) || self.options.contains(name)
    }
}

fn is_end_to_end(name: &HeaderName) -> bool {
    END_TO_END.contains(name)
        || END_TO_END_PREFIXES
            .iter()
            .any(|prefix| name.as_str().starts_with(prefix))
        || name.as_str().ends_with(END_TO_END_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn left(fields: &[(&'static str, &'static str)]) -> Vec<String> {
        let field = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let mut headers: HeaderMap = fields.iter().map(field).collect();
        remove_hop_by_hop(&mut headers);
        let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn hop_by_hop_fields_are_removed_and_others_kept() {
        let fields: Vec<_> = [
            "connection",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "proxy-authenticate",
            "proxy-authentication-info",
            "proxy-authorization",
            "etag",
            "x-unknown",
        ]
        .map(|name| (name, "a"))
        .into();
        assert_eq!(left(&fields), ["etag", "x-unknown"]);
    }

    #[test]
    fn fields_named_by_any_line_of_connection_are_removed() {
        let fields = [
            ("connection", "close, A ,,b"),
            ("connection", "(not a name), C"),
            ("a", "1"),
            ("a", "2"),
            ("b", "1"),
            ("c", "1"),
            ("d", "1"),
        ];
        assert_eq!(left(&fields), ["d"]);
    }

    #[test]
    fn connection_cannot_remove_what_a_message_needs_to_stay_the_same() {
        let names = [
            "access-control-allow-origin",
            "authorization",
            "cache-control",
            "cdn-cache-control",
            "content-encoding",
            "content-security-policy",
            "content-type",
            "cookie",
            "date",
            "etag",
            "expires",
            "if-none-match",
            "set-cookie",
            "vary",
        ];
        let options: &'static str = names.join(", ").leak();
        let fields: Vec<_> = names
            .iter()
            .map(|name| (*name, "a"))
            .chain([("connection", options)])
            .collect();
        assert_eq!(left(&fields), names);
    }

    proptest! {
        #[test]
        fn no_value_of_connection_removes_vary(options: Vec<u8>) {
            if let Ok(options) = HeaderValue::from_bytes(&[b"VARY,", &options[..]].concat()) {
                let vary = HeaderValue::from_static("accept");
                let mut headers =
                    HeaderMap::from_iter([(header::CONNECTION, options), (header::VARY, vary)]);
                remove_hop_by_hop(&mut headers);
                prop_assert_eq!(headers.len(), 1);
            }
        }
    }
}
