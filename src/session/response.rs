//! What the response of a session says to caches.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::header::list;

/// The response depends on the session: it is for this client alone (RFC 9111, section 5.2.2.7), and for as long as it
/// presents the same in this field.
pub(super) fn personal(headers: &mut HeaderMap, vary: &HeaderName) {
    if !forbids_sharing(headers) {
        make_private(headers);
    }
    if !varies(headers, vary) {
        headers.append(header::VARY, HeaderValue::from(vary.clone()));
    }
}

/// The response gives access to a session, or takes it away: it is kept by nobody (RFC 9111, section 7.3), whatever
/// the handler has said.
pub(super) fn sets_id(headers: &mut HeaderMap) {
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, no_store);
}

/// Whether a shared cache keeps it as it is.
fn forbids_sharing(headers: &HeaderMap) -> bool {
    let directives = || list::members(headers, &header::CACHE_CONTROL);
    let is = |name: &'static str| move |one: &[u8]| one.eq_ignore_ascii_case(name.as_bytes());
    directives().any(is("no-store")) || directives().any(is("private"))
}

/// `private` in place of what allows a shared cache to keep it; what a browser may do stays as the handler has said.
fn make_private(headers: &mut HeaderMap) {
    let shares = |one: &&[u8]| {
        let name = one.split(|byte| *byte == b'=').next().unwrap_or_default();
        ["public", "s-maxage", "private", "proxy-revalidate"]
            .iter()
            .any(|sharing| list::trim(name).eq_ignore_ascii_case(sharing.as_bytes()))
    };
    let mut value = b"private".to_vec();
    // A quoted string may hold a comma. Whoever uses one here gets `private` alone.
    let quoted = headers.get_all(header::CACHE_CONTROL).iter();
    if !quoted
        .into_iter()
        .any(|line| line.as_bytes().contains(&b'"'))
    {
        let kept = list::members(headers, &header::CACHE_CONTROL).filter(|one| !shares(one));
        for directive in kept {
            value.extend_from_slice(b", ");
            value.extend_from_slice(directive);
        }
    }
    let value = HeaderValue::from_bytes(&value);
    let value = value.unwrap_or(HeaderValue::from_static("private"));
    headers.insert(header::CACHE_CONTROL, value);
}

fn varies(headers: &HeaderMap, by: &HeaderName) -> bool {
    list::members(headers, &header::VARY)
        .any(|name| name == b"*" || name.eq_ignore_ascii_case(by.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&'static str]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|line| (header::CACHE_CONTROL, HeaderValue::from_static(line)))
            .collect()
    }

    fn made_personal(lines: &[&'static str]) -> Vec<String> {
        let mut headers = said(lines);
        personal(&mut headers, &header::COOKIE);
        let lines = headers.get_all(header::CACHE_CONTROL).iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_personal_response_is_private_whatever_the_handler_has_said() {
        assert_eq!(made_personal(&[]), ["private"]);
        assert_eq!(
            made_personal(&["Public, max-age=60", "S-MaxAge = 600, must-revalidate"]),
            ["private, max-age=60, must-revalidate"]
        );
        assert_eq!(
            made_personal(&[r#"private="set-cookie", public"#]),
            ["private"]
        );
        assert_eq!(made_personal(&[r#"x="a, no-store, b""#]), ["private"]);
    }

    #[test]
    fn what_is_private_or_kept_by_nobody_stays_as_it_is() {
        assert_eq!(
            made_personal(&["max-age=5, Private"]),
            ["max-age=5, Private"]
        );
        assert_eq!(made_personal(&["no-store"]), ["no-store"]);
    }

    #[test]
    fn the_field_that_a_response_depends_on_is_named_once() {
        for (before, after) in [
            (None, 1),
            (Some("accept, cookie"), 1),
            (Some("*"), 1),
            (Some("accept"), 2),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(before.map(|vary| (header::VARY, HeaderValue::from_static(vary))));
            personal(&mut headers, &header::COOKIE);
            assert_eq!(
                headers.get_all(header::VARY).iter().count(),
                after,
                "{before:?}"
            );
        }
    }

    #[test]
    fn what_gives_access_is_kept_by_nobody() {
        let mut headers = said(&["public", "max-age=60"]);
        sets_id(&mut headers);
        let lines = headers.get_all(header::CACHE_CONTROL).iter();
        assert!(lines.eq(["no-store"]));
    }
}
