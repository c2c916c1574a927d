//! A store that is far away, slow and sometimes down.

use std::time::Duration;

use futures_util::{FutureExt, future::join};
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_keep::{
    response_cache::{CacheKey, CachedResponse, ResponseCacheLayer},
    test_util::{FakeRemoteStore, ManualClock},
};

use crate::{
    probe::{asks_about, drive, rest},
    support::{Asked, Cache, Got, Origin, request, respond},
};

const STEP: Duration = Duration::from_millis(10);

/// A cache in front of a store that takes one step for each round trip.
struct Remote {
    cache: Cache,
    store: FakeRemoteStore<CachedResponse>,
    clock: ManualClock,
}

/// An origin whose safe answers are fresh for an hour and count the requests.
fn counting() -> Origin {
    Origin::with(&[("cache-control", "max-age=3600"), ("etag", "\"a\"")])
}

fn remote(origin: Origin, latency: Duration) -> Remote {
    let clock = ManualClock::new();
    let store = FakeRemoteStore::new(clock.clock()).latency(latency);
    let layer = ResponseCacheLayer::with_store(store.clone()).clock(clock.clock());
    let cache = Cache {
        service: layer.layer(origin.clone()),
        layer,
        clock: clock.clone(),
        origin,
    };
    Remote {
        cache,
        store,
        clock,
    }
}

impl Remote {
    async fn send(&self, request: Request<Full<bytes::Bytes>>) -> Got {
        let got = drive(&self.clock, STEP, self.cache.send(request)).await;
        rest(&self.clock, STEP).await;
        got
    }

    async fn get(&self, fields: &[(&str, &str)]) -> Got {
        self.send(request("GET", fields)).await
    }
}

#[tokio::test]
async fn hits_and_misses_wait_for_the_store() {
    for latency in [Duration::ZERO, STEP] {
        let remote = remote(counting(), latency);
        assert!(!remote.get(&[]).await.is_hit());
        let gets = remote.store.gets();
        assert_eq!(gets, 1);
        for _ in 0..3 {
            let hit = remote.get(&[]).await;
            assert!(hit.is_hit());
            assert_eq!(hit.body, "1");
        }
        assert_eq!(remote.store.gets(), gets + 3);
        assert_eq!(remote.cache.origin.calls(), 1);
    }
}

#[tokio::test]
async fn a_client_waits_for_the_answer_of_the_store_and_no_longer() {
    let remote = remote(counting(), STEP);
    remote.get(&[]).await;
    let mut asking = Box::pin(remote.cache.get(&[]));
    assert!(asking.as_mut().now_or_never().is_none());
    remote.clock.advance(STEP);
    assert!(asking.as_mut().now_or_never().unwrap().is_hit());
}

/// The reader has everything before the store has.
#[tokio::test]
async fn storing_takes_place_behind_the_clients_back() {
    let remote = remote(counting(), STEP);
    let mut asking = Box::pin(remote.cache.get(&[]));
    assert!(asking.as_mut().now_or_never().is_none(), "it is looked up");
    remote.clock.advance(STEP);
    assert_eq!(asking.as_mut().now_or_never().unwrap().body, "1");
    rest(&remote.clock, STEP).await;
    assert!(remote.get(&[]).await.is_hit());
}

#[tokio::test]
async fn variants_heads_ranges_and_conditions_work_from_afar() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("vary", "accept"),
            ("etag", "\"a\""),
        ];
        let accept = request.headers()["accept"].to_str().unwrap();
        respond(StatusCode::OK, &fields, accept)
    });
    let remote = remote(origin, STEP);
    for hit in [false, true] {
        for accept in ["text/a", "text/b"] {
            let answer = remote.get(&[("accept", accept)]).await;
            assert_eq!((answer.is_hit(), answer.body.as_str()), (hit, accept));
        }
    }
    let a = ("accept", "text/a");
    let head = remote.send(request("HEAD", &[a])).await;
    assert_eq!((head.is_hit(), head.body.as_str()), (true, ""));
    let part = remote.get(&[a, ("range", "bytes=0-3")]).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "text"));
    let unchanged = remote.get(&[a, ("if-none-match", "\"a\"")]).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_validation_updates_what_is_far_away() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
        if asks_about(request, "\"a\"") {
            return respond(StatusCode::NOT_MODIFIED, &fields, "");
        }
        respond(StatusCode::OK, &fields, "stored")
    });
    let remote = remote(origin, STEP);
    remote.get(&[]).await;
    remote.clock.advance(Duration::from_secs(61));
    let validated = remote.get(&[]).await;
    assert_eq!(
        (validated.status, validated.body.as_str()),
        (StatusCode::OK, "stored")
    );
    assert!(remote.get(&[]).await.is_hit());
    assert_eq!(remote.cache.origin.calls(), 2);
}

