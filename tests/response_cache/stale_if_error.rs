//! Serving what is stale when the origin fails (RFC 5861, section 4).

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tower_keep::response_cache::{Purge, ResponseCacheLayer, Rule};

use crate::{
    probe::{Frames, lines},
    stage::{Act, Show, reply, response},
    support::request,
};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

const CONTROL: &str = "max-age=60, stale-if-error=30";

type Set = fn(ResponseCacheLayer) -> ResponseCacheLayer;

fn plain(layer: ResponseCacheLayer) -> ResponseCacheLayer {
    layer
}

/// A cache that has stored "1" with this Cache-Control; what follows is what the origin does then.
async fn stored(control: &str, then: Vec<Act>, set: Set) -> Show {
    let fields = [("cache-control", control), ("etag", "\"a\"")];
    let mut acts = vec![reply(200, &fields, "1")];
    acts.extend(then);
    let show = Show::with(acts, set);
    assert_eq!(show.get(&[]).await.body, "1");
    show
}

/// Whether "1" is served although the origin answers 503 so many seconds later; otherwise the 503 is passed.
async fn is_served(control: &str, set: Set, seconds: u64, fields: &[(&str, &str)]) -> bool {
    let show = stored(control, vec![reply(503, &[], "down")], set).await;
    show.advance(seconds);
    let got = show.get(fields).await;
    assert_eq!(show.origin.left(), 0, "the origin is asked first");
    let served = got.status == 200;
    assert_eq!(
        (got.status.as_u16(), got.body.as_str()),
        if served { (200, "1") } else { (503, "down") }
    );
    served
}

#[tokio::test]
async fn each_failure_is_answered_from_store() {
    let header: (&str, Set, &[(&str, &str)]) = (CONTROL, plain, &[]);
    let asked: (&str, Set, &[(&str, &str)]) = (
        "max-age=60",
        plain,
        &[("cache-control", "stale-if-error=30")],
    );
    let setting: (&str, Set, &[(&str, &str)]) = (
        "max-age=60",
        |layer| layer.stale_if_error(HALF_A_MINUTE),
        &[],
    );
    for (control, set, fields) in [header, asked, setting] {
        let failures =
            [500, 502, 503, 504].map(|status| (Some(status), reply(status, &[], "down")));
        let errors = [(None, Act::Fail), (None, Act::Unready)];
        for (status, failure) in failures.into_iter().chain(errors) {
            let show = stored(control, vec![failure], set).await;
            show.advance(65);
            let got = show.get(fields).await;
            assert_eq!(
                (got.status.as_u16(), got.body.as_str()),
                (200, "1"),
                "{status:?} {control}"
            );
            assert_eq!(got.age(), Some(65), "{status:?} {control}");
            let status = status.map_or_else(String::new, |status| format!(" fwd-status={status};"));
            let says = format!("tower-keep; fwd=stale;{status} ttl=-5; detail=stale-if-error");
            assert_eq!(got.header("cache-status"), Some(says.as_str()), "{control}");
        }
    }
}

#[tokio::test]
async fn other_statuses_are_no_failures() {
    for status in [
        400, 401, 403, 404, 408, 410, 425, 429, 451, 501, 505, 507, 511,
    ] {
        let show = stored(CONTROL, vec![reply(status, &[], "no")], plain).await;
        show.advance(65);
        let got = show.get(&[]).await;
        assert_eq!((got.status.as_u16(), got.body.as_str()), (status, "no"));
    }
}

#[tokio::test]
async fn the_window_ends_to_the_second() {
    for (age, served) in [(60, true), (61, true), (89, true), (90, false), (91, false)] {
        assert_eq!(is_served(CONTROL, plain, age, &[]).await, served, "{age}");
    }
    let fields = [("cache-control", "stale-if-error=100")];
    for (age, served) in [(159, true), (160, false)] {
        assert_eq!(
            is_served(CONTROL, plain, age, &fields).await,
            served,
            "{age}, asked"
        );
        assert_eq!(
            is_served("max-age=60", plain, age, &fields).await,
            served,
            "{age}, asked"
        );
    }
}

#[tokio::test]
async fn an_error_beyond_the_window_reaches_the_client() {
    for failure in [Act::Fail, Act::Unready] {
        let show = stored(CONTROL, vec![failure], plain).await;
        show.advance(90);
        assert!(show.try_send(request("GET", &[])).await.is_err());
    }
}

#[tokio::test]
async fn the_setting_is_for_responses_that_do_not_say_so_themselves() {
    let setting: Set = |layer| layer.stale_if_error(HALF_A_MINUTE);
    for (control, age, served) in [
        ("max-age=60", 89, true),
        ("max-age=60", 90, false),
        ("max-age=60, stale-if-error=10", 69, true),
        ("max-age=60, stale-if-error=10", 70, false),
        ("max-age=60, stale-if-error=0", 60, false),
        ("max-age=60, stale-if-error=100", 159, true),
        ("max-age=60, Stale-If-Error=100", 159, true),
    ] {
        assert_eq!(
            is_served(control, setting, age, &[]).await,
            served,
            "{control} at {age}"
        );
    }
    assert!(
        !is_served("max-age=60", plain, 60, &[]).await,
        "off by default"
    );
    assert!(
        is_served(
            "max-age=60, stale-if-error=99999999999999999999",
            plain,
            100_000,
            &[]
        )
        .await
    );
    assert!(!is_served("max-age=60, x=\"stale-if-error=30\"", plain, 61, &[]).await);
}

