//! `No-Vary-Search` (draft-ietf-httpbis-no-vary-search): parameters of a query that a resource says do not
//! matter.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use tower_keep::response_cache::{CacheKey, ResponseCacheLayer};

use crate::support::{Cache, Got, Origin, request, respond};

/// Answers with the number of the call; the field is what `rule` says of the query.
fn ruled(rule: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Origin {
    let count = Arc::new(AtomicUsize::new(0));
    Origin::new(move |request| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let query = request.uri().query().unwrap_or_default();
        let mut fields = vec![("cache-control", "max-age=60")];
        fields.extend(rule(query).map(|rule| ("no-vary-search", rule)));
        respond(StatusCode::OK, &fields, &number.to_string())
    })
}

async fn get(cache: &Cache, query: &str) -> Got {
    cache
        .get(&[(":uri", &format!("http://origin.test/page{query}"))])
        .await
}

/// Whether what is stored for one query answers another.
async fn shared(rule: &'static str, one: &str, other: &str) -> bool {
    let cache = Cache::with(
        ruled(move |_| Some(rule)),
        ResponseCacheLayer::no_vary_search,
    );
    get(&cache, one).await;
    get(&cache, other).await.is_hit()
}

#[tokio::test]
async fn parameters_that_do_not_matter_are_not_part_of_the_key() {
    for (rule, one, other, expected) in [
        ("params", "?a=1", "?b=2", true),
        ("params", "?a=1", "", true),
        ("params=(\"utm\")", "?id=1&utm=x", "?utm=y&id=1", true),
        ("params=(\"utm\")", "?id=1", "?id=2", false),
        ("params, except=(\"id\")", "?id=1&x=1", "?x=2&id=1", true),
        ("params, except=(\"id\")", "?id=1", "?id=2", false),
        ("key-order", "?a=1&b=2", "?b=2&a=1", true),
        ("key-order", "?a=1&a=2", "?a=2&a=1", false),
        ("params=(\"a\")", "?%61=1", "?a=2", true),
        // Any fault means that queries have to be equal.
        ("params=1", "?a=1", "?a=2", false),
        ("except=(\"a\")", "?b=1", "?b=2", false),
        ("params=(a)", "?a=1", "?a=2", false),
    ] {
        assert_eq!(
            shared(rule, one, other).await,
            expected,
            "{rule}: {one} {other}"
        );
    }
}

#[tokio::test]
async fn without_the_setting_the_field_means_nothing() {
    let cache = Cache::new(ruled(|_| Some("params")));
    get(&cache, "?a=1").await;
    assert!(!get(&cache, "?a=2").await.is_hit());
    assert!(get(&cache, "?a=1").await.is_hit());
}

#[tokio::test]
async fn a_response_without_the_rule_answers_its_own_query_only() {
    let origin = ruled(|query| (query != "plain").then_some("params"));
    let cache = Cache::with(origin, ResponseCacheLayer::no_vary_search);
    get(&cache, "?plain").await;
    assert!(!get(&cache, "?a=1").await.is_hit());
    assert!(get(&cache, "?b=1").await.is_hit());
}

#[tokio::test]
async fn an_unsafe_request_invalidates_what_its_query_stands_for() {
    let cache = Cache::with(
        ruled(|_| Some("params")),
        ResponseCacheLayer::no_vary_search,
    );
    get(&cache, "?a=1").await;
    cache
        .send(request("PUT", &[(":uri", "http://origin.test/page?b=2")]))
        .await;
    assert!(!get(&cache, "?a=1").await.is_hit());
}

#[tokio::test]
async fn what_was_stored_under_a_rule_that_was_withdrawn_does_not_come_back_with_it() {
    let origin = ruled(|query| (query != "b=1").then_some("params=(\"x\")"));
    let cache = Cache::with(origin, ResponseCacheLayer::no_vary_search);
    assert_eq!(get(&cache, "?a=1").await.body, "1");
    get(&cache, "?b=1").await;
    // It changes what was stored under the rule, which is not known at this time.
    cache
        .send(request("PUT", &[(":uri", "http://origin.test/page?a=1")]))
        .await;
    get(&cache, "?c=1").await;
    assert!(
        !get(&cache, "?a=1").await.is_hit(),
        "the page of before the change"
    );
}

#[tokio::test]
async fn no_rule_lets_a_semicolon_hide_a_parameter() {
    let origin = ruled(|_| Some("key-order"));
    let cache = Cache::with(origin, |layer| {
        layer
            .no_vary_search()
            .key(CacheKey::new().ignore_parameters(["utm_*"]))
    });
    for query in ["?utm_x=1;id=5", "?utm_x=1;id=6", "?utm_x=1;id=7"] {
        assert!(!get(&cache, query).await.is_hit(), "{query}");
    }
}
