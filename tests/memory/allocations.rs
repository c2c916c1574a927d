//! How often an answer from store allocates.

use http::{HeaderName, header};
use stats_alloc::Region;
use tower_keep::ResponseCacheLayer;

use crate::{
    ALLOCATOR, KIB, alone,
    origin::{Fields, cache, fetch, from_connection, get, send},
};

const PLAIN: Fields<'_> = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"17\""),
    ("last-modified", "Mon, 08 Jun 2026 08:00:00 GMT"),
    ("server", "shop/1.17"),
];

const VARYING: Fields<'_> = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"17\""),
    ("vary", "Accept-Encoding"),
    ("server", "shop/1.17"),
];

const ASKED: Fields<'_> = &[
    ("host", "origin.test"),
    ("user-agent", "test/1.0"),
    ("accept", "text/html"),
    ("accept-encoding", "gzip, br, zstd"),
    ("accept-language", "en-GB, en;q=0.9"),
];

/// The allocations and reallocations of a hit on a body of this length, those of the request not counted.
fn of_a_hit(fields: Fields<'static>, length: usize, also: Option<(HeaderName, &str)>) -> usize {
    let layer = ResponseCacheLayer::new();
    let mut cache = cache(&layer, move |_| from_connection(fields, length));
    assert!(!fetch(&mut cache, get("/products/17", ASKED)).0);
    // The first clone of a buffer allocates its counter.
    assert!(fetch(&mut cache, get("/products/17", ASKED)).0);
    let mut request = get("/products/17", ASKED);
    if let Some((name, value)) = also {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let region = Region::new(ALLOCATOR);
    let response = send(&mut cache, request);
    let change = region.change();
    println!("{length} B: {change:?}");
    assert!(response.headers().contains_key(header::AGE));
    change.allocations + change.reallocations
}

#[test]
fn a_hit_allocates_nothing_but_its_head() {
    let _alone = alone();
    for length in [0, KIB, 64 * KIB] {
        let count = of_a_hit(PLAIN, length, None);
        assert!(count <= 2, "{count} for {length} bytes");
    }
    let varying = of_a_hit(VARYING, KIB, None);
    assert!(varying <= 2, "{varying}");
    let unchanged = of_a_hit(PLAIN, KIB, Some((header::IF_NONE_MATCH, "\"17\"")));
    assert!(unchanged <= 2, "{unchanged}");
}
