//! A cache that looks on: what it leaves alone, and what it learns.

use std::sync::Arc;

use http::{HeaderName, Response};
use proptest::{collection::vec, prelude::*, sample::select};
use tokio::sync::Notify;
use tower_keep::response_cache::{CacheKey, CachePolicy, ResponseCacheLayer, Rule, Stats};

use super::{
    probe::Frames,
    stage::{Act, Show, reply, response, turns},
    support::{Cache, Origin, request, respond},
};

const FRESH: (&str, &str) = ("cache-control", "max-age=10");
const TAG: (&str, &str) = ("etag", "\"a\"");

fn show(acts: Vec<Act>) -> Show {
    Show::with(acts, ResponseCacheLayer::shadow)
}

fn count(stats: &Stats) -> (u64, u64, u64) {
    let forwarded = stats.forwarded.values().sum();
    (stats.hit_count(), stats.shadowed_count(), forwarded)
}

#[tokio::test]
async fn each_response_reaches_its_client_exactly_as_it_came() {
    let policy = || {
        let mut response = response(200, &[FRESH, TAG], Frames::of(&["b", "c"]));
        let policy = CachePolicy::new().vary([HeaderName::from_static("x-tenant")]);
        response.extensions_mut().insert(policy);
        Act::Answer(response)
    };
    for (method, extra) in [
        ("GET", ("x-a", "1")),
        ("HEAD", ("x-a", "1")),
        ("PUT", ("x-a", "1")),
        ("GET", ("connection", "x-a")),
    ] {
        let show = show(vec![policy(), policy(), policy()]);
        for calls in 1..=3 {
            let got = show.send(request(method, &[extra, ("x-a", "1")])).await;
            let (as_it_came, _) = response(200, &[FRESH, TAG], Frames::of(&[])).into_parts();
            assert_eq!(
                (got.headers, got.body.as_str()),
                (as_it_came.headers, "bc"),
                "{method}"
            );
            assert_eq!(show.origin.calls(), calls);
        }
    }
}

#[tokio::test]
async fn each_request_goes_to_the_inner_service_as_it_came() {
    let show = show(vec![
        reply(200, &[FRESH, TAG], "1"),
        reply(200, &[FRESH, TAG], "2"),
        reply(200, &[FRESH, TAG], "3"),
    ]);
    for wait in [5, 20, 0] {
        let got = show.get(&[("accept", "text/html")]).await;
        let seen = show.origin.last().headers;
        assert_eq!(seen.len(), 1, "no condition was added: {seen:?}");
        assert_eq!(got.body, show.origin.calls().to_string());
        show.advance(wait);
    }
}

#[tokio::test]
async fn what_would_have_been_answered_from_store_is_counted_by_rule_and_not_stored_again() {
    let show = show((0..5).map(|_| reply(200, &[FRESH], "page")).collect());
    for wait in [9, 0, 2, 9, 0] {
        show.get(&[]).await;
        show.advance(wait);
    }
    // Stored at 0 and at 11, looked for at 9, 9, 11 and 20.
    let stats = show.layer.stats();
    assert_eq!(stats.shadowed, [(Rule::Fresh, 3)].into());
    assert_eq!(
        stats.forwarded,
        [(Rule::NothingStored, 1), (Rule::Stale, 1)].into()
    );
    assert_eq!((stats.stored, stats.hits.len()), (2, 0));
    assert_eq!(
        (stats.hit_rate(), stats.shadow_hit_rate()),
        (Some(0.0), Some(0.6))
    );
    assert_eq!(stats.shadow_differed, 0);
}

#[tokio::test]
async fn a_304_to_the_clients_own_condition_makes_fresh_anew() {
    let show = show(vec![
        reply(200, &[FRESH, TAG], "page"),
        reply(304, &[TAG], ""),
        reply(200, &[FRESH, TAG], "page"),
    ]);
    show.get(&[]).await;
    show.advance(15);
    let got = show.get(&[("if-none-match", "\"a\"")]).await;
    assert_eq!((got.status.as_u16(), got.headers.len()), (304, 1));
    show.advance(5);
    show.get(&[]).await;
    let stats = show.layer.stats();
    assert_eq!((count(&stats), stats.validated), ((0, 1, 2), 1));
}

