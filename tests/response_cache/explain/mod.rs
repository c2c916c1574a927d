//! `explain` and `explain_response`: they say what the cache then does, and do nothing themselves.

mod agreement;
mod draw;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower_keep::{
    Personal,
    response_cache::{CacheKey, CachedResponse, Explanation, ResponseCacheLayer, Rule, Verdict},
    test_util::{FakeRemoteStore, ManualClock},
};

use crate::{
    cases::{Fields, answering},
    stage::{Show, page, reply},
    support::{Cache, request, respond},
};

async fn explained(layer: &ResponseCacheLayer, fields: Fields<'_>) -> Explanation {
    layer.explain(request("GET", fields)).await.unwrap()
}

fn response(fields: Fields<'_>) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, fields, "page")
}

fn advised(explanation: &Explanation) -> Vec<Rule> {
    explanation.advice().map(|(rule, _)| rule).collect()
}

#[tokio::test]
async fn to_explain_has_no_effect() {
    let show = Show::new(vec![page("one"), page("two")]);
    show.get(&[]).await;
    show.advance(70);
    let before = show.layer.stats();
    let explanation = explained(&show.layer, &[]).await;
    assert_eq!(explanation.verdict, Verdict::Refresh);
    let other = response(&[("cache-control", "max-age=600")]);
    let stored = show.layer.explain_response(&request("GET", &[]), &other);
    assert_eq!(stored.verdict, Verdict::Store);

    assert!(show.layer.background().is_empty(), "nothing is refreshed");
    assert_eq!((show.layer.stats(), show.origin.calls()), (before, 1));
    let inspection = show.layer.inspect(&request("GET", &[])).await.unwrap();
    assert_eq!(inspection.unwrap().age.as_secs(), 70);
}

#[tokio::test]
async fn each_way_of_a_request_has_a_verdict() {
    let show = Show::new(vec![page("one")]);
    let verdict = async |fields: Fields<'_>| explained(&show.layer, fields).await.verdict;
    let only = [("cache-control", "only-if-cached")];
    assert_eq!(verdict(&[]).await, Verdict::Fetch);
    assert_eq!(verdict(&only).await, Verdict::Refuse);
    show.get(&[]).await;
    assert_eq!(verdict(&[]).await, Verdict::Serve);
    assert_eq!(verdict(&only).await, Verdict::Serve);
    assert_eq!(
        verdict(&[("upgrade", "other"), ("connection", "upgrade")]).await,
        Verdict::Pass
    );
    show.advance(60);
    assert_eq!(verdict(&[]).await, Verdict::Refresh);
    show.advance(30);
    assert_eq!(verdict(&[]).await, Verdict::Validate);
}

#[tokio::test]
async fn outside_of_a_runtime_nothing_is_refreshed() {
    let show = Show::new(vec![page("one")]);
    show.get(&[]).await;
    show.advance(60);
    let layer = show.layer.clone();
    let explained = std::thread::spawn(move || {
        futures_util::FutureExt::now_or_never(layer.explain(request("GET", &[])))
    });
    let explanation = explained.join().unwrap().unwrap().unwrap();
    assert_eq!(explanation.verdict, Verdict::Validate);
    assert_eq!(explanation.reason, Rule::Stale);
}

#[tokio::test]
async fn another_variant_with_a_strong_tag_is_asked_about() {
    let fields = [
        ("cache-control", "max-age=60"),
        ("etag", "\"a\""),
        ("vary", "accept"),
    ];
    let show = Show::new(vec![reply(200, &fields, "one")]);
    show.get(&[("accept", "a")]).await;
    let explanation = explained(&show.layer, &[("accept", "b")]).await;
    assert_eq!(explanation.verdict, Verdict::Validate);
    assert_eq!(explanation.reason, Rule::VaryMismatch);
    assert_eq!(explanation.freshness, None);
}

