//! Which outcomes count, and what stays charged when there is none.

use std::{
    future::{Future, pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_keep::{
    RateLimitLayer, minutes,
    rate_limit::{Limit, Limits, from_fn},
    test_util::ManualClock,
};

use crate::support::{Limited, a_minute, begin, layer, remaining, request};

/// Three failures in a quarter of an hour, all of one account.
fn failures(time: &ManualClock) -> RateLimitLayer {
    let limit = Limit::sliding_log(3).per(minutes(15)).build().unwrap();
    layer(time, limit)
        .key(from_fn(|_| Some("ada")))
        .count_only(|response| response.status() == 401)
}

#[tokio::test]
async fn only_failures_count() {
    let time = ManualClock::new();
    let service = Limited::by(&failures(&time));
    for _ in 0..10 {
        assert_eq!(service.status(request(&[])).await, 200);
    }
    assert_eq!(remaining(&service.limiter, "ada"), 3);
    let wrong = || request(&[("status", "401")]);
    assert_eq!(service.statuses(wrong).await, [401, 401, 401, 429]);
    time.advance(minutes(15));
    assert_eq!(service.status(wrong()).await, 401);
}

#[test]
fn guesses_made_at_the_same_time_do_not_slip_through() {
    let time = ManualClock::new();
    let (answer, _) = tokio::sync::broadcast::channel::<u16>(1);
    let answers = answer.clone();
    let inner = service_fn(move |_: Request<()>| {
        let mut answers = answers.subscribe();
        async move {
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = answers.recv().await.unwrap().try_into().unwrap();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let layer = failures(&time);
    let mut service = layer.layer(inner);
    let mut guesses: Vec<_> = (0..20)
        .map(|_| Box::pin(service.call(request(&[]))))
        .collect();
    let refused = guesses
        .iter_mut()
        .filter_map(|guess| match begin(guess.as_mut()) {
            std::task::Poll::Ready(response) => Some(response.unwrap().status()),
            std::task::Poll::Pending => None,
        });
    assert_eq!(refused.filter(|status| *status == 429).count(), 17);
    answer.send(401).unwrap();
    guesses[..3]
        .iter_mut()
        .for_each(|guess| assert!(begin(guess.as_mut()).is_ready()));
    assert_eq!(remaining(layer.limiter(), "ada"), 0);
}

#[tokio::test]
async fn an_error_of_the_service_stays_charged_and_keeps_its_type() {
    let time = ManualClock::new();
    let layer = failures(&time);
    let inner = service_fn(|_: Request<()>| ready(Err::<Response<Full<Bytes>>, _>("no")));
    let error = layer.layer(inner).oneshot(request(&[])).await.unwrap_err();
    assert_eq!(error, "no");
    assert_eq!(remaining(layer.limiter(), "ada"), 2);
}

/// A service that never answers.
fn silent() -> impl Service<
    Request<()>,
    Response = Response<Full<Bytes>>,
    Error = std::convert::Infallible,
    Future: Future + Send,
> + Clone
+ Send
+ 'static {
    service_fn(|_: Request<()>| pending())
}

#[test]
fn a_client_that_leaves_before_there_is_a_response_stays_charged() {
    let time = ManualClock::new();
    let layer = failures(&time);
    let mut service = layer.layer(silent());
    {
        let mut future = pin!(service.call(request(&[])));
        assert!(begin(future.as_mut()).is_pending());
    }
    drop(service.call(request(&[])));
    assert_eq!(remaining(layer.limiter(), "ada"), 1);
}

#[test]
fn a_panic_stays_charged() {
    let time = ManualClock::new();
    let layer = failures(&time);
    let inner = service_fn(|_: Request<()>| async {
        if true {
            panic!("in the handler");
        }
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut service = layer.layer(inner);
    let polled = catch_unwind(AssertUnwindSafe(|| {
        drop(begin(pin!(service.call(request(&[])))));
    }));
    assert!(polled.is_err());
    assert_eq!(remaining(layer.limiter(), "ada"), 2);
}

#[tokio::test]
async fn what_does_not_count_is_in_flight_all_the_same_until_its_body_has_ended() {
    let time = ManualClock::new();
    let attempts = Limit::sliding_log(3)
        .per(minutes(15))
        .name("attempts")
        .build();
    let at_once = Limit::concurrency(1).name("at once").build();
    let both = Limits::all([attempts.unwrap(), at_once.unwrap()]).unwrap();
    let layer = layer(&time, both)
        .key(from_fn(|_| Some("ada")))
        .count_only(|response| response.status() == 401);
    let service = Limited::by(&layer);
    let right = service.send(request(&[])).await;
    assert_eq!(remaining(&service.limiter, "ada"), 3);
    assert_eq!(
        service.status(request(&[])).await,
        429,
        "its body is being read"
    );
    drop(right);
    let wrong = || request(&[("status", "401")]);
    assert_eq!(service.statuses(wrong).await, [401, 401, 401, 429]);
}

#[tokio::test]
async fn bytes_of_what_does_not_count_are_not_charged() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(100))
        .key(from_fn(|_| Some("ada")))
        .cost_of_bytes_sent()
        .count_only(|response| response.status() != 304);
    let service = Limited::by(&layer);
    drop(
        service
            .send(request(&[("status", "304"), ("bytes", "50")]))
            .await,
    );
    assert_eq!(remaining(&service.limiter, "ada"), 100);
}
