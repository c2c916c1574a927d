//! Faults that this cache once had, each by the request that showed it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use tower_keep::{
    CachePolicy,
    response_cache::{
        CacheKey, CachedResponse, Outcome, Purge, RequestBody, ResponseBody, ResponseCacheLayer,
        Rule,
    },
    store::MemoryStore,
};

use crate::{
    probe::Frames,
    support::{Asked, Cache, Origin, request, respond},
};

const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=60")];

#[tokio::test]
async fn a_get_with_a_body_that_no_field_announces_is_not_answered_with_that_of_another() {
    let cache = Cache::new(Origin::with(FRESH));
    let search = |query: &'static str| request("GET", &[]).map(|_| Full::from(query));
    assert_eq!(cache.send(search("{a}")).await.body, "1");
    assert_eq!(cache.send(search("{b}")).await.body, "2");
    assert_eq!(cache.get(&[]).await.body, "3", "nor was either stored");
}

#[tokio::test]
async fn what_a_private_cache_stores_stays_its_own_in_a_store_that_others_use() {
    let store = MemoryStore::<CachedResponse>::new();
    let shared = ResponseCacheLayer::with_store(store);
    let origin = Origin::with(&[
        ("cache-control", "private, max-age=60"),
        ("set-cookie", "sid=1"),
    ]);
    let body = |layer: &ResponseCacheLayer| {
        let service = layer.layer(origin.clone());
        async move {
            let response = service.oneshot(request("GET", &[])).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        }
    };
    let (alice, bob) = (shared.clone().private(), shared.clone().private());
    assert_eq!(body(&alice).await, "1");
    assert_eq!(body(&alice.clone()).await, "1", "a clone is the same cache");
    assert_eq!(body(&bob).await, "2");
    assert_eq!(body(&shared).await, "3");
}

#[tokio::test]
async fn a_write_to_the_default_port_reaches_what_is_stored_without_it_and_back() {
    for (stored, written) in [
        ("http://a.test/x", "http://a.test:80/x"),
        ("http://a.test:80/x", "http://a.test/x"),
        ("https://a.test/x", "https://a.test:443/x"),
    ] {
        let cache = Cache::new(Origin::with(FRESH));
        cache.get(&[(":uri", stored)]).await;
        cache.send(request("PUT", &[(":uri", written)])).await;
        assert!(
            !cache.get(&[(":uri", stored)]).await.is_hit(),
            "{stored} {written}"
        );
    }
}

#[tokio::test]
async fn a_write_that_names_two_hosts_reaches_what_is_stored_of_both() {
    let cache = Cache::new(Origin::with(FRESH));
    let hosts = ["a.test", "b.test"];
    for host in hosts {
        cache.get(&[(":uri", "/x"), ("host", host)]).await;
    }
    let both = [(":uri", "/x"), ("host", "a.test"), ("host", "b.test")];
    cache.send(request("PUT", &both)).await;
    for host in hosts {
        assert!(
            !cache.get(&[(":uri", "/x"), ("host", host)]).await.is_hit(),
            "{host}"
        );
    }
}

#[tokio::test]
async fn endless_values_of_selecting_fields_take_no_place_in_the_store() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "max-age=60"),
        ("vary", "foo"),
    ]));
    let long = "x".repeat(5000);
    cache.get(&[("foo", &long)]).await;
    assert!(!cache.get(&[("foo", &long)]).await.is_hit());
    cache.get(&[("foo", "short")]).await;
    assert!(cache.get(&[("foo", "short")]).await.is_hit());
}

#[tokio::test]
async fn the_same_body_in_other_pieces_is_the_same_request() {
    let origin = tower::service_fn(|request: Request<RequestBody<Frames>>| async {
        let body = request.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok::<_, tower_keep::BoxError>(respond(StatusCode::OK, FRESH, &text))
    });
    let layer = ResponseCacheLayer::new().key(CacheKey::new().post_body(64));
    let cache = layer.layer(origin);
    for (pieces, hits) in [(&["ab", "c"][..], 0), (&["a", "", "b", "c"], 1)] {
        let request = request("POST", &[]).map(|_| Frames::of(pieces));
        let response = cache.clone().oneshot(request).await.unwrap();
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "abc"
        );
        assert_eq!(layer.stats().hit_count(), hits);
    }
}

