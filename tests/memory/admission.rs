//! What the store was set to admit is admitted through the layer, whatever the number of cores.

use bytes::Bytes;
use http_body_util::Full;
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{CachedResponse, Rule},
    store::{BuildError, MemoryStore},
};

use crate::{
    KIB, MIB, alone,
    origin::{cache, fetch, from_connection, get},
};

const MAX_ENTRY: usize = 4 * MIB;

/// The part of an entry that is reserved for its head.
const HEAD: usize = 16 * KIB;

fn store(capacity: usize) -> Result<MemoryStore<CachedResponse>, BuildError> {
    MemoryStore::builder()
        .capacity(capacity)
        .max_entry(MAX_ENTRY)
        .build()
}

/// Whether a response with a body of this length is stored and served.
fn is_stored(layer: &ResponseCacheLayer, path: &str, length: usize) -> bool {
    let mut cache = cache(layer, move |_| {
        from_connection(&[("cache-control", "max-age=60")], length)
    });
    assert_eq!(fetch(&mut cache, get(path, &[])), (false, length));
    let (hit, got) = fetch(&mut cache, get(path, &[]));
    assert_eq!(got, length);
    hit
}

#[test]
fn a_body_as_long_as_the_store_admits_is_stored() {
    let _alone = alone();
    // From the least capacity for such entries, with one shard, to one with many.
    for capacity in [4 * (MAX_ENTRY + 128), 20 * MIB, 64 * MIB, 1024 * MIB] {
        let layer = ResponseCacheLayer::with_store(store(capacity).unwrap());
        for number in 0..24 {
            let path = format!("/{number}");
            let length = MAX_ENTRY - HEAD - number;
            assert!(is_stored(&layer, &path, length), "{length} of {capacity}");
        }
        assert_eq!(layer.stats().refused, 0, "{capacity}");
    }
}

#[test]
fn a_longer_body_passes_and_is_counted() {
    let _alone = alone();
    let layer = ResponseCacheLayer::with_store(store(64 * MIB).unwrap());
    for length in [MAX_ENTRY - HEAD + 1, MAX_ENTRY + 1, 3 * MAX_ENTRY] {
        assert!(!is_stored(&layer, "/", length), "{length}");
    }
    let stats = layer.stats();
    assert_eq!(stats.not_stored[&Rule::TooLarge], 6);
    assert_eq!(stats.stored, 0);
}

#[test]
fn a_head_that_takes_more_than_its_part_is_refused_and_counted() {
    let _alone = alone();
    let store = store(64 * MIB).unwrap();
    let layer = ResponseCacheLayer::with_store(store.clone());
    let mut cache = cache(&layer, |_| {
        let long = "v".repeat(2 * HEAD);
        let mut response = from_connection(&[("cache-control", "max-age=60")], 0);
        response
            .headers_mut()
            .insert("x-long", long.parse().unwrap());
        *response.body_mut() = Full::new(Bytes::from(vec![0; MAX_ENTRY - HEAD]));
        response
    });
    for _ in 0..2 {
        assert_eq!(fetch(&mut cache, get("/", &[])), (false, MAX_ENTRY - HEAD));
    }
    assert_eq!((layer.stats().refused, store.stats().refused), (2, 2));
    assert_eq!(store.stats().entries, 0);
}

#[test]
fn a_capacity_too_small_for_such_entries_is_an_error_at_set_up() {
    for capacity in [MAX_ENTRY, 4 * MAX_ENTRY] {
        let error = store(capacity).unwrap_err();
        let BuildError::CapacityTooSmall {
            capacity_needed, ..
        } = error
        else {
            panic!("{capacity}: {error}");
        };
        assert!(store(capacity_needed).is_ok(), "{capacity_needed}");
    }
    for capacity in [0, 1] {
        let error = store(capacity).unwrap_err();
        let BuildError::CapacityForNothing {
            capacity_needed, ..
        } = error
        else {
            panic!("{capacity}: {error}");
        };
        let of = |capacity| {
            let builder = MemoryStore::<CachedResponse>::builder().capacity(capacity);
            builder.max_entry(1).build()
        };
        assert!(of(capacity_needed).is_ok(), "{capacity_needed}");
        assert!(of(capacity_needed - 1).is_err());
    }
}
