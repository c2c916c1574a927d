//! Parts of a stored response (RFC 9110 14, 13.1.5).

use http::StatusCode;

use crate::{
    probe::{asks_about, lines, say, script},
    support::{Asked, Cache, Got, Origin, request, respond},
};

const MODIFIED: &str = "Mon, 01 Dec 2025 00:00:00 GMT";

pub(crate) type Fields = &'static [(&'static str, &'static str)];

pub(crate) const PLAIN: Fields = &[
    ("cache-control", "max-age=60"),
    ("content-type", "text/plain; charset=utf-8"),
    ("etag", "\"a\""),
    ("last-modified", MODIFIED),
    ("expires", "Fri, 02 Jan 2026 00:00:00 GMT"),
    ("content-location", "/here"),
    ("vary", "accept"),
    ("content-length", "10"),
    ("accept-ranges", "bytes"),
];

/// A cache that has ten digits.
pub(crate) async fn holding(fields: Fields) -> Cache {
    let cache = Cache::new(script(vec![say(200, fields, "0123456789")]));
    cache.get(&[]).await;
    cache
}

pub(crate) async fn part(fields: &[(&str, &str)]) -> Got {
    let answer = holding(PLAIN).await.get(fields).await;
    assert!(answer.is_hit(), "{fields:?}");
    answer
}

