//! In axum, at each place where it takes a layer.

use axum::Router;
use tower::Layer;
use tower_keep::ResponseCacheLayer;

use super::{Calls, answer, assert_a_miss_then_a_hit, get, http1, serve_axum};
use crate::support::request;

#[tokio::test]
async fn every_place_for_a_layer_in_axum_takes_the_cache() {
    let calls = Calls::default();
    let cache = ResponseCacheLayer::new();
    let app = || Router::new().route("/page", calls.route());
    let places = [
        ("Router::layer", app().layer(cache.clone())),
        ("Router::route_layer", app().route_layer(cache.clone())),
        (
            "MethodRouter::layer",
            Router::new().route("/page", calls.route().layer(cache.clone())),
        ),
        (
            "MethodRouter::route_layer",
            Router::new().route("/page", calls.route().route_layer(cache.clone())),
        ),
        (
            "Router::fallback_service",
            Router::new().fallback_service(cache.layer(app())),
        ),
    ];
    for (number, (place, app)) in places.into_iter().enumerate() {
        let address = serve_axum(app).await;
        assert_a_miss_then_a_hit(&http1(), address, "/page").await;
        assert_eq!(calls.count(), number + 1, "{place}");
    }
}

#[tokio::test]
async fn a_route_layer_leaves_unknown_paths_to_the_router() {
    let calls = Calls::default();
    let app = Router::new()
        .route("/page", calls.route())
        .route_layer(ResponseCacheLayer::new());
    let address = serve_axum(app).await;
    let got = get(&http1(), address, "/other", &[]).await;
    assert_eq!(got.status, 404);
    assert_eq!(got.header("cache-status"), None);
}

#[tokio::test]
async fn routes_have_settings_of_their_own_and_one_store() {
    let cache = ResponseCacheLayer::new();
    let plain = || axum::routing::get(|| async { "plain" });
    let app = Router::new()
        .route(
            "/set",
            plain().layer(cache.clone().default_ttl(tower_keep::minutes(5))),
        )
        .route("/unset", plain().layer(cache.clone()));
    let address = serve_axum(app).await;
    for (path, hit) in [("/set", true), ("/unset", false)] {
        get(&http1(), address, path, &[]).await;
        let second = get(&http1(), address, path, &[]).await;
        assert_eq!(second.is_hit(), hit, "{path}: {second:?}");
    }
    let hits: u64 = cache.stats().hits.values().sum();
    assert_eq!(hits, 1, "the clones count together");
}

/// axum writes a Content-Length where it finds none, from what the body says of itself.
#[tokio::test]
async fn answers_without_content_do_not_lie_about_its_length() {
    let tagged = || async {
        let fields = [("cache-control", "max-age=60"), ("etag", "\"one\"")];
        (fields, "content")
    };
    let app = Router::new()
        .route("/", axum::routing::get(tagged))
        .layer(ResponseCacheLayer::new());
    let address = serve_axum(app).await;
    let uri = format!("http://{address}/");
    get(&http1(), address, "/", &[]).await;

    let head = answer(http1(), request("HEAD", &[(":uri", &uri)])).await;
    assert!(head.is_hit(), "{head:?}");
    assert_eq!(head.header("content-length"), Some("7"));

    let not_modified = get(&http1(), address, "/", &[("if-none-match", "\"one\"")]).await;
    assert_eq!(not_modified.status, 304);
    assert!(not_modified.is_hit(), "{not_modified:?}");
    assert_eq!(not_modified.header("content-length"), None);
}

/// What a nested router sees is the path without its prefix, the same in both.
#[cfg(feature = "axum")]
#[tokio::test]
async fn nested_routers_do_not_answer_for_each_other() {
    let cache = ResponseCacheLayer::new();
    let nested = |calls: &Calls| {
        Router::new()
            .route("/page", calls.route())
            .layer(cache.clone())
    };
    let (one, two, three) = (Calls::default(), Calls::default(), Calls::default());
    two.next();
    three.next();
    three.next();
    let app = Router::new()
        .nest("/one", nested(&one))
        .nest("/two", nested(&two))
        .nest_service("/three", nested(&three));
    let address = serve_axum(app).await;

    for (path, body) in [("/one/page", "1"), ("/two/page", "2"), ("/three/page", "3")] {
        assert_a_miss_then_a_hit(&http1(), address, path).await;
        assert_eq!(get(&http1(), address, path, &[]).await.body, body);
    }
    assert_eq!((one.count(), two.count(), three.count()), (1, 2, 3));
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_handler_says_in_its_answer_how_long_it_is_fresh() {
    use tower_keep::{minutes, response_cache::CachePolicy};
    let handler = || async { (CachePolicy::new().ttl(minutes(5)), "offers") };
    let app = Router::new()
        .route("/offers", axum::routing::get(handler))
        .layer(ResponseCacheLayer::new());
    assert_a_miss_then_a_hit(&http1(), serve_axum(app).await, "/offers").await;
}

/// An answer that never ends is passed on piece by piece, and nothing of it is stored.
#[tokio::test]
async fn server_sent_events_are_not_held_back() {
    use axum::response::sse::{Event, Sse};
    use futures_util::stream;
    use http_body_util::BodyExt;

    async fn events() -> Sse<impl stream::Stream<Item = Result<Event, std::convert::Infallible>>> {
        let first = stream::iter([Ok(Event::default().data("first"))]);
        Sse::new(stream::StreamExt::chain(first, stream::pending()))
    }
    let cache = ResponseCacheLayer::new().default_ttl(tower_keep::minutes(5));
    let app = Router::new()
        .route("/events", axum::routing::get(events))
        .layer(cache);
    let address = serve_axum(app).await;

    for _ in 0..2 {
        let uri = format!("http://{address}/events").parse().unwrap();
        let mut response = http1().get(uri).await.unwrap();
        let status = &response.headers()["cache-status"];
        assert!(!status.to_str().unwrap().contains("hit"), "{response:?}");
        let frame = response.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "data: first\n\n");
    }
}
