//! In a server of hyper alone, by HTTP/1 and by HTTP/2.

use std::{convert::Infallible, future::ready, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::response_cache::{RequestBody, ResponseCacheLayer};

use super::{Calls, HttpClient, answer, assert_a_miss_then_a_hit, get, http1, http2, serve_hyper};
use crate::support::request;

/// A server of a [`Calls::page`].
async fn serve_page(calls: &Calls) -> SocketAddr {
    let calls = calls.clone();
    let origin = service_fn(move |_: Request<RequestBody<Incoming>>| {
        ready(Ok::<_, Infallible>(calls.page::<Full<Bytes>>()))
    });
    serve_hyper(ResponseCacheLayer::new().layer(origin)).await
}

fn versions() -> [(&'static str, HttpClient); 2] {
    [("HTTP/1", http1()), ("HTTP/2", http2())]
}

#[tokio::test]
async fn a_hyper_server_answers_from_store_in_both_versions() {
    for (version, client) in versions() {
        let calls = Calls::default();
        let address = serve_page(&calls).await;
        assert_a_miss_then_a_hit(&client, address, "/").await;
        assert_eq!(calls.count(), 1, "{version}");
    }
}

/// The host stands in Host or in `:authority`, and means the same.
#[tokio::test]
async fn what_one_version_stored_answers_the_other() {
    let calls = Calls::default();
    let address = serve_page(&calls).await;
    assert!(!get(&http1(), address, "/a", &[]).await.is_hit());
    assert!(get(&http2(), address, "/a", &[]).await.is_hit());
    assert!(!get(&http2(), address, "/b", &[]).await.is_hit());
    assert!(get(&http1(), address, "/b", &[]).await.is_hit());
}

#[tokio::test]
async fn a_head_from_store_has_the_length_and_no_body() {
    for (version, client) in versions() {
        let address = serve_page(&Calls::default()).await;
        get(&client, address, "/", &[]).await;
        let uri = format!("http://{address}/");
        let got = answer(client, request("HEAD", &[(":uri", &uri)])).await;
        assert!(got.is_hit(), "{version}: {got:?}");
        assert_eq!(got.header("content-length"), Some("1"), "{version}");
        assert_eq!(got.body, "", "{version}");
    }
}

/// Longer than any buffer on the way.
#[tokio::test]
async fn a_long_request_body_reaches_the_service_and_comes_back() {
    let echo = service_fn(|request: Request<RequestBody<Incoming>>| {
        ready(Ok::<_, Infallible>(Response::new(request.into_body())))
    });
    let address = serve_hyper(ResponseCacheLayer::new().layer(echo)).await;
    for (version, client) in versions() {
        let text: String = (0..200_000).map(|n| format!("{n} ")).collect();
        let mut post = request("POST", &[(":uri", &format!("http://{address}/"))]);
        *post.body_mut() = Full::from(text.clone());
        let got = answer(client, post).await;
        assert!(got.body == text, "{version}: {} bytes", got.body.len());
        assert_eq!(got.header("age"), None, "{version}");
    }
}

#[tokio::test]
async fn trailers_pass_and_are_stored() {
    let calls = Calls::default();
    let counted = calls.clone();
    let origin = service_fn(move |_: Request<RequestBody<Incoming>>| {
        let mut response: Response<Full<Bytes>> = counted.page();
        let announced = HeaderValue::from_static("x-checksum");
        response.headers_mut().insert(header::TRAILER, announced);
        ready(Ok::<_, Infallible>(response.map(|body| {
            let trailers = HeaderMap::from_iter([(
                header::HeaderName::from_static("x-checksum"),
                HeaderValue::from_static("c4ca"),
            )]);
            body.with_trailers(ready(Some(Ok(trailers))))
        })))
    });
    let address = serve_hyper(ResponseCacheLayer::new().layer(origin)).await;

    for asked in ["miss", "hit"] {
        let uri = format!("http://{address}/");
        let client = http2();
        let response = client.oneshot(request("GET", &[(":uri", &uri)])).await;
        let body = response.unwrap().into_body().collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        assert_eq!(trailers["x-checksum"], "c4ca", "{asked}");
        assert_eq!(body.to_bytes(), "1", "{asked}");
    }
    assert_eq!(calls.count(), 1);
}
