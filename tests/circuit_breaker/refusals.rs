//! What is answered while a circuit is open.

use http::{HeaderValue, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_keep::{
    circuit_breaker::{BreakerSettings, BreakerState, CircuitBreakerLayer, CircuitOpen},
    seconds,
};

use crate::support::{BAD, GOOD, Stage, request};

async fn open() -> Stage {
    let stage = Stage::new();
    stage.ask_all([BAD; 2]).await;
    stage.time.advance(seconds(2));
    stage
}

#[tokio::test]
async fn it_is_503_that_says_when_to_try_again_and_why() {
    let stage = open().await;
    let refused = stage.ask("/", GOOD).await.unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "8");
    assert_eq!(refused.headers()["cache-control"], "no-store");
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    let why = refused.extensions().get::<CircuitOpen>().unwrap();
    assert_eq!((why.name(), why.state()), ("default", BreakerState::Open));
    assert_eq!(why.retry_after(), seconds(8));
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"{") && body.ends_with(b"}"), "{body:?}");
}

#[tokio::test]
async fn grpc_is_told_that_the_service_is_unavailable() {
    let stage = open().await;
    let mut call = request("/");
    let grpc = HeaderValue::from_static("application/grpc+proto");
    call.headers_mut().insert(CONTENT_TYPE, grpc);
    let refused = stage.service().oneshot(call).await.unwrap();
    assert_eq!(refused.status(), 200);
    assert_eq!(refused.headers()["grpc-status"], "14");
    assert_eq!(refused.headers()["grpc-retry-pushback-ms"], "8000");
    assert!(refused.extensions().get::<CircuitOpen>().is_some());
    assert!(refused.body().is_end_stream());
}

#[tokio::test]
async fn what_passes_keeps_its_body() {
    let stage = Stage::new();
    let response = stage.ask("/", GOOD).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(4));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "text");
}

#[test]
fn settings_that_cannot_be_are_errors_of_the_layer() {
    let never = BreakerSettings::new().last_calls(5).minimum_calls(6);
    let error = CircuitBreakerLayer::with(never).unwrap_err();
    assert!(error.to_string().contains("minimum"));
}
