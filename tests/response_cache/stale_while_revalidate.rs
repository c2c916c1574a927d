//! Serving what is stale while it is validated behind: when, for how long, and for whom (RFC 5861, section 3).

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tower_keep::response_cache::{CacheKey, ResponseCacheLayer};

use crate::{
    stage::{Act, Show, reply},
    support::{Got, request},
};

const MINUTE: Duration = Duration::from_secs(60);

type Set = fn(ResponseCacheLayer) -> ResponseCacheLayer;

/// A cache that has stored "1" with these fields; the origin would answer "2" now.
async fn stored(
    fields: &[(&str, &str)],
    set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
) -> Show {
    let acts: Vec<Act> = ["1", "2"].map(|body| reply(200, fields, body)).into();
    let show = Show::with(acts, set);
    assert_eq!(show.get(&[]).await.body, "1");
    show
}

/// What a request gets so many seconds later, and how often the origin was asked when all is quiet.
async fn later(show: &Show, seconds: u64, asking: Request<Full<Bytes>>) -> (Got, usize) {
    show.advance(seconds);
    let got = show.send(asking).await;
    show.quiet().await;
    (got, show.origin.calls())
}

/// Whether "1" is served at once so many seconds later, with a refresh behind it; otherwise "2" is waited for.
async fn is_served_stale(show: &Show, seconds: u64, fields: &[(&str, &str)]) -> bool {
    let (got, calls) = later(show, seconds, request("GET", fields)).await;
    assert_eq!(calls, 2, "the origin is asked in any case");
    assert_eq!(got.is_hit(), got.body == "1", "{got:?}");
    got.is_hit()
}

#[tokio::test]
async fn it_is_served_at_once_within_the_window_and_validated_first_beyond() {
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    let show = stored(&fields, |layer| layer).await;
    let (fresh, calls) = later(&show, 59, request("GET", &[])).await;
    assert_eq!((fresh.is_hit(), calls), (true, 1), "the last fresh second");
    for (age, stale) in [
        (60, true),
        (61, true),
        (89, true),
        (90, false),
        (91, false),
        (200, false),
    ] {
        let show = stored(&fields, |layer| layer).await;
        assert_eq!(is_served_stale(&show, age, &[]).await, stale, "{age}");
    }
}

#[tokio::test]
async fn fractions_of_a_second_count() {
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    for (millis, stale) in [(89_999, true), (90_000, false)] {
        let show = stored(&fields, |layer| layer).await;
        show.clock.advance(Duration::from_millis(millis));
        assert_eq!(is_served_stale(&show, 0, &[]).await, stale, "{millis}");
    }
}

#[tokio::test]
async fn the_window_begins_where_freshness_ends_whatever_the_age_at_arrival() {
    let fields = [
        ("cache-control", "max-age=60, stale-while-revalidate=30"),
        ("age", "50"),
    ];
    for (seconds, stale) in [(10, true), (39, true), (40, false)] {
        let show = stored(&fields, |layer| layer).await;
        assert_eq!(
            is_served_stale(&show, seconds, &[]).await,
            stale,
            "{seconds}"
        );
    }
}

#[tokio::test]
async fn a_stale_answer_says_how_old_and_how_stale_it_is() {
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    let show = stored(&fields, |layer| layer).await;
    let (got, _) = later(&show, 77, request("GET", &[])).await;
    assert_eq!(got.age(), Some(77));
    assert_eq!(got.header("cache-status"), Some("tower-keep; hit; ttl=-17"));
}

#[tokio::test]
async fn what_forbids_to_serve_stale_wins_over_the_window() {
    for control in [
        "max-age=60, stale-while-revalidate=30, must-revalidate",
        "max-age=60, stale-while-revalidate=30, proxy-revalidate",
        "max-age=60, stale-while-revalidate=30, no-cache",
        "max-age=60, stale-while-revalidate=30, s-maxage=60",
        "s-maxage=60, stale-while-revalidate=30",
        "max-age=60, must-revalidate",
        "max-age=60, proxy-revalidate",
        "max-age=60, no-cache",
        "s-maxage=60",
    ] {
        let fields = [("cache-control", control), ("etag", "\"a\"")];
        let show = stored(&fields, |layer| layer.stale_while_revalidate(MINUTE)).await;
        assert!(!is_served_stale(&show, 65, &[]).await, "{control}");
    }
}

#[tokio::test]
async fn an_explicit_window_counts_beside_s_maxage_if_that_is_wanted() {
    for (control, stale) in [
        ("s-maxage=60, stale-while-revalidate=30", true),
        ("s-maxage=60, max-age=5, stale-while-revalidate=30", true),
        ("s-maxage=60, stale-while-revalidate=5", false),
        ("s-maxage=60", false),
        (
            "s-maxage=60, stale-while-revalidate=30, must-revalidate",
            false,
        ),
        (
            "s-maxage=60, stale-while-revalidate=30, proxy-revalidate",
            false,
        ),
        ("s-maxage=60, stale-while-revalidate=30, no-cache", false),
        (
            "max-age=60, stale-while-revalidate=30, must-revalidate",
            false,
        ),
    ] {
        let fields = [("cache-control", control), ("etag", "\"a\"")];
        let set = |layer: ResponseCacheLayer| {
            layer
                .stale_despite_s_maxage()
                .stale_while_revalidate(MINUTE)
        };
        let show = stored(&fields, set).await;
        assert_eq!(is_served_stale(&show, 65, &[]).await, stale, "{control}");
    }
}

