use super::*;

mod of_clients;

/// Sun, 09 Sep 2001 01:46:40 GMT
const NOW: i64 = 1_000_000_000;

/// Three moments, in order.
const EARLY: &str = "Sun, 09 Sep 2001 01:00:00 GMT";
const LATER: &str = "Sun, 09 Sep 2001 01:00:01 GMT";
const LAST: &str = "Sun, 09 Sep 2001 01:30:00 GMT";

type Lines<'a> = &'a [(&'static str, &'static str)];

fn headers(lines: Lines<'_>) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    lines.iter().map(field).collect()
}

fn all(headers: &HeaderMap, name: &HeaderName) -> Vec<HeaderValue> {
    headers.get_all(name).iter().cloned().collect()
}

fn confirms_by(update: Lines<'_>, stored: Lines<'_>, alone: bool) -> bool {
    confirms(&headers(update), &headers(stored), alone)
}

#[test]
fn what_has_a_tag_or_a_last_modified_can_be_validated() {
    for (lines, validator, tag) in [
        (&[][..], false, false),
        (&[("date", EARLY)], false, false),
        (&[("last-modified", EARLY)], true, false),
        (&[("etag", "W/\"a\"")], true, true),
        (&[("etag", "\"a\""), ("last-modified", EARLY)], true, true),
    ] {
        assert_eq!(has_validator(&headers(lines)), validator, "{lines:?}");
        assert_eq!(has_tag(&headers(lines)), tag, "{lines:?}");
    }
}

// RFC 9111 4.3.4, strong validators: the same one, or the update must not be used.
#[test]
fn a_strong_tag_confirms_only_itself() {
    for alone in [false, true] {
        let by = |stored| confirms_by(&[("etag", "\"a\"")], stored, alone);
        assert!(by(&[("etag", "\"a\"")]));
        assert!(!by(&[("etag", "\"b\"")]));
        assert!(!by(&[]));
        assert!(!by(&[("last-modified", EARLY)]));
        let both = &[("etag", "\"a\""), ("last-modified", EARLY)];
        let differs = &[("etag", "\"b\""), ("last-modified", EARLY)];
        assert!(!confirms_by(both, differs, alone));
    }
}

#[test]
fn a_strong_tag_does_not_confirm_what_only_has_the_weak_one() {
    let weak = &[("etag", "W/\"a\"")];
    assert!(!confirms_by(&[("etag", "\"a\"")], weak, true));
    assert!(!confirms_by(&[("etag", "\"b\"")], weak, true));
}

#[test]
fn a_weak_tag_confirms_what_matches_it_weakly() {
    let by = |stored| confirms_by(&[("etag", "W/\"a\"")], stored, true);
    assert!(by(&[("etag", "W/\"a\"")]));
    assert!(by(&[("etag", "\"a\"")]));
    assert!(!by(&[("etag", "W/\"b\"")]));
    assert!(!by(&[("etag", "\"b\"")]));
    assert!(!by(&[("last-modified", EARLY)]));
}

#[test]
fn a_malformed_tag_confirms_what_has_it_to_the_letter() {
    let by = |update, stored| confirms_by(&[("etag", update)], &[("etag", stored)], true);
    assert!(by("abc", "abc"));
    assert!(!by("abc", "abd"));
    assert!(!by("abc", "\"abc\""));
    assert!(!by("\"abc\"", "abc"));
}

#[test]
fn a_last_modified_confirms_what_has_it() {
    let update: Lines<'_> = &[("last-modified", EARLY)];
    for alone in [false, true] {
        let tagged = &[("etag", "\"a\""), ("last-modified", EARLY)];
        assert!(confirms_by(update, &[("last-modified", EARLY)], alone));
        assert!(confirms_by(update, tagged, alone));
        assert!(!confirms_by(update, &[("last-modified", LATER)], alone));
        let differs = &[("etag", "\"a\""), ("last-modified", LATER)];
        assert!(!confirms_by(update, differs, alone));
        assert!(!confirms_by(update, &[], alone));
    }
}

