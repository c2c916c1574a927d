//! Something else that answers.

use std::{pin::pin, task::Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    circuit_breaker::CircuitOpen, fallback::FallbackLayer, test_util::CountingService,
};

use crate::support::{Answer, BAD, GOOD, Stage, Told, begin, request};

fn text(text: &'static str) -> Response<Bytes> {
    Response::new(Bytes::from_static(text.as_bytes()))
}

async fn read<B>(response: Response<B>) -> Bytes
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn ask(layer: &FallbackLayer, answer: Answer) -> Result<Bytes, &'static str> {
    let inner = Told::new();
    inner.answer(answer);
    let response = layer.layer(inner).oneshot(request("/")).await?;
    Ok(read(response).await)
}

#[tokio::test]
async fn a_value_answers_errors_and_what_gateways_say() {
    let layer = FallbackLayer::value(text("later"));
    assert_eq!(ask(&layer, Err("reset")).await.unwrap(), "later");
    for status in [502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(ask(&layer, Ok(status)).await.unwrap(), "later");
    }
    assert_eq!(ask(&layer, GOOD).await.unwrap(), "text");
    assert_eq!(
        ask(&layer, BAD).await.unwrap(),
        "text",
        "500 says something"
    );
}

#[tokio::test]
async fn a_closure_sees_the_error_or_the_refusal() {
    let layer = FallbackLayer::from_fn(|outcome| {
        let refused = outcome
            .response()
            .and_then(|head| head.extensions().get::<CircuitOpen>());
        match (outcome.error::<&'static str>(), refused) {
            (Some(error), _) => Response::new(Bytes::from_static(error.as_bytes())),
            (None, Some(open)) => Response::new(Bytes::from(open.to_string())),
            (None, None) => text("else"),
        }
    });
    assert_eq!(ask(&layer, Err("reset")).await.unwrap(), "reset");
    let stage = Stage::new();
    stage.layer.breaker().force_open();
    let response = layer.layer(stage.service()).oneshot(request("/")).await;
    let body = read(response.unwrap()).await;
    assert_eq!(body, "the circuit default is forced_open");
}

#[tokio::test]
async fn what_is_a_failure_can_be_said() {
    let layer = FallbackLayer::value(text("nothing"))
        .when(|outcome| outcome.response().is_some_and(|head| head.status() == 404));
    assert_eq!(
        ask(&layer, Ok(StatusCode::NOT_FOUND)).await.unwrap(),
        "nothing"
    );
    assert_eq!(ask(&layer, Err("reset")).await.unwrap_err(), "reset");
}

/// A service that answers with the path that it was asked for.
async fn echo<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, &'static str> {
    let path = request.uri().path().to_owned();
    Ok(Response::new(Full::from(path)))
}

#[tokio::test]
async fn another_service_gets_the_head_of_the_request_only_if_it_is_needed() {
    let echo = CountingService::new(service_fn(echo::<Empty<Bytes>>));
    let layer = FallbackLayer::service(echo.clone());
    let inner = Told::new();
    let service = layer.layer(inner.clone());
    let ask = || {
        let request = Request::get("/page").body(Empty::<Bytes>::new()).unwrap();
        service.clone().oneshot(request)
    };
    assert_eq!(read(ask().await.unwrap()).await, "text");
    assert_eq!(echo.calls(), 0);
    inner.answer(Err("reset"));
    assert_eq!(read(ask().await.unwrap()).await, "/page");
    assert_eq!((inner.calls(), echo.calls()), (2, 1));
}

#[tokio::test]
async fn a_request_whose_body_is_gone_is_not_given_to_another_service() {
    let echo = CountingService::new(service_fn(echo::<Full<Bytes>>));
    let inner = Told::new();
    inner.answer(Err("reset"));
    let service = FallbackLayer::service(echo.clone()).layer(inner);
    let posted = Request::post("/").body(Full::from("data")).unwrap();
    assert_eq!(service.clone().oneshot(posted).await.unwrap_err(), "reset");
    let empty = Request::post("/").body(Full::default()).unwrap();
    assert!(service.oneshot(empty).await.is_ok());
    assert_eq!(echo.calls(), 1);
}

#[tokio::test]
async fn another_service_is_waited_for_and_its_failure_is_final() {
    let (inner, other) = (Told::new(), Told::new());
    inner.answer(Err("first"));
    other.answer(Err("second"));
    other.ready(Poll::Pending);
    let mut service = FallbackLayer::service(other.clone()).layer(inner);
    let mut future = pin!(service.call(Request::new(Empty::<Bytes>::new())));
    assert!(begin(future.as_mut()).is_pending());
    assert_eq!(other.calls(), 0);
    other.ready(Poll::Ready(Ok(())));
    let Poll::Ready(Err(error)) = begin(future.as_mut()) else {
        panic!("it has answered");
    };
    assert_eq!((error, other.calls()), ("second", 1));
}
