//! Heuristic freshness (RFC 9111 4.2.2).

use std::time::Duration;

use tower_keep::ResponseCacheLayer;

use super::{
    cases::{Fields, HOUR, answering, asks_again_at, caching, date, is_reused},
    support::Cache,
};

const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn a_heuristic_lifetime_is_a_tenth_of_the_time_since_the_last_change() {
    // (Date, Last-Modified, lifetime)
    for (sent, modified, lifetime) in [
        (0, -100, 10),
        (0, -1000, 100),
        (0, -10 * HOUR, 3600),
        (0, -1000 * HOUR, DAY),
        (0, -100_000 * HOUR, DAY),
        // From Date, which is ahead here.
        (900, -100, 100),
    ] {
        let (sent, modified) = (date(sent), date(modified));
        let cache = caching(&[("date", &sent), ("last-modified", &modified)]);
        let found = asks_again_at(&cache, &[lifetime - 1, lifetime]).await;
        assert_eq!(
            found,
            Some(lifetime),
            "Date {sent}, Last-Modified {modified}"
        );
    }
}

#[tokio::test]
async fn without_a_change_in_the_past_there_is_no_heuristic_lifetime() {
    for modified in [date(0), date(1), date(HOUR), "0".into(), "yesterday".into()] {
        let fields = [("last-modified", modified.as_str())];
        assert!(!is_reused(200, &fields).await, "{modified}");
    }
    let two = [date(-1000), date(-2000)];
    let fields = [
        ("last-modified", two[0].as_str()),
        ("last-modified", two[1].as_str()),
    ];
    let again = asks_again_at(&caching(&fields), &[0, 200]).await;
    assert!(again.is_some(), "two lines give at most the longer one");
}

#[tokio::test]
async fn a_heuristic_lifetime_of_less_than_a_second_ends_within_it() {
    for since in [1, 5, 9] {
        let modified = date(-since);
        let cache = caching(&[("last-modified", &modified)]);
        assert!(asks_again_at(&cache, &[0, 1]).await.is_some(), "{since}");
    }
}

async fn heuristic_of(
    fields: Fields<'_>,
    set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
    seconds: &[u64],
) -> Option<u64> {
    asks_again_at(&Cache::with(answering(200, fields), set), seconds).await
}

#[tokio::test]
async fn the_share_and_its_cap_are_settings_and_it_can_be_switched_off() {
    let modified = date(-1000);
    let fields = [("last-modified", modified.as_str())];
    let hour = Duration::from_secs(3600);
    let half = heuristic_of(&fields, |layer| layer.heuristic(50, hour), &[499, 500]).await;
    assert_eq!(half, Some(500));
    let second = Duration::from_secs(7);
    let capped = heuristic_of(&fields, |layer| layer.heuristic(50, second), &[6, 7]).await;
    assert_eq!(capped, Some(7));
    let none = heuristic_of(&fields, |layer| layer.heuristic(0, hour), &[0]).await;
    assert_eq!(none, Some(0));
    let many = heuristic_of(
        &fields,
        |layer| layer.heuristic(u32::MAX, hour),
        &[3599, 3600],
    )
    .await;
    assert_eq!(many, Some(3600), "the cap holds whatever the share");
    let off = heuristic_of(&fields, ResponseCacheLayer::no_heuristic, &[0]).await;
    assert_eq!(off, Some(0));
}

#[tokio::test]
async fn heuristics_are_for_some_statuses_or_with_public() {
    const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
    let modified = date(-1000 * HOUR);
    let modified = ("last-modified", modified.as_str());
    for status in (200..=599).filter(|status| ![206, 304, 412, 416, 417].contains(status)) {
        let expected = HEURISTIC.contains(&status);
        assert_eq!(is_reused(status, &[modified]).await, expected, "{status}");
        let public = [modified, ("cache-control", "Public")];
        assert!(is_reused(status, &public).await, "{status} with public");
    }
}

#[tokio::test]
async fn a_heuristic_never_stands_beside_an_explicit_expiry() {
    let (modified, past) = (date(-1000 * HOUR), date(-HOUR));
    let modified = ("last-modified", modified.as_str());
    for field in [
        ("expires", past.as_str()),
        ("expires", "0"),
        ("expires", "junk"),
        ("cache-control", "max-age=0"),
        ("cache-control", "max-age=junk, public"),
        ("cache-control", "s-maxage=0"),
    ] {
        assert!(!is_reused(200, &[modified, field]).await, "{field:?}");
    }
}
