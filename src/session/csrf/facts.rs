//! What the fields of a request say of where it comes from.

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use super::{
    decision::{From, Site},
    origin::Origin,
};
use crate::header::target;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What `Sec-Fetch-Site` says.
pub(super) fn site(headers: &HeaderMap) -> Site {
    match only(headers, &SEC_FETCH_SITE) {
        Line::None => Site::Unsaid,
        Line::One(value) if value == "same-origin" || value == "none" => Site::Own,
        Line::One(_) | Line::Several => Site::Other,
    }
}

/// What `Origin` says.
pub(super) fn from(uri: &Uri, headers: &HeaderMap, trusted: &[Origin]) -> From {
    let line = match only(headers, &header::ORIGIN) {
        Line::None => return From::Unsaid,
        Line::One(line) => line.to_str().ok(),
        Line::Several => None,
    };
    let Some(Ok(origin)) = line.map(Origin::parse) else {
        return From::Other;
    };
    if trusted.contains(&origin) {
        return From::Trusted;
    }
    match target::authority(uri, headers) {
        Ok(authority) if origin.is_at(authority) => From::Own,
        Ok(_) | Err(target::AmbiguousHost) => From::Other,
    }
}

/// The token that came in this field.
pub(super) fn token(headers: &HeaderMap, field: &HeaderName) -> Option<HeaderValue> {
    match only(headers, field) {
        Line::One(value) => Some(value.clone()),
        Line::None | Line::Several => None,
    }
}

enum Line<'a> {
    None,
    One(&'a HeaderValue),
    Several,
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Line<'a> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Line::None,
        (Some(line), None) => Line::One(line),
        (Some(_), Some(_)) => Line::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        lines.collect()
    }

    #[test]
    fn only_what_browsers_say_of_their_own_pages_is_believed() {
        let said = |values: &[&'static str]| {
            let lines: Vec<_> = values
                .iter()
                .map(|value| ("sec-fetch-site", *value))
                .collect();
            site(&headers(&lines))
        };
        assert_eq!(said(&[]), Site::Unsaid);
        assert_eq!(said(&["same-origin"]), Site::Own);
        assert_eq!(said(&["none"]), Site::Own);
        for other in ["same-site", "cross-site", "Same-Origin", "", "null"] {
            assert_eq!(said(&[other]), Site::Other, "{other}");
        }
        assert_eq!(said(&["same-origin", "same-origin"]), Site::Other);
    }

    #[test]
    fn an_origin_is_trusted_or_the_host_that_the_request_is_for() {
        let trusted = [Origin::parse("https://app.example").unwrap()];
        let own = ("host", "a.example");
        let cases: [(&str, &[_], From); 9] = [
            ("/", &[own], From::Unsaid),
            ("/", &[own, ("origin", "https://a.example")], From::Own),
            (
                "/",
                &[own, ("origin", "https://app.example")],
                From::Trusted,
            ),
            ("/", &[own, ("origin", "https://b.example")], From::Other),
            ("/", &[own, ("origin", "null")], From::Other),
            ("/", &[("origin", "https://a.example")], From::Other),
            (
                "http://a.example/",
                &[("origin", "https://a.example")],
                From::Own,
            ),
            (
                "/",
                &[
                    own,
                    ("origin", "https://a.example"),
                    ("origin", "https://a.example"),
                ],
                From::Other,
            ),
            (
                "/",
                &[
                    own,
                    ("host", "b.example"),
                    ("origin", "https://b.example"),
                    ("x-forwarded-host", "b.example"),
                ],
                From::Other,
            ),
        ];
        for (uri, lines, expected) in cases {
            let found = from(&Uri::from_static(uri), &headers(lines), &trusted);
            assert_eq!(found, expected, "{uri} {lines:?}");
        }
    }
}
