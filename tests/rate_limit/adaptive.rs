//! Adaptive concurrency, around services of many kinds.

use std::{
    convert::Infallible,
    future::{Future, pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tokio::sync::oneshot;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    BoxError,
    rate_limit::adaptive::{AdaptiveConcurrencyLayer, Aimd, Gradient, Overloaded, Verdict},
    test_util::ManualClock,
};

const SECOND: Duration = Duration::from_secs(1);

/// At most two in flight, at first and for good.
fn two() -> AdaptiveConcurrencyLayer {
    let layer = AdaptiveConcurrencyLayer::new().limits(2, 2, 2);
    layer.expect("two is within two and two")
}

fn request() -> Request<()> {
    Request::new(())
}

fn text() -> Response<Full<Bytes>> {
    Response::new(Full::from("text"))
}

async fn answer(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(text())
}

/// Polls it once.
fn begin<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_body_has_ended() {
    let layer = two();
    let mut service = layer.layer(service_fn(answer));
    let mut response = service.call(request()).await.unwrap();
    assert_eq!(layer.stats().in_flight, 1);
    let frame = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "text");
    assert_eq!(
        layer.stats().in_flight,
        0,
        "nobody asks after the last frame"
    );
    assert!(response.body_mut().frame().await.is_none());
    assert_eq!((layer.stats().admitted, layer.stats().in_flight), (1, 0));
}

#[tokio::test]
async fn a_body_of_unknown_length_counts_until_it_says_that_it_is_over() {
    let layer = two();
    let inner = service_fn(|_| {
        let frame = Ok::<_, Infallible>(Frame::data(Bytes::from("a")));
        let body = StreamBody::new(futures_util::stream::iter([frame]));
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let response = layer.layer(inner).oneshot(request()).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(layer.stats().in_flight, 1);
    assert!(body.frame().await.is_none());
    assert_eq!(layer.stats().in_flight, 0);
}

#[tokio::test]
async fn a_dropped_body_gives_its_place_back() {
    let layer = two();
    let response = layer.layer(service_fn(answer)).oneshot(request()).await;
    assert_eq!(layer.stats().in_flight, 1);
    drop(response);
    assert_eq!(layer.stats().in_flight, 0);
}

#[tokio::test]
async fn an_empty_body_has_ended_before_it_is_polled() {
    let layer = two();
    let inner = service_fn(|_| ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))));
    let response = layer.layer(inner).oneshot(request()).await.unwrap();
    assert_eq!(layer.stats().in_flight, 0);
    assert!(response.body().is_end_stream());
}

#[tokio::test]
async fn a_body_that_fails_gives_its_place_back() {
    let layer = two();
    let inner = service_fn(|_| {
        let failure = Err::<Frame<Bytes>, _>(BoxError::from("gone"));
        let body = StreamBody::new(futures_util::stream::iter([failure]));
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let response = layer.layer(inner).oneshot(request()).await.unwrap();
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(layer.stats().in_flight, 0);
}

#[tokio::test]
async fn an_error_gives_its_place_back_and_keeps_its_type() {
    let layer = two();
    let inner = service_fn(|_| ready(Err::<Response<Full<Bytes>>, _>("no")));
    let error = layer.layer(inner).oneshot(request()).await.unwrap_err();
    assert_eq!(error, "no");
    assert_eq!(layer.stats().in_flight, 0);
}

#[test]
fn a_dropped_future_gives_its_place_back() {
    let layer = two();
    let inner = service_fn(|_| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let mut service = layer.layer(inner);
    {
        let mut future = pin!(service.call(request()));
        assert!(begin(future.as_mut()).is_pending());
        assert_eq!(layer.stats().in_flight, 1);
    }
    assert_eq!(layer.stats().in_flight, 0);
}

#[test]
fn a_panic_gives_its_place_back_in_the_call_and_in_the_future() {
    let layer = two();
    let call = |_| -> std::future::Ready<Result<Response<Full<Bytes>>, Infallible>> {
        panic!("in the call")
    };
    let mut service = layer.layer(service_fn(call));
    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(request()))));
    assert!(called.is_err());
    assert_eq!((layer.stats().admitted, layer.stats().in_flight), (1, 0));

    let mut service = layer.layer(service_fn(panics));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        drop(begin(pin!(service.call(request()))));
    }));
    assert!(polled.is_err());
    assert_eq!((layer.stats().admitted, layer.stats().in_flight), (2, 0));
}

async fn panics(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    panic!("in the future")
}

#[tokio::test]
async fn beyond_the_limit_the_service_is_not_asked() {
    let layer = two();
    let mut service = layer.layer(service_fn(answer));
    let first = service.call(request()).await.unwrap();
    let second = service.clone().call(request()).await.unwrap();
    let refused = layer.layer(service_fn(never_asked)).oneshot(request());
    let refused = refused.await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(refused.headers()["cache-control"], "no-store");
    let reason = refused.extensions().get::<Overloaded>();
    assert_eq!(reason.map(|reason| reason.limit()), Some(2));
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert!(body.ends_with(b"\"status\":503}"), "{body:?}");
    let stats = layer.stats();
    assert_eq!(
        (stats.admitted, stats.refused, stats.in_flight, stats.limit),
        (2, 1, 2, 2)
    );
    drop(first);
    let third = service.call(request()).await.unwrap();
    assert_eq!(third.status(), StatusCode::OK);
    drop((second, third));
    assert_eq!(service.stats().in_flight, 0);
}

