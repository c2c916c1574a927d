use super::super::delta::MAX_DELTA;
use super::*;
use http::{HeaderMap, HeaderValue, header};
use proptest::prelude::*;

mod of_requests;
mod of_responses;
mod of_targeted_fields;

fn lines(lines: &[&str]) -> ResponseDirectives {
    ResponseDirectives::from_lines(lines.iter().map(|line| line.as_bytes()))
}

fn response(line: &str) -> ResponseDirectives {
    lines(&[line])
}

fn named<const N: usize>(names: [&'static str; N]) -> Fields {
    Fields::Named(names.map(HeaderName::from_static).into())
}

fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
    let value = |line: &&str| HeaderValue::from_str(line).expect("a valid value");
    lines
        .iter()
        .map(|line| (name.clone(), value(line)))
        .collect()
}

fn request(line: &str) -> RequestDirectives {
    RequestDirectives::from_headers(&headers(&header::CACHE_CONTROL, &[line]), true)
}

fn targeted(lines: &[&str]) -> Option<ResponseDirectives> {
    let name = HeaderName::from_static("cdn-cache-control");
    ResponseDirectives::from_targeted(&headers(&name, lines), &name)
}

/// Text rich in what the grammar gives meaning to.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "max-age=60",
        "max-age",
        "s-maxage=5",
        "no-store",
        "private",
        "public",
        "no-cache",
        "ext",
        ",",
        ", ",
        "=",
        "\"",
        "\\",
        " ",
        "a",
        "5",
        "immutable",
        "stale-if-error=9",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..20)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_directive_of_its_own_line_counts_after_anything(garbage in soup()) {
        let directives = lines(&[&garbage, "no-store, private, no-cache, max-age=0"]);
        prop_assert!(directives.no_store);
        prop_assert_eq!(directives.private, Fields::All);
        prop_assert_eq!(directives.no_cache, Fields::All);
        prop_assert_eq!(directives.max_age, Some(0));
    }

    #[test]
    fn nothing_after_an_open_quote_extends_a_lifetime(tail in soup(), age in 0..100_u64) {
        let tail = tail.replace('"', "");
        let plain = response(&format!("max-age={age}"));
        let broken = response(&format!("max-age={age}, ext=\"{tail}"));
        prop_assert!(broken.max_age <= plain.max_age);
        prop_assert!(broken.s_maxage.is_none_or(|lifetime| lifetime == 0));
        prop_assert!(!broken.public && !broken.immutable && broken.stale_if_error.is_none());
    }

    #[test]
    fn more_lines_never_lengthen_a_lifetime(first in soup(), second in soup()) {
        let one = lines(&[&first]);
        let both = lines(&[&first, &second]);
        prop_assert!(one.max_age.is_none() || both.max_age <= one.max_age);
        prop_assert!(!one.no_store || both.no_store);
        prop_assert!(one.private != Fields::All || both.private == Fields::All);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(first: Vec<u8>, second: Vec<u8>) {
        let _ = ResponseDirectives::from_lines([&first[..], &second].into_iter());
        if let Ok(value) = HeaderValue::from_bytes(&first) {
            let headers = HeaderMap::from_iter([(header::CACHE_CONTROL, value)]);
            let _ = RequestDirectives::from_headers(&headers, true);
            let _ = ResponseDirectives::from_targeted(&headers, &header::CACHE_CONTROL);
        }
    }
}