/// Answers a HEAD as it is told, and a GET with the number of the call.
fn heads(head: &'static [(&'static str, &'static str)], policy: Option<CachePolicy>) -> Origin {
    let count = Arc::new(AtomicUsize::new(0));
    Origin::new(move |request: &Asked| {
        if request.method() == Method::HEAD {
            let mut response = respond(StatusCode::OK, head, "");
            response.extensions_mut().extend(
                policy
                    .clone()
                    .map(|policy| {
                        let mut extensions = http::Extensions::new();
                        extensions.insert(policy);
                        extensions
                    })
                    .unwrap_or_default(),
            );
            return response;
        }
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let fields = [("etag", "\"a\""), ("x-who", "get")];
        respond(StatusCode::OK, &fields, &number.to_string())
    })
}

#[tokio::test]
async fn a_head_that_a_stored_response_could_not_answer_does_not_make_that_stale() {
    let origin = heads(&[("content-length", "99")], None);
    let cache = Cache::with(origin, |layer| layer.default_ttl(tower_keep::minutes(5)));
    cache.get(&[]).await;
    cache.send(request("HEAD", &[("cookie", "a=b")])).await;
    assert!(cache.get(&[]).await.is_hit());
}

#[tokio::test]
async fn a_head_that_must_not_be_stored_changes_nothing_that_is() {
    let policy = CachePolicy::new().do_not_store();
    let origin = heads(&[("etag", "\"a\""), ("x-who", "head")], Some(policy));
    let cache = Cache::with(origin, |layer| layer.default_ttl(tower_keep::minutes(5)));
    cache.get(&[]).await;
    cache
        .send(request("HEAD", &[("cache-control", "no-cache")]))
        .await;
    assert_eq!(cache.get(&[]).await.header("x-who"), Some("get"));
}

#[tokio::test]
async fn after_a_reload_brought_something_that_cannot_be_stored_the_old_is_not_served_as_fresh() {
    for newer in [("vary", "*"), ("set-cookie", "a=b")] {
        let count = AtomicUsize::new(0);
        let cache = Cache::new(Origin::new(move |_| {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            let fields = if number == 1 {
                FRESH.to_vec()
            } else {
                [FRESH, &[newer]].concat()
            };
            respond(StatusCode::OK, &fields, &number.to_string())
        }));
        cache.get(&[]).await;
        assert_eq!(cache.get(&[("cache-control", "no-cache")]).await.body, "2");
        assert_eq!(cache.get(&[]).await.body, "3", "{newer:?}");
    }
}

