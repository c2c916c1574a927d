//! Keys that have to be waited for.

use std::{
    future::pending,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;
use tower::Service;
use tower_keep::{RateLimitLayer, rate_limit::WithoutKey, test_util::ManualClock};

use crate::{
    keys::text,
    support::{Limited, a_minute, begin, from, layer, limiter, remaining, request},
};

/// The account of a token, which is looked up when it is allowed to go on.
fn looked_up(time: &ManualClock, go: &Arc<Notify>) -> RateLimitLayer {
    let go = Arc::clone(go);
    layer(time, a_minute(2)).key_async(move |head| {
        let (go, token) = (Arc::clone(&go), text(head, "token"));
        async move {
            go.notified().await;
            token
        }
    })
}

#[tokio::test]
async fn a_key_may_have_to_be_waited_for() {
    let time = ManualClock::new();
    let go = Arc::new(Notify::new());
    let service = Limited::by(&looked_up(&time, &go));
    for (token, status) in [("a", 200), ("a", 200), ("a", 429), ("b", 200)] {
        let mut service = service.service.clone();
        let mut future = pin!(service.call(request(&[("token", token)])));
        assert!(begin(future.as_mut()).is_pending());
        go.notify_one();
        assert_eq!(future.await.unwrap().status(), status, "{token}");
    }
    assert_eq!(service.calls(), 3);
}

#[tokio::test]
async fn a_client_that_leaves_while_its_key_is_looked_up_is_charged_nowhere() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(2))
        .and(limiter(&time, a_minute(2)))
        .key_async(|_| pending::<Option<u8>>());
    let addresses = layer.limiters().next().unwrap().clone();
    let service = Limited::by(&layer);
    let peer: std::net::IpAddr = "192.0.2.7".parse().unwrap();
    for polled in [true, false] {
        let mut service = service.service.clone();
        let mut future = Box::pin(service.call(from("192.0.2.7", &[])));
        if polled {
            assert!(begin(future.as_mut()).is_pending());
        }
        assert_eq!(remaining(&addresses, peer), 1, "asked before");
        drop(future);
        assert_eq!(remaining(&addresses, peer), 2, "polled: {polled}");
    }
    assert_eq!(service.calls(), 0);
}

#[tokio::test]
async fn a_key_that_is_not_found_is_a_missing_one() {
    let time = ManualClock::new();
    for (choice, statuses) in [
        (WithoutKey::Share, [200, 200, 429]),
        (WithoutKey::Refuse, [400, 400, 400]),
        (WithoutKey::Skip, [200, 200, 200]),
    ] {
        let layer = layer(&time, a_minute(2))
            .key_async(|_| async { None::<String> })
            .without_key(choice);
        let service = Limited::by(&layer);
        assert_eq!(
            service.statuses(|| request(&[])).await,
            statuses,
            "{choice:?}"
        );
    }
}

#[tokio::test]
async fn keys_are_not_looked_up_for_whom_another_subject_refuses() {
    let time = ManualClock::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let layer = layer(&time, a_minute(2))
        .and(limiter(&time, a_minute(9)))
        .key_async(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Some(1u8) }
        });
    let service = Limited::by(&layer);
    assert_eq!(
        service.statuses(|| request(&[])).await,
        [200, 200, 429, 429]
    );
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