async fn never_asked(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    unreachable!("the limit is reached")
}

#[tokio::test]
async fn grpc_is_told_that_the_service_is_unavailable() {
    let layer = two().limits(1, 1, 1).unwrap();
    let mut service = layer.layer(service_fn(answer));
    let held = service.call(request()).await.unwrap();
    let mut call = request();
    let grpc = "application/grpc+proto".parse().unwrap();
    call.headers_mut().insert("content-type", grpc);
    let refused = service.call(call).await.unwrap();
    assert_eq!(refused.status(), StatusCode::OK);
    assert_eq!(refused.headers()["grpc-status"], "14");
    assert_eq!(refused.headers()["grpc-retry-pushback-ms"], "1000");
    assert!(refused.extensions().get::<Overloaded>().is_some());
    assert!(refused.body().is_end_stream());
    drop(held);
}

/// A service that answers when it is told to, and with what.
struct Told {
    time: ManualClock,
    layer: AdaptiveConcurrencyLayer,
}

impl Told {
    /// Latencies above a second are too much, from a limit of 100.
    fn by_aimd() -> Self {
        let time = ManualClock::new();
        let layer = AdaptiveConcurrencyLayer::new()
            .aimd(Aimd::new(SECOND))
            .limits(100, 1, 200)
            .unwrap()
            .clock(time.clock());
        Self { time, layer }
    }

    /// The limit after a request that was answered so, after so long.
    fn after(&self, latency: Duration, result: Result<StatusCode, &'static str>) -> usize {
        let (answer, told) = oneshot::channel();
        let mut told = Some(told);
        let inner = service_fn(move |_: Request<()>| {
            let told = told.take().expect("it is called once");
            async move { told.await.expect("it is told") }
        });
        let mut service = self.layer.layer(inner);
        let mut future = pin!(service.call(request()));
        assert!(begin(future.as_mut()).is_pending());
        self.time.advance(latency);
        let response = result.map(|status| {
            let mut response = text();
            *response.status_mut() = status;
            response
        });
        answer.send(response).expect("it is waited for");
        assert!(begin(future.as_mut()).is_ready());
        self.layer.stats().limit
    }
}

#[test]
fn latency_counts_from_the_call_to_the_head() {
    let told = Told::by_aimd();
    assert_eq!(told.after(SECOND, Ok(StatusCode::OK)), 100);
    let late = SECOND + Duration::from_nanos(1);
    assert_eq!(told.after(late, Ok(StatusCode::OK)), 90);
}

#[test]
fn errors_and_unavailability_lower_the_limit_however_fast_they_are() {
    let told = Told::by_aimd();
    assert_eq!(told.after(SECOND, Err("failed")), 90);
    assert_eq!(told.after(SECOND, Ok(StatusCode::SERVICE_UNAVAILABLE)), 81);
    assert_eq!(told.after(SECOND, Ok(StatusCode::GATEWAY_TIMEOUT)), 72);
    let late = SECOND * 9;
    assert_eq!(
        told.after(late, Ok(StatusCode::INTERNAL_SERVER_ERROR)),
        72,
        "it says nothing of load"
    );
}

#[test]
fn what_counts_as_overload_can_be_said() {
    let mut told = Told::by_aimd();
    told.layer = told.layer.judge(|outcome| match outcome.response() {
        Some(head) if head.status().is_server_error() => Verdict::Dropped,
        _ => Verdict::Ignored,
    });
    assert_eq!(
        told.after(SECOND, Ok(StatusCode::INTERNAL_SERVER_ERROR)),
        90
    );
    assert_eq!(told.after(SECOND * 9, Ok(StatusCode::OK)), 90);
    assert_eq!(told.after(SECOND, Err("failed")), 90);
}

#[test]
fn clients_that_leave_give_no_latency() {
    let told = Told::by_aimd();
    let inner = service_fn(|_| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let mut service = told.layer.layer(inner);
    {
        let mut future = pin!(service.call(request()));
        assert!(begin(future.as_mut()).is_pending());
        told.time.advance(SECOND * 60);
    }
    assert_eq!(told.layer.stats().limit, 100);
}

#[tokio::test]
async fn how_fast_a_client_reads_says_nothing_of_the_service() {
    let told = Told::by_aimd();
    let response = told.layer.layer(service_fn(answer)).oneshot(request());
    let response = response.await.unwrap();
    told.time.advance(SECOND * 60);
    response.into_body().collect().await.unwrap();
    assert_eq!(told.layer.stats().limit, 100);
}

#[tokio::test]
async fn the_service_that_was_readied_is_the_one_that_is_called() {
    let inner = tower::limit::ConcurrencyLimit::new(service_fn(answer), 1);
    let mut service = two().layer(inner);
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(request()).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
}

#[test]
fn a_setting_begins_anew() {
    let told = Told::by_aimd();
    assert_eq!(told.after(SECOND, Err("failed")), 90);
    let again = told.layer.clone().gradient(Gradient::new());
    assert_eq!((again.stats().limit, again.stats().admitted), (100, 0));
    assert_eq!(told.layer.stats().limit, 90);
}
