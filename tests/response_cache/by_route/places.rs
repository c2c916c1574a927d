//! Where the layer stands: inside of the cache, outside of it, and in routers.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceExt};
use tower_keep::{
    BoxError,
    response_cache::{InvalidateLayer, InvalidateRule},
};

use crate::{
    probe::{Frames, Then},
    stage::{Act, Show, reply, response, turns},
    support::request,
};

const TAGGED: [(&str, &str); 2] = [("cache-control", "max-age=60"), ("cache-tag", "page")];

fn page(body: &'static str) -> Act {
    reply(200, &TAGGED, body)
}

fn invalidate(show: &Show) -> InvalidateLayer {
    let rule = InvalidateRule::on_unsafe("/change").tag("page");
    let layer = InvalidateLayer::new(show.layer.purger());
    layer.rule(rule).expect("one rule")
}

fn change() -> Request<Full<Bytes>> {
    request("POST", &[(":uri", "http://origin.test/change")])
}

/// The head of an answer.
async fn head<S, B>(service: S, request: Request<Full<Bytes>>) -> Response<B>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError>,
{
    service.oneshot(request).await.unwrap()
}

/// The body of an answer.
async fn read<S, B>(service: S, request: Request<Full<Bytes>>) -> Bytes
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError>,
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let body = head(service, request).await.into_body();
    body.collect().await.unwrap().to_bytes()
}

/// A page, a change whose body goes on for as long as the client likes, and the page asked for again.
async fn is_seen_with_the_head<S, B>(service: S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = BoxError> + Clone,
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let get = || read(service.clone(), request("GET", &[]));
    assert_eq!(get().await, "one");
    assert_eq!(get().await, "one", "it is stored");
    let changed = head(service.clone(), change()).await;
    assert_eq!(get().await, "two", "the body has not been read yet");
    drop(changed);
    assert_eq!(get().await, "two", "that it ends changes nothing more");
}

fn acts() -> Vec<Act> {
    let endless = Frames::of(&["changing"]).then(Then::Wait);
    vec![
        page("one"),
        Act::Answer(response(200, &[], endless)),
        page("two"),
    ]
}

#[tokio::test]
async fn inside_of_the_cache_a_change_is_seen_as_soon_as_its_head_arrives() {
    let show = Show::new(acts());
    let inner = invalidate(&show).layer(show.origin.clone());
    is_seen_with_the_head(show.layer.layer(inner)).await;
}

#[tokio::test]
async fn outside_of_the_cache_a_change_is_seen_as_soon_as_its_head_arrives() {
    let show = Show::new(acts());
    is_seen_with_the_head(invalidate(&show).layer(show.service.clone())).await;
}

// Nobody knows that it carries the tag before it has arrived.
#[tokio::test]
async fn what_was_asked_for_before_a_change_is_not_given_to_who_comes_after_it() {
    let go = Arc::new(Notify::new());
    let show = Show::new(vec![
        Act::Wait(Arc::clone(&go), Box::new(page("old"))),
        reply(200, &[], "changed"),
        page("new"),
    ]);
    let inner = invalidate(&show).layer(show.origin.clone());
    let service = show.layer.layer(inner);
    let get = || tokio::spawn(read(service.clone(), request("GET", &[])));
    let before = get();
    turns().await;
    assert_eq!(read(service.clone(), change()).await, "changed");
    let after = get();
    turns().await;
    go.notify_one();
    assert_eq!(before.await.unwrap(), "old");
    assert_eq!(after.await.unwrap(), "new");
    assert_eq!(get().await.unwrap(), "new");
    assert_eq!(show.origin.left(), 0);
}

#[tokio::test]
async fn several_layers_have_rules_and_counters_of_their_own() {
    let show = Show::new(acts());
    let rule = InvalidateRule::on_unsafe("/change").tag("nothing");
    let other = InvalidateLayer::new(show.layer.purger());
    let other = other.rule(rule).expect("one rule");
    let one = invalidate(&show);
    let service = other.layer(one.layer(show.service.clone()));
    is_seen_with_the_head(service).await;
    assert_eq!((one.stats().applied, other.stats().applied), (1, 1));
    assert_eq!(show.layer.stats().unmet_tags, 1);
}

#[cfg(feature = "axum")]
mod routers {
    use axum::{Router, body::Body, http::StatusCode, routing::get};
    use futures_util::FutureExt;
    use tower_keep::{ResponseCacheLayer, response_cache::CachePolicy, seconds};

    use super::*;

    async fn product() -> (CachePolicy, &'static str) {
        let policy = CachePolicy::new().ttl(seconds(60)).tags(["product:7"]);
        (policy, "product")
    }

    fn rules(cache: &ResponseCacheLayer) -> InvalidateLayer {
        let rule = InvalidateRule::on_unsafe("/api/products/{id}/reviews").tag("product:{id}");
        let layer = InvalidateLayer::new(cache.purger());
        layer.rule(rule).expect("one rule")
    }

    /// The status, and whether it came from store.
    fn ask(app: &Router, method: &str, path: &str) -> (StatusCode, bool) {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let asked = async {
            let response = app.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            body.collect().await.unwrap();
            let said = parts.headers.get("cache-status");
            let hit = said.is_some_and(|said| said.to_str().unwrap().contains("; hit"));
            (parts.status, hit)
        };
        asked.now_or_never().expect("nothing is waited for")
    }

    fn works(app: &Router, invalidate: &InvalidateLayer) {
        let ok = |hit| (StatusCode::OK, hit);
        assert_eq!(ask(app, "GET", "/api/products/7"), ok(false));
        assert_eq!(ask(app, "GET", "/api/products/7"), ok(true));
        assert_eq!(ask(app, "POST", "/api/products/7/reviews"), ok(false));
        assert_eq!(ask(app, "GET", "/api/products/7"), ok(false));
        assert_eq!(invalidate.stats().applied, 1);
        assert_eq!(invalidate.stats().unmatched, 0);
    }

    fn routes() -> Router {
        Router::new()
            .route("/products/{id}", get(product))
            .route("/products/{id}/reviews", get(product).post(|| async {}))
    }

    #[tokio::test]
    async fn rules_see_the_whole_path_inside_of_a_nest() {
        let cache = ResponseCacheLayer::new();
        let invalidate = rules(&cache);
        let inner = routes().layer(invalidate.clone()).layer(cache);
        works(&Router::new().nest("/api", inner), &invalidate);
    }

    #[tokio::test]
    async fn it_is_a_layer_for_routes() {
        let cache = ResponseCacheLayer::new();
        let invalidate = rules(&cache);
        let inner = routes().route_layer(invalidate.clone());
        let app = Router::new().nest("/api", inner).layer(cache);
        works(&app, &invalidate);
        let nowhere = ask(&app, "POST", "/api/elsewhere");
        assert_eq!(nowhere.0, StatusCode::NOT_FOUND);
        assert_eq!(invalidate.stats().unmatched, 0);
    }

    #[tokio::test]
    async fn it_stands_around_a_whole_application() {
        let cache = ResponseCacheLayer::new();
        let invalidate = rules(&cache);
        let app = Router::new().nest("/api", routes()).layer(cache);
        works(&app.layer(invalidate.clone()), &invalidate);
    }
}