#[tokio::test]
async fn the_response_to_what_would_be_served_stale_is_its_refresh() {
    let control = [("cache-control", "max-age=10, stale-while-revalidate=30")];
    let show = show((0..3).map(|_| reply(200, &control, "page")).collect());
    show.get(&[]).await;
    show.advance(15);
    show.get(&[]).await;
    show.advance(5);
    show.get(&[]).await;
    let stats = show.layer.stats();
    let expected = [(Rule::StaleWhileRevalidate, 1), (Rule::Fresh, 1)].into();
    assert_eq!((stats.shadowed, stats.refreshed), (expected, 1));
    assert_eq!(show.origin.calls(), 3, "and nothing else is asked");
}

#[tokio::test]
async fn failures_reach_the_client_and_cost_nothing_stored() {
    let control = [("cache-control", "max-age=10, stale-if-error=30")];
    let show = show(vec![
        reply(200, &control, "page"),
        Act::Fail,
        reply(503, &[FRESH], "down"),
        reply(200, &control, "page"),
        reply(503, &[FRESH], "down"),
    ]);
    show.get(&[]).await;
    show.advance(15);
    assert!(show.try_send(request("GET", &[])).await.is_err());
    assert_eq!(show.get(&[]).await.status, 503);
    let stats = show.layer.stats();
    let expected = [(Rule::NothingStored, 1), (Rule::StaleIfError, 2)].into();
    assert_eq!((&stats.forwarded, stats.stored), (&expected, 1));
    show.get(&[]).await;
    assert_eq!(show.get(&[]).await.status, 503);
    let stats = show.layer.stats();
    assert_eq!((stats.shadowed_count(), stats.shadow_differed), (1, 0));
}

#[tokio::test]
async fn what_the_inner_service_answers_otherwise_by_now_is_counted() {
    for (then, differs) in [
        (reply(200, &[FRESH, TAG], "page"), false),
        (reply(200, &[FRESH], "page"), false),
        (reply(200, &[FRESH, ("etag", "\"b\"")], "page"), true),
        (reply(200, &[FRESH, ("content-length", "9")], "page"), true),
        (reply(404, &[FRESH], "page"), true),
        (reply(500, &[FRESH], "page"), false),
    ] {
        let show = show(vec![reply(200, &[FRESH, TAG], "page"), then]);
        show.get(&[]).await;
        show.get(&[]).await;
        let stats = show.layer.stats();
        assert_eq!(stats.shadowed_count(), 1);
        assert_eq!(stats.shadow_differed, u64::from(differs));
    }
}

#[tokio::test]
async fn nobody_waits_for_another() {
    let go = Arc::new(Notify::new());
    let wait = || Act::Wait(go.clone(), Box::new(reply(200, &[FRESH], "page")));
    let show = show(vec![wait(), wait()]);
    let (one, two) = (show.get(&[]), show.get(&[]));
    let both = async { tokio::join!(one, two) };
    let check = async {
        turns().await;
        assert_eq!(show.origin.calls(), 2);
        go.notify_waiters();
    };
    tokio::join!(both, check);
    assert_eq!(show.layer.stats().collapsed, 0);
}

#[tokio::test]
async fn only_if_cached_goes_to_the_inner_service_too() {
    let show = show(vec![reply(200, &[FRESH], "page")]);
    let got = show.get(&[("cache-control", "only-if-cached")]).await;
    assert_eq!((got.status.as_u16(), got.body.as_str()), (200, "page"));
    let stats = show.layer.stats();
    assert_eq!(stats.forwarded, [(Rule::OnlyIfCached, 1)].into());
    assert_eq!(stats.stored, 0);
}

