//! Requests that wait for their turn.

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, service_fn};
use tower_keep::{
    Clock, RateLimitLayer, RateLimiter,
    rate_limit::{Limit, RateLimit, from_fn},
    test_util::ManualClock,
};

use crate::support::{Limited, begin, field, handler, layer, limiter, request};

/// The time between two turns.
const TURN: Duration = Duration::from_millis(500);

/// Two a second, and three wait.
fn line() -> Limit {
    let limit = Limit::leaky_queue(2).per(TURN * 2).waiting(3);
    limit.build().unwrap()
}

fn all(layer: RateLimitLayer) -> RateLimitLayer {
    layer.key(from_fn(|_| Some("all")))
}

type Waiting = Pin<Box<dyn Future<Output = u16> + Send>>;

/// A request on its way, which has not been polled yet.
fn call<S>(service: &RateLimit<S>) -> Waiting
where
    S: Service<Request<()>, Response = Response<Full<Bytes>>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let future = service.clone().call(request(&[]));
    Box::pin(async move { future.await.unwrap().status().as_u16() })
}

/// The answers that are there when each was polled once.
fn answers(waiting: &mut [Waiting]) -> Vec<Option<u16>> {
    let polled = waiting
        .iter_mut()
        .map(|future| match begin(future.as_mut()) {
            std::task::Poll::Ready(status) => Some(status),
            std::task::Poll::Pending => None,
        });
    polled.collect()
}

#[test]
fn the_first_goes_at_once_some_wait_and_the_rest_is_refused() {
    let time = ManualClock::new();
    let service = Limited::by(&all(layer(&time, line())));
    let mut line: Vec<_> = (0..6).map(|_| call(&service.service)).collect();
    let now = answers(&mut line);
    assert_eq!(now, [Some(200), None, None, None, Some(429), Some(429)]);
    assert_eq!(service.calls(), 1);
    for turn in 1..=3 {
        time.advance(TURN - Duration::from_micros(1));
        assert_eq!(answers(&mut line[turn..4]).first(), Some(&None));
        time.advance(Duration::from_micros(1));
        assert_eq!(begin(line[turn].as_mut()), std::task::Poll::Ready(200));
        assert_eq!(service.calls(), turn + 1);
    }
    let stats = service.limiter.stats();
    assert_eq!(
        (stats.admitted, stats.delayed, stats.limits[0].refused),
        (4, 3, 2)
    );
}

#[tokio::test]
async fn who_is_refused_is_told_when_there_is_a_place() {
    let time = ManualClock::new();
    let service = Limited::by(&all(layer(&time, line())));
    let _line: Vec<_> = (0..4).map(|_| call(&service.service)).collect();
    let refused = service.send(request(&[])).await;
    assert_eq!(field(&refused, "retry-after"), Some("1"));
    time.advance(TURN);
    let mut next = [call(&service.service)];
    assert_eq!(answers(&mut next), [None]);
}

#[test]
fn a_client_that_leaves_gives_its_place_back_wherever_it_stands() {
    for leaves in 1..=3 {
        for polled in [false, true] {
            let time = ManualClock::new();
            let service = Limited::by(&all(layer(&time, line())));
            let mut line: Vec<_> = (0..4).map(|_| call(&service.service)).collect();
            if polled {
                answers(&mut line);
            }
            drop(line.remove(leaves));
            line.push(call(&service.service));
            let mut beyond = [call(&service.service)];
            assert_eq!(answers(&mut beyond), [Some(429)], "one place for one");
            if polled {
                drop(line.remove(0));
                time.advance(TURN);
            }
            assert_eq!(by_turn(&time, line), [1, 1, 1, 1][usize::from(polled)..]);
            assert_eq!(service.calls(), 4);
        }
    }
}

/// How many of them end with each turn.
fn by_turn(time: &ManualClock, mut line: Vec<Waiting>) -> Vec<usize> {
    let mut ended = Vec::new();
    while !line.is_empty() {
        let before = line.len();
        line.retain_mut(|future| begin(future.as_mut()).is_pending());
        ended.push(before - line.len());
        time.advance(TURN);
    }
    ended
}

#[test]
fn timers_go_with_the_clients_that_wait() {
    let time = ManualClock::new();
    let service = Limited::by(&all(layer(&time, line())));
    let mut line: Vec<_> = (0..4).map(|_| call(&service.service)).collect();
    answers(&mut line[1..]);
    assert_eq!(time.pending_timers(), 3);
    drop(line);
    assert_eq!(time.pending_timers(), 0);
    assert_eq!(service.calls(), 1, "the first was called with the request");
}

