//! Several ranges of a stored response at once (RFC 9110 14.2, 14.6, 15.3.7.2).

use http::StatusCode;

use crate::{
    probe::lines,
    ranges::{PLAIN, holding, part},
    support::{Cache, Got, Origin, respond},
};

/// What RFC 9110 14.6 says that the parts look like.
fn parts(boundary: &str, content_type: Option<&str>, ranges: &[(&str, &str)]) -> String {
    let mut expected = String::new();
    for (index, (range, content)) in ranges.iter().enumerate() {
        let start = if index == 0 { "" } else { "\r\n" };
        expected.push_str(&format!("{start}--{boundary}\r\n"));
        if let Some(content_type) = content_type {
            expected.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        expected.push_str(&format!("Content-Range: bytes {range}/10\r\n\r\n{content}"));
    }
    expected.push_str(&format!("\r\n--{boundary}--\r\n"));
    expected
}

fn boundary(answer: &Got) -> String {
    let content_type = answer.header("content-type").unwrap();
    let (kind, boundary) = content_type.split_once("; boundary=").unwrap();
    assert_eq!(kind, "multipart/byteranges");
    let boundary = boundary.trim_matches('"');
    assert!(!boundary.is_empty() && boundary.len() <= 70);
    boundary.to_owned()
}

#[tokio::test]
async fn several_ranges_are_multipart_byte_for_byte() {
    for (range, expected) in [
        ("bytes=0-0,9-9", &[("0-0", "0"), ("9-9", "9")][..]),
        ("bytes=8-9, 0-1", &[("8-9", "89"), ("0-1", "01")]),
        ("bytes=0-1,-2", &[("0-1", "01"), ("8-9", "89")]),
        ("bytes=0-1,50-60,4-", &[("0-1", "01"), ("4-9", "456789")]),
        ("bytes=0-1,,3-3", &[("0-1", "01"), ("3-3", "3")]),
        (
            "bytes=0-0,2-2,4-4,6-6",
            &[("0-0", "0"), ("2-2", "2"), ("4-4", "4"), ("6-6", "6")],
        ),
    ] {
        let answer = part(&[("range", range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        let boundary = boundary(&answer);
        let content_type = Some("text/plain; charset=utf-8");
        assert_eq!(
            answer.body,
            parts(&boundary, content_type, expected),
            "{range}"
        );
        assert_eq!(
            lines(&answer.headers, "content-length"),
            [answer.body.len().to_string()],
            "{range}"
        );
        assert_eq!(
            answer.header("content-range"),
            None,
            "RFC 9110 15.3.7.2: {range}"
        );
    }
}

#[tokio::test]
async fn parts_of_a_response_without_content_type_have_none() {
    let cache = holding(&[("cache-control", "max-age=60")]).await;
    let answer = cache.get(&[("range", "bytes=0-1,8-9")]).await;
    let boundary = boundary(&answer);
    let expected = parts(&boundary, None, &[("0-1", "01"), ("8-9", "89")]);
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn boundaries_differ_from_answer_to_answer() {
    let cache = holding(PLAIN).await;
    let one = cache.get(&[("range", "bytes=0-1,8-9")]).await;
    let two = cache.get(&[("range", "bytes=0-1,8-9")]).await;
    assert_ne!(boundary(&one), boundary(&two));
}

/// What RFC 9110 14.2 warns of: many small ranges, and ranges that overlap.
#[tokio::test]
async fn too_many_ranges_or_overlaps_get_the_whole() {
    let ranges = |count: usize, step: usize, length: usize| {
        let all = (0..count).map(|n| format!("{}-{}", n * step, n * step + length - 1));
        format!("bytes={}", all.collect::<Vec<_>>().join(","))
    };
    for (range, status) in [
        (ranges(3, 10, 2), 206),
        (ranges(200, 4, 1), 200),
        (ranges(8, 5, 10), 200),
        (ranges(20, 0, 1), 200),
    ] {
        let cache = Cache::new(Origin::new(|_| {
            let fields = [("cache-control", "max-age=60")];
            respond(StatusCode::OK, &fields, &"x".repeat(1000))
        }));
        cache.get(&[]).await;
        let answer = cache.get(&[("range", &range)]).await;
        assert!(answer.is_hit());
        assert_eq!(answer.status.as_u16(), status, "{range}");
        assert!(
            answer.body.len() <= 1000,
            "never more than there is: {range}"
        );
    }
}