#[tokio::test]
async fn a_store_that_is_down_costs_nobody_an_answer() {
    for latency in [Duration::ZERO, STEP] {
        let remote = remote(counting(), latency);
        remote.get(&[]).await;
        remote.store.fail_all(true);
        for (method, body) in [("GET", "2"), ("HEAD", "3"), ("PUT", "4"), ("GET", "5")] {
            let answer = remote.send(request(method, &[])).await;
            assert_eq!(answer.status, StatusCode::OK, "{method}");
            assert!(!answer.is_hit(), "{method}");
            assert_eq!(answer.body, body, "{method}");
        }
        assert!(remote.cache.layer.stats().store_errors > 0);
        remote.store.fail_all(false);
        remote.get(&[]).await;
        assert!(remote.get(&[]).await.is_hit(), "it is used once it is back");
    }
}

#[tokio::test]
async fn each_single_failure_is_survived() {
    for good in 0..8 {
        let origin = Origin::new(|request: &Asked| {
            let fields = [
                ("cache-control", "max-age=60"),
                ("vary", "accept"),
                ("etag", "\"a\""),
            ];
            if asks_about(request, "\"a\"") {
                return respond(StatusCode::NOT_MODIFIED, &fields, "");
            }
            respond(StatusCode::OK, &fields, "right")
        });
        let remote = remote(origin, Duration::ZERO);
        for step in 0..8 {
            if step == good {
                remote.store.fail_next(1);
            }
            let answer = remote.get(&[("accept", "x")]).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (StatusCode::OK, "right"),
                "{step} of {good}"
            );
            remote.clock.advance(Duration::from_secs(40));
        }
    }
}

#[tokio::test]
async fn without_the_store_only_if_cached_is_refused() {
    let remote = remote(counting(), STEP);
    remote.get(&[]).await;
    remote.store.fail_all(true);
    let refused = remote.get(&[("cache-control", "only-if-cached")]).await;
    assert_eq!(refused.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(remote.cache.origin.calls(), 1);
}

/// The store carries a write out, and its answer gets lost.
#[tokio::test]
async fn writes_of_unknown_outcome_harm_nobody() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("vary", "accept"),
            ("etag", "\"a\""),
        ];
        if asks_about(request, "\"a\"") {
            return respond(StatusCode::NOT_MODIFIED, &fields, "");
        }
        respond(StatusCode::OK, &fields, "right")
    });
    let remote = remote(origin, STEP);
    remote.store.lose_answers(true);
    for _ in 0..6 {
        for accept in ["a", "b"] {
            let answer = remote.get(&[("accept", accept)]).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (StatusCode::OK, "right")
            );
        }
        remote.clock.advance(Duration::from_secs(40));
    }
}

#[tokio::test]
async fn an_invalidation_whose_answer_is_lost_has_happened() {
    let remote = remote(counting(), STEP);
    remote.get(&[]).await;
    remote.store.lose_answers(true);
    let put = remote.send(request("PUT", &[])).await;
    assert_eq!(put.status, StatusCode::OK);
    remote.store.lose_answers(false);
    assert!(!remote.get(&[]).await.is_hit());
}

/// Whoever has seen the answer to a write sees its effect in the next read.
#[tokio::test]
async fn an_invalidation_is_complete_before_the_head_leaves() {
    let remote = remote(counting(), STEP);
    remote.get(&[]).await;
    let mut putting = Box::pin(remote.cache.send(request("PUT", &[])));
    let mut polls = 0;
    let put = loop {
        if let Some(put) = putting.as_mut().now_or_never() {
            break put;
        }
        polls += 1;
        assert_eq!(
            remote.cache.origin.calls(),
            2,
            "the origin was asked at once"
        );
        remote.clock.advance(STEP);
    };
    assert!(
        polls >= 2,
        "a read and a write of the store were waited for"
    );
    assert_eq!(put.status, StatusCode::OK);
    // Nothing goes on in the background: other tasks have had no turn since.
    let next = drive(&remote.clock, STEP, remote.cache.get(&[])).await;
    assert!(!next.is_hit());
}

