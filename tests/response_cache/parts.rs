//! Parts of a representation (RFC 9110 14, RFC 9111 3.3 and 3.4): stored, joined, and never taken for the whole.

use http::{Method, StatusCode};
use proptest::prelude::*;
use tower_keep::{ResponseCacheLayer, response_cache::Rule};

use crate::support::{Asked, Cache, Origin, respond};

const CONTENT: &str = "0123456789";

/// An origin that honours single ranges `bytes=N-M` of ten digits, and says this beside.
fn ranged(fields: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |asked| range_of(asked, fields))
}

fn range_of(
    asked: &Asked,
    fields: &[(&str, &str)],
) -> http::Response<http_body_util::Full<bytes::Bytes>> {
    let mut all = vec![("cache-control", "max-age=60")];
    all.extend(fields);
    let Some(range) = asked.headers().get("range") else {
        return respond(StatusCode::OK, &all, CONTENT);
    };
    let (first, last) = range.to_str().unwrap()["bytes=".len()..]
        .split_once('-')
        .unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let content_range = format!("bytes {first}-{last}/10");
    all.push(("content-range", &content_range));
    respond(StatusCode::PARTIAL_CONTENT, &all, &CONTENT[first..=last])
}

const TAGGED: &[(&str, &str)] = &[("etag", "\"a\"")];

async fn part(cache: &Cache, range: &str) -> (u16, bool, String) {
    let got = cache.get(&[("range", range)]).await;
    (got.status.as_u16(), got.is_hit(), got.body)
}

fn hit(body: &str) -> (u16, bool, String) {
    (206, true, body.to_owned())
}

fn miss(body: &str) -> (u16, bool, String) {
    (206, false, body.to_owned())
}

#[tokio::test]
async fn a_part_answers_for_itself_and_for_parts_of_it() {
    for fields in [TAGGED, &[], &[("etag", "W/\"a\"")]] {
        let cache = Cache::new(ranged(fields));
        assert_eq!(part(&cache, "bytes=2-6").await, miss("23456"), "{fields:?}");
        cache.advance(5);
        let got = cache.get(&[("range", "bytes=2-6")]).await;
        assert!(got.is_hit());
        assert_eq!((got.body.as_str(), got.age()), ("23456", Some(5)));
        assert_eq!(got.header("content-range"), Some("bytes 2-6/10"));
        assert_eq!(got.header("content-length"), Some("5"));
        assert_eq!(part(&cache, "bytes=3-4").await, hit("34"));
        assert_eq!(cache.origin.calls(), 1);
    }
}

#[tokio::test]
async fn what_is_missing_is_asked_for_and_said_to_be() {
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=0-4").await;
    let got = cache.get(&[("range", "bytes=3-7")]).await;
    assert_eq!(got.body, "34567");
    let status = got.header("cache-status").unwrap();
    assert!(
        status.starts_with("tower-keep; fwd=partial; fwd-status=206"),
        "{status}"
    );
    assert_eq!(cache.layer.stats().forwarded[&Rule::PartMissing], 1);
    // It was asked for as it is.
    let seen = cache.origin.seen();
    assert_eq!(seen[1].headers["range"], "bytes=3-7");
    assert!(!seen[1].headers.contains_key("if-range"));
}

#[tokio::test]
async fn parts_under_one_strong_tag_are_joined() {
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=0-3").await;
    part(&cache, "bytes=6-9").await;
    assert_eq!(part(&cache, "bytes=0-1").await, hit("01"));
    assert_eq!(part(&cache, "bytes=3-6").await, miss("3456"));
    assert_eq!(part(&cache, "bytes=2-8").await, hit("2345678"));
    let several = cache.get(&[("range", "bytes=0-1,5-6")]).await;
    assert!(
        several.is_hit()
            && several.body.contains("\r\n01\r\n")
            && several.body.contains("\r\n56\r\n")
    );
}

#[tokio::test]
async fn all_parts_together_are_the_whole() {
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=5-9").await;
    let early = cache.get(&[]).await;
    assert!(!early.is_hit(), "half of it is not it");
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=5-9").await;
    part(&cache, "bytes=0-4").await;
    let got = cache.get(&[]).await;
    assert_eq!(
        (got.status.as_u16(), got.is_hit(), got.body.as_str()),
        (200, true, CONTENT)
    );
    assert_eq!(got.header("content-range"), None);
    assert_eq!(part(&cache, "bytes=-3").await, hit("789"));
    // One part can be the whole, too.
    let cache = Cache::new(ranged(&[]));
    part(&cache, "bytes=0-9").await;
    assert!(cache.get(&[]).await.is_hit());
}