#[tokio::test]
async fn the_setting_is_for_responses_that_do_not_say_so_themselves() {
    let minute: Set = |layer| layer.stale_while_revalidate(MINUTE);
    let none: Set = |layer| layer;
    for (set, control, age, stale) in [
        (none, "max-age=60", 60, false),
        (minute, "max-age=60", 60, true),
        (minute, "max-age=60", 119, true),
        (minute, "max-age=60", 120, false),
        (minute, "max-age=60, stale-while-revalidate=10", 69, true),
        (minute, "max-age=60, stale-while-revalidate=10", 70, false),
        (minute, "max-age=60, stale-while-revalidate=0", 60, false),
        (minute, "max-age=60, stale-while-revalidate=100", 159, true),
        (none, "max-age=60, Stale-While-Revalidate=100", 159, true),
        (
            none,
            "max-age=60, stale-while-revalidate=99999999999999999999",
            100_000,
            true,
        ),
        (none, "max-age=60, stale-while-revalidate=x", 61, false),
        (none, "max-age=60, stale-while-revalidate", 61, false),
        (
            none,
            "max-age=60, x=\"stale-while-revalidate=100\"",
            61,
            false,
        ),
    ] {
        let show = stored(&[("cache-control", control), ("etag", "\"a\"")], set).await;
        assert_eq!(
            is_served_stale(&show, age, &[]).await,
            stale,
            "{control} at {age}"
        );
    }
}

#[tokio::test]
async fn the_window_is_that_of_the_field_that_gave_the_lifetime() {
    let window = "max-age=60, stale-while-revalidate=30";
    for (targeted, control, stale) in [(window, "max-age=5", true), ("max-age=60", window, false)] {
        let fields = [("cdn-cache-control", targeted), ("cache-control", control)];
        let show = stored(&fields, |layer| layer).await;
        assert_eq!(is_served_stale(&show, 65, &[]).await, stale, "{targeted}");
    }
}

#[tokio::test]
async fn to_a_private_cache_what_binds_shared_ones_means_nothing() {
    for directive in ["s-maxage=1", "proxy-revalidate"] {
        let control = format!("max-age=60, stale-while-revalidate=30, {directive}");
        let show = stored(&[("cache-control", &control)], ResponseCacheLayer::private).await;
        assert!(is_served_stale(&show, 65, &[]).await, "{directive}");
    }
}

#[tokio::test]
async fn a_request_that_wants_it_fresher_waits() {
    for (field, stale) in [
        (("cache-control", "no-cache"), false),
        (("cache-control", "max-age=0"), false),
        (("cache-control", "max-age=10"), false),
        (("cache-control", "max-age=64"), false),
        (("cache-control", "min-fresh=1"), false),
        (("pragma", "no-cache"), false),
        (("cache-control", "max-age=65"), true),
        (("cache-control", "max-stale"), true),
        (("cache-control", "stale-while-revalidate=0"), true),
    ] {
        let fields = [("cache-control", "max-age=60, stale-while-revalidate=30")];
        let show = stored(&fields, |layer| layer).await;
        assert_eq!(
            is_served_stale(&show, 65, &[field]).await,
            stale,
            "{field:?}"
        );
        if field.0 == "cache-control" {
            let show = stored(&fields, ResponseCacheLayer::ignore_request_directives).await;
            assert!(
                is_served_stale(&show, 65, &[field]).await,
                "{field:?}, ignored"
            );
        }
    }
}

#[tokio::test]
async fn a_request_opens_no_window_by_itself() {
    let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
    let show = stored(&fields, |layer| layer).await;
    let asks = [("cache-control", "stale-while-revalidate=100")];
    assert!(!is_served_stale(&show, 65, &asks).await);
}

#[tokio::test]
async fn only_if_cached_gets_it_within_the_window_and_a_504_beyond() {
    let fields = [
        ("cache-control", "max-age=60, stale-while-revalidate=30"),
        ("etag", "\"a\""),
    ];
    for (age, status) in [(89, 200), (90, 504)] {
        let show = stored(&fields, |layer| layer).await;
        let asking = request("GET", &[("cache-control", "only-if-cached")]);
        let (got, _) = later(&show, age, asking).await;
        assert_eq!(got.status, status, "{age}");
    }
}

