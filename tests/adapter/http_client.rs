//! A client of reqwest.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::State};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_keep::{
    CircuitBreakerLayer, Clock, ResponseCacheLayer,
    adapter::ReqwestLayer,
    minutes,
    retry::{Reason, RetryBody, RetryLayer, RetryOutcome, RetryPolicy},
};

use crate::{at_once, listener, nobody, retries};

/// What an origin has been asked.
type Asked = Arc<Mutex<Vec<(Method, HeaderMap, Bytes)>>>;

/// Answers its first request with 503, and the others with what they sent. `/moved` has moved.
async fn flaky(
    State(asked): State<Asked>,
    request: axum::extract::Request,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/moved" {
        let moved = Response::builder().status(307).header("location", "/");
        return moved.body(Full::default()).unwrap();
    }
    let body = body.collect().await.unwrap().to_bytes();
    let mut asked = asked.lock().unwrap();
    asked.push((head.method, head.headers, body.clone()));
    let mut response = Response::new(Full::new(body));
    if asked.len() == 1 {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// Its base URL, and what it is asked.
async fn origin() -> (String, Asked) {
    let (listener, address) = listener().await;
    let asked = Asked::default();
    let app = Router::new().fallback(flaky).with_state(Arc::clone(&asked));
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    (format!("http://{address}"), asked)
}

async fn send<B>(
    layer: &RetryLayer,
    request: Request<B>,
) -> reqwest::Result<Response<RetryBody<reqwest::Body>>>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let client = ReqwestLayer::new().layer(reqwest::Client::new());
    layer.layer(client).oneshot(request).await
}

#[tokio::test]
async fn a_request_with_a_body_is_sent_again_and_its_answer_read() {
    let (url, asked) = origin().await;
    let request = Request::put(&url).body(Full::from("sent")).unwrap();
    let response = send(&retries(), request).await.unwrap();
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    let unavailable = Reason::Status(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(outcome.reasons(), [unavailable]);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "sent");
    let asked = asked.lock().unwrap();
    let sent = asked.iter().map(|(method, _, body)| (method, &body[..]));
    assert!(sent.eq([(&Method::PUT, &b"sent"[..]); 2]));
}

#[tokio::test]
async fn a_request_without_a_body_says_nothing_of_one() {
    let (url, asked) = origin().await;
    let request = Request::get(&url).body(Empty::new()).unwrap();
    send(&retries(), request).await.unwrap();
    for (_, headers, _) in asked.lock().unwrap().iter() {
        assert!(!headers.contains_key(header::TRANSFER_ENCODING));
        assert!(!headers.contains_key(header::CONTENT_LENGTH));
    }
}

#[tokio::test]
async fn a_request_without_a_body_follows_redirects() {
    let (url, asked) = origin().await;
    let request = Request::get(format!("{url}/moved"));
    let request = request.body(Empty::new()).unwrap();
    let response = send(&retries(), request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(asked.lock().unwrap().len(), 2);
}

/// A body that threads cannot share.
struct Unshared(Cell<bool>);

impl Body for Unshared {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = (!self.0.replace(true)).then(|| Bytes::from("piece"));
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }
}

#[tokio::test]
async fn bodies_need_not_be_shared_by_threads() {
    let (url, asked) = origin().await;
    let body = Unshared(Cell::new(false));
    let request = Request::put(&url).body(body).unwrap();
    send(&retries(), request).await.unwrap();
    let asked = asked.lock().unwrap();
    assert!(asked.iter().map(|(_, _, body)| body).eq(["piece"; 2]));
    // Its length was not known.
    assert_eq!(asked[0].1[header::TRANSFER_ENCODING], "chunked");
}

#[tokio::test]
async fn a_refused_connection_is_retried_whatever_the_method() {
    let url = format!("http://{}", nobody().await);
    let layer = retries();
    let request = Request::post(url).body(Full::from("sent")).unwrap();
    assert!(
        send(&layer, request)
            .await
            .is_err_and(|error| error.is_connect())
    );
    assert_eq!(layer.stats().retried, [("not-processed", 3)]);
}

#[tokio::test]
async fn a_request_that_is_none_to_reqwest_is_not_retried() {
    let layer = retries();
    let request = Request::get("/relative").body(Empty::new()).unwrap();
    assert!(
        send(&layer, request)
            .await
            .is_err_and(|error| error.is_builder())
    );
    assert_eq!(layer.stats().retried, []);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_of_reqwest_is_one_to_the_layer() {
    // It has a queue of connections, and nobody takes them out.
    let (_listener, address) = listener().await;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(1));
    let layer = at_once(RetryLayer::new()).clock(Clock::tokio());
    let client = layer.layer(ReqwestLayer::new().layer(client.build().unwrap()));
    let request = Request::get(format!("http://{address}"));
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let start = tokio::time::Instant::now();
    let error = client.clone().oneshot(request.clone()).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(layer.stats().retried, [("transient", 3)]);
    assert!(start.elapsed() >= Duration::from_secs(4));
    // It may have been processed.
    let mut post = request;
    post.extensions_mut()
        .insert(RetryPolicy::new().not_idempotent());
    client.oneshot(post).await.unwrap_err();
    assert_eq!(layer.stats().retried, [("transient", 3)]);
}

#[tokio::test]
async fn the_other_layers_go_around_it_as_well() {
    let (url, asked) = origin().await;
    let client = ServiceBuilder::new()
        .layer(ResponseCacheLayer::new().default_ttl(minutes(5)))
        .layer(retries())
        .layer(CircuitBreakerLayer::new())
        .layer(ReqwestLayer::new())
        .service(reqwest::Client::new());
    for _ in 0..2 {
        let request = Request::get(&url).body(Empty::<Bytes>::new()).unwrap();
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap();
    }
    // A failure, its retry, and what was stored.
    assert_eq!(asked.lock().unwrap().len(), 2);
}
