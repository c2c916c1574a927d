//! How long things may take.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::retry::{ReplayBody, RetryOutcome, RetryPolicy, TimedOut};

use crate::support::{Script, Step, layer, request, send};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_retried() {
    let layer = layer().attempt_timeout(SECOND);
    let script = Script::of([Step::After(SECOND * 5, 200), Step::After(SECOND / 2, 201)]);
    let response = send(&layer, &script, request("GET")).await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(script.waits(), [SECOND + SECOND / 10]);
}

#[tokio::test(start_paused = true)]
async fn if_all_attempts_take_too_long_the_answer_is_504() {
    let layer = layer().attempt_timeout(SECOND).retries(1);
    let script = Script::of([const { Step::After(Duration::from_secs(5), 200) }; 3]);
    let response = send(&layer, &script, request("GET")).await.unwrap();
    assert_eq!((response.status().as_u16(), script.attempts()), (504, 2));
    assert!(
        !response
            .extensions()
            .get::<TimedOut>()
            .unwrap()
            .is_deadline()
    );
    assert_eq!(
        response
            .extensions()
            .get::<RetryOutcome>()
            .unwrap()
            .attempts(),
        2
    );
    assert!(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_post_that_takes_too_long_may_have_been_processed() {
    let layer = layer().attempt_timeout(SECOND);
    let script = Script::of([Step::After(SECOND * 5, 200)]);
    let response = send(&layer, &script, request("POST")).await.unwrap();
    assert_eq!((response.status().as_u16(), script.attempts()), (504, 1));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_over_all_attempts_and_waits() {
    let layer = layer().deadline(SECOND).attempt_timeout(SECOND / 2);
    let script = Script::of([const { Step::After(Duration::from_secs(5), 200) }; 9]);
    let start = tokio::time::Instant::now();
    let response = send(&layer, &script, request("GET")).await.unwrap();
    assert_eq!(response.status(), 504);
    assert!(
        response
            .extensions()
            .get::<TimedOut>()
            .unwrap()
            .is_deadline()
    );
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(script.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_that_takes_until_the_deadline_is_the_only_one() {
    let script = Script::of([Step::After(SECOND * 5, 200)]);
    let layer = layer().deadline(SECOND);
    let response = send(&layer, &script, request("GET")).await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(response.extensions().get::<RetryOutcome>(), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_retried_takes_no_longer_than_it_may_either() {
    let second = layer().attempt_timeout(SECOND);
    let script = Script::of([Step::After(SECOND * 5, 200)]);
    let mut request = request("GET");
    request.extensions_mut().insert(RetryPolicy::off());
    let response = send(&second, &script, request).await.unwrap();
    assert_eq!((response.status().as_u16(), script.attempts()), (504, 1));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_over_the_body_too() {
    let slow = service_fn(|_: Request<ReplayBody<Full<Bytes>>>| async {
        let frames = stream::unfold(0, |sent| async move {
            tokio::time::sleep(SECOND * sent).await;
            let frame = Ok::<_, std::io::Error>(Frame::data(Bytes::from("piece")));
            Some((frame, sent + 1))
        });
        Ok::<_, std::io::Error>(Response::new(StreamBody::new(Box::pin(frames))))
    });
    let service = layer().deadline(SECOND * 2).layer(slow);
    let response = service.oneshot(request("GET")).await.unwrap();
    let mut body = response.into_body();
    for _ in 0..2 {
        body.frame().await.unwrap().unwrap();
    }
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.downcast_ref::<TimedOut>().unwrap().is_deadline());
    assert!(body.frame().await.is_none());
}
