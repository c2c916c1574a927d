//! Conditions: those of the cache beside those of a client, and the answers to a client's own.

use super::*;

fn conditions(request: Lines<'_>, stored: &[Lines<'_>]) -> HeaderMap {
    let mut request = headers(request);
    let stored: Vec<_> = stored.iter().map(|lines| headers(lines)).collect();
    let (selected, others) = stored.split_first().expect("something stored");
    add_conditions(&mut request, Some(selected), others.iter());
    request
}

// RFC 9111 4.3.1
#[test]
fn the_validators_of_what_is_stored_become_conditions() {
    let both = conditions(&[], &[&[("etag", "W/\"a\""), ("last-modified", EARLY)]]);
    let expected = headers(&[("if-none-match", "W/\"a\""), ("if-modified-since", EARLY)]);
    assert_eq!(both, expected);
    let dated = conditions(&[], &[&[("last-modified", EARLY)]]);
    assert_eq!(dated, headers(&[("if-modified-since", EARLY)]));
    let tagged = conditions(&[], &[&[("etag", "\"a\"")]]);
    assert_eq!(tagged, headers(&[("if-none-match", "\"a\"")]));
    let nothing = conditions(&[("accept", "*/*")], &[&[("date", EARLY)]]);
    assert_eq!(nothing, headers(&[("accept", "*/*")]));
}

#[test]
fn each_stored_tag_is_named_once() {
    let request = conditions(
        &[],
        &[
            &[("etag", "\"a\"")],
            &[("etag", "\"b\"")],
            &[("etag", "\"a\"")],
        ],
    );
    assert_eq!(all(&request, &header::IF_NONE_MATCH), ["\"a\"", "\"b\""]);
}

// The date of one variant says nothing about another one.
#[test]
fn the_date_is_that_of_the_selected_response_alone() {
    let other: Lines<'_> = &[("etag", "\"b\""), ("last-modified", LATER)];
    let request = conditions(&[], &[&[("etag", "\"a\"")], other]);
    assert!(!request.contains_key(header::IF_MODIFIED_SINCE));
    let request = conditions(&[], &[&[("last-modified", EARLY)], other]);
    assert_eq!(all(&request, &header::IF_MODIFIED_SINCE), [EARLY]);
    let mut request = HeaderMap::new();
    add_conditions(&mut request, None, [&headers(other)].into_iter());
    assert_eq!(request, headers(&[("if-none-match", "\"b\"")]));
}

#[test]
fn a_variant_that_was_not_selected_is_confirmed_by_its_strong_tag_alone() {
    let confirmed =
        |update: Lines<'_>, stored: Lines<'_>| confirms_variant(&headers(update), &headers(stored));
    assert!(confirmed(&[("etag", "\"a\"")], &[("etag", "\"a\"")]));
    assert!(!confirmed(&[("etag", "\"a\"")], &[("etag", "\"b\"")]));
    assert!(!confirmed(&[("etag", "W/\"a\"")], &[("etag", "W/\"a\"")]));
    assert!(!confirmed(
        &[("last-modified", EARLY)],
        &[("last-modified", EARLY)]
    ));
    assert!(!confirmed(&[], &[]));
    assert!(has_strong_tag(&headers(&[("etag", "\"a\"")])));
    assert!(!has_strong_tag(&headers(&[("etag", "W/\"a\"")])) && !has_strong_tag(&headers(&[])));
}

#[test]
fn a_clients_own_conditions_keep_their_place() {
    let stored: Lines<'_> = &[("etag", "\"a\""), ("last-modified", EARLY)];
    let tagged = conditions(&[("if-none-match", "\"x\"")], &[stored]);
    assert_eq!(all(&tagged, &header::IF_NONE_MATCH), ["\"x\"", "\"a\""]);
    assert!(!tagged.contains_key(header::IF_MODIFIED_SINCE));
    let known = conditions(&[("if-none-match", "\"a\"")], &[stored]);
    assert_eq!(all(&known, &header::IF_NONE_MATCH), ["\"a\""]);
    let dated = conditions(&[("if-modified-since", LAST)], &[stored]);
    assert_eq!(all(&dated, &header::IF_MODIFIED_SINCE), [LAST]);
}

// RFC 9110 13.1.2: an asterisk stands alone in If-None-Match or the field is malformed.
#[test]
fn an_asterisk_of_the_client_is_sent_on_alone() {
    let request = conditions(&[("if-none-match", "*")], &[&[("etag", "\"a\"")]]);
    assert_eq!(all(&request, &header::IF_NONE_MATCH), ["*"]);
}

