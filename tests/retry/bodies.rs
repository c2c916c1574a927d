//! What is sent again.

use std::{
    convert::Infallible,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::retry::{GaveUp, ReplayBody, RetryOutcome};

use crate::support::{Script, Step, layer, request, send};

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1".parse().unwrap());
    trailers
}

/// A PUT whose body comes in pieces, with trailers.
fn streamed(
    pieces: &'static [&str],
) -> Request<impl http_body::Body<Data = Bytes, Error = Infallible> + Send> {
    let data = pieces.iter().map(|piece| Frame::data(Bytes::from(*piece)));
    let frames = data.chain([Frame::trailers(trailers())]).map(Ok);
    let body = StreamBody::new(stream::iter(frames));
    Request::put("/").body(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_is_sent_again_with_its_trailers() {
    let script = Script::of([Step::Status(503), Step::Fails(ErrorKind::BrokenPipe)]);
    send(&layer(), &script, streamed(&["a", "bc"]))
        .await
        .unwrap();
    let sent = script.seen(|seen| (seen.body.clone().unwrap(), seen.trailers.clone().unwrap()));
    assert_eq!(
        sent,
        [const { "abc" }; 3].map(|body| (body.into(), trailers()))
    );
}

#[tokio::test(start_paused = true)]
async fn trailers_are_the_end_of_a_body_for_who_asks_for_nothing_more() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = service_fn(move |mut request: Request<ReplayBody<_>>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let body = request.body_mut();
            while !body.frame().await.unwrap().unwrap().is_trailers() {}
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, std::io::Error>(response)
        }
    });
    let client = layer().layer(service);
    client.oneshot(streamed(&["a", "bc"])).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_what_is_kept_streams_and_is_not_sent_again() {
    let script = Script::of([Step::Status(503)]);
    let layer = layer().max_replay(2);
    let response = send(&layer, &script, streamed(&["a", "bc"])).await.unwrap();
    assert_eq!((response.status().as_u16(), script.attempts()), (503, 1));
    assert_eq!(script.seen(|seen| seen.body.clone().unwrap()), ["abc"]);
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!(outcome.gave_up(), Some(GaveUp::Body));
    let script = Script::of([Step::Status(503)]);
    send(&layer, &script, streamed(&["a", "b"])).await.unwrap();
    assert_eq!(script.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_came_before_the_body_was_read_is_not_retried() {
    let script = Script::of([Step::Early(503)]);
    let response = send(&layer(), &script, request("PUT")).await.unwrap();
    assert_eq!((response.status().as_u16(), script.attempts()), (503, 1));
    let script = Script::of([Step::Early(503)]);
    send(&layer(), &script, request("GET")).await.unwrap();
    assert_eq!(script.attempts(), 2, "there is nothing to read");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_not_begun_is_sent_by_another_attempt() {
    let script = Script::of([Step::Fails(ErrorKind::ConnectionRefused)]);
    send(&layer(), &script, request("POST")).await.unwrap();
    let bodies = script.seen(|seen| seen.body.clone());
    assert_eq!(bodies.last().unwrap().as_deref(), Some(&b"sent"[..]));
}

#[tokio::test(start_paused = true)]
async fn the_body_of_the_last_response_is_the_clients() {
    let script = Script::of([Step::Status(503)]);
    let response = send(&layer(), &script, request("GET")).await.unwrap();
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "said");
}
