//! What unsafe requests do to what is stored (RFC 9111 4.4).

use std::{
    future::pending,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    response_cache::{CacheKey, ResponseCacheLayer},
    store::MemoryStore,
};

use crate::support::{Asked, Cache, Origin, request, respond};

const FRESH: (&str, &str) = ("cache-control", "max-age=60");

/// An origin that answers safe requests with what may be stored, and others with this.
fn changing(status: u16, fields: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |request: &Asked| {
        if request.method().is_safe() {
            return respond(StatusCode::OK, &[FRESH], request.uri().path());
        }
        respond(StatusCode::from_u16(status).unwrap(), fields, "changed")
    })
}

async fn is_stored(cache: &Cache, fields: &[(&str, &str)]) -> bool {
    let before = cache.origin.calls();
    let answer = cache.get(fields).await;
    assert_eq!(answer.is_hit(), cache.origin.calls() == before);
    answer.is_hit()
}

#[tokio::test]
async fn every_method_that_is_not_safe_invalidates() {
    for (method, invalidates) in [
        ("PUT", true),
        ("POST", true),
        ("DELETE", true),
        ("PATCH", true),
        ("PURGE", true),
        ("BREW", true),
        ("M-SEARCH", true),
        ("get", true),
        ("GETX", true),
        ("GET", false),
        ("HEAD", false),
        ("OPTIONS", false),
        ("TRACE", false),
    ] {
        let cache = Cache::new(changing(200, &[]));
        cache.get(&[]).await;
        let answer = cache.send(request(method, &[])).await;
        assert_eq!(answer.status, StatusCode::OK, "{method}");
        assert_eq!(is_stored(&cache, &[]).await, !invalidates, "{method}");
    }
}

#[tokio::test]
async fn success_and_redirection_invalidate_and_errors_do_not() {
    for (status, invalidates) in [
        (200, true),
        (201, true),
        (202, true),
        (204, true),
        (205, true),
        (299, true),
        (300, true),
        (301, true),
        (302, true),
        (303, true),
        (307, true),
        (308, true),
        (400, false),
        (401, false),
        (403, false),
        (404, false),
        (405, false),
        (409, false),
        (412, false),
        (429, false),
        (500, false),
        (501, false),
        (502, false),
        (503, false),
        (504, false),
        (599, false),
    ] {
        for method in ["PUT", "POST", "BREW"] {
            let cache = Cache::new(changing(status, &[]));
            cache.get(&[]).await;
            let answer = cache.send(request(method, &[])).await;
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(
                is_stored(&cache, &[]).await,
                !invalidates,
                "{method} {status}"
            );
        }
    }
}

#[tokio::test]
async fn all_variants_go() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [FRESH, ("vary", "accept-language")];
        respond(StatusCode::OK, &fields, request.uri().path())
    });
    let cache = Cache::new(origin);
    let languages = ["en", "de", "fr"];
    for language in languages {
        cache.get(&[("accept-language", language)]).await;
    }
    cache.get(&[]).await;
    assert!(is_stored(&cache, &[("accept-language", "de")]).await);
    cache
        .send(request("DELETE", &[("accept-language", "en")]))
        .await;
    for language in languages {
        assert!(!is_stored(&cache, &[("accept-language", language)]).await);
    }
    assert!(!is_stored(&cache, &[]).await);
}

#[tokio::test]
async fn what_was_invalidated_takes_no_memory_any_more() {
    let origin = Origin::new(|_| respond(StatusCode::OK, &[FRESH, ("vary", "accept")], "x"));
    let store = MemoryStore::new();
    let kept = store.clone();
    let cache = Cache::with(origin, |_| ResponseCacheLayer::with_store(store));
    for accept in ["a", "b", "c"] {
        cache.get(&[("accept", accept)]).await;
    }
    assert!(kept.stats().entries >= 3);
    cache.send(request("PUT", &[])).await;
    assert_eq!(kept.stats().entries, 0);
}

#[tokio::test]
async fn other_uris_stay() {
    let cache = Cache::new(changing(200, &[]));
    let others = [
        "http://origin.test/",
        "http://origin.test/a?q=1",
        "http://origin.test/a?",
        "http://origin.test/a/",
        "http://origin.test/A",
        "http://other.test/a",
        "http://origin.test:8080/a",
    ];
    for uri in others {
        cache.get(&[(":uri", uri)]).await;
    }
    cache
        .send(request("PUT", &[(":uri", "http://origin.test/a")]))
        .await;
    for uri in others {
        assert!(is_stored(&cache, &[(":uri", uri)]).await, "{uri}");
    }
}

/// Puts to `http://origin.test/a/b?c` and says what then is no longer stored of the URI.
async fn names(field: &'static str, reference: &'static str, status: u16, uri: &str) -> bool {
    let origin = Origin::new(move |request: &Asked| {
        if request.method() == "GET" {
            return respond(StatusCode::OK, &[FRESH], "");
        }
        let status = StatusCode::from_u16(status).unwrap();
        respond(status, &[(field, reference)], "")
    });
    let cache = Cache::new(origin);
    cache.get(&[(":uri", uri)]).await;
    cache
        .send(request("PUT", &[(":uri", "http://origin.test/a/b?c")]))
        .await;
    !is_stored(&cache, &[(":uri", uri)]).await
}

