//! Field values that are comma lists, over all lines of a field (RFC 9110 5.3, 5.6.1).

#[cfg(feature = "response-cache")]
use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Strips optional white space (RFC 9110 5.6.3) from both ends.
pub(crate) fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The members of a list without quoted strings, from all lines, in order; empty ones are skipped.
pub(crate) fn members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(trim)
        .filter(|member| !member.is_empty())
}

/// All lines of a field as the one value that they mean; `None` if the field is absent.
///
/// A field that came in one line is not copied.
#[cfg(feature = "response-cache")]
pub(crate) fn combined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = Cow::Borrowed(trim(lines.next()?));
    Some(lines.fold(first, |value, line| {
        let mut value = value.into_owned();
        value.extend_from_slice(b", ");
        value.extend_from_slice(trim(line));
        Cow::Owned(value)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::VARY;
    use proptest::prelude::*;

    fn vary(lines: &[&'static str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (VARY, HeaderValue::from_static(line)))
            .collect()
    }

    #[test]
    fn members_come_from_all_lines_in_order() {
        let headers = vary(&["a ,\tb", "", ", c,,", "d"]);
        let members: Vec<_> = members(&headers, &VARY).collect();
        assert_eq!(members, [b"a", b"b", b"c", b"d"]);
    }

    #[test]
    fn an_absent_field_has_no_members_and_no_value() {
        let headers = HeaderMap::new();
        assert_eq!(members(&headers, &VARY).count(), 0);
        assert_eq!(combined(&headers, &VARY), None);
    }

    #[test]
    fn an_empty_line_is_present() {
        assert_eq!(combined(&vary(&[" \t "]), &VARY).as_deref(), Some(&b""[..]));
    }

    #[test]
    fn one_line_is_borrowed() {
        let headers = vary(&[" a, b "]);
        assert!(matches!(
            combined(&headers, &VARY),
            Some(Cow::Borrowed(b"a, b"))
        ));
    }

    #[test]
    fn several_lines_are_joined_trimmed() {
        let headers = vary(&[" a", "b\t", "c"]);
        assert_eq!(combined(&headers, &VARY).as_deref(), Some(&b"a, b, c"[..]));
    }

    proptest! {
        #[test]
        fn trimmed_bytes_neither_begin_nor_end_with_white_space(bytes: Vec<u8>) {
            let trimmed = trim(&bytes);
            let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
            prop_assert!(!blank(trimmed.first()) && !blank(trimmed.last()));
        }
    }
}