#[tokio::test]
async fn what_may_stand_in_for_an_error_is_said() {
    let cache = Cache::new(answering(
        200,
        &[("cache-control", "max-age=60, stale-if-error=30")],
    ));
    assert!(!explained(&cache.layer, &[]).await.stale_if_error);
    cache.get(&[]).await;
    assert!(
        !explained(&cache.layer, &[]).await.stale_if_error,
        "it is fresh"
    );
    cache.advance(60);
    let explanation = explained(&cache.layer, &[]).await;
    assert!(explanation.stale_if_error);
    let text = explanation.to_string();
    assert!(text.contains("\nan error would be answered with what is stored\n"));
    assert_eq!(explanation.verdict, Verdict::Fetch, "it has no validator");
    cache.advance(30);
    assert!(!explained(&cache.layer, &[]).await.stale_if_error);
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_and_is_not_counted() {
    let clock = ManualClock::new();
    let store = FakeRemoteStore::<CachedResponse>::new(clock.clock());
    store.fail_all(true);
    let layer = ResponseCacheLayer::with_store(store).clock(clock.clock());
    let before = layer.stats();
    assert!(layer.explain(request("GET", &[])).await.is_err());
    assert_eq!(layer.stats(), before);
}

#[tokio::test]
async fn the_body_of_a_post_counts_where_it_is_part_of_the_key() {
    let origin = answering(200, &[("cache-control", "max-age=60")]);
    let cache = Cache::with(origin, |layer| layer.key(CacheKey::new().post_body(8)));
    let query = |body: &'static str| request("POST", &[]).map(|_| Full::from(body));
    let asked = response(&[("cache-control", "max-age=60")]);
    let stored = cache.layer.explain_response(&query("a"), &asked);
    assert_eq!(stored.verdict, Verdict::Store);
    cache.send(query("a")).await;
    let verdict = async |body| {
        let explanation = cache.layer.explain(query(body)).await.unwrap();
        (explanation.verdict, explanation.reason)
    };
    assert_eq!(verdict("a").await, (Verdict::Serve, Rule::Fresh));
    assert_eq!(verdict("b").await, (Verdict::Fetch, Rule::NothingStored));
    assert_eq!(verdict("nine bytes").await, (Verdict::Pass, Rule::TooLarge));
}

#[test]
fn a_response_to_a_marked_request_is_personal() {
    let layer = ResponseCacheLayer::new();
    let mut request: Request<Full<Bytes>> = request("GET", &[]);
    Personal::of(request.extensions_mut()).mark().unwrap();
    let fresh = response(&[("cache-control", "max-age=60")]);
    let explanation = layer.explain_response(&request, &fresh);
    assert_eq!(explanation.reason, Rule::Personal);
    assert_eq!(explanation.freshness, None);
}

#[test]
fn every_rule_that_stands_in_the_way_is_advised_about_the_reason_first() {
    let layer = ResponseCacheLayer::new();
    let useless = layer.explain_response(&request("GET", &[]), &response(&[("expires", "0")]));
    assert_eq!(useless.reason, Rule::NoUse);
    assert_eq!(advised(&useless), [Rule::NoUse, Rule::InvalidExpires]);
    let stored = layer.explain_response(
        &request("GET", &[]),
        &response(&[("cache-control", "max-age=60")]),
    );
    assert_eq!(advised(&stored), []);
}

#[tokio::test]
async fn what_is_served_needs_no_advice() {
    let show = Show::new(vec![reply(200, &[("cache-control", "max-age=60")], "one")]);
    show.get(&[]).await;
    show.advance(60);
    let stale = explained(&show.layer, &[]).await;
    assert_eq!(advised(&stale), [Rule::Stale]);
    let served = explained(&show.layer, &[("cache-control", "max-stale")]).await;
    assert!(served.trail.has(Rule::Stale));
    assert_eq!(advised(&served), []);
}

#[test]
fn a_response_that_is_stored_says_for_how_long() {
    let layer = ResponseCacheLayer::new();
    let control = "max-age=60, stale-while-revalidate=30, stale-if-error=7200, no-transform";
    let fields = [("cache-control", control), ("age", "10")];
    let explanation = layer.explain_response(&request("GET", &[]), &response(&fields));
    assert_eq!(explanation.ttl(), Some(50));
    assert_eq!(
        explanation.to_string(),
        "stored: stored (RFC 9111 3). The response is stored.\n\
         also max-age (RFC 9111 5.2.2.1). `max-age` gave the lifetime.\n\
         fresh for 60 s in all, 50 s of them left; served stale while refreshed for 30 s; \
         served stale in place of an error for 7200 s; kept for 7250 s"
    );
}
