//! What travels beside the message: extensions of requests and of responses.

use axum::{
    Extension, Router,
    body::Body,
    extract::{ConnectInfo, MatchedPath, Path},
    routing,
};
use http::Request;
use tower_keep::ResponseCacheLayer;

use super::{answer, get, http1, listener};

/// What somebody outside of the cache knows of the request, or a handler of its response.
#[derive(Clone, Debug, PartialEq)]
struct Note(&'static str);

#[tokio::test]
async fn what_axum_knows_of_the_request_reaches_the_handler() {
    let handler = |Path((shop, item)): Path<(String, u32)>,
                   path: MatchedPath,
                   ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>,
                   Extension(note): Extension<Note>| async move {
        let path = path.as_str();
        format!("{path} {shop} {item} {} {}", peer.ip(), note.0)
    };
    let app = Router::new()
        .route("/{shop}/{item}", routing::get(handler))
        .layer(ResponseCacheLayer::new())
        .layer(Extension(Note("from outside")));
    let (listener, address) = listener().await;
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let got = get(&http1(), address, "/books/7", &[]).await;
    assert_eq!(got.body, "/{shop}/{item} books 7 127.0.0.1 from outside");
}

#[tokio::test]
async fn what_a_handler_attaches_to_its_response_is_there_on_a_miss_alone() {
    let handler = || async {
        let fields = [(http::header::CACHE_CONTROL, "max-age=60")];
        (fields, Extension(Note("from the handler")), "page")
    };
    let app = Router::new()
        .route("/", routing::get(handler))
        .layer(ResponseCacheLayer::new());
    let ask = || {
        let request = Request::builder().uri("http://origin.test/");
        answer(app.clone(), request.body(Body::empty()).unwrap())
    };

    let miss = ask().await;
    assert_eq!(miss.extensions.get(), Some(&Note("from the handler")));
    // It is the business of one request, and may be anything: it is not stored.
    let hit = ask().await;
    assert!(hit.is_hit(), "{hit:?}");
    assert_eq!(hit.extensions.get::<Note>(), None);
}