#[tokio::test]
async fn an_invalidation_of_several_resources_and_variants_is_complete_before_the_head_leaves() {
    let origin = Origin::new(|request: &Asked| {
        if request.method() == "PUT" {
            let fields = [("location", "/b"), ("content-location", "/c")];
            return respond(StatusCode::OK, &fields, "");
        }
        let fields = [("cache-control", "max-age=3600"), ("vary", "accept")];
        respond(StatusCode::OK, &fields, "")
    });
    let remote = remote(origin, STEP);
    let uris = [
        "http://origin.test/a",
        "http://origin.test/b",
        "http://origin.test/c",
    ];
    for hit in [false, true] {
        for uri in uris {
            for accept in ["x", "y"] {
                let answer = remote.get(&[(":uri", uri), ("accept", accept)]).await;
                assert_eq!(answer.is_hit(), hit);
            }
        }
    }
    let put = request("PUT", &[(":uri", uris[0])]);
    drive(&remote.clock, STEP, remote.cache.send(put)).await;
    for uri in uris {
        for accept in ["x", "y"] {
            let fields = [(":uri", uri), ("accept", accept)];
            let asking = remote.cache.get(&fields);
            let answer = drive(&remote.clock, STEP, asking).await;
            assert!(!answer.is_hit(), "{uri} {accept}");
        }
    }
}

/// The client gives up while the store is being told: it is told all the same.
#[tokio::test]
async fn an_invalidation_goes_on_when_its_client_leaves() {
    for steps in 0..2 {
        let remote = remote(counting(), STEP);
        remote.get(&[]).await;
        let service = remote.cache.service.clone();
        let mut putting = Box::pin(service.oneshot(request("PUT", &[])));
        assert!(putting.as_mut().now_or_never().is_none());
        for _ in 0..steps {
            remote.clock.advance(STEP);
            assert!(putting.as_mut().now_or_never().is_none());
        }
        assert_eq!(remote.cache.origin.calls(), 2);
        let begun = remote.store.updates();
        drop(putting);
        rest(&remote.clock, STEP).await;
        // The resource may lie under its host alone, or with either default port.
        assert_eq!(remote.store.updates(), begun + 3, "after {steps} steps");
        assert!(!remote.get(&[]).await.is_hit(), "after {steps} steps");
    }
}

/// A read that began before the write and a write that ends after it.
#[tokio::test]
async fn two_instances_see_the_same_data() {
    let remote = remote(counting(), STEP);
    let layer = ResponseCacheLayer::with_store(remote.store.clone()).clock(remote.clock.clock());
    let other = Cache {
        service: layer.layer(remote.cache.origin.clone()),
        layer,
        clock: remote.clock.clone(),
        origin: remote.cache.origin.clone(),
    };
    remote.get(&[]).await;
    assert!(drive(&remote.clock, STEP, other.get(&[])).await.is_hit());
    drive(&remote.clock, STEP, other.send(request("DELETE", &[]))).await;
    assert!(!remote.get(&[]).await.is_hit());
}

#[tokio::test]
async fn two_misses_at_once_both_get_an_answer() {
    let remote = remote(counting(), STEP);
    let both = join(remote.cache.get(&[]), remote.cache.get(&[("x-other", "1")]));
    let (one, two) = drive(&remote.clock, STEP, both).await;
    assert_eq!((one.status, two.status), (StatusCode::OK, StatusCode::OK));
    rest(&remote.clock, STEP).await;
    assert!(remote.get(&[]).await.is_hit());
}

#[tokio::test]
async fn a_post_by_its_body_is_looked_up_far_away() {
    let clock = ManualClock::new();
    let store = FakeRemoteStore::new(clock.clock()).latency(STEP);
    let layer = ResponseCacheLayer::with_store(store)
        .clock(clock.clock())
        .key(CacheKey::new().post_body(100));
    let origin = counting();
    let service = layer.layer(origin.clone());
    let cache = Cache {
        service,
        layer,
        clock: clock.clone(),
        origin,
    };
    for hit in [false, true] {
        let mut post = request("POST", &[]);
        *post.body_mut() = "query".into();
        let answer = drive(&clock, STEP, cache.send(post)).await;
        assert_eq!(answer.is_hit(), hit);
        rest(&clock, STEP).await;
    }
}
