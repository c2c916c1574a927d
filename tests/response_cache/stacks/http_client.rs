//! Around an HTTP client, as the cache of one user.

use std::net::SocketAddr;

use axum::{Router, routing};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::Layer;
use tower_keep::response_cache::{RequestBody, ResponseCache, ResponseCacheLayer};

use super::{Calls, answer, listener, serve_axum};
use crate::support::{Got, request};

type CachingClient = ResponseCache<Client<HttpConnector, RequestBody<Full<Bytes>>>>;

fn caching_client(layer: &ResponseCacheLayer) -> CachingClient {
    layer.layer(Client::builder(TokioExecutor::new()).build_http())
}

async fn send(
    client: &CachingClient,
    method: &str,
    address: SocketAddr,
    fields: &[(&str, &str)],
) -> Got {
    let uri = format!("http://{address}/me");
    let fields = [&[(":uri", uri.as_str())], fields].concat();
    answer(client.clone(), request(method, &fields)).await
}

#[tokio::test]
async fn a_private_response_is_kept_by_the_cache_of_one_user_alone() {
    let calls = Calls::default();
    let counted = calls.clone();
    let me = move || async move {
        let fields = [(header::CACHE_CONTROL, "private, max-age=60")];
        (fields, counted.next().to_string())
    };
    let address = serve_axum(Router::new().route("/me", routing::get(me))).await;
    let token = [("authorization", "Bearer of-mine")];

    for (layer, hit) in [
        (ResponseCacheLayer::new().private(), true),
        (ResponseCacheLayer::new(), false),
    ] {
        let client = caching_client(&layer);
        let first = send(&client, "GET", address, &token).await;
        let second = send(&client, "GET", address, &token).await;
        assert!(!first.is_hit(), "{first:?}");
        assert_eq!(second.is_hit(), hit, "{second:?}");
        assert_eq!(second.body == first.body, hit);
    }
    assert_eq!(calls.count(), 3);
}

#[tokio::test]
async fn the_client_validates_what_it_has() {
    let calls = Calls::default();
    let counted = calls.clone();
    let tagged = move |asked: HeaderMap| async move {
        let fields = [
            (header::CACHE_CONTROL, "no-cache"),
            (header::ETAG, "\"one\""),
        ];
        let known = asked
            .get(header::IF_NONE_MATCH)
            .is_some_and(|tag| tag == "\"one\"");
        counted.next();
        if known {
            (StatusCode::NOT_MODIFIED, fields, "")
        } else {
            (StatusCode::OK, fields, "content")
        }
    };
    let address = serve_axum(Router::new().route("/me", routing::get(tagged))).await;
    let layer = ResponseCacheLayer::new().private();
    let client = caching_client(&layer);

    for _ in 0..3 {
        let got = send(&client, "GET", address, &[]).await;
        assert_eq!((got.status, got.body.as_str()), (StatusCode::OK, "content"));
    }
    assert_eq!(calls.count(), 3);
    assert_eq!(layer.stats().validated, 2);
}

#[tokio::test]
async fn a_change_by_the_client_invalidates_what_it_has() {
    let calls = Calls::default();
    let app = Router::new().route("/me", calls.route().put(|| async {}));
    let address = serve_axum(app).await;
    let client = caching_client(&ResponseCacheLayer::new().private());

    send(&client, "GET", address, &[]).await;
    assert!(send(&client, "GET", address, &[]).await.is_hit());
    send(&client, "PUT", address, &[]).await;
    let after = send(&client, "GET", address, &[]).await;
    assert!(!after.is_hit(), "{after:?}");
    assert_eq!(after.body, "2");
}

/// The error is the client's own, of its own type.
#[tokio::test]
async fn the_error_of_a_connection_is_the_clients_own() {
    let (listener, address) = listener().await;
    drop(listener);
    let uri = format!("http://{address}/");
    let client = caching_client(&ResponseCacheLayer::new().private());
    let error = tower::ServiceExt::oneshot(client, request("GET", &[(":uri", &uri)]))
        .await
        .unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}
