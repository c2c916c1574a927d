//! Caches inside of routers that strip the prefix under which they are nested.

use axum::{Router, body::Body, routing::get};
use tower::ServiceExt;
use tower_keep::ResponseCacheLayer;

#[tokio::test]
async fn two_nests_with_the_same_inner_path_do_not_collide() {
    let layer = ResponseCacheLayer::new();
    let nest = |name: &'static str| {
        let page = get(move || async move { ([("cache-control", "max-age=60")], name) });
        Router::new().route("/page", page).layer(layer.clone())
    };
    let app = Router::new()
        .nest("/one", nest("one"))
        .nest("/two", nest("two"));
    for hit in [false, true] {
        for name in ["one", "two"] {
            let uri = format!("http://origin.test/{name}/page");
            let request = http::Request::get(uri).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            let status = response.headers()["cache-status"].to_str().unwrap();
            assert_eq!(status.contains("hit"), hit, "{name}: {status}");
            let body = axum::body::to_bytes(response.into_body(), 99)
                .await
                .unwrap();
            assert_eq!(body, name);
        }
    }
}

/// What is stored under the outer URI is invalidated under it, too.
#[tokio::test]
async fn a_change_inside_a_nest_invalidates_what_is_stored_outside_of_it() {
    let layer = ResponseCacheLayer::new();
    let page = get(|| async { ([("cache-control", "max-age=60")], "page") }).put(|| async {});
    let inner = Router::new().route("/page", page).layer(layer);
    let app = Router::new().nest("/one", inner);
    let send = |method: &str| {
        let request = http::Request::builder()
            .method(method)
            .uri("http://origin.test/one/page")
            .body(Body::empty())
            .unwrap();
        let app = app.clone();
        async move {
            let response = app.oneshot(request).await.unwrap();
            let status = response.headers()["cache-status"]
                .to_str()
                .unwrap()
                .to_owned();
            axum::body::to_bytes(response.into_body(), 99)
                .await
                .unwrap();
            status.contains("hit")
        }
    };
    assert!(!send("GET").await);
    assert!(send("GET").await);
    send("PUT").await;
    assert!(!send("GET").await);
}

#[tokio::test]
async fn rules_for_paths_see_the_whole_path() {
    let layer = ResponseCacheLayer::new()
        .path("/one/page", |route| {
            route.default_ttl(tower_keep::seconds(9))
        })
        .expect("one rule");
    let inner = || {
        let page = get(|| async { "page" });
        Router::new().route("/page", page).layer(layer.clone())
    };
    let app = Router::new().nest("/one", inner()).nest("/two", inner());
    for (path, stored) in [("/one/page", true), ("/two/page", false)] {
        let uri = format!("http://origin.test{path}");
        let request = http::Request::get(uri).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.headers()["cache-status"].to_str().unwrap();
        assert_eq!(status.contains("ttl=9; stored"), stored, "{path}: {status}");
    }
}