#[tokio::test]
async fn what_forbids_to_serve_stale_forbids_this_too() {
    let setting: Set = |layer| layer.stale_if_error(HALF_A_MINUTE);
    let asks = [("cache-control", "stale-if-error=30")];
    for directive in [
        "must-revalidate",
        "proxy-revalidate",
        "no-cache",
        "s-maxage=60",
    ] {
        let own = format!("{CONTROL}, {directive}");
        assert!(!is_served(&own, plain, 65, &[]).await, "{directive}");
        let control = format!("max-age=60, {directive}");
        assert!(
            !is_served(&control, setting, 65, &[]).await,
            "{directive}, set"
        );
        assert!(
            !is_served(&control, plain, 65, &asks).await,
            "{directive}, asked"
        );
        let show = stored(&own, vec![Act::Fail], plain).await;
        show.advance(65);
        assert!(
            show.try_send(request("GET", &[])).await.is_err(),
            "{directive}"
        );
    }
}

#[tokio::test]
async fn an_explicit_window_counts_beside_s_maxage_if_that_is_wanted() {
    let set: Set = |layer| layer.stale_despite_s_maxage().stale_if_error(HALF_A_MINUTE);
    for (control, served) in [
        ("s-maxage=60, stale-if-error=30", true),
        ("s-maxage=60", false),
        ("s-maxage=60, stale-if-error=5", false),
        ("s-maxage=60, stale-if-error=30, must-revalidate", false),
        ("s-maxage=60, stale-if-error=30, proxy-revalidate", false),
        ("s-maxage=60, stale-if-error=30, no-cache", false),
    ] {
        assert_eq!(is_served(control, set, 65, &[]).await, served, "{control}");
    }
}

#[tokio::test]
async fn a_request_may_want_the_failure() {
    assert!(!is_served(CONTROL, plain, 65, &[("cache-control", "no-cache")]).await);
    let ignoring: Set = ResponseCacheLayer::ignore_request_directives;
    let asks = [("cache-control", "stale-if-error=30")];
    assert!(!is_served("max-age=60", ignoring, 65, &asks).await);
    assert!(is_served(CONTROL, ignoring, 65, &[("cache-control", "no-cache")]).await);
}

#[tokio::test]
async fn a_request_gets_nothing_that_is_kept_no_longer() {
    let set: Set = |layer| layer.keep(HALF_A_MINUTE);
    let asks = [("cache-control", "stale-if-error=1000")];
    assert!(is_served("max-age=60", set, 89, &asks).await);
    assert!(!is_served("max-age=60", set, 91, &asks).await);
}

/// RFC 9211, section 2.2: it was fresh, and the request wanted it validated.
#[tokio::test]
async fn the_reason_for_asking_is_told_where_it_was_fresh() {
    let show = stored(CONTROL, vec![reply(503, &[], "down")], plain).await;
    show.advance(10);
    let got = show.get(&[("cache-control", "max-age=5")]).await;
    assert_eq!((got.status.as_u16(), got.body.as_str()), (200, "1"));
    let says = "tower-keep; fwd=request; fwd-status=503; ttl=50; detail=stale-if-error";
    assert_eq!(got.header("cache-status"), Some(says));
}

#[tokio::test]
async fn the_failure_is_dropped_unread_and_leaves_nothing_behind() {
    let body = Frames::of(&["down"]);
    let taken = Arc::clone(&body.taken);
    let fields = [
        ("cache-control", "max-age=600"),
        ("x-failure", "1"),
        ("set-cookie", "a=b"),
    ];
    let failure = Act::Answer(response(503, &fields, body));
    let fields = [("cache-control", CONTROL), ("etag", "\"b\"")];
    let show = stored(CONTROL, vec![failure, reply(200, &fields, "2")], plain).await;
    show.advance(65);
    let got = show.get(&[]).await;
    assert_eq!(got.body, "1");
    assert_eq!(Arc::strong_count(&taken), 1, "the body was dropped");
    assert_eq!(*taken.lock().unwrap(), 0, "nobody read it");
    assert!(!got.headers.contains_key("x-failure") && !got.headers.contains_key("set-cookie"));
    // It is not stored, and what is stored is no fresher than before.
    show.advance(5);
    let next = show.get(&[]).await;
    assert_eq!((next.is_hit(), next.body.as_str()), (false, "2"));
    assert_eq!(show.origin.left(), 0);
}