/// A service that writes down when it is called.
async fn calls_by_the_clock(clients: usize) -> Vec<tokio::time::Instant> {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let inner = service_fn(move |_: Request<()>| {
        seen.lock().unwrap().push(tokio::time::Instant::now());
        ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
    });
    let limit = Limit::leaky_queue(2)
        .per(TURN * 2)
        .waiting(30)
        .build()
        .unwrap();
    let limiter = RateLimiter::new(limit).clock(Clock::tokio());
    let service = all(RateLimitLayer::new(limiter)).layer(inner);
    let mut tasks = tokio::task::JoinSet::new();
    for client in 0..clients {
        let pause = Duration::from_millis(client as u64 * 137);
        let service = service.clone();
        tasks.spawn(async move {
            tokio::time::sleep(pause).await;
            let future = call(&service);
            if client % 5 == 3 {
                let patience = Duration::from_millis(700);
                return tokio::time::timeout(patience, future).await.ok();
            }
            Some(future.await)
        });
    }
    while tasks.join_next().await.is_some() {}
    calls.lock().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn no_two_calls_are_closer_than_the_interval_though_clients_leave() {
    let calls = calls_by_the_clock(40).await;
    assert!(calls.len() >= 24, "{}", calls.len());
    for pair in calls.windows(2) {
        // Timers of tokio fire up to a millisecond late.
        let apart = pair[1] - pair[0];
        assert!(apart >= TURN - Duration::from_millis(1), "{apart:?}");
    }
    let all = calls[calls.len() - 1] - calls[0];
    let least = TURN * u32::try_from(calls.len() - 1).unwrap();
    assert!(
        all >= least - Duration::from_millis(1),
        "{all:?} < {least:?}"
    );
}

#[test]
fn a_limiter_by_hand_gives_turns_too() {
    let time = ManualClock::new();
    let limiter = limiter(&time, line());
    let mut line: Vec<_> = (0..4).map(|_| Box::pin(limiter.acquire("a"))).collect();
    let refused = limiter.check("a").unwrap_err();
    assert_eq!(refused.retry_after(), Some(TURN));
    assert!(begin(line[0].as_mut()).is_ready());
    assert!(begin(line[1].as_mut()).is_pending());
    time.advance(TURN);
    assert!(begin(line[1].as_mut()).is_ready());
    assert!(begin(line[2].as_mut()).is_pending());
}

#[test]
fn who_drops_what_it_has_acquired_gives_its_place_back_polled_or_not() {
    for polled in [true, false] {
        let time = ManualClock::new();
        let limiter = limiter(&time, line());
        drop(limiter.check("a").unwrap());
        let mut waiting = Box::pin(limiter.acquire("a"));
        if polled {
            assert!(begin(waiting.as_mut()).is_pending());
        }
        assert_eq!(limiter.check("a").unwrap().delay(), TURN * 2);
        drop(waiting);
        assert_eq!(
            limiter.check("a").unwrap().delay(),
            TURN,
            "polled: {polled}"
        );
    }
}

#[test]
fn who_drops_the_wait_for_a_turn_gives_its_place_back_polled_or_not() {
    for polled in [true, false] {
        let time = ManualClock::new();
        let limiter = limiter(&time, line());
        drop(limiter.check("a").unwrap());
        let mut turn = Box::pin(limiter.check("a").unwrap().turn());
        if polled {
            assert!(begin(turn.as_mut()).is_pending());
        }
        drop(turn);
        assert_eq!(
            limiter.check("a").unwrap().delay(),
            TURN,
            "polled: {polled}"
        );
    }
}

#[test]
fn the_places_of_a_subject_come_back_when_another_one_refuses() {
    let time = ManualClock::new();
    let one = Limit::fixed_window(1).per(TURN * 100).build().unwrap();
    let layer = all(all(layer(&time, line())).and(limiter(&time, one)));
    let queue = layer.limiters().next().unwrap().clone();
    let service = layer.layer(handler());
    let mut both = [call(&service), call(&service), call(&service)];
    assert_eq!(answers(&mut both), [Some(200), Some(429), Some(429)]);
    assert_eq!(queue.check("all").unwrap().delay(), TURN);
}