#[tokio::test]
async fn uris_of_the_same_origin_that_the_response_names_go_too() {
    for field in ["location", "content-location"] {
        for (reference, uri) in [
            ("/x", "http://origin.test/x"),
            ("x", "http://origin.test/a/x"),
            ("./x", "http://origin.test/a/x"),
            ("../x", "http://origin.test/x"),
            ("../../../x", "http://origin.test/x"),
            ("?d", "http://origin.test/a/b?d"),
            ("/x?y=1", "http://origin.test/x?y=1"),
            ("/x#fragment", "http://origin.test/x"),
            ("http://origin.test/x", "http://origin.test/x"),
            ("HTTP://Origin.TEST/x", "http://origin.test/x"),
            ("//origin.test/x", "http://origin.test/x"),
            ("http://origin.test", "http://origin.test/"),
            ("http://origin.test:80/x", "http://origin.test/x"),
        ] {
            let gone = names(field, reference, 201, uri).await;
            assert!(gone, "{field}: {reference} names {uri}");
        }
    }
}

#[tokio::test]
async fn what_the_response_names_of_other_origins_stays() {
    for field in ["location", "content-location"] {
        for (reference, uri) in [
            ("http://other.test/x", "http://other.test/x"),
            ("//other.test/x", "http://other.test/x"),
            ("http://sub.origin.test/x", "http://sub.origin.test/x"),
            ("http://origin.test:8080/x", "http://origin.test:8080/x"),
            ("http://origin.test:8080/x", "http://origin.test/x"),
            ("https://origin.test/x", "http://origin.test/x"),
            ("http://origin.test@other.test/x", "http://origin.test/x"),
            ("ftp://origin.test/x", "http://origin.test/x"),
            ("http://[/x", "http://origin.test/x"),
            ("", "http://origin.test/x"),
            ("http://", "http://origin.test/x"),
        ] {
            let gone = names(field, reference, 201, uri).await;
            assert!(!gone, "{field}: {reference} left {uri} alone");
        }
    }
}

#[tokio::test]
async fn an_error_response_names_nothing() {
    for status in [400, 409, 500, 503] {
        assert!(!names("location", "/x", status, "http://origin.test/x").await);
    }
}

#[tokio::test]
async fn a_safe_request_names_nothing() {
    let origin = Origin::new(|_| {
        let fields = [FRESH, ("location", "/x"), ("content-location", "/x")];
        respond(StatusCode::OK, &fields, "")
    });
    let cache = Cache::new(origin);
    let named = [(":uri", "http://origin.test/x")];
    cache.get(&named).await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        cache
            .send(request(method, &[(":uri", "http://origin.test/y")]))
            .await;
        assert!(is_stored(&cache, &named).await, "{method}");
    }
}

#[tokio::test]
async fn origin_form_with_host_invalidates_the_same() {
    let origin = changing(200, &[("location", "http://origin.test/x")]);
    let cache = Cache::new(origin);
    let host = ("host", "origin.test");
    for uri in ["/a", "/x"] {
        cache.get(&[(":uri", uri), host]).await;
        assert!(is_stored(&cache, &[(":uri", uri), host]).await, "{uri}");
    }
    cache.send(request("PUT", &[(":uri", "/a"), host])).await;
    for uri in ["/a", "/x"] {
        assert!(!is_stored(&cache, &[(":uri", uri), host]).await, "{uri}");
    }
}

#[tokio::test]
async fn a_resource_is_found_by_its_key_whatever_the_key_leaves_out() {
    let cache = Cache::with(changing(200, &[("location", "/x?utm=9&b=1")]), |layer| {
        layer.key(CacheKey::new().ignore_parameters(["utm"]))
    });
    let here = [(":uri", "http://origin.test/a?utm=1")];
    let there = [(":uri", "http://origin.test/x?b=1&utm=3")];
    cache.get(&here).await;
    cache.get(&there).await;
    cache
        .send(request("PUT", &[(":uri", "http://origin.test/a?utm=2")]))
        .await;
    assert!(!is_stored(&cache, &here).await);
    assert!(!is_stored(&cache, &there).await);
}

// RFC 9111 4.4: it is the target URI that has changed, for everybody.
#[tokio::test]
async fn a_resource_goes_for_all_values_of_what_else_is_part_of_its_key() {
    let tenant = |name| [("x-tenant", name)];
    let cache = Cache::with(changing(200, &[]), |layer| {
        let key = CacheKey::new().header(http::HeaderName::from_static("x-tenant"));
        layer.key(key.user().cookie("shop"))
    });
    for name in ["a", "b"] {
        cache.get(&tenant(name)).await;
        assert!(is_stored(&cache, &tenant(name)).await, "{name}");
    }
    cache.send(request("PUT", &tenant("a"))).await;
    for name in ["a", "b"] {
        assert!(!is_stored(&cache, &tenant(name)).await, "{name}");
    }
}