#[tokio::test]
async fn single_ranges_are_cut_out_of_what_is_stored() {
    for (range, content_range, body) in [
        ("bytes=0-0", "bytes 0-0/10", "0"),
        ("bytes=0-9", "bytes 0-9/10", "0123456789"),
        ("bytes=2-5", "bytes 2-5/10", "2345"),
        ("bytes=9-9", "bytes 9-9/10", "9"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=0-", "bytes 0-9/10", "0123456789"),
        ("bytes=5-99", "bytes 5-9/10", "56789"),
        (
            "bytes=5-99999999999999999999999999",
            "bytes 5-9/10",
            "56789",
        ),
        ("bytes=-1", "bytes 9-9/10", "9"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=-10", "bytes 0-9/10", "0123456789"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
        ("BYTES=1-2", "bytes 1-2/10", "12"),
        ("bytes=1-2, 50-60", "bytes 1-2/10", "12"),
        ("bytes=,1-2,", "bytes 1-2/10", "12"),
    ] {
        let answer = part(&[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(
            lines(&answer.headers, "content-range"),
            [content_range],
            "{range}"
        );
        assert_eq!(answer.body, body, "{range}");
        assert_eq!(
            lines(&answer.headers, "content-length"),
            [body.len().to_string()],
            "{range}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }
}

/// RFC 9110 15.3.7.
#[tokio::test]
async fn a_part_carries_what_the_whole_would() {
    let cache = holding(PLAIN).await;
    cache.advance(4);
    let whole = cache.get(&[]).await;
    for range in ["bytes=1-2", "bytes=1-2,4-5"] {
        let answer = cache.get(&[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        for name in [
            "date",
            "cache-control",
            "etag",
            "expires",
            "content-location",
            "vary",
            "age",
        ] {
            assert!(answer.header(name).is_some(), "{range} {name}");
            assert_eq!(
                lines(&answer.headers, name),
                lines(&whole.headers, name),
                "{range} {name}"
            );
        }
        assert_eq!(answer.age(), Some(4));
    }
}

#[tokio::test]
async fn ranges_that_cannot_or_need_not_be_honoured_get_the_whole() {
    let many = (0..200)
        .map(|n| format!("{}-{}", n % 10, n % 10))
        .collect::<Vec<_>>();
    let many = format!("bytes={}", many.join(","));
    for range in [
        "lines=1-2",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=1-2-3",
        "bytes= 1 - 2",
        "bytes=+1-2",
        "bytes=--1",
        "bytes=0x1-2",
        "bytes 1-2",
        "bytes=1-2;3-4",
        "bytes=0-,0-,0-,0-",
        "bytes=0-9,0-9",
        many.as_str(),
    ] {
        let answer = part(&[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{range}");
        assert_eq!(answer.body, "0123456789", "{range}");
        assert_eq!(answer.header("content-range"), None, "{range}");
    }
}

#[tokio::test]
async fn repeated_range_lines_are_no_range() {
    let answer = part(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "0123456789");
}

#[tokio::test]
async fn what_lies_outside_is_not_satisfiable() {
    for range in [
        "bytes=10-",
        "bytes=10-10",
        "bytes=99-100",
        "bytes=-0",
        "bytes=10-11,20-30",
        "bytes=99999999999999999999999999-",
    ] {
        let answer = part(&[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(
            lines(&answer.headers, "content-range"),
            ["bytes */10"],
            "{range}"
        );
        assert_eq!(answer.body, "", "{range}");
        assert!(matches!(answer.header("content-length"), None | Some("0")));
    }
}

#[tokio::test]
async fn nothing_can_be_cut_out_of_an_empty_response() {
    for (range, status) in [
        ("bytes=0-", 416),
        ("bytes=0-0", 416),
        ("bytes=5-9", 416),
        ("bytes=-0", 416),
        ("bytes=-5", 200),
    ] {
        let origin = script(vec![say(200, &[("cache-control", "max-age=60")], "")]);
        let cache = Cache::new(origin);
        cache.get(&[]).await;
        let answer = cache.get(&[("range", range)]).await;
        assert_eq!(answer.status.as_u16(), status, "{range}");
        let content_range = (status == 416).then_some("bytes */0");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
    }
}

#[tokio::test]
async fn if_range_compares_strongly() {
    let weak: Fields = &[("cache-control", "max-age=60"), ("etag", "W/\"a\"")];
    let recent: Fields = &[
        ("cache-control", "max-age=60"),
        ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
    ];
    let bare: Fields = &[("cache-control", "max-age=60")];
    for (stored, condition, status) in [
        (PLAIN, "\"a\"", 206),
        (PLAIN, "W/\"a\"", 200),
        (PLAIN, "\"b\"", 200),
        (PLAIN, "\"a\", \"b\"", 200),
        (PLAIN, "*", 200),
        (PLAIN, "a", 200),
        (PLAIN, "", 200),
        (PLAIN, MODIFIED, 206),
        (PLAIN, "Monday, 01-Dec-25 00:00:00 GMT", 206),
        (PLAIN, "Tue, 02 Dec 2025 00:00:00 GMT", 200),
        (PLAIN, "Sun, 30 Nov 2025 00:00:00 GMT", 200),
        (weak, "W/\"a\"", 200),
        (weak, "\"a\"", 200),
        (recent, "Thu, 01 Jan 2026 00:00:00 GMT", 200),
        (bare, "\"a\"", 200),
        (bare, MODIFIED, 200),
    ] {
        let cache = holding(stored).await;
        let answer = cache
            .get(&[("range", "bytes=1-2"), ("if-range", condition)])
            .await;
        assert_eq!(answer.status.as_u16(), status, "{condition} of {stored:?}");
        let content = if status == 206 { "12" } else { "0123456789" };
        assert_eq!(answer.body, content, "{condition}");
    }
}

#[tokio::test]
async fn an_unsatisfiable_range_under_a_false_if_range_gets_the_whole() {
    let answer = part(&[("range", "bytes=50-"), ("if-range", "\"b\"")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "0123456789");
}

#[tokio::test]
async fn if_range_without_range_means_nothing() {
    let answer = part(&[("if-range", "\"a\"")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "0123456789");
}

/// RFC 9110 13.2.2: If-None-Match comes first.
#[tokio::test]
async fn a_client_that_has_it_gets_a_304_rather_than_a_part() {
    let answer = part(&[("range", "bytes=1-2"), ("if-none-match", "\"a\"")]).await;
    assert_eq!(answer.status, StatusCode::NOT_MODIFIED);
    let answer = part(&[("range", "bytes=1-2"), ("if-none-match", "\"b\"")]).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn range_is_for_get_only() {
    let cache = holding(PLAIN).await;
    for range in ["bytes=1-2", "bytes=50-"] {
        let answer = cache.send(request("HEAD", &[("range", range)])).await;
        assert!(answer.is_hit());
        assert_eq!(answer.status, StatusCode::OK, "{range}");
        assert_eq!(answer.header("content-length"), Some("10"), "{range}");
        assert_eq!(answer.header("content-range"), None, "{range}");
    }
}

#[tokio::test]
async fn only_a_200_has_parts() {
    for status in [404, 410, 301] {
        let cache = Cache::new(script(vec![say(
            status,
            &[("cache-control", "max-age=60")],
            "0123456789",
        )]));
        cache.get(&[]).await;
        let answer = cache.get(&[("range", "bytes=1-2")]).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.body, "0123456789", "{status}");
    }
}

#[tokio::test]
async fn a_range_that_misses_goes_through_as_it_is() {
    let origin = Origin::new(|request: &Asked| {
        if request.headers().contains_key("range") {
            let fields = [
                ("cache-control", "max-age=60"),
                ("etag", "\"a\""),
                ("content-range", "bytes 1-2/10"),
            ];
            return respond(StatusCode::PARTIAL_CONTENT, &fields, "12");
        }
        respond(StatusCode::OK, PLAIN, "0123456789")
    });
    let cache = Cache::new(origin);
    for if_range in ["\"a\"", "\"b\""] {
        let answer = cache
            .get(&[("range", "bytes=1-2"), ("if-range", if_range)])
            .await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!((answer.body.as_str(), answer.is_hit()), ("12", false));
    }
    let sent = &cache.origin.seen()[0].headers;
    assert_eq!(lines(sent, "range"), ["bytes=1-2"]);
    assert_eq!(lines(sent, "if-range"), ["\"a\""]);
    let whole = cache.get(&[]).await;
    assert_eq!(
        (whole.status, whole.body.as_str()),
        (StatusCode::OK, "0123456789")
    );
    assert!(cache.get(&[("range", "bytes=4-5")]).await.is_hit());
}

#[tokio::test]
async fn a_whole_200_to_a_range_request_is_stored() {
    let cache = Cache::new(script(vec![say(200, PLAIN, "0123456789")]));
    let whole = cache.get(&[("range", "bytes=1-2")]).await;
    assert_eq!(whole.body, "0123456789");
    assert_eq!(cache.get(&[("range", "bytes=1-2")]).await.body, "12");
    assert_eq!(cache.get(&[]).await.body, "0123456789");
}

#[tokio::test]
async fn a_range_of_a_stale_response_is_cut_out_once_it_is_confirmed() {
    let origin = Origin::new(|request: &Asked| {
        if asks_about(request, "\"a\"") {
            let fields = [("etag", "\"a\""), ("cache-control", "max-age=60")];
            return respond(StatusCode::NOT_MODIFIED, &fields, "");
        }
        respond(StatusCode::OK, PLAIN, "0123456789")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(61);
    let answer = cache.get(&[("range", "bytes=1-2")]).await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.body, "12");
    assert_eq!(cache.get(&[]).await.body, "0123456789");
    assert_eq!(cache.origin.calls(), 2);
}

#[tokio::test]
async fn a_206_while_validating_never_takes_the_place_of_the_whole() {
    let origin = Origin::new(|request: &Asked| {
        if request.headers().contains_key("range") {
            let fields = [
                ("cache-control", "max-age=60"),
                ("etag", "\"b\""),
                ("content-range", "bytes 1-2/10"),
            ];
            return respond(StatusCode::PARTIAL_CONTENT, &fields, "bc");
        }
        respond(StatusCode::OK, PLAIN, "0123456789")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(61);
    let part = cache.get(&[("range", "bytes=1-2")]).await;
    assert_eq!(
        (part.status.as_u16(), part.body.as_str()),
        (206, "bc"),
        "it is passed"
    );
    let whole = cache.get(&[]).await;
    assert_eq!((whole.status.as_u16(), whole.is_hit()), (200, false));
    assert_eq!(whole.body, "0123456789");
}
