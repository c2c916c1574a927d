//! Where a visitor wanted to go.

use http::{Method, Request};

use crate::header::target;

/// What is longer is not remembered: it would go through a field of the response, three times as long at worst.
const LONGEST: usize = 2048;

/// The path and query of a request that can be made again by following a link.
pub(super) fn of<B>(request: &Request<B>) -> Option<String> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let uri = target::effective_uri(request.uri(), request.extensions());
    let wanted = uri.path_and_query()?.as_str();
    is_of_this_host(wanted).then(|| wanted.to_owned())
}

/// Whoever is sent there stays on this host: two slashes in front name another one (RFC 3986, section 4.2), and browsers
/// read a backslash as a slash (WHATWG URL, section 4.4).
fn is_of_this_host(path: &str) -> bool {
    let rest = path.strip_prefix('/');
    let stays = rest.is_some_and(|rest| !rest.starts_with(['/', '\\']));
    stays && path.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(method: Method, uri: &str) -> Option<String> {
        of(&Request::builder().method(method).uri(uri).body(()).unwrap())
    }

    #[test]
    fn a_visitor_comes_back_to_what_they_have_asked_for() {
        assert_eq!(wanted(Method::GET, "/a?b=c&d").as_deref(), Some("/a?b=c&d"));
        assert_eq!(
            wanted(Method::GET, "http://evil.example/a").as_deref(),
            Some("/a")
        );
        assert_eq!(wanted(Method::HEAD, "/").as_deref(), Some("/"));
    }

    #[test]
    fn what_leads_elsewhere_or_cannot_be_asked_for_again_is_forgotten() {
        assert_eq!(wanted(Method::POST, "/a"), None);
        assert_eq!(wanted(Method::GET, "//evil.example/a"), None);
        assert_eq!(wanted(Method::GET, "http://a.example//evil.example"), None);
        assert!(!is_of_this_host(r"/\evil.example"));
        assert!(!is_of_this_host("https://evil.example"));
        assert_eq!(
            wanted(Method::GET, &format!("/{}", "a".repeat(LONGEST))),
            None
        );
    }
}