#[tokio::test]
async fn invalidations_are_counted_where_there_was_something() {
    let cache = Cache::new(changing(200, &[]));
    cache.send(request("PUT", &[])).await;
    assert_eq!(cache.layer.stats().invalidated, 0);
    cache.get(&[]).await;
    cache.send(request("PUT", &[])).await;
    assert_eq!(cache.layer.stats().invalidated, 1);
}

/// How an origin does not answer.
#[derive(Clone, Copy, Debug)]
enum Silence {
    Error,
    Pending,
    Panic,
    PanicInCall,
}

type Service200 = tower::util::BoxCloneService<Asked, Response<Full<Bytes>>, &'static str>;

/// Answers requests as long as they are not marked, and counts those that began.
fn silent(how: Silence) -> (Service200, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let service = service_fn(move |request: Asked| {
        let marked = request.headers().contains_key("x-silent");
        count.fetch_add(usize::from(marked), Ordering::SeqCst);
        if marked && matches!(how, Silence::PanicInCall) {
            panic!("as the test wants");
        }
        async move {
            match how {
                _ if !marked => Ok(respond(StatusCode::OK, &[FRESH], "x")),
                Silence::Error => Err("the connection broke"),
                Silence::Pending => pending().await,
                Silence::Panic | Silence::PanicInCall => panic!("as the test wants"),
            }
        }
    });
    (tower::util::BoxCloneService::new(service), begun)
}

/// Whether `/` is still stored after a request with this method and fields to which no answer came.
async fn survives(how: Silence, method: &str, fields: &[(&str, &str)]) -> bool {
    let (origin, begun) = silent(how);
    let service = ResponseCacheLayer::new().layer(origin);
    let get = || async {
        let response = service.clone().oneshot(request("GET", &[])).await.unwrap();
        let status = response.headers()["cache-status"]
            .to_str()
            .unwrap()
            .to_owned();
        response.into_body().collect().await.unwrap();
        status.contains("hit")
    };
    get().await;
    assert!(get().await);
    let fields = [fields, &[("x-silent", "1")]].concat();
    let asking = service.clone().oneshot(request(method, &fields));
    // Dropped if it is pending.
    let ended = AssertUnwindSafe(asking).catch_unwind().now_or_never();
    match (how, ended) {
        (Silence::Error, Some(Ok(Err("the connection broke")))) | (Silence::Pending, None) => {}
        (Silence::Panic | Silence::PanicInCall, Some(Err(_))) => {}
        (_, other) => panic!("{how:?} ended otherwise: {:?}", other.is_some()),
    }
    assert_eq!(begun.load(Ordering::SeqCst), 1, "it reached the origin");
    get().await
}

const SILENCES: [Silence; 4] = [
    Silence::Error,
    Silence::Pending,
    Silence::Panic,
    Silence::PanicInCall,
];

#[tokio::test]
async fn an_unsafe_request_whose_outcome_never_arrives_invalidates() {
    for how in SILENCES {
        for method in ["PUT", "POST", "DELETE", "BREW"] {
            assert!(!survives(how, method, &[]).await, "{method} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_safe_request_whose_outcome_never_arrives_invalidates_nothing() {
    for how in SILENCES {
        for (method, fields) in [
            ("GET", &[("cache-control", "no-cache")][..]),
            ("HEAD", &[("cache-control", "no-cache")]),
            ("OPTIONS", &[]),
        ] {
            assert!(survives(how, method, fields).await, "{method} {how:?}");
        }
    }
}

#[tokio::test]
async fn a_call_that_was_never_polled_invalidates_nothing() {
    let (origin, begun) = silent(Silence::Pending);
    let mut service = ResponseCacheLayer::new().layer(origin);
    let get = || request("GET", &[]);
    let stored = service.call(get()).await.unwrap();
    stored.into_body().collect().await.unwrap();
    let put: Request<Full<Bytes>> = request("PUT", &[("x-silent", "1")]);
    drop(service.call(put));
    assert_eq!(begun.load(Ordering::SeqCst), 0, "it never left");
    let again = service.call(get()).await.unwrap();
    assert!(
        again.headers()["cache-status"]
            .to_str()
            .unwrap()
            .contains("hit")
    );
}

/// The head has arrived: what becomes of the body changes nothing any more.
#[tokio::test]
async fn a_body_that_nobody_reads_does_not_undo_the_invalidation() {
    let cache = Cache::new(changing(200, &[]));
    cache.get(&[]).await;
    let response = cache
        .service
        .clone()
        .oneshot(request("PUT", &[]))
        .await
        .unwrap();
    assert!(!is_stored(&cache, &[]).await);
    drop(response);
    assert!(is_stored(&cache, &[]).await);
}