#[tokio::test]
async fn parts_without_one_strong_tag_are_never_joined() {
    for (name, tags) in [
        ("none", ["", ""]),
        ("weak", ["W/\"a\"", "W/\"a\""]),
        ("other", ["\"a\"", "\"b\""]),
        ("one", ["\"a\"", ""]),
    ] {
        let origin = Origin::new(move |asked| {
            let second = asked.headers()["range"] == "bytes=5-9";
            match tags[usize::from(second)] {
                "" => range_of(asked, &[]),
                tag => range_of(asked, &[("etag", tag)]),
            }
        });
        let cache = Cache::new(origin);
        part(&cache, "bytes=0-4").await;
        part(&cache, "bytes=5-9").await;
        assert_eq!(part(&cache, "bytes=5-9").await, hit("56789"), "{name}");
        assert!(
            !part(&cache, "bytes=0-4").await.1,
            "{name}: the newer one stands alone"
        );
    }
}

#[tokio::test]
async fn a_part_never_answers_a_request_for_the_whole_or_a_head() {
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=0-8").await;
    for method in [Method::HEAD, Method::GET] {
        let got = cache
            .send(crate::support::request(method.as_str(), &[]))
            .await;
        assert_eq!(
            (got.status.as_u16(), got.is_hit()),
            (200, false),
            "{method}"
        );
    }
    assert_eq!(cache.get(&[]).await.body, CONTENT);
}

#[tokio::test]
async fn if_range_is_asked_of_parts_too() {
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=0-4").await;
    let same = cache
        .get(&[("range", "bytes=0-4"), ("if-range", "\"a\"")])
        .await;
    assert!(same.is_hit());
    let other = cache
        .get(&[("range", "bytes=0-4"), ("if-range", "\"b\"")])
        .await;
    assert!(!other.is_hit(), "the origin may have another one");
}

#[tokio::test]
async fn a_stale_part_is_asked_for_again() {
    let cache = Cache::with(ranged(TAGGED), |layer| {
        layer.stale_while_revalidate(tower_keep::minutes(5))
    });
    part(&cache, "bytes=0-4").await;
    cache.advance(61);
    assert_eq!(part(&cache, "bytes=0-4").await, miss("01234"));
    assert!(!cache.origin.seen()[1].headers.contains_key("if-none-match"));
    assert_eq!(part(&cache, "bytes=0-4").await, hit("01234"));
}

#[tokio::test]
async fn the_whole_is_not_given_up_for_a_part_of_it() {
    let cache = Cache::new(ranged(TAGGED));
    cache.get(&[]).await;
    let reload = cache
        .get(&[("range", "bytes=0-4"), ("cache-control", "no-cache")])
        .await;
    assert!(!reload.is_hit());
    let got = cache.get(&[]).await;
    assert_eq!((got.is_hit(), got.body.as_str()), (true, CONTENT));
}

#[tokio::test]
async fn a_206_that_contradicts_itself_is_not_stored() {
    for (name, fields, body) in [
        (
            "too short",
            &[("content-range", "bytes 0-4/10")][..],
            "0123",
        ),
        ("too long", &[("content-range", "bytes 0-4/10")], "012345"),
        (
            "length",
            &[("content-range", "bytes 0-4/10"), ("content-length", "4")],
            "0123",
        ),
        (
            "unknown length",
            &[("content-range", "bytes 0-4/*")],
            "01234",
        ),
        ("no range", &[], "01234"),
        (
            "twice",
            &[
                ("content-range", "bytes 0-4/10"),
                ("content-range", "bytes 0-4/10"),
            ],
            "01234",
        ),
        (
            "several",
            &[("content-type", "multipart/byteranges; boundary=x")],
            "--x",
        ),
    ] {
        let origin = Origin::new(move |_| {
            let mut all = vec![("cache-control", "max-age=60"), ("etag", "\"a\"")];
            all.extend(fields);
            respond(StatusCode::PARTIAL_CONTENT, &all, body)
        });
        let cache = Cache::new(origin);
        for calls in 1..=2 {
            let got = cache.get(&[("range", "bytes=0-4")]).await;
            assert_eq!(
                (got.is_hit(), cache.origin.calls()),
                (false, calls),
                "{name}"
            );
            assert_eq!(got.body, body, "{name}: it passes as it is");
        }
    }
}

