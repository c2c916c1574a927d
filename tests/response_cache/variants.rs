//! Validation of a resource that varies (RFC 9111, section 4.3.1): which variant's validators are sent, and
//! which variant a 304 speaks of.

use http::StatusCode;

use crate::support::{Asked, Cache, Origin, respond};

const LATER: &str = "Wed, 31 Dec 2025 23:00:00 GMT";

fn accept(request: &Asked) -> String {
    let value = request.headers().get("accept");
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

fn tags(request: &http::HeaderMap) -> Vec<String> {
    let lines = request.get_all("if-none-match").iter();
    lines
        .map(|line| line.to_str().unwrap().to_owned())
        .collect()
}

/// Fresh for ten seconds, a tag for each variant; confirms nothing.
fn varying() -> Origin {
    Origin::new(|request| {
        let variant = accept(request);
        let fields = [
            ("cache-control", "max-age=10"),
            ("vary", "accept"),
            ("last-modified", LATER),
            ("etag", &format!("\"{variant}\"")),
        ];
        respond(StatusCode::OK, &fields, &variant)
    })
}

#[tokio::test]
async fn a_stale_variant_is_validated_with_the_tags_of_all_its_own_first() {
    let cache = Cache::new(varying());
    cache.get(&[("accept", "a")]).await;
    cache.get(&[("accept", "b")]).await;
    cache.advance(11);
    cache.get(&[("accept", "a")]).await;
    let asked = &cache.origin.seen()[2].headers;
    assert_eq!(tags(asked), ["\"a\"", "\"b\""]);
    assert_eq!(asked["if-modified-since"], LATER);
}

#[tokio::test]
async fn the_date_of_one_variant_is_not_sent_for_another() {
    let cache = Cache::new(varying());
    cache.get(&[("accept", "a")]).await;
    cache.get(&[("accept", "b")]).await;
    let asked = &cache.origin.seen()[1].headers;
    assert_eq!(tags(asked), ["\"a\""]);
    assert!(!asked.contains_key("if-modified-since"));
}

#[tokio::test]
async fn a_304_by_date_does_not_hand_one_variant_to_the_readers_of_another() {
    // It knows no tags, and answers 304 to whoever sends it conditions.
    let origin = Origin::new(|request| {
        let variant = accept(request);
        let fields = [
            ("cache-control", "max-age=10"),
            ("vary", "accept"),
            ("last-modified", LATER),
            ("etag", &format!("\"{variant}\"")),
        ];
        if request.headers().contains_key("if-none-match") {
            return respond(StatusCode::NOT_MODIFIED, &[("last-modified", LATER)], "");
        }
        respond(StatusCode::OK, &fields, &variant)
    });
    let cache = Cache::new(origin);
    cache.get(&[("accept", "a")]).await;
    let got = cache.get(&[("accept", "b")]).await;
    assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, "b"));
    assert_eq!(
        cache.origin.calls(),
        3,
        "it was asked again without conditions"
    );
}

#[tokio::test]
async fn a_weak_tag_does_not_stand_for_another_variant() {
    let origin = Origin::new(|request| {
        let variant = accept(request);
        let fields = [
            ("cache-control", "max-age=10"),
            ("vary", "accept"),
            ("etag", "W/\"same\""),
        ];
        respond(StatusCode::OK, &fields, &variant)
    });
    let cache = Cache::new(origin);
    cache.get(&[("accept", "a")]).await;
    assert_eq!(cache.get(&[("accept", "b")]).await.body, "b");
    assert_eq!(tags(&cache.origin.seen()[1].headers), Vec::<String>::new());
}

#[tokio::test]
async fn a_variant_that_must_no_longer_be_stored_takes_no_other_with_it() {
    let origin = Origin::new(|request| {
        let variant = accept(request);
        let store = if variant == "b" {
            "no-store"
        } else {
            "max-age=10"
        };
        let fields = [
            ("cache-control", store),
            ("vary", "accept"),
            ("etag", &format!("\"{variant}\"")),
        ];
        respond(StatusCode::OK, &fields, &variant)
    });
    let cache = Cache::new(origin);
    cache.get(&[("accept", "a")]).await;
    cache.get(&[("accept", "b")]).await;
    assert!(cache.get(&[("accept", "a")]).await.is_hit());
}