// The tag that was asked about is the stored one's only validator, so the answer can only mean it.
#[test]
fn a_last_modified_confirms_a_response_with_nothing_but_a_tag_if_no_other_was_asked_about() {
    let update: Lines<'_> = &[("last-modified", EARLY)];
    assert!(confirms_by(update, &[("etag", "\"a\"")], true));
    assert!(!confirms_by(update, &[("etag", "\"a\"")], false));
}

#[test]
fn a_304_without_validators_confirms_what_was_asked_about_alone() {
    for stored in [&[][..], &[("etag", "\"a\"")], &[("last-modified", EARLY)]] {
        assert!(confirms_by(&[("date", LAST)], stored, true));
        assert!(!confirms_by(&[("date", LAST)], stored, false));
    }
}

// RFC 9111 3.2
#[test]
fn fields_of_an_update_replace_and_add_all_lines() {
    let stored = headers(&[
        ("cache-control", "max-age=1"),
        ("cache-control", "public"),
        ("x-kept", "1"),
        ("x-kept", "2"),
        ("x-shorter", "1"),
        ("x-shorter", "2"),
    ]);
    let update = headers(&[
        ("cache-control", "max-age=2"),
        ("x-new", "1"),
        ("x-new", "2"),
        ("x-shorter", "3"),
    ]);
    let expected = headers(&[
        ("cache-control", "max-age=2"),
        ("x-kept", "1"),
        ("x-kept", "2"),
        ("x-new", "1"),
        ("x-new", "2"),
        ("x-shorter", "3"),
    ]);
    assert_eq!(freshened(&stored, &update), expected);
}

#[test]
fn what_describes_the_stored_content_outlives_an_update() {
    let names = [
        "content-length",
        "content-encoding",
        "content-range",
        "content-md5",
        "content-digest",
    ];
    for name in names {
        let stored = headers(&[(name, "old")]);
        assert_eq!(freshened(&stored, &headers(&[(name, "new")])), stored);
        let nothing = HeaderMap::new();
        assert_eq!(freshened(&nothing, &headers(&[(name, "new")])), nothing);
    }
}

// RFC 9111 3.1
#[test]
fn fields_of_one_hop_do_not_come_in_by_an_update() {
    let stored = headers(&[("x-named", "old"), ("etag", "\"a\"")]);
    let update = headers(&[
        ("connection", "x-named"),
        ("x-named", "new"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("proxy-authenticate", "Basic"),
    ]);
    assert_eq!(freshened(&stored, &update), stored);
}

#[test]
fn an_age_is_that_of_the_update_or_none() {
    let stored = headers(&[("age", "9"), ("etag", "\"a\"")]);
    let without = freshened(&stored, &headers(&[("date", LAST)]));
    assert!(!without.contains_key(header::AGE));
    let with = freshened(&stored, &headers(&[("age", "1")]));
    assert_eq!(all(&with, &header::AGE), ["1"]);
}

// RFC 9111 4.3.5: the validators that were received, and Content-Length if there is one.
#[test]
fn a_head_contradicts_by_another_validator_or_length() {
    let stored = headers(&[("etag", "\"a\""), ("last-modified", EARLY)]);
    let contradicts = |head| head_contradicts(&headers(head), &stored, 10);
    for agreeing in [
        &[][..],
        &[("etag", "\"a\"")],
        &[("last-modified", EARLY)],
        &[("content-length", "10")],
        &[
            ("etag", "\"a\""),
            ("last-modified", EARLY),
            ("content-length", "10"),
        ],
        &[("content-length", "ten")],
        &[("cache-control", "max-age=60"), ("x-new", "1")],
    ] {
        assert!(!contradicts(agreeing), "{agreeing:?}");
    }
    for contradicting in [
        &[("etag", "\"b\"")][..],
        &[("etag", "W/\"a\"")],
        &[("last-modified", LATER)],
        &[("content-length", "9")],
        &[("content-length", "0")],
        &[("etag", "\"b\""), ("last-modified", EARLY)],
        &[("etag", "\"a\""), ("last-modified", LATER)],
        &[("etag", "\"a\""), ("content-length", "11")],
    ] {
        assert!(contradicts(contradicting), "{contradicting:?}");
    }
    let untagged = headers(&[("last-modified", EARLY)]);
    let tagged = headers(&[("etag", "\"a\"")]);
    assert!(head_contradicts(&tagged, &untagged, 10));
}
