//! What caches are told of a response that a session has been looked at for.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::transport::is_token;

const PRIVATE: HeaderValue = HeaderValue::from_static("private");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The response is one client's, told by the field `vary`: no shared cache stores it, whatever the handler has said, and
/// the client's own one tells by that field.
pub(super) fn personal(headers: &mut HeaderMap, vary: &HeaderName) {
    make_private(headers);
    remove_overrides(headers);
    add_to_vary(headers, vary);
}

/// The response tells the client its id, or makes it forget one: nobody stores it (RFC 9111, section 7.3, since
/// `Set-Cookie` alone does not keep caches from it).
pub(super) fn sets_id(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    remove_overrides(headers);
}

fn make_private(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(header::CACHE_CONTROL).iter();
    let value = match (lines.next(), lines.next()) {
        (None, _) => PRIVATE,
        (Some(line), None) if line == PRIVATE || line == NO_STORE => return,
        _ => restricted(headers),
    };
    headers.insert(header::CACHE_CONTROL, value);
}

/// What is left of `Cache-Control` without what shared caches may take as a leave to store, and with the whole response
/// private: `private="field"` leaves the rest to all (RFC 9111, section 5.2.2.7).
///
/// `no-store` remains alone, as `must-understand` would void it (section 5.2.2.3). So does it where the value is not
/// understood.
fn restricted(headers: &HeaderMap) -> HeaderValue {
    let mut kept = vec!["private"];
    for line in headers.get_all(header::CACHE_CONTROL) {
        let Some(directives) = directives(line) else {
            return NO_STORE;
        };
        for directive in directives {
            match name(directive) {
                name if name.eq_ignore_ascii_case("no-store") => return NO_STORE,
                name if WIDER.iter().any(|wider| name.eq_ignore_ascii_case(wider)) => {}
                _ => kept.push(directive),
            }
        }
    }
    HeaderValue::try_from(kept.join(", ")).unwrap_or(NO_STORE)
}

/// What gives way to `private`.
const WIDER: [&str; 3] = ["public", "s-maxage", "private"];

fn name(directive: &str) -> &str {
    directive.split('=').next().unwrap_or_default()
}

/// The members of a line, parted at its commas outside of quoted strings; None if one of them is no directive, whose
/// meaning nobody knows (RFC 9111, section 5.2).
fn directives(line: &HeaderValue) -> Option<Vec<&str>> {
    let mut quoted = false;
    let is_end = |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    };
    let members = line.to_str().ok()?.split(is_end).map(str::trim);
    let members: Vec<&str> = members.filter(|member| !member.is_empty()).collect();
    members
        .iter()
        .all(|member| is_directive(member))
        .then_some(members)
}

/// `token [ "=" ( token / quoted-string ) ]`, and nothing escaped in the string.
fn is_directive(member: &str) -> bool {
    let Some((name, argument)) = member.split_once('=') else {
        return is_token(member);
    };
    let text = argument.strip_prefix('"');
    let text = text.and_then(|text| text.strip_suffix('"'));
    let is_string = text.is_some_and(|text| !text.contains(['"', '\\']));
    is_token(name) && (is_token(argument) || is_string)
}

