use super::*;
use http::HeaderValue;
use proptest::prelude::*;

fn rule(lines: &[&str]) -> Option<NoVarySearch> {
    let value = |line: &&str| HeaderValue::from_str(line).expect("a valid value");
    parse(
        &lines
            .iter()
            .map(|line| (NO_VARY_SEARCH, value(line)))
            .collect(),
    )
}

fn of(key_order: bool, params: Params) -> NoVarySearch {
    NoVarySearch { key_order, params }
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).into()
}

/// Whether two queries are equal under the rule that a field states.
fn equal(field: &str, a: &str, b: &str) -> bool {
    let rule = rule(&[field]).expect("a rule");
    normalise(a, &rule) == normalise(b, &rule)
}

#[test]
fn rules_are_read() {
    assert_eq!(rule(&["key-order"]), Some(of(true, Params::None)));
    assert_eq!(rule(&["params"]), Some(of(false, Params::All)));
    assert_eq!(
        rule(&["params=(\"a\" \"b\")"]),
        Some(of(false, Params::Only(names(["a", "b"]))))
    );
    assert_eq!(
        rule(&["params, except=(\"a\")"]),
        Some(of(false, Params::Except(names(["a"]))))
    );
    assert_eq!(
        rule(&["params, except=()"]),
        Some(of(false, Params::Except(vec![])))
    );
    assert_eq!(
        rule(&["key-order, foo=1", "params"]),
        Some(of(true, Params::All))
    );
}

#[test]
fn names_are_decoded_as_in_a_query() {
    let decoded = Params::Only(names(["\u{e9} x", "100%"]));
    assert_eq!(
        rule(&["params=(\"%C3%a9+x\" \"100%\")"]),
        Some(of(false, decoded))
    );
}

#[test]
fn a_fault_or_a_rule_that_loosens_nothing_is_an_exact_match() {
    for line in [
        "",
        "junk(",
        "Params",
        "foo",
        "key-order=?0",
        "params=?0",
        "params=()",
        "key-order=1",
        "key-order, params=a",
        "params=\"a\"",
        "params=(a)",
        "params=(\"a\" 1)",
        "params=(\"%FF\")",
        "except=(\"a\")",
        "params=?0, except=(\"a\")",
        "params=(\"a\"), except=(\"b\")",
        "params, except",
        "params, except=\"a\"",
        "params, except=(a)",
        "key-order, except=(\"a\")",
    ] {
        assert_eq!(rule(&[line]), None, "{line:?}");
    }
    assert_eq!(rule(&[]), None);
    assert_eq!(rule(&["params", "junk("]), None);
}

#[test]
fn ignored_parameters_do_not_matter() {
    assert!(equal("params", "a=1&b=2", ""));
    assert!(equal("params=(\"a\")", "a=1&b=2&a", "b=2"));
    assert!(!equal("params=(\"a\")", "a=1&b=2", "a=1&b=3"));
    assert!(equal("params, except=(\"a\")", "a=1&b=2", "c=3&a=1"));
    assert!(!equal("params, except=(\"a\")", "a=1&b=2", "a=2&b=2"));
}

#[test]
fn order_matters_unless_said_otherwise() {
    assert!(!equal("params=(\"x\")", "a=1&b=2", "b=2&a=1"));
    assert!(equal("key-order", "a=1&b=2", "b=2&a=1"));
    assert!(!equal("key-order", "a=1&a=2", "a=2&a=1"));
    assert!(equal("key-order", "a=1&b=3&a=2", "b=3&a=1&a=2"));
}

#[test]
fn different_encodings_of_a_parameter_are_equal() {
    assert!(equal("params=(\"x\")", "a+b=%c3%A9&&", "%61%20b=\u{e9}"));
    assert!(equal("params=(\"x\")", "a", "a="));
    assert!(equal("params=(\"x\")", "%78=1", ""));
    assert!(equal("params=(\"x\")", "a=100%", "a=100%25"));
    assert!(equal("params=(\"x\")", "a=%zz%+%4", "a=%25zz%25%20%254"));
}

#[test]
fn encoded_separators_stay_data() {
    assert!(!equal("params=(\"x\")", "a=1%26b=2", "a=1&b=2"));
    assert!(!equal("params=(\"x\")", "a%3D1", "a=1"));
    assert!(equal("params=(\"x\")", "a=1=2", "a=1%3D2"));
    assert!(!equal("params=(\"x\")", "a=%FF", "a=%FE"));
    assert!(!equal("params=(\"x\")", "=", ""));
}

/// A query of these pairs, every byte encoded.
fn written(pairs: &[(String, String)]) -> String {
    let encode = |text: &String| {
        let bytes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        bytes.concat()
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| [encode(name), encode(value)].join("="))
        .collect();
    pairs.join("&")
}

proptest! {
    #[test]
    fn queries_have_the_same_form_only_if_their_pairs_are_the_same(
        a: Vec<(String, String)>,
        b in proptest::collection::vec(("[a&=%+]{0,2}", "[a&=%+]{0,2}"), 0..4),
        c in proptest::collection::vec(("[a&=%+]{0,2}", "[a&=%+]{0,2}"), 0..4),
    ) {
        let rule = NoVarySearch { key_order: false, params: Params::Only(names(["never"])) };
        let form = |pairs: &[(String, String)]| normalise(&written(pairs), &rule);
        prop_assert_eq!(form(&a) == form(&b), a == b);
        prop_assert_eq!(form(&b) == form(&c), b == c);
    }

    #[test]
    fn the_normal_form_is_its_own(query: String, key_order: bool) {
        let rule = NoVarySearch { key_order, params: Params::None };
        let normal = normalise(&query, &rule);
        prop_assert_eq!(normalise(&normal, &rule), normal);
    }

    #[test]
    fn arbitrary_values_do_not_panic(bytes: Vec<u8>) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let _ = parse(&HeaderMap::from_iter([(NO_VARY_SEARCH, value)]));
        }
    }
}
