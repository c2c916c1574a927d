//! Calls of gRPC.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::retry::{GaveUp, ReplayBody, RetryOutcome, RetryPolicy, TimedOut};

use crate::support::{Script, Step, layer, send};

fn call() -> Request<Full<Bytes>> {
    let request = Request::post("/shop.Cart/Get").header("content-type", "application/grpc");
    let mut request = request.body(Full::from("sent")).unwrap();
    let policy = RetryPolicy::new().idempotent();
    request.extensions_mut().insert(policy);
    request
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_unavailable_is_retried() {
    let script = Script::of([Step::With(200, "grpc-status", "14")]);
    send(&layer(), &script, call()).await.unwrap();
    assert_eq!(script.attempts(), 2);
    let script = Script::of([Step::With(200, "grpc-status", "14")]);
    let mut with_codec = call();
    let kind = "application/grpc+proto".parse().unwrap();
    with_codec.headers_mut().insert("content-type", kind);
    send(&layer(), &script, with_codec).await.unwrap();
    assert_eq!(script.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_with_another_status_is_not_retried() {
    for status in (0..=16).filter(|status| *status != 14) {
        let status = status.to_string().leak();
        let script = Script::of([Step::With(200, "grpc-status", status)]);
        send(&layer(), &script, call()).await.unwrap();
        assert_eq!(script.attempts(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_the_trailers_of_a_call_that_is_not_retried() {
    let service = service_fn(|_: Request<ReplayBody<Full<Bytes>>>| async {
        let nothing_yet = stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
        Ok::<_, std::io::Error>(Response::new(StreamBody::new(nothing_yet)))
    });
    let mut call = call();
    call.extensions_mut().remove::<RetryPolicy>();
    let head = layer().layer(service).oneshot(call);
    let head = tokio::time::timeout(Duration::from_secs(1), head).await;
    assert_eq!(head.unwrap().unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_a_post_and_not_retried_unless_it_may_be() {
    let script = Script::of([Step::With(200, "grpc-status", "14")]);
    let mut call = call();
    call.extensions_mut().remove::<RetryPolicy>();
    send(&layer(), &script, call).await.unwrap();
    assert_eq!(script.attempts(), 1);
}

fn trailers(status: &str) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    Frame::trailers(trailers)
}

/// How often a service is called whose answers have these frames, and the body that comes in the end.
async fn calls(frames: fn() -> Vec<Frame<Bytes>>) -> (usize, Bytes, Option<HeaderMap>) {
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&calls);
    let service = service_fn(move |request: Request<ReplayBody<Full<Bytes>>>| {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            request
                .into_body()
                .collect()
                .await
                .map_err(std::io::Error::other)?;
            let frames = frames().into_iter().map(Ok::<_, std::io::Error>);
            Ok::<_, std::io::Error>(Response::new(StreamBody::new(stream::iter(frames))))
        }
    });
    let response = layer().layer(service).oneshot(call()).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    let (trailers, calls) = (
        body.trailers().cloned(),
        calls.load(std::sync::atomic::Ordering::Relaxed),
    );
    (calls, body.to_bytes(), trailers)
}

#[tokio::test(start_paused = true)]
async fn a_status_in_trailers_that_come_first_counts() {
    let (attempts, body, said) = calls(|| vec![trailers("14")]).await;
    assert_eq!((attempts, body.len()), (4, 0));
    assert_eq!(said.unwrap()["grpc-status"], "14", "they are still there");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_answered_something_is_committed() {
    let frames = || {
        vec![
            Frame::data(Bytes::from("a")),
            Frame::data(Bytes::from("b")),
            trailers("14"),
        ]
    };
    let (attempts, body, said) = calls(frames).await;
    assert_eq!((attempts, &body[..]), (1, &b"ab"[..]));
    assert_eq!(said.unwrap()["grpc-status"], "14");
}

#[tokio::test(start_paused = true)]
async fn the_server_says_when_to_come_back_or_not_to() {
    let pushed_back = |millis: &'static str| {
        let script = Script::of([Step::With(503, "grpc-retry-pushback-ms", millis)]);
        async move {
            let response = send(&layer(), &script, call()).await.unwrap();
            let outcome = response.extensions().get::<RetryOutcome>().cloned();
            (script.waits(), outcome.unwrap().gave_up())
        }
    };
    let waited = vec![Duration::from_millis(750)];
    assert_eq!(pushed_back("750").await, (waited, None));
    assert_eq!(pushed_back("-1").await, (vec![], Some(GaveUp::RetryAfter)));
    assert_eq!(
        pushed_back("soon").await,
        (vec![], Some(GaveUp::RetryAfter))
    );
}

/// What comes of a call whose answer has this body, under a deadline of a second.
async fn body_of<B>(body: fn() -> B) -> Result<Bytes, tower_keep::BoxError>
where
    B: http_body::Body<Data = Bytes, Error = std::io::Error> + Send + 'static,
{
    let service = service_fn(
        move |request: Request<ReplayBody<Full<Bytes>>>| async move {
            request
                .into_body()
                .collect()
                .await
                .map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(Response::new(body()))
        },
    );
    let layer = layer().deadline(Duration::from_secs(1));
    let response = layer.layer(service).oneshot(call()).await.unwrap();
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::test(start_paused = true)]
async fn an_error_that_was_looked_at_is_the_clients_to_read() {
    let breaks = || {
        let reset = std::io::ErrorKind::ConnectionReset;
        StreamBody::new(stream::iter([Err::<Frame<Bytes>, _>(reset.into())]))
    };
    let error = body_of(breaks).await.unwrap_err();
    let error = error.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn looking_for_a_status_ends_with_the_deadline() {
    let silent = || StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::io::Error>>());
    let asked = tokio::time::Instant::now();
    let error = body_of(silent).await.unwrap_err();
    assert!(error.downcast_ref::<TimedOut>().unwrap().is_deadline());
    assert_eq!(asked.elapsed(), Duration::from_secs(1));
}
