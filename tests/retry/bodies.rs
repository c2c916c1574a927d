//! What is sent again.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::ready,
    io::{self, ErrorKind},
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame};
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
async fn a_body_that_has_ended_is_not_asked_for_more() {
    // Many streams panic when they are polled after their end.
    let frames = stream::unfold(0, |sent| async move {
        let frame = Ok::<_, Infallible>(Frame::data(Bytes::from("piece")));
        (sent < 2).then_some((frame, sent + 1))
    });
    let body = StreamBody::new(Box::pin(frames));
    let script = Script::of([Step::Status(503), Step::Fails(ErrorKind::BrokenPipe)]);
    let request = Request::put("/").body(body).unwrap();
    send(&layer(), &script, request).await.unwrap();
    let sent = script.seen(|seen| seen.body.clone().unwrap());
    assert_eq!(sent, ["piecepiece"; 3]);
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
            Ok::<_, io::Error>(response)
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
    let script = Script::of([Step::Fails(ErrorKind::ConnectionReset)]);
    let ended = send(&layer, &script, streamed(&["a", "bc"])).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_has_failed_is_not_sent_again() {
    let script = Script::of([Step::Fails(ErrorKind::ConnectionReset)]);
    let frames = [
        Ok(Frame::data(Bytes::from("a"))),
        Err(io::Error::other("the client has gone")),
    ];
    let body = StreamBody::new(stream::iter(frames));
    let put = Request::put("/").body(body).unwrap();
    send(&layer(), &script, put).await.unwrap_err();
    assert_eq!(script.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_somebody_still_reads_is_not_sent_again() {
    let held = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&held);
    let service = service_fn(move |request: Request<ReplayBody<_>>| {
        all.lock().unwrap().push(request.into_body());
        let reset = io::Error::from(ErrorKind::ConnectionReset);
        ready(Err::<Response<Full<Bytes>>, _>(reset))
    });
    let client = layer().layer(service);
    client.oneshot(streamed(&["a"])).await.unwrap_err();
    assert_eq!(held.lock().unwrap().len(), 1);
}

/// Knows when it has come to its end.
struct Exact(VecDeque<Frame<Bytes>>);

impl http_body::Body for Exact {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_does_not_end_before_its_trailers() {
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&attempts);
    let service = service_fn(move |mut request: Request<ReplayBody<_>>| {
        let all = Arc::clone(&all);
        async move {
            let body = request.body_mut();
            let mut frames = Vec::new();
            while !body.is_end_stream() {
                let frame = body.frame().await.unwrap().unwrap();
                frames.push(frame.is_trailers());
            }
            all.lock().unwrap().push(frames);
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, io::Error>(response)
        }
    });
    let frames = [Frame::data("a".into()), Frame::trailers(trailers())];
    let put = Request::put("/").body(Exact(frames.into())).unwrap();
    layer().layer(service).oneshot(put).await.unwrap();
    assert_eq!(*attempts.lock().unwrap(), vec![[false, true]; 4]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_let_go_before_the_next_attempt_begins() {
    let latest = Arc::new(Mutex::new(Weak::new()));
    let service = service_fn(move |_: Request<ReplayBody<Full<Bytes>>>| {
        let held = Arc::new(());
        let before = std::mem::replace(&mut *latest.lock().unwrap(), Arc::downgrade(&held));
        assert!(before.upgrade().is_none(), "the one before is still held");
        let body = Full::<Bytes>::default().map_frame(move |frame| {
            let _held = &held;
            frame
        });
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        ready(Ok::<_, io::Error>(response))
    });
    let client = layer().layer(service);
    let response = client.oneshot(request("GET")).await.unwrap();
    let outcome = response.extensions().get::<RetryOutcome>().unwrap();
    assert_eq!(outcome.attempts(), 4);
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