#[tokio::test]
async fn a_part_does_not_carry_the_digest_of_the_whole() {
    let origin = Origin::new(|_| {
        let fields = [
            ("content-digest", "sha-256=:AA==:"),
            ("content-md5", "x"),
            ("repr-digest", "y"),
        ];
        respond(StatusCode::OK, &[FRESH, &fields].concat(), "0123456789")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    let part = cache.get(&[("range", "bytes=2-4")]).await;
    assert_eq!(
        (part.status, part.body.as_str()),
        (StatusCode::PARTIAL_CONTENT, "234")
    );
    assert_eq!(
        (part.header("content-digest"), part.header("content-md5")),
        (None, None)
    );
    assert_eq!(
        part.header("repr-digest"),
        Some("y"),
        "that of the whole representation"
    );
}

#[tokio::test]
async fn a_416_says_nothing_that_lets_a_cache_further_out_keep_it() {
    let cache = Cache::new(Origin::with(FRESH));
    cache.get(&[]).await;
    let refused = cache.get(&[("range", "bytes=9-")]).await;
    assert_eq!(refused.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(
        (refused.header("cache-control"), refused.header("expires")),
        (None, None)
    );
}

#[tokio::test]
async fn conditions_of_a_post_are_not_answered_with_a_304() {
    let origin = Origin::with(&[("cache-control", "max-age=60"), ("etag", "\"a\"")]);
    let cache = Cache::with(origin, |layer| layer.key(CacheKey::new().post_body(9)));
    cache.send(request("POST", &[])).await;
    let again = cache
        .send(request("POST", &[("if-none-match", "\"a\"")]))
        .await;
    assert_eq!((again.status, again.is_hit()), (StatusCode::OK, true));
}

#[tokio::test]
async fn parts_of_a_key_that_have_one_name_do_not_run_together() {
    let key = CacheKey::new()
        .header(http::HeaderName::from_static("t"))
        .cookie("t");
    let cache = Cache::with(Origin::with(FRESH), |layer| layer.key(key));
    cache
        .get(&[("t", "a"), ("t", "b"), ("cookie", "t=c")])
        .await;
    let other = cache.get(&[("t", "a"), ("cookie", "t=b; t=c")]).await;
    assert!(!other.is_hit());
}

/// A body that cannot be shared between threads, as axum's.
type NotSync = http_body_util::combinators::UnsyncBoxBody<Bytes, std::convert::Infallible>;

#[tokio::test]
async fn a_request_with_a_body_that_is_not_sync_can_be_inspected_from_any_thread() {
    fn sent<T: Send>(value: T) -> T {
        value
    }
    let cache = Cache::new(Origin::with(FRESH));
    cache.get(&[]).await;
    let like = request("GET", &[]).map(NotSync::new);
    let stored = sent(cache.layer.inspect(&like)).await.unwrap();
    assert_eq!(stored.unwrap().length, 1);
}

#[test]
fn bodies_have_an_empty_one_for_layers_that_refuse() {
    assert!(ResponseBody::<Full<Bytes>>::default().is_end_stream());
    assert!(RequestBody::<Full<Bytes>>::default().is_end_stream());
}

#[tokio::test]
async fn what_is_not_stored_for_its_size_does_not_say_stored_in_its_trail() {
    let cache = Cache::with(Origin::with(FRESH), |layer| layer.outcome().max_body(0));
    let got = cache.get(&[]).await;
    let outcome = got.extensions.get::<Outcome>().unwrap();
    assert_eq!(outcome.storing, Some(Rule::TooLarge));
    assert_eq!(
        outcome.trail.to_string(),
        "nothing-stored, max-age, too-large"
    );
}

#[tokio::test]
async fn what_is_not_kept_for_its_new_search_rule_does_not_say_stored_in_its_trail() {
    let origin = Origin::new(|asked| {
        let again = asked.headers().contains_key("if-none-match");
        let (status, rule) = if again {
            (304, "params")
        } else {
            (200, "key-order")
        };
        let fields = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("no-vary-search", rule),
        ];
        respond(StatusCode::from_u16(status).unwrap(), &fields, "page")
    });
    let cache = Cache::with(origin, |layer| layer.outcome().no_vary_search());
    cache.get(&[]).await;
    cache.advance(60);
    let got = cache.get(&[]).await;
    let outcome = got.extensions.get::<Outcome>().unwrap();
    assert_eq!(outcome.storing, Some(Rule::SearchChanged));
    assert_eq!(outcome.trail.to_string(), "stale, max-age, search-changed");
}

#[tokio::test]
async fn a_part_takes_the_place_of_the_same_whole_once_that_is_past_all_use() {
    let origin = Origin::new(|asked| {
        let tag = ("etag", "\"a\"");
        if asked.headers().contains_key("range") {
            let part = [
                tag,
                ("cache-control", "max-age=60"),
                ("content-range", "bytes 0-1/4"),
            ];
            return respond(StatusCode::PARTIAL_CONTENT, &part, "pa");
        }
        respond(StatusCode::OK, &[tag], "page")
    });
    let cache = Cache::with(origin, |layer| layer.keep(std::time::Duration::ZERO));
    cache.get(&[]).await;
    cache.advance(1);
    let part = [("range", "bytes=0-1")];
    assert!(!cache.get(&part).await.is_hit());
    assert!(cache.get(&part).await.is_hit());
}

#[tokio::test]
async fn what_was_purged_is_not_shown_as_stored_until_it_is_freed() {
    let cache = Cache::new(Origin::with(FRESH));
    cache.get(&[]).await;
    cache.layer.purger().purge(&Purge::new().prefix("/"));
    let inspection = cache.layer.inspect(&request("GET", &[])).await.unwrap();
    assert!(inspection.is_none());
}