#[tokio::test]
async fn an_answer_in_place_of_a_failure_renews_nothing() {
    let down = || reply(503, &[], "down");
    let show = stored(CONTROL, vec![down(), down(), down()], plain).await;
    for (seconds, age) in [(65, 65), (10, 75)] {
        show.advance(seconds);
        assert_eq!(show.get(&[]).await.age(), Some(age));
    }
    show.advance(15);
    assert_eq!(show.get(&[]).await.status, 503);
}

#[tokio::test]
async fn a_failure_is_counted_as_forwarded() {
    let show = stored(CONTROL, vec![reply(503, &[], "down")], plain).await;
    show.advance(65);
    show.get(&[]).await;
    let stats = show.layer.stats();
    assert_eq!(stats.forwarded[&Rule::StaleIfError], 1);
    assert_eq!((stats.hit_count(), stats.refreshed), (0, 0));
}

#[tokio::test]
async fn heads_ranges_and_conditions_get_what_they_asked_for() {
    for (method, field, status, body) in [
        ("HEAD", ("x-a", "b"), 200, ""),
        ("GET", ("range", "bytes=0-0"), 206, "1"),
        ("GET", ("if-none-match", "\"a\""), 304, ""),
        ("GET", ("if-none-match", "\"b\""), 200, "1"),
    ] {
        let show = stored(CONTROL, vec![reply(503, &[], "down")], plain).await;
        show.advance(65);
        let got = show.send(request(method, &[field])).await;
        assert_eq!(
            (got.status.as_u16(), got.body.as_str()),
            (status, body),
            "{method} {field:?}"
        );
        assert_eq!(got.age(), Some(65), "{method} {field:?}");
    }
}

#[tokio::test]
async fn unsafe_requests_are_never_answered_with_it() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"] {
        let show = stored(CONTROL, vec![reply(503, &[], "down"), Act::Fail], plain).await;
        show.advance(65);
        let fields = [("cache-control", "stale-if-error=100")];
        let got = show.send(request(method, &fields)).await;
        assert_eq!(
            (got.status.as_u16(), got.body.as_str()),
            (503, "down"),
            "{method}"
        );
        assert!(
            show.try_send(request(method, &fields)).await.is_err(),
            "{method}"
        );
    }
}

#[tokio::test]
async fn without_something_stored_for_the_request_the_failure_is_passed() {
    let control = [("cache-control", CONTROL), ("vary", "accept")];
    let acts = vec![
        reply(200, &control, "1"),
        reply(503, &[], "down"),
        reply(503, &[], "down"),
    ];
    let show = Show::new(acts);
    show.get(&[("accept", "a")]).await;
    show.advance(65);
    assert_eq!(
        show.get(&[("accept", "b")]).await.status,
        503,
        "another variant"
    );
    let elsewhere = [(":uri", "http://elsewhere.test/"), ("accept", "a")];
    assert_eq!(show.get(&elsewhere).await.status, 503, "another resource");
}

/// A 304 for something else makes the cache ask again, without conditions; that fails.
#[tokio::test]
async fn a_second_question_that_fails_is_a_failure() {
    for failure in [reply(503, &[], "down"), Act::Fail, Act::Unready] {
        let other = reply(304, &[("etag", "\"other\"")], "");
        let show = stored(CONTROL, vec![other, failure], plain).await;
        show.advance(65);
        assert_eq!(show.get(&[]).await.body, "1");
        assert_eq!(show.origin.left(), 0);
    }
}

#[tokio::test]
async fn behind_the_window_of_revalidation_begins_that_of_errors() {
    let control = "max-age=60, stale-while-revalidate=10, stale-if-error=30";
    let show = stored(
        control,
        vec![reply(503, &[], "down"), reply(503, &[], "down")],
        plain,
    )
    .await;
    show.advance(69);
    assert!(show.get(&[]).await.is_hit());
    show.quiet().await;
    show.advance(1);
    let got = show.get(&[]).await;
    assert_eq!(
        (got.is_hit(), got.body.as_str(), show.origin.left()),
        (false, "1", 0)
    );
    assert_eq!(
        lines(&show.origin.last().headers, "if-none-match"),
        ["\"a\""]
    );
}

#[tokio::test]
async fn what_is_purged_for_good_meanwhile_does_not_stand_in_for_the_failure() {
    for (purge, expected) in [
        (Purge::new().all(), (503, "down")),
        (Purge::new().all().soft(), (200, "1")),
        (Purge::new().tag("another"), (200, "1")),
    ] {
        let go = Arc::new(Notify::new());
        let failing = Act::Wait(Arc::clone(&go), Box::new(reply(503, &[], "down")));
        let show = stored(CONTROL, vec![failing], plain).await;
        show.advance(65);
        let asking = show.get(&[]);
        let meanwhile = async {
            tokio::task::yield_now().await;
            show.layer.purger().purge(&purge);
            go.notify_one();
        };
        let (got, ()) = futures_util::join!(asking, meanwhile);
        assert_eq!(
            (got.status.as_u16(), got.body.as_str()),
            expected,
            "{purge:?}"
        );
    }
}