#[tokio::test]
async fn posts_by_their_bodies_are_looked_on_too() {
    let set = |layer: ResponseCacheLayer| layer.key(CacheKey::new().post_body(99)).shadow();
    let acts = (0..2).map(|_| reply(200, &[FRESH], "page")).collect();
    let show = Show::with(acts, set);
    for _ in 0..2 {
        let got = show.send(request("POST", &[])).await;
        assert_eq!((got.body.as_str(), got.is_hit()), ("page", false));
    }
    assert_eq!(count(&show.layer.stats()), (0, 1, 1));
}

#[tokio::test]
async fn a_clone_that_is_live_answers_with_what_the_shadow_stored() {
    let live = ResponseCacheLayer::new();
    let shadow = live.clone().shadow();
    let origin = Origin::with(&[FRESH]);
    let clock = tower_keep::test_util::ManualClock::new();
    let cache = |layer: ResponseCacheLayer| {
        let layer = layer.clock(clock.clock());
        Cache {
            service: tower::Layer::layer(&layer, origin.clone()),
            layer,
            clock: clock.clone(),
            origin: origin.clone(),
        }
    };
    let (live, shadow) = (cache(live), cache(shadow));
    shadow.get(&[]).await;
    assert!(live.get(&[]).await.is_hit());
    assert_eq!(count(&live.layer.stats()), (1, 0, 1));
}

/// A request in a random run.
#[derive(Clone, Copy, Debug)]
struct Step {
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    wait: u64,
}

fn step() -> impl Strategy<Value = Step> {
    let fields: [&[(&str, &str)]; 7] = [
        &[],
        &[],
        &[("accept-language", "de")],
        &[("range", "bytes=0-1")],
        &[("if-none-match", "\"a\"")],
        &[("cache-control", "no-cache")],
        &[("cookie", "a=b")],
    ];
    let methods = select(vec!["GET", "GET", "GET", "GET", "HEAD", "DELETE"]);
    let paths = select(vec!["/", "/vary", "/tag", "/never"]);
    let both = (methods, paths, select(fields.to_vec()), 0..15_u64);
    both.prop_map(|(method, path, fields, wait)| Step {
        method,
        path,
        fields,
        wait,
    })
}

/// The same steps with a cache of its own each: what was counted.
async fn run(steps: &[Step], set: fn(ResponseCacheLayer) -> ResponseCacheLayer) -> Stats {
    let origin = Origin::new(|asked| {
        let fields: &[_] = match asked.uri().path() {
            "/vary" => &[FRESH, ("vary", "accept-language")],
            "/tag" => &[("cache-control", "max-age=5"), TAG],
            "/never" => &[("cache-control", "no-store")],
            _ => &[FRESH],
        };
        let known = asked
            .headers()
            .get("if-none-match")
            .is_some_and(|tag| tag == TAG.1);
        let status = if known && fields.contains(&TAG) {
            304
        } else {
            200
        };
        let mut response: Response<_> = respond(http::StatusCode::OK, fields, "page");
        *response.status_mut() = status.try_into().expect("a status");
        if status == 304 {
            *response.body_mut() = http_body_util::Full::default();
        }
        response
    });
    let cache = Cache::with(origin, set);
    for step in steps {
        let uri = format!("http://origin.test{}", step.path);
        let fields = [&[(":uri", uri.as_str())], step.fields].concat();
        cache.send(request(step.method, &fields)).await;
        cache.advance(step.wait);
    }
    cache.layer.stats()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What it would do is what a live cache does.
    #[test]
    fn a_shadow_counts_what_a_live_cache_does(steps in vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let live = runtime.block_on(run(&steps, |layer| layer));
        let shadow = runtime.block_on(run(&steps, ResponseCacheLayer::shadow));
        prop_assert_eq!(&shadow.shadowed, &live.hits);
        prop_assert_eq!(&shadow.forwarded, &live.forwarded);
        prop_assert_eq!(shadow.invalidated, live.invalidated);
        prop_assert_eq!(shadow.shadow_differed, 0);
    }
}
