//! What a response to an unsafe request makes invalid (RFC 9111 4.4).

use http::{HeaderMap, Method, StatusCode, header};

use crate::key::TargetUri;

/// Whether a method may change the resource that it is sent to: all but the safe ones (RFC 9110 9.2.1),
/// an unknown one included.
pub(crate) fn is_unsafe(method: &Method) -> bool {
    !(method.is_safe() || *method == Method::CONNECT)
}

/// Whether an unsafe request that was answered with `status` may have changed its target: a "non-error
/// response" is a 2xx or 3xx.
pub(crate) fn changes_target(status: StatusCode) -> bool {
    status.is_success() || status.is_redirection()
}

/// The other URIs that the response names as changed: Location and Content-Location, if of the same origin.
pub(crate) fn also_changed(target: &TargetUri, headers: &HeaderMap) -> Vec<TargetUri> {
    [header::LOCATION, header::CONTENT_LOCATION]
        .iter()
        .flat_map(|name| headers.get_all(name))
        .filter_map(|reference| target.resolve(reference.as_bytes()))
        .filter(|changed| changed.same_origin(target) && changed != target)
        .collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, Uri};

    use super::*;

    #[test]
    fn all_methods_but_the_safe_ones_are_unsafe() {
        let is_unsafe = |name: &str| is_unsafe(&name.parse().expect("a method"));
        for safe in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(!is_unsafe(safe), "{safe}");
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "PURGE", "get"] {
            assert!(is_unsafe(method), "{method}");
        }
    }

    // RFC 9110 9.3.6: a tunnel has no resource that could change.
    #[test]
    fn a_tunnel_changes_nothing() {
        assert!(!is_unsafe(&Method::CONNECT));
    }

    #[test]
    fn a_success_or_a_redirect_changes_the_target() {
        for status in 100..600 {
            let changes = changes_target(StatusCode::from_u16(status).expect("a status"));
            assert_eq!(changes, (200..400).contains(&status), "{status}");
        }
    }

    fn changed(lines: &[(&'static str, &'static str)]) -> Vec<String> {
        let target = Uri::from_static("http://a.example/dir/x?y");
        let target = TargetUri::of(&target, &HeaderMap::new()).expect("one host");
        let field = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let also = also_changed(&target, &lines.iter().map(field).collect());
        also.iter()
            .map(|uri| uri.path_and_query().to_owned())
            .collect()
    }

    #[test]
    fn location_and_content_location_name_what_else_changed() {
        assert_eq!(changed(&[]), Vec::<String>::new());
        assert_eq!(changed(&[("location", "z")]), ["/dir/z"]);
        let both = [
            ("content-location", "/c?d"),
            ("location", "http://A.example/b#part"),
        ];
        assert_eq!(changed(&both), ["/b", "/c?d"]);
    }

    #[test]
    fn the_target_itself_is_not_named_twice() {
        for itself in ["", "?y", "x?y", "/dir/x?y", "http://a.example/dir/x?y"] {
            assert_eq!(
                changed(&[("content-location", itself)]),
                Vec::<String>::new()
            );
        }
    }

    // RFC 9111 4.4: else one site could empty the store of another.
    #[test]
    fn another_origin_is_never_named() {
        for other in [
            "http://b.example/dir/z",
            "https://a.example/dir/z",
            "http://a.example:8080/dir/z",
            "//b.example/dir/x?y",
            "ftp://a.example/dir/z",
            "http://[",
        ] {
            let lines = [("location", other), ("content-location", other)];
            assert_eq!(changed(&lines), Vec::<String>::new(), "{other}");
        }
    }
}