#[tokio::test]
async fn a_206_that_nobody_asked_for_is_not_stored() {
    let origin = Origin::new(|_| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("content-range", "bytes 0-4/10"),
        ];
        respond(StatusCode::PARTIAL_CONTENT, &fields, "01234")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    assert!(!cache.get(&[]).await.is_hit());
    assert!(!part(&cache, "bytes=0-4").await.1);
}

#[tokio::test]
async fn parts_are_kept_by_variant() {
    let origin =
        Origin::new(|asked| range_of(asked, &[("vary", "accept-language"), ("etag", "\"a\"")]));
    let cache = Cache::new(origin);
    for (language, range, is_hit) in [
        ("de", "bytes=0-4", false),
        ("en", "bytes=5-9", false),
        ("de", "bytes=1-2", true),
        ("en", "bytes=1-2", false),
        ("de", "bytes=5-9", false),
        ("de", "bytes=0-9", true),
    ] {
        let fields = [("accept-language", language), ("range", range)];
        assert_eq!(
            cache.get(&fields).await.is_hit(),
            is_hit,
            "{language} {range}"
        );
    }
}

#[tokio::test]
async fn an_unsafe_request_removes_parts() {
    let cache = Cache::new(ranged(TAGGED));
    part(&cache, "bytes=0-4").await;
    cache
        .send(crate::support::request("DELETE", &[("range", "bytes=0-4")]))
        .await;
    assert!(!part(&cache, "bytes=0-4").await.1);
}

#[tokio::test]
async fn the_whole_is_fetched_behind_a_range_if_that_is_wanted() {
    for wanted in [true, false] {
        let cache = Cache::with(ranged(TAGGED), |layer| match wanted {
            true => layer.whole_behind_ranges(),
            false => layer,
        });
        let first = cache.get(&[("range", "bytes=2-3"), ("x-user", "u")]).await;
        assert_eq!((first.body.as_str(), first.is_hit()), ("23", false));
        while !cache.layer.background().is_empty() {
            tokio::task::yield_now().await;
        }
        let got = cache.get(&[]).await;
        assert_eq!((got.is_hit(), got.body.as_str()), (wanted, CONTENT));
        let seen = cache.origin.seen();
        assert_eq!(seen.len(), 2);
        assert!(!seen[1].headers.contains_key("range"));
        assert_eq!(seen[1].headers.contains_key("x-user"), wanted);
    }
}

#[tokio::test]
async fn a_whole_that_cannot_be_stored_is_fetched_behind_a_range_once() {
    let origin = Origin::new(|asked| match asked.headers().contains_key("range") {
        true => range_of(asked, TAGGED),
        false => respond(StatusCode::OK, &[("cache-control", "no-store")], CONTENT),
    });
    let cache = Cache::with(origin, ResponseCacheLayer::whole_behind_ranges);
    for range in ["bytes=0-1", "bytes=2-3", "bytes=4-5"] {
        part(&cache, range).await;
        while !cache.layer.background().is_empty() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(cache.origin.calls(), 4);
}

proptest! {
    /// Whatever is asked for in whatever order, the bytes are those of the content.
    #[test]
    fn ranges_are_those_of_the_content(asked in prop::collection::vec((0usize..10, 0usize..10, prop::bool::weighted(0.2)), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let cache = Cache::new(ranged(TAGGED));
            let mut known = [false; 10];
            for (one, two, whole) in asked {
                let (first, last) = (one.min(two), one.max(two));
                if whole {
                    let got = cache.get(&[]).await;
                    prop_assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, CONTENT));
                    prop_assert_eq!(got.is_hit(), known.iter().all(|known| *known));
                    known = [true; 10];
                    continue;
                }
                let got = part(&cache, &format!("bytes={first}-{last}")).await;
                let is_known = known[first..=last].iter().all(|known| *known);
                prop_assert_eq!(got, (206, is_known, CONTENT[first..=last].to_owned()));
                known[first..=last].fill(true);
            }
            Ok(())
        })?;
    }
}
