//! Requests that are dropped, at every point where they can be.

use std::pin::pin;

use tower::{Service, ServiceExt};
use tower_keep::seconds;

use crate::support::{BAD, GOOD, Stage, begin, request};

/// Half-open at the next request, with two probes.
async fn open() -> Stage {
    let stage = Stage::new();
    stage.ask_all([BAD; 2]).await;
    stage.time.advance(seconds(10));
    stage
}

#[tokio::test]
async fn a_probe_gives_its_place_back_at_whichever_poll_it_is_dropped() {
    const PENDING: usize = 3;
    for polls in 0..=PENDING {
        let stage = open().await;
        stage.inner.pending(PENDING);
        stage.inner.answer(GOOD);
        let mut service = stage.service();
        {
            let mut probe = pin!(service.call(request("/")));
            let mut other = pin!(service.call(request("/")));
            for _ in 0..polls {
                assert!(begin(probe.as_mut()).is_pending());
                assert!(begin(other.as_mut()).is_pending());
            }
            let refused = service.clone().oneshot(request("/")).await.unwrap();
            assert_eq!(refused.status(), 503, "both probes are out");
        }
        stage.inner.pending(0);
        stage.ask_all([GOOD; 2]).await;
        assert_eq!(stage.state(), "closed", "dropped after {polls} polls");
        assert_eq!(stage.layer.stats().totals.uncounted, 2);
    }
}

#[tokio::test]
async fn a_probe_that_has_ended_is_not_given_back_when_its_future_is_dropped() {
    let stage = open().await;
    stage.inner.answer(GOOD);
    let mut service = stage.service();
    let mut probe = Box::pin(service.call(request("/")));
    assert!(begin(probe.as_mut()).is_ready());
    drop(probe);
    assert_eq!(stage.layer.breaker().status().calls, 1);
    assert_eq!(stage.layer.stats().totals.uncounted, 0);
}

#[tokio::test]
async fn while_closed_a_request_that_is_dropped_does_not_count() {
    let stage = Stage::new();
    stage.inner.answer(BAD);
    stage.inner.pending(1);
    let mut service = stage.service();
    for _ in 0..5 {
        let mut call = pin!(service.call(request("/")));
        assert!(begin(call.as_mut()).is_pending());
    }
    assert_eq!(
        (stage.state(), stage.layer.breaker().status().calls),
        ("closed", 0)
    );
    assert_eq!(stage.layer.stats().totals.uncounted, 5);
}

#[tokio::test]
async fn probes_that_hang_are_replaced_after_another_wait() {
    let stage = open().await;
    stage.inner.pending(usize::MAX);
    let mut service = stage.service();
    let hanging = [(); 2].map(|()| service.call(request("/")));
    stage.time.advance(seconds(9));
    stage.inner.pending(0);
    assert_eq!(stage.ask("/", GOOD).await.unwrap().status(), 503);
    stage.time.advance(seconds(1));
    stage.ask_all([GOOD; 2]).await;
    assert_eq!(stage.state(), "closed");
    drop(hanging);
    assert_eq!(stage.state(), "closed");
}
