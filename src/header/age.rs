//! The `Age` of a response that came through another cache (RFC 9111 5.1).

use http::{HeaderMap, header};

use super::{delta::parse_delta, list};

/// The age in seconds that an upstream cache states.
///
/// Of several members, on one line or on several, the first is taken. One that is not a
/// non-negative whole number is ignored, as RFC 9111 5.1 recommends; too large ones saturate.
pub(crate) fn parse(headers: &HeaderMap) -> Option<u64> {
    list::members(headers, &header::AGE)
        .next()
        .and_then(parse_delta)
}

#[cfg(test)]
mod tests {
    use super::super::delta::MAX_DELTA;
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn age(lines: &[&'static str]) -> Option<u64> {
        parse(
            &lines
                .iter()
                .map(|line| (header::AGE, HeaderValue::from_static(line)))
                .collect(),
        )
    }

    #[test]
    fn a_number_is_the_age() {
        assert_eq!(age(&[]), None);
        assert_eq!(age(&["0"]), Some(0));
        assert_eq!(age(&[" 7200 "]), Some(7200));
        assert_eq!(age(&["99999999999999999999999"]), Some(MAX_DELTA));
    }

    #[test]
    fn the_first_member_and_the_first_line_count() {
        assert_eq!(age(&["7200,0"]), Some(7200));
        assert_eq!(age(&["0, 7200"]), Some(0));
        assert_eq!(age(&["7200", "0"]), Some(7200));
        assert_eq!(age(&["0", "7200"]), Some(0));
        // A later member does not stand in for a malformed first one.
        assert_eq!(age(&["abc, 5"]), None);
    }

    #[test]
    fn an_invalid_age_is_ignored() {
        for invalid in [
            "abc",
            "-7200",
            "7200.0",
            "7200;foo=bar",
            "7200;foo=111",
            "\"5\"",
            "",
        ] {
            assert_eq!(age(&[invalid]), None, "{invalid:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_values_do_not_panic(bytes: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers = HeaderMap::from_iter([(header::AGE, value)]);
                prop_assert!(parse(&headers).is_none_or(|age| age <= MAX_DELTA));
            }
        }
    }
}
