//! How old a response is (RFC 9111 4.2.3, 5.1).

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use http::StatusCode;
use tower_keep::test_util::ManualClock;

use super::{
    cases::{HOUR, asks_again_at, caching, date},
    support::{Cache, Origin, respond},
};

#[tokio::test]
async fn the_age_at_arrival_counts() {
    // (lines of Age, the Age of a hit at once or `None` for stale on arrival)
    for (lines, age) in [
        (&["0"][..], Some(0)),
        (&["30"], Some(30)),
        (&["59"], Some(59)),
        (&["60"], None),
        (&["61"], None),
        (&["30, 0"], Some(30)),
        (&["0, 90"], Some(0)),
        (&["30", "90"], Some(30)),
        (&["90", "30"], None),
        (&["-1"], Some(0)),
        (&["-90"], Some(0)),
        (&["90.5"], Some(0)),
        (&["abc"], Some(0)),
        (&[""], Some(0)),
        (&["2147483648"], None),
        (&["4294967296"], None),
        (&["18446744073709551616"], None),
        (&["99999999999999999999999999"], None),
    ] {
        let mut fields = vec![("cache-control", "max-age=60")];
        fields.extend(lines.iter().map(|line| ("age", *line)));
        let cache = caching(&fields);
        cache.get(&[]).await;
        let second = cache.get(&[]).await;
        let found = second
            .is_hit()
            .then(|| second.age().expect("a hit has an age"));
        assert_eq!(found, age, "{lines:?}");
    }
}

#[tokio::test]
async fn a_response_with_an_invalid_age_is_cached_with_the_age_it_gains() {
    let cache = caching(&[("cache-control", "max-age=60"), ("age", "-7200")]);
    assert_eq!(asks_again_at(&cache, &[59, 60]).await, Some(60));
}

#[tokio::test]
async fn the_larger_of_apparent_age_and_stated_age_counts() {
    // (Date, Age, the age at arrival)
    for (sent, stated, age) in [
        (0, None, 0),
        (-30, None, 30),
        (-30, Some("10"), 30),
        (-10, Some("30"), 30),
        (-30, Some("junk"), 30),
        // A Date in the future is the origin's clock ahead of ours, not a negative age.
        (HOUR, None, 0),
        (HOUR, Some("20"), 20),
    ] {
        let sent = date(sent);
        let mut fields = vec![("cache-control", "max-age=60"), ("date", sent.as_str())];
        fields.extend(stated.map(|stated| ("age", stated)));
        let cache = caching(&fields);
        cache.get(&[]).await;
        assert_eq!(
            cache.get(&[]).await.age(),
            Some(age),
            "Date {sent}, Age {stated:?}"
        );
        cache.advance(60 - age - 1);
        assert_eq!(
            cache.get(&[]).await.age(),
            Some(59),
            "Date {sent}, Age {stated:?}"
        );
        cache.advance(1);
        assert!(
            !cache.get(&[]).await.is_hit(),
            "Date {sent}, Age {stated:?}"
        );
    }
}

/// A cache whose origin takes so many seconds to answer.
fn slow(seconds: u64, fields: &'static [(&'static str, &'static str)]) -> Cache {
    let clock = Arc::new(OnceLock::<ManualClock>::new());
    let moved = Arc::clone(&clock);
    let cache = Cache::new(Origin::new(move |_| {
        let clock = moved.get().expect("it is set before the first request");
        clock.advance(Duration::from_secs(seconds));
        respond(StatusCode::OK, fields, "")
    }));
    assert!(clock.set(cache.clock.clone()).is_ok());
    cache
}

#[tokio::test]
async fn the_time_that_the_origin_took_is_added_to_the_stated_age() {
    for (delay, fields, age) in [
        (0, &[("cache-control", "max-age=60"), ("age", "10")][..], 10),
        (5, &[("cache-control", "max-age=60"), ("age", "10")], 15),
        (5, &[("cache-control", "max-age=60")], 5),
        (
            20,
            &[
                ("cache-control", "max-age=60"),
                ("age", "10"),
                ("date", "Thu, 01 Jan 2026 00:00:00 GMT"),
            ],
            30,
        ),
    ] {
        let cache = slow(delay, fields);
        cache.get(&[]).await;
        assert_eq!(
            cache.get(&[]).await.age(),
            Some(age),
            "{delay} s, {fields:?}"
        );
    }
    let cache = slow(60, &[("cache-control", "max-age=60")]);
    cache.get(&[]).await;
    assert!(!cache.get(&[]).await.is_hit(), "stale on arrival");
}

#[tokio::test]
async fn a_wall_clock_that_jumps_changes_no_age() {
    for jump in [-1000 * HOUR, -1, 1, 1000 * HOUR] {
        let cache = caching(&[("cache-control", "max-age=60")]);
        cache.get(&[]).await;
        cache.advance(10);
        let wall = SystemTime::UNIX_EPOCH
            + Duration::from_secs(1_767_225_610_u64.saturating_add_signed(jump));
        cache.clock.set_wall(wall);
        let hit = cache.get(&[]).await;
        assert!(hit.is_hit(), "{jump}");
        assert_eq!(hit.age(), Some(10), "{jump}");
        cache.advance(50);
        assert!(!cache.get(&[]).await.is_hit(), "{jump}");
    }
}
