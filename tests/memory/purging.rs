//! What a purge frees, and that purging alone takes no memory.

use std::{convert::Infallible, future::pending, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::Response;
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{CachedResponse, Purge, Purger},
    store::MemoryStore,
};

use crate::{
    KIB, MIB, allocated, alone,
    origin::{Asked, Fields, cache, fetch, from_connection, get},
};

const ENTRIES: usize = 2000;
const BODY: usize = KIB;

/// A cache that has stored so many pages with the tag `many` and one without, and its store.
fn filled() -> (ResponseCacheLayer, MemoryStore<CachedResponse>) {
    let store = MemoryStore::new();
    let layer = ResponseCacheLayer::with_store(store.clone());
    let mut service = cache(&layer, |asked| {
        let fields: Fields<'_> = &[("cache-control", "max-age=3600"), ("cache-tag", "many")];
        let tagged = asked.uri().path() != "/alone";
        from_connection(if tagged { fields } else { &fields[..1] }, BODY)
    });
    fetch(&mut service, get("/alone", &[]));
    for number in 0..ENTRIES {
        fetch(&mut service, get(&format!("/{number}"), &[]));
    }
    assert_eq!(store.stats().entries, ENTRIES + 1);
    (layer, store)
}

/// Runs a test with a clock that goes on as soon as everything waits for it.
fn in_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(test);
}

/// Ways to name all of them, and how many others stay.
fn every_purge() -> [(Purge, usize); 3] {
    let tag = Purge::new().tag("many");
    let glob = Purge::new().glob("/{[0-9],[0-9][0-9],[0-9][0-9][0-9],[0-9][0-9][0-9][0-9]}");
    [(tag, 1), (glob.unwrap(), 1), (Purge::new().all(), 0)]
}

/// That the bytes of the pages are free, but for what the tables of the store keep.
fn assert_freed(before: usize, store: &MemoryStore<CachedResponse>, left: usize, purge: &Purge) {
    let freed = before.saturating_sub(allocated());
    assert!(freed > ENTRIES * BODY, "{purge:?}: {freed} of {before}");
    assert_eq!(store.stats().entries, left, "{purge:?}");
}

#[test]
fn what_is_purged_is_freed_after_a_second() {
    let _alone = alone();
    in_runtime(async {
        for (purge, left) in every_purge() {
            let (layer, store) = filled();
            let before = allocated();
            layer.purger().purge(&purge);
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_freed(before, &store, left, &purge);
        }
    });
}

/// There is no runtime here.
#[test]
fn without_a_runtime_it_is_freed_at_once() {
    let _alone = alone();
    for (purge, left) in every_purge() {
        let (layer, store) = filled();
        let before = allocated();
        layer.purger().purge(&purge);
        assert_freed(before, &store, left, &purge);
    }
}

#[test]
fn what_is_softly_purged_stays() {
    let _alone = alone();
    in_runtime(async {
        for (purge, _) in every_purge() {
            let (layer, store) = filled();
            layer.purger().purge(&purge.soft());
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_eq!(store.stats().entries, ENTRIES + 1);
        }
    });
}

/// Purges of names that nothing carries.
fn purge_in_vain(purger: &Purger, range: std::ops::Range<usize>) {
    for number in range {
        match number % 3 {
            0 => purger.tag(format!("tag-{number}")),
            1 => {
                let url = format!("http://origin.test/none/{number}");
                purger.url(url.parse().unwrap())
            }
            _ => {
                let origin = "http://origin.test".parse().unwrap();
                let group = Purge::new().group(origin, number.to_string());
                purger.purge(&group)
            }
        };
    }
}

const IN_VAIN: usize = 100_000;

#[test]
fn purges_in_vain_take_no_memory() {
    let _alone = alone();
    in_runtime(async {
        let (layer, _store) = filled();
        let purger = layer.purger();
        purge_in_vain(&purger, 0..1000);
        let before = allocated();
        purge_in_vain(&purger, 1000..1_000_000);
        let taken = allocated().saturating_sub(before);
        assert!(taken < 4 * KIB, "{taken}");
    });
}

/// What is purged while something is on its way, whose tags nobody knows yet, is kept until it has come; but not
/// without end.
#[test]
fn purges_in_vain_take_little_memory_while_something_is_on_its_way() {
    let _alone = alone();
    in_runtime(async {
        let layer = ResponseCacheLayer::new();
        let never = service_fn(|_: Asked| pending::<Result<Response<Full<Bytes>>, Infallible>>());
        let mut coming = Box::pin(layer.layer(never).oneshot(get("/", &[])));
        assert!(coming.as_mut().now_or_never().is_none());
        let purger = layer.purger();
        let before = allocated();
        purge_in_vain(&purger, 0..IN_VAIN);
        let taken = allocated().saturating_sub(before);
        assert!(taken < MIB, "{taken}");
        drop(coming);
    });
}

/// Patterns are kept to be applied when something is next used, but not without end.
#[test]
fn patterns_in_vain_take_little_memory() {
    let _alone = alone();
    in_runtime(async {
        let (layer, store) = filled();
        let purger = layer.purger();
        let before = allocated();
        for number in 0..1000 {
            purger.purge(&Purge::new().prefix(&format!("/none/{number}/")));
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let taken = allocated().saturating_sub(before);
        assert!(taken < 64 * KIB, "{taken}");
        assert_eq!(store.stats().entries, ENTRIES + 1);
    });
}
