//! How old a response is and how long it is fresh (RFC 9111 4.2).

use std::time::Duration;

use tower_keep::ResponseCacheLayer;

use super::{
    cases::{HOUR, answering, asks_again_at, caching, date, is_reused, is_reused_with},
    support::Cache,
};

const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn the_first_that_applies_of_s_maxage_max_age_expires_and_heuristic_counts() {
    let (in_30, long_ago) = (date(30), date(-1000 * HOUR));
    let expires = ("expires", in_30.as_str());
    let modified = ("last-modified", long_ago.as_str());
    for (fields, lifetime) in [
        (
            &[
                ("cache-control", "s-maxage=10, max-age=20"),
                expires,
                modified,
            ][..],
            10,
        ),
        (
            &[
                ("cache-control", "max-age=20, s-maxage=10"),
                expires,
                modified,
            ],
            10,
        ),
        (&[("cache-control", "S-MaxAge=10, max-age=5"), expires], 10),
        (&[("cache-control", "max-age=20"), expires, modified], 20),
        (&[("cache-control", "max-age=40"), expires], 40),
        (&[("cache-control", "max-age=20"), ("expires", "0")], 20),
        (
            &[("cache-control", "s-maxage=20"), ("expires", "nonsense")],
            20,
        ),
        (&[expires, modified], 30),
        (&[("cache-control", "public"), expires, modified], 30),
        (&[modified], DAY),
    ] {
        let cache = caching(fields);
        let seconds = [lifetime - 1, lifetime];
        assert_eq!(
            asks_again_at(&cache, &seconds).await,
            Some(lifetime),
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn no_lifetime_that_is_zero_falls_through_to_a_longer_one() {
    let (in_30, long_ago) = (date(30), date(-1000 * HOUR));
    let modified = ("last-modified", long_ago.as_str());
    for fields in [
        &[("cache-control", "s-maxage=0, max-age=60"), modified][..],
        &[
            ("cache-control", "max-age=0"),
            ("expires", &in_30),
            modified,
        ],
        &[("expires", "0"), modified],
        &[("expires", "Thu, 01 Jan 1970 00:00:00 GMT"), modified],
    ] {
        assert!(!is_reused(200, fields).await, "{fields:?}");
        let with_default = is_reused_with(200, fields, |layer| {
            layer.default_ttl(Duration::from_secs(60))
        });
        assert!(!with_default.await, "{fields:?} with a default");
    }
}

#[tokio::test]
async fn an_expires_that_is_no_date_means_expired() {
    for value in [
        "0",
        "-1",
        "",
        "never",
        "60",
        "Thu, 01 Jan 2026 00:01:00 CET",
        "Thu, 01 Jan 2026 00:01:00 UTC",
        "Thu, 01 Jan 2026 00:01:00 +0000",
        "Thu, 01 Jan 2026 00:01:00",
        "Thu, 01 Jan 26 00:01:00 GMT",
        "Thu,  01 Jan 2026 00:01:00 GMT",
        "Thu, 01  Jan 2026 00:01:00 GMT",
        "Thu, 01 Jan 2026  00:01:00 GMT",
        "Thu, 01 Jan 2026 0:01:00 GMT",
        "Thu, 01-Jan-2026 00:01:00 GMT",
        "Thu, 1 Jan 2026 00:01:00 GMT",
        "Thu, 32 Jan 2026 00:01:00 GMT",
        "Thu, 01 Jan 2026 24:01:00 GMT",
        "Thu, 01 Jan 2026 00:01:00 GMT, Thu, 01 Jan 2026 00:01:00 GMT",
    ] {
        assert!(!is_reused(200, &[("expires", value)]).await, "{value:?}");
    }
}

#[tokio::test]
async fn repeated_expires_lines_mean_expired() {
    let (soon, later) = (date(60), date(120));
    for lines in [[&soon, &later], [&later, &soon]] {
        let fields = lines.map(|line| ("expires", line.as_str()));
        assert!(!is_reused(200, &fields).await, "{lines:?}");
    }
}

#[tokio::test]
async fn every_form_of_a_date_is_understood_and_case_does_not_matter() {
    for value in [
        "Thu, 01 Jan 2026 00:01:00 GMT",
        "thu, 01 jan 2026 00:01:00 gmt",
        "THU, 01 JAN 2026 00:01:00 GMT",
        "Thursday, 01-Jan-26 00:01:00 GMT",
        "Thu Jan  1 00:01:00 2026",
    ] {
        let cache = caching(&[("expires", value)]);
        assert_eq!(asks_again_at(&cache, &[59, 60]).await, Some(60), "{value}");
    }
}

#[tokio::test]
async fn a_date_that_the_cache_writes_is_an_imf_fixdate() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    let answer = cache.get(&[]).await;
    assert_eq!(answer.header("date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
}

#[tokio::test]
async fn expires_is_compared_with_date_and_not_with_now() {
    // (Date, Expires, from when on the origin is asked again)
    for (sent, expires, again) in [
        (0, 60, 60),
        // The origin's clock is ahead: 60 seconds all the same.
        (HOUR, HOUR + 60, 60),
        // It is behind: what it gave is over already.
        (-HOUR, -HOUR + 60, 0),
        (-HOUR, -60, 0),
        (-30, 30, 30),
        // Not after Date.
        (0, 0, 0),
        (60, 30, 0),
    ] {
        let (sent, expires) = (date(sent), date(expires));
        let cache = caching(&[("date", &sent), ("expires", &expires)]);
        let found = asks_again_at(&cache, &[0, 29, 30, 59, 60, 61]).await;
        assert_eq!(found, Some(again), "Date {sent}, Expires {expires}");
    }
}

#[tokio::test]
async fn without_a_valid_date_the_arrival_stands_for_it() {
    let expires = date(60);
    for sent in [
        None,
        Some(""),
        Some("now"),
        Some("Thu, 01 Jan 2026 00:00:00 CET"),
    ] {
        let mut fields = vec![("expires", expires.as_str())];
        fields.extend(sent.map(|sent| ("date", sent)));
        let cache = caching(&fields);
        assert_eq!(asks_again_at(&cache, &[59, 60]).await, Some(60), "{sent:?}");
    }
}

#[tokio::test]
async fn seconds_that_overflow_are_a_very_long_time() {
    for value in [
        "max-age=2147483647",
        "max-age=2147483648",
        "max-age=2147483649",
        "max-age=4294967295",
        "max-age=4294967296",
        "max-age=4294967297",
        "max-age=18446744073709551615",
        "max-age=18446744073709551617",
        "max-age=99999999999999999999999999999999999999999",
        "s-maxage=4294967297",
    ] {
        let cache = caching(&[("cache-control", value)]);
        let years = 60 * 365 * DAY;
        assert_eq!(
            asks_again_at(&cache, &[0, 100, years]).await,
            None,
            "{value}"
        );
    }
}

#[tokio::test]
async fn dates_and_settings_at_the_ends_of_time_neither_wrap_nor_panic() {
    let years = [0, 100, 60 * 365 * DAY];
    let far = ("expires", "Fri, 31 Dec 9999 23:59:59 GMT");
    let ancient = ("date", "Mon, 01 Jan 1601 00:00:00 GMT");
    let max_age = ("cache-control", "max-age=99999999999");
    for (fields, forever) in [
        (&[far][..], true),
        (&[far, ("date", "Fri, 31 Dec 9999 23:59:58 GMT")], false),
        (&[max_age, ("date", "Fri, 31 Dec 9999 23:59:59 GMT")], true),
        (&[max_age, ("age", "99999999999")], false),
        (&[max_age, ancient], false),
        (&[far, ancient], true),
        (
            &[ancient, ("last-modified", "Mon, 01 Jan 1601 00:00:00 GMT")],
            false,
        ),
    ] {
        let found = asks_again_at(&caching(fields), &years).await;
        assert_eq!(found.is_none(), forever, "{fields:?}: {found:?}");
    }
    let longest = |layer: ResponseCacheLayer| {
        let layer = layer.default_ttl(Duration::MAX).keep(Duration::MAX);
        layer.heuristic(u32::MAX, Duration::MAX)
    };
    let cache = Cache::with(answering(200, &[]), longest);
    assert_eq!(asks_again_at(&cache, &years).await, None);
}

#[tokio::test]
async fn seconds_that_are_no_number_mean_stale() {
    for value in [
        "max-age=-1",
        "max-age=-60",
        "max-age=60.0",
        "max-age=1e3",
        "max-age=0x60",
        "max-age=60s",
        "max-age=6 0",
        "max-age='60'",
        "max-age=\"60",
        "max-age=\"60\"x",
        "max-age=\"6\"0",
        "max-age=",
        "max-age",
        "max-age=+60",
        "s-maxage=-1, max-age=60",
        "s-maxage=60.5, max-age=60",
        "s-maxage, max-age=60",
    ] {
        let long_ago = date(-1000 * HOUR);
        let fields = [("cache-control", value), ("last-modified", &long_ago)];
        assert!(!is_reused(200, &fields).await, "{value}");
    }
}

#[tokio::test]
async fn a_max_age_inside_of_quotes_is_no_directive() {
    for value in [
        "foo=\"max-age=60\"",
        "foo=\"a, max-age=60, b\"",
        "foo=\"\\\", max-age=60\"",
        "public, foo=\"s-maxage=60\"",
        "x-max-age=60",
        "max-agex=60",
    ] {
        assert!(
            !is_reused(200, &[("cache-control", value)]).await,
            "{value}"
        );
    }
}

#[tokio::test]
async fn of_repeated_directives_a_longer_one_never_replaces_the_first() {
    for lines in [
        &["max-age=10, max-age=60"][..],
        &["max-age=10", "max-age=60"],
        &["max-age=10, max-age=junk"],
        &["s-maxage=10, s-maxage=60"],
    ] {
        let fields: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
        let again = asks_again_at(&caching(&fields), &[0, 10]).await;
        assert!(again.is_some(), "{lines:?}: at most the first");
    }
}

#[tokio::test]
async fn of_contradicting_directives_the_most_restrictive_counts() {
    for value in [
        "max-age=60, no-store",
        "public, private, max-age=60",
        "max-age=60, no-cache",
        "no-cache=\"x-foo\", no-cache, max-age=60",
        "no-cache, no-cache=\"x-foo\", max-age=60",
    ] {
        assert!(
            !is_reused(200, &[("cache-control", value)]).await,
            "{value}"
        );
    }
}
