//! A client's own conditions, answered from store (RFC 9111 4.3.2, RFC 9110 13, 15.4.5).

use http::StatusCode;

use crate::{
    probe::lines,
    support::{Cache, Origin, request, respond},
};

const BEFORE: &str = "Sun, 30 Nov 2025 00:00:00 GMT";
const MODIFIED: &str = "Mon, 01 Dec 2025 00:00:00 GMT";
const AFTER: &str = "Tue, 02 Dec 2025 00:00:00 GMT";
/// When the clock of the tests begins.
const NOW: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

type Fields = &'static [(&'static str, &'static str)];

/// A cache that has a response with these fields, fresh for a minute.
async fn holding(status: StatusCode, fields: Fields) -> Cache {
    let origin = Origin::new(move |_| {
        let mut response = respond(status, fields, "content");
        let lifetime = "max-age=60".parse().unwrap();
        response.headers_mut().insert("cache-control", lifetime);
        response
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache
}

async fn check(stored: Fields, cases: &[(Fields, u16)]) {
    for (client, status) in cases {
        for method in ["GET", "HEAD"] {
            let cache = holding(StatusCode::OK, stored).await;
            let answer = cache.send(request(method, client)).await;
            let case = format!("{method} {client:?} of {stored:?}");
            assert!(answer.is_hit(), "{case}");
            assert_eq!(answer.status.as_u16(), *status, "{case}");
            let has_content = method == "GET" && *status == 200;
            let content = if has_content { "content" } else { "" };
            assert_eq!(answer.body, content, "{case}");
            assert_eq!(cache.origin.calls(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn if_none_match_compares_weakly_with_lists_and_star() {
    let cases: &[(Fields, u16)] = &[
        (&[("if-none-match", "\"a\"")], 304),
        (&[("if-none-match", "W/\"a\"")], 304),
        (&[("if-none-match", "\"b\"")], 200),
        (&[("if-none-match", "\"A\"")], 200),
        (&[("if-none-match", "\"a")], 200),
        (&[("if-none-match", "a")], 200),
        (&[("if-none-match", "\"b\", \"a\"")], 304),
        (&[("if-none-match", "\"b\",\"a\"")], 304),
        (&[("if-none-match", ", \"b\" ,, W/\"a\" ,")], 304),
        (&[("if-none-match", "\"b\", \"c\"")], 200),
        (&[("if-none-match", "\"b,\\\"a\\\"\"")], 200),
        (
            &[("if-none-match", "\"b\""), ("if-none-match", "\"a\"")],
            304,
        ),
        (&[("if-none-match", "*")], 304),
    ];
    check(&[("etag", "\"a\"")], cases).await;
    check(&[("etag", "W/\"a\"")], cases).await;
}

#[tokio::test]
async fn tags_with_commas_are_whole_tags() {
    check(
        &[("etag", "\"a,b\"")],
        &[
            (&[("if-none-match", "\"a,b\"")], 304),
            (&[("if-none-match", "\"x\", \"a,b\"")], 304),
            (&[("if-none-match", "\"a\"")], 200),
            (&[("if-none-match", "\"a\", \"b\"")], 200),
        ],
    )
    .await;
}

#[tokio::test]
async fn if_modified_since_is_compared_with_last_modified() {
    check(
        &[("last-modified", MODIFIED)],
        &[
            (&[("if-modified-since", BEFORE)], 200),
            (&[("if-modified-since", MODIFIED)], 304),
            (&[("if-modified-since", AFTER)], 304),
            (
                &[("if-modified-since", "Monday, 01-Dec-25 00:00:00 GMT")],
                304,
            ),
            (&[("if-modified-since", "Mon Dec  1 00:00:00 2025")], 304),
            (&[("if-modified-since", "yesterday")], 200),
            (&[("if-modified-since", "")], 200),
            (&[("if-modified-since", "0")], 200),
        ],
    )
    .await;
}

#[tokio::test]
async fn without_last_modified_if_modified_since_is_compared_with_date() {
    for stored in [&[][..], &[("date", NOW)]] {
        check(
            stored,
            &[
                (&[("if-modified-since", NOW)], 304),
                (
                    &[("if-modified-since", "Thu, 01 Jan 2026 00:00:01 GMT")],
                    304,
                ),
                (
                    &[("if-modified-since", "Wed, 31 Dec 2025 23:59:59 GMT")],
                    200,
                ),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn if_none_match_beats_if_modified_since() {
    check(
        &[("etag", "\"a\""), ("last-modified", MODIFIED)],
        &[
            (
                &[("if-none-match", "\"b\""), ("if-modified-since", AFTER)],
                200,
            ),
            (
                &[("if-none-match", "\"a\""), ("if-modified-since", BEFORE)],
                304,
            ),
            (&[("if-modified-since", MODIFIED)], 304),
        ],
    )
    .await;
    check(
        &[("last-modified", MODIFIED)],
        &[
            (
                &[("if-none-match", "\"a\""), ("if-modified-since", AFTER)],
                200,
            ),
            (&[("if-none-match", "\"a\"")], 200),
            (&[("if-none-match", "*")], 304),
        ],
    )
    .await;
}

#[tokio::test]
async fn conditions_for_the_origin_alone_are_not_evaluated() {
    check(
        &[("etag", "\"a\""), ("last-modified", MODIFIED)],
        &[
            (&[("if-match", "\"b\"")], 200),
            (&[("if-match", "*")], 200),
            (&[("if-unmodified-since", BEFORE)], 200),
            (&[("if-match", "\"b\""), ("if-none-match", "\"a\"")], 304),
        ],
    )
    .await;
}

#[tokio::test]
async fn conditions_for_the_origin_alone_reach_it_with_a_validation() {
    let cache = holding(StatusCode::OK, &[("etag", "\"a\"")]).await;
    cache.advance(61);
    cache
        .get(&[("if-match", "\"b\""), ("if-unmodified-since", BEFORE)])
        .await;
    let sent = &cache.origin.seen()[1].headers;
    assert_eq!(lines(sent, "if-match"), ["\"b\""]);
    assert_eq!(lines(sent, "if-unmodified-since"), [BEFORE]);
}

/// RFC 9110 13.2.1: conditions are ignored where the answer without them would not be a success.
#[tokio::test]
async fn an_error_page_is_not_answered_with_304() {
    for status in [
        StatusCode::NOT_FOUND,
        StatusCode::GONE,
        StatusCode::MOVED_PERMANENTLY,
    ] {
        let stored: Fields = &[("etag", "\"a\""), ("last-modified", MODIFIED)];
        for client in [("if-none-match", "\"a\""), ("if-modified-since", AFTER)] {
            let cache = holding(status, stored).await;
            let answer = cache.get(&[client]).await;
            assert!(answer.is_hit());
            assert_eq!(answer.status, status, "{client:?}");
            assert_eq!(answer.body, "content");
        }
    }
}

/// RFC 9110 15.4.5.
#[tokio::test]
async fn a_304_carries_what_the_200_would() {
    let cache = holding(
        StatusCode::OK,
        &[
            ("content-location", "/here"),
            ("date", NOW),
            ("etag", "\"a\""),
            ("vary", "accept"),
            ("vary", "accept-language"),
            ("expires", "Fri, 02 Jan 2026 00:00:00 GMT"),
            ("last-modified", MODIFIED),
            ("content-type", "text/plain"),
            ("content-length", "7"),
        ],
    )
    .await;
    cache.advance(5);
    let full = cache.get(&[]).await;
    let answer = cache.get(&[("if-none-match", "\"a\"")]).await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    assert_eq!(answer.body, "");
    for name in [
        "content-location",
        "date",
        "etag",
        "vary",
        "cache-control",
        "expires",
        "age",
    ] {
        let lines_of = |headers| lines(headers, name);
        assert_eq!(lines_of(&answer.headers), lines_of(&full.headers), "{name}");
        assert!(answer.header(name).is_some(), "{name}");
    }
    assert_eq!(answer.age(), Some(5));
    for name in ["content-type", "content-encoding", "transfer-encoding"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert!(
        matches!(answer.header("content-length"), None | Some("7")),
        "it would announce the length of the 200"
    );
}

#[tokio::test]
async fn a_304_without_a_date_of_the_origin_has_the_one_that_the_200_has() {
    let cache = holding(StatusCode::OK, &[("etag", "\"a\"")]).await;
    cache.advance(5);
    let answer = cache.get(&[("if-none-match", "\"a\"")]).await;
    assert_eq!(answer.header("date"), Some(NOW));
}

#[tokio::test]
async fn on_a_miss_conditions_go_through_as_they_came() {
    let origin = Origin::new(|_| {
        respond(
            StatusCode::NOT_MODIFIED,
            &[("etag", "\"a\""), ("cache-control", "max-age=60")],
            "",
        )
    });
    let cache = Cache::new(origin);
    for calls in 1..3 {
        let answer = cache
            .get(&[
                ("if-none-match", "\"a\", \"b\""),
                ("if-modified-since", AFTER),
            ])
            .await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
        assert_eq!(cache.origin.calls(), calls, "a 304 is not stored as itself");
    }
    let sent = &cache.origin.seen()[0].headers;
    assert_eq!(lines(sent, "if-none-match"), ["\"a\", \"b\""]);
    assert_eq!(lines(sent, "if-modified-since"), [AFTER]);
    assert_eq!(sent.len(), 2);
}

#[tokio::test]
async fn a_200_to_a_conditional_request_is_stored_and_answers_unconditional_ones() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "max-age=60"),
        ("etag", "\"new\""),
    ]));
    cache.get(&[("if-none-match", "\"old\"")]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!((hit.status, hit.body.as_str()), (StatusCode::OK, "1"));
}
