use super::*;

#[test]
fn every_directive_is_read() {
    let directives = targeted(&[
        "max-age=60;a=b, s-maxage=99999999999, stale-while-revalidate=3, stale-if-error=4",
        "no-store, must-revalidate, proxy-revalidate, public, must-understand, immutable, foo=(1 2)",
        "no-cache=\"a, b\", private=Set-Cookie",
    ]);
    let expected = ResponseDirectives {
        no_store: true,
        public: true,
        must_revalidate: true,
        proxy_revalidate: true,
        must_understand: true,
        immutable: true,
        no_cache: named(["a", "b"]),
        private: named(["set-cookie"]),
        max_age: Some(60),
        s_maxage: Some(MAX_DELTA),
        stale_while_revalidate: Some(3),
        stale_if_error: Some(4),
    };
    assert_eq!(directives, Some(expected));
}

#[test]
fn a_field_that_is_absent_empty_or_malformed_is_ignored() {
    assert_eq!(targeted(&[]), None);
    for line in [
        "",
        " ",
        "max-age=",
        "Max-Age=60",
        "max-age=60,",
        "max-age=60 no-store",
        "max-age='60'",
        "no-cache=\"a",
        "&",
        "max-age=60, &",
        "max-age=1234567890123456",
        "a=@1",
    ] {
        assert_eq!(targeted(&[line]), None, "{line:?}");
    }
    assert_eq!(targeted(&["max-age=60", "&"]), None);
    assert_eq!(targeted(&["unknown"]), Some(ResponseDirectives::default()));
}

#[test]
fn lifetimes_of_another_type_are_stale_and_windows_absent() {
    for value in [
        "=-1", "=60.0", "=\"60\"", "=sixty", "=?0", "=(60)", "=:NjA=:", "",
    ] {
        let line = format!("max-age{value}, s-maxage{value}, stale-if-error{value}");
        let expected = ResponseDirectives {
            max_age: Some(0),
            s_maxage: Some(0),
            ..Default::default()
        };
        assert_eq!(targeted(&[&line]), Some(expected), "{value}");
    }
}

#[test]
fn a_false_boolean_is_no_directive() {
    let line = "no-store=?0, no-cache=?0, private=?0, public=?0, must-revalidate=?0";
    assert_eq!(targeted(&[line]), Some(ResponseDirectives::default()));
}

#[test]
fn of_other_types_restrictions_count_and_permissions_do_not() {
    let directives = targeted(&[
        "no-store=1, must-revalidate=(), private=1, no-cache=(\"a\"), public=1, immutable=yes",
    ]);
    let expected = ResponseDirectives {
        no_store: true,
        must_revalidate: true,
        private: Fields::All,
        no_cache: Fields::All,
        ..Default::default()
    };
    assert_eq!(directives, Some(expected));
}

#[test]
fn of_equal_keys_the_last_counts_as_in_every_dictionary() {
    let directives = targeted(&["max-age=60, max-age=90"]).expect("a valid field");
    assert_eq!(directives.max_age, Some(90));
}