#[tokio::test]
async fn heads_ranges_and_conditions_are_answered_stale_too() {
    let fields = [
        ("cache-control", "max-age=60, stale-while-revalidate=30"),
        ("etag", "\"a\""),
    ];
    for (method, field, status, body) in [
        ("HEAD", ("x-a", "b"), 200, ""),
        ("GET", ("range", "bytes=0-0"), 206, "1"),
        ("GET", ("range", "bytes=7-"), 416, ""),
        ("GET", ("if-none-match", "\"a\""), 304, ""),
        ("GET", ("if-none-match", "\"b\""), 200, "1"),
    ] {
        let show = stored(&fields, |layer| layer).await;
        let (got, calls) = later(&show, 65, request(method, &[field])).await;
        assert_eq!(
            (got.status.as_u16(), got.body.as_str(), calls),
            (status, body, 2),
            "{method} {field:?}"
        );
        assert!(got.is_hit(), "{method} {field:?}");
        let (next, calls) = later(&show, 0, request("GET", &[])).await;
        assert_eq!((next.body.as_str(), calls), ("2", 2), "{method} {field:?}");
    }
}

#[tokio::test]
async fn a_resource_that_ignores_parts_of_its_query_is_refreshed_too() {
    let fields = [
        ("cache-control", "max-age=60, stale-while-revalidate=30"),
        ("no-vary-search", "params=(\"a\")"),
    ];
    let show = stored(&fields, ResponseCacheLayer::no_vary_search).await;
    let uri = (":uri", "http://origin.test/?a=1");
    assert!(is_served_stale(&show, 65, &[uri]).await);
    let (next, calls) = later(&show, 0, request("GET", &[])).await;
    assert_eq!((next.body.as_str(), calls), ("2", 2));
}

/// A POST to `/` with this body.
fn post(body: &'static str) -> Request<Full<Bytes>> {
    let mut post = request("POST", &[]);
    *post.body_mut() = body.into();
    post
}

#[tokio::test]
async fn a_post_is_never_answered_stale_nor_refreshed_by_a_get() {
    let window = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    let acts = ["1", "2", "3"].map(|body| reply(200, &window, body)).into();
    let show = Show::with(acts, |layer| layer.key(CacheKey::new().post_body(100)));
    assert_eq!(show.send(post("query")).await.body, "1");
    let (fresh, _) = later(&show, 59, post("query")).await;
    assert!(fresh.is_hit());
    let (got, calls) = later(&show, 1, post("query")).await;
    assert_eq!((got.body.as_str(), got.is_hit(), calls), ("2", false, 2));
    assert_eq!(show.origin.last().method, Method::POST);
    let (next, calls) = later(&show, 0, post("query")).await;
    assert_eq!((next.body.as_str(), next.is_hit(), calls), ("2", true, 2));
}

#[tokio::test]
async fn a_post_is_not_refreshed_early_by_a_get_either() {
    let fields = [("cache-control", "max-age=100")];
    let acts = ["1", "2"].map(|body| reply(200, &fields, body)).into();
    let set =
        |layer: ResponseCacheLayer| layer.key(CacheKey::new().post_body(100)).early_refresh(50);
    let show = Show::with(acts, set);
    show.send(post("query")).await;
    let (got, calls) = later(&show, 90, post("query")).await;
    assert_eq!((got.body.as_str(), got.is_hit(), calls), ("1", true, 1));
}

#[tokio::test]
async fn a_post_without_its_body_in_the_key_passes() {
    let fields = [("cache-control", "max-age=60, stale-while-revalidate=30")];
    let show = stored(&fields, |layer| layer).await;
    let (got, calls) = later(&show, 65, request("POST", &[])).await;
    assert_eq!((got.body.as_str(), got.is_hit(), calls), ("2", false, 2));
}

#[tokio::test]
async fn what_is_kept_can_be_validated_until_that_ends() {
    let hundred: Set = |layer| layer.keep(Duration::from_secs(100));
    let none: Set = |layer| layer.keep(Duration::ZERO);
    let default: Set = |layer| layer;
    for (set, control, last) in [
        (hundred, "max-age=60", 160),
        (none, "max-age=60", 60),
        (default, "max-age=60", 3660),
        (hundred, "max-age=60, stale-while-revalidate=30", 160),
        (hundred, "max-age=60, stale-while-revalidate=200", 260),
        (hundred, "max-age=60, stale-if-error=300", 360),
        (
            none,
            "max-age=60, stale-if-error=300, stale-while-revalidate=200",
            360,
        ),
    ] {
        let fields = [("cache-control", control), ("etag", "\"a\"")];
        for (age, kept) in [(last - 1, true), (last + 1, false)] {
            if kept && age < 60 {
                continue;
            }
            let show = stored(&fields, set).await;
            let (got, calls) = later(&show, age, request("GET", &[])).await;
            let sent = show.origin.last().headers;
            assert_eq!(
                sent.contains_key("if-none-match"),
                kept,
                "{control} at {age}"
            );
            assert_eq!(calls, 2);
            if !kept {
                let status = got.header("cache-status").unwrap();
                assert!(status.starts_with("tower-keep; fwd=uri-miss"), "{status}");
            }
        }
    }
}