#[test]
fn conditions_that_a_304_answers_are_known() {
    assert!(has_conditions(&headers(&[("if-none-match", "*")])));
    assert!(has_conditions(&headers(&[("if-modified-since", EARLY)])));
    let others = [
        ("if-match", "\"a\""),
        ("if-unmodified-since", EARLY),
        ("if-range", "\"a\""),
    ];
    assert!(!has_conditions(&headers(&others)));
}

#[test]
fn a_client_asks_only_about_what_is_stored_if_it_names_nothing_else() {
    let stored: Lines<'_> = &[("etag", "\"a\""), ("last-modified", EARLY)];
    let about = |request, stored| asks_only_about(&headers(request), &headers(stored));
    assert!(about(&[], stored));
    assert!(about(&[], &[]));
    assert!(about(&[("if-none-match", "\"a\"")], stored));
    assert!(about(&[("if-modified-since", EARLY)], stored));
    for request in [
        &[("if-none-match", "\"b\"")][..],
        &[("if-none-match", "*")],
        &[("if-none-match", "\"a\""), ("if-none-match", "\"b\"")],
        &[("if-modified-since", LATER)],
        &[("if-none-match", "\"a\""), ("if-modified-since", LATER)],
        &[("if-none-match", "\"b\""), ("if-modified-since", EARLY)],
    ] {
        assert!(!about(request, stored), "{request:?}");
    }
    assert!(!about(&[("if-none-match", "\"a\"")], &[]));
    assert!(!about(&[("if-modified-since", EARLY)], &[]));
}

fn has(request: Lines<'_>, stored: Lines<'_>) -> bool {
    client_has(&headers(request), StatusCode::OK, &headers(stored), NOW)
}

#[test]
fn without_conditions_a_client_has_nothing() {
    assert!(!has(&[], &[("etag", "\"a\""), ("last-modified", EARLY)]));
}

// RFC 9110 13.1.2
#[test]
fn tags_are_compared_weakly_and_in_lists() {
    let stored: Lines<'_> = &[("etag", "\"a\"")];
    for list in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "*"] {
        assert!(has(&[("if-none-match", list)], stored), "{list}");
    }
    assert!(!has(&[("if-none-match", "\"b\"")], stored));
    assert!(!has(&[("if-none-match", "\"a\"")], &[]));
}

// RFC 9110 13.1.3
#[test]
fn tags_beat_dates() {
    let stored: Lines<'_> = &[("etag", "\"a\""), ("last-modified", EARLY)];
    let changed = [("if-none-match", "\"b\""), ("if-modified-since", EARLY)];
    assert!(!has(&changed, stored));
    let same = [("if-none-match", "\"a\""), ("if-modified-since", "never")];
    assert!(has(&same, stored));
}

#[test]
fn a_date_is_compared_with_last_modified_or_else_with_date() {
    let since: Lines<'_> = &[("if-modified-since", LATER)];
    assert!(has(since, &[("last-modified", EARLY)]));
    assert!(has(since, &[("last-modified", LATER)]));
    assert!(!has(since, &[("last-modified", LAST)]));
    assert!(has(since, &[("last-modified", EARLY), ("date", LAST)]));
    assert!(!has(since, &[("last-modified", LAST), ("date", EARLY)]));
    assert!(has(since, &[("date", LATER)]));
    assert!(!has(since, &[("date", LAST)]));
    assert!(!has(since, &[]));
}

#[test]
fn a_condition_that_is_no_date_is_ignored() {
    let stored: Lines<'_> = &[("last-modified", EARLY)];
    assert!(!has(&[("if-modified-since", "later")], stored));
    let twice = [("if-modified-since", LATER), ("if-modified-since", LATER)];
    assert!(!has(&twice, stored));
}

#[test]
fn if_match_and_if_unmodified_since_are_left_to_the_origin() {
    let stored: Lines<'_> = &[("etag", "\"a\""), ("last-modified", EARLY)];
    assert!(!has(&[("if-match", "\"a\"")], stored));
    assert!(!has(&[("if-unmodified-since", LAST)], stored));
}

// RFC 9110 13.2.1: conditions are for what would be a 2xx without them.
#[test]
fn conditions_do_not_apply_to_stored_errors_and_redirects() {
    let request = headers(&[("if-none-match", "\"a\"")]);
    let stored = headers(&[("etag", "\"a\"")]);
    for (status, applies) in [
        (200, true),
        (203, true),
        (301, false),
        (404, false),
        (501, false),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        assert_eq!(
            client_has(&request, status, &stored, NOW),
            applies,
            "{status}"
        );
    }
}
