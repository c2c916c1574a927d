use super::*;

#[test]
fn every_directive_is_read_in_any_case_from_all_lines() {
    let map = headers(
        &header::CACHE_CONTROL,
        &[
            "No-StOrE, PUBLIC,must-revalidate ,, proxy-revalidate",
            "must-understand, immutable, no-cache, private, foobar, foo=bar",
            "MaX-aGe=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4",
        ],
    );
    let expected = ResponseDirectives {
        no_store: true,
        public: true,
        must_revalidate: true,
        proxy_revalidate: true,
        must_understand: true,
        immutable: true,
        no_cache: Fields::All,
        private: Fields::All,
        max_age: Some(1),
        s_maxage: Some(2),
        stale_while_revalidate: Some(3),
        stale_if_error: Some(4),
    };
    assert_eq!(ResponseDirectives::from_headers(&map), expected);
    assert_eq!(
        ResponseDirectives::from_headers(&HeaderMap::new()),
        ResponseDirectives::default()
    );
}

#[test]
fn lifetimes_are_tokens_or_quoted_strings_and_saturate() {
    for (value, seconds) in [
        ("0", 0),
        ("003600", 3600),
        ("\"3600\"", 3600),
        ("\"36\\00\"", 3600),
        ("2147483647", MAX_DELTA - 1),
        ("2147483648", MAX_DELTA),
        ("99999999999999999999", MAX_DELTA),
    ] {
        assert_eq!(
            response(&format!("max-age={value}")).max_age,
            Some(seconds),
            "{value}"
        );
        assert_eq!(
            response(&format!("s-maxage={value}")).s_maxage,
            Some(seconds),
            "{value}"
        );
    }
}

#[test]
fn lifetimes_that_cannot_be_read_are_stale() {
    for argument in [
        "",
        "=",
        "=\"\"",
        "=-3600",
        "=3600.0",
        "=3600.5",
        "=a3600",
        "=3600a",
        "='3600'",
        " =3600",
        "= 3600",
        "=3600 0",
        "=\"3600\"0",
        "=\"3600",
        "=\"-1\"",
        "=\" 3600\"",
        "= \"3600\"",
        "=36\"00\"",
        "=3600;",
        "=3600=1",
        " 3600",
        ":3600",
        "=\"3600\\\"",
    ] {
        assert_eq!(
            response(&format!("max-age{argument}")).max_age,
            Some(0),
            "{argument}"
        );
        assert_eq!(
            response(&format!("s-maxage{argument}")).s_maxage,
            Some(0),
            "{argument}"
        );
    }
}

#[test]
fn of_several_lifetimes_the_shortest_counts() {
    for pair in [
        ["max-age=1", "max-age=1800"],
        ["max-age=1800", "max-age=1"],
        ["s-maxage=5, max-age=1", "public, max-age=900"],
    ] {
        assert_eq!(lines(&pair).max_age, Some(1), "{pair:?}");
        assert_eq!(response(&pair.join(", ")).max_age, Some(1), "{pair:?}");
    }
    assert_eq!(
        response("max-age=60, max-age=junk, max-age=60").max_age,
        Some(0)
    );
    let windows = response(
        "stale-if-error=9, stale-if-error=3, stale-while-revalidate=2, stale-while-revalidate=4",
    );
    assert_eq!(
        (windows.stale_if_error, windows.stale_while_revalidate),
        (Some(3), Some(2))
    );
}

#[test]
fn directives_within_quoted_strings_are_data() {
    for line in [
        "extension=\"max-age=3600\", max-age=1",
        "max-age=1, extension=\"max-age=3600\"",
        "extension=\"max-age=0, no-store, private\", max-age=\"1\"",
        "extension=\"\\\", no-store, \\\\\", max-age=1",
    ] {
        let expected = ResponseDirectives {
            max_age: Some(1),
            ..Default::default()
        };
        assert_eq!(response(line), expected, "{line}");
    }
}

#[test]
fn stale_windows_that_cannot_be_read_permit_nothing() {
    for argument in ["", "=", "=-1", "=1.5", "=x", "=1 0", "=\"1\"0", "= 1"] {
        let directives = response(&format!(
            "stale-while-revalidate{argument}, stale-if-error{argument}"
        ));
        assert_eq!(directives, ResponseDirectives::default(), "{argument}");
    }
}