/// Fields that some caches obey in place of `Cache-Control`: targeted ones, whose names end in that one's (RFC 9213,
/// section 2.2), that of the Edge Architecture Specification, and nginx's.
fn remove_overrides(headers: &mut HeaderMap) {
    let overrides = |name: &HeaderName| {
        let name = name.as_str();
        name.ends_with("-cache-control") || name == "surrogate-control" || name == "x-accel-expires"
    };
    if !headers.keys().any(overrides) {
        return;
    }
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| overrides(name))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn add_to_vary(headers: &mut HeaderMap, vary: &HeaderName) {
    let is_there = |line: &HeaderValue| {
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut members = line.split(',').map(str::trim);
        members.any(|member| member == "*" || member.eq_ignore_ascii_case(vary.as_str()))
    };
    if !headers.get_all(header::VARY).iter().any(is_there) {
        headers.append(header::VARY, HeaderValue::from(vary.clone()));
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "response-cache")]
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn made_personal(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = headers(lines);
        personal(&mut headers, &header::COOKIE);
        headers
    }

    fn cache_control(lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
        let headers = made_personal(&lines);
        let mut lines = headers.get_all("cache-control").iter();
        let line = lines.next().unwrap().to_str().unwrap().to_owned();
        assert!(lines.next().is_none());
        line
    }

    #[test]
    fn private_wins_over_what_the_handler_lets_others_store() {
        for (before, after) in [
            (&[][..], "private"),
            (&["private"], "private"),
            (&["public"], "private"),
            (&["PUBLIC, S-MaxAge=60, max-age=5"], "private, max-age=5"),
            (
                &["max-age=5", "public , must-revalidate"],
                "private, max-age=5, must-revalidate",
            ),
            (&["private=\"x-a, x-b\", max-age=5"], "private, max-age=5"),
            (
                &["no-cache=\"a, public\", public"],
                "private, no-cache=\"a, public\"",
            ),
            (&[",, max-age=1 ,"], "private, max-age=1"),
        ] {
            assert_eq!(cache_control(before), after, "{before:?}");
        }
    }

    #[test]
    fn no_store_stays_and_stays_alone() {
        for before in [
            &["no-store"][..],
            &["No-Store, must-understand, public"],
            &["max-age=60", "no-store"],
            // Nobody knows what these mean.
            &["private=\"x, public"],
            &["no-cache=\"a, \\\", public\", public"],
            &["\"\"s-maxage=60"],
            &["s-maxage = 60"],
            &["a public"],
            &["ä, max-age=60"],
        ] {
            assert_eq!(cache_control(before), "no-store", "{before:?}");
        }
    }

    #[test]
    fn fields_that_overrule_cache_control_do_not_get_through() {
        let lines = [
            ("cdn-cache-control", "max-age=600"),
            ("my-cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("x-accel-expires", "600"),
            ("content-type", "text/plain"),
        ];
        let expected = headers(&[
            ("content-type", "text/plain"),
            ("cache-control", "private"),
            ("vary", "cookie"),
        ]);
        assert_eq!(made_personal(&lines), expected);

        let mut headers_ = headers(&lines);
        sets_id(&mut headers_);
        let expected = [
            ("content-type", "text/plain"),
            ("cache-control", "no-store"),
        ];
        assert_eq!(headers_, headers(&expected));
    }

    #[test]
    fn nothing_is_stored_of_a_response_that_sets_an_id() {
        let mut headers = headers(&[
            ("cache-control", "public, max-age=60"),
            ("cache-control", "s-maxage=60"),
        ]);
        sets_id(&mut headers);
        let lines: Vec<_> = headers.get_all("cache-control").iter().collect();
        assert_eq!(lines, ["no-store"]);
    }

    #[test]
    fn vary_names_the_field_once() {
        for (before, after) in [
            (&[][..], &["cookie"][..]),
            (&["accept"], &["accept", "cookie"]),
            (&["accept, Cookie"], &["accept, Cookie"]),
            (&["accept", "COOKIE"], &["accept", "COOKIE"]),
            (&["x-cookie"], &["x-cookie", "cookie"]),
            (&["*"], &["*"]),
        ] {
            let lines: Vec<_> = before.iter().map(|line| ("vary", *line)).collect();
            let headers = made_personal(&lines);
            let lines: Vec<_> = headers.get_all("vary").iter().collect();
            assert_eq!(lines, after, "{before:?}");
        }
    }

    #[cfg(feature = "response-cache")]
    proptest! {
        #[test]
        fn whatever_the_handler_says_a_cache_reads_that_it_is_private_or_not_to_be_stored(
            lines in prop::collection::vec("(public|private|no-store|s-maxage=9|=|\"|\\\\|,| |a){0,8}", 0..3)
        ) {
            use crate::header::cache_control::{Fields, ResponseDirectives};

            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let line = cache_control(&lines);
            let read = ResponseDirectives::from_lines([line.as_bytes()].into_iter());
            prop_assert!(read.no_store || read.private == Fields::All, "{}", line);
            prop_assert!(!read.public && read.s_maxage.is_none(), "{}", line);
        }
    }
}