#[test]
fn restrictions_count_with_an_argument_and_permissions_do_not() {
    let directives = response("no-store=foo, must-revalidate=\"x\", proxy-revalidate=");
    assert!(directives.no_store && directives.must_revalidate && directives.proxy_revalidate);
    assert_eq!(
        response("public=1, immutable=\"a\", must-understand="),
        ResponseDirectives::default()
    );
}

#[test]
fn qualified_forms_name_fields() {
    assert_eq!(response("no-cache=\"a, b\"").no_cache, named(["a", "b"]));
    assert_eq!(
        response("private=\"Set-Cookie ,,\"").private,
        named(["set-cookie"])
    );
    assert_eq!(
        response("private=Set-Cookie").private,
        named(["set-cookie"])
    );
    assert_eq!(
        lines(&["no-cache=\"a\"", "no-cache=\"b, A\""]).no_cache,
        named(["a", "b"])
    );
}

#[test]
fn unqualified_forms_beat_qualified_ones() {
    assert_eq!(response("no-cache=\"a\", no-cache").no_cache, Fields::All);
    assert_eq!(response("private, private=\"a\"").private, Fields::All);
}

#[test]
fn malformed_field_lists_are_the_unqualified_form() {
    for argument in [
        "=", "=\"\"", "=\", ,\"", "=\"a b\"", "=\"a,(\"", "=a b", "= \"a\"", " =a", "=\"a\"b",
    ] {
        assert_eq!(
            response(&format!("no-cache{argument}")).no_cache,
            Fields::All,
            "{argument}"
        );
        assert_eq!(
            response(&format!("private{argument}")).private,
            Fields::All,
            "{argument}"
        );
    }
}

#[test]
fn a_malformed_member_hides_no_later_one() {
    for garbage in [
        "(",
        "=",
        "=5",
        "a b",
        "a=b=c",
        ";;",
        "\u{e9}",
        "a=\"b\"c",
        "a =\"b, c\"",
    ] {
        let directives = response(&format!("{garbage}, no-store, max-age=7"));
        assert!(directives.no_store, "{garbage}");
    }
    assert_eq!(response("a b, max-age=7, public").max_age, Some(7));
    assert!(response("a=\"b\"c, public").public);
}

#[test]
fn restrictions_within_a_malformed_member_count() {
    let directives = response("public; max-age=3600; no-store; private");
    assert!(directives.no_store && !directives.public);
    assert_eq!(
        (directives.max_age, directives.private),
        (Some(0), Fields::All)
    );
    assert!(response("a=\"b\" no-store").no_store);
    assert!(response("max-age=60 no-store").no_store);
}

#[test]
fn an_unterminated_quoted_string_permits_nothing_after_it() {
    for open in [
        "ext=\"",
        "ext=\"a\\\"",
        "ext\"",
        "\"",
        "a=b\"c\"",
        "a=\"b\"\"",
    ] {
        let line = format!(
            "{open}, max-age=60, s-maxage=60, public, immutable, stale-if-error=9, must-understand"
        );
        let expected = ResponseDirectives {
            max_age: Some(0),
            s_maxage: Some(0),
            ..Default::default()
        };
        assert_eq!(response(&line), expected, "{open}");
    }
}

#[test]
fn restrictions_after_an_unterminated_quoted_string_count() {
    assert!(response("max-age=60, ext=\"a, no-store").no_store);
    assert_eq!(
        response("max-age=60, ext=\"a, no-cache=\"b\"").no_cache,
        Fields::All
    );
    assert_eq!(response("ext=\"a,private").private, Fields::All);
    assert_eq!(
        lines(&["max-age=60, ext=\"a", "max-age=90"]).max_age,
        Some(0)
    );
    assert!(lines(&["ext=\"a", "b", "no-store"]).no_store);
}

#[test]
fn revalidation_within_a_broken_part_permits_no_authenticated_answer() {
    let directives = response("max-age=60, ext=\"a, must-revalidate");
    assert!(!directives.must_revalidate);
    assert_eq!(
        (directives.no_cache, directives.max_age),
        (Fields::All, Some(60))
    );
}
