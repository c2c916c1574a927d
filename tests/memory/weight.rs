//! The weight that the store tells is the memory that stored responses take.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{CachePolicy, CachedResponse, EntityTags},
    store::{MemoryStats, MemoryStore},
};

use crate::{
    KIB, MIB, allocated, alone,
    origin::{Asked, Fields, cache, fetch, from_connection, get},
};

/// Six fields with the Date that the cache adds, all with names that everybody knows.
const PLAIN: Fields<'_> = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"5f2c8a1b9e7d4036\""),
    ("last-modified", "Mon, 08 Jun 2026 08:00:00 GMT"),
    ("server", "shop/1.17"),
];

/// Ten fields with the Date, four of them with names of their own and one with two lines.
const CUSTOM: Fields<'_> = &[
    ("content-type", "application/json"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"5f2c8a1b9e7d4036\""),
    ("link", "</style.css>; rel=preload; as=style"),
    ("link", "</shop.js>; rel=preload; as=script"),
    ("x-request-id", "01J8Z6K3QW5V9T7R2M4N6P8B0C"),
    ("x-runtime", "0.017203"),
    ("x-shop-region", "eu-central"),
    ("x-content-type-options", "nosniff"),
    ("surrogate-keys-of-shop", "product-17 category-4"),
];

/// As [`PLAIN`], and it varies.
const VARYING: Fields<'_> = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"5f2c8a1b9e7d4036\""),
    ("content-language", "en"),
    ("vary", "Accept-Encoding, Accept-Language"),
    ("server", "shop/1.17"),
];

/// The same by a field of the shop's own.
const BY_TENANT: Fields<'_> = &[
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "public, max-age=3600"),
    ("vary", "X-Shop-Tenant"),
    ("vary", "Accept-Encoding"),
    ("x-runtime", "0.017203"),
];

/// The parameters named here make no difference to the response.
const SEARCH: Fields<'_> = &[
    ("cache-control", "public, max-age=3600"),
    (
        "no-vary-search",
        "params=(\"utm_source\" \"utm_campaign\"), key-order",
    ),
];

const LANGUAGES: &[Fields<'_>] = &[
    &[
        ("accept-language", "en-GB, en;q=0.9"),
        ("accept-encoding", "gzip, br, zstd"),
    ],
    &[
        ("accept-language", "de-AT, de;q=0.9"),
        ("accept-encoding", "gzip, br, zstd"),
    ],
    &[("accept-language", "fr"), ("accept-encoding", "gzip")],
    &[("accept-language", "fr")],
];

/// Each request after the first asks the origin whether what is stored is still right.
const VALIDATING: &[Fields<'_>] = &[&[("cache-control", "no-cache")]];

const TENANTS: &[Fields<'_>] = &[
    &[("x-shop-tenant", "north"), ("accept-encoding", "gzip")],
    &[("x-shop-tenant", "east"), ("accept-encoding", "gzip")],
    &[("x-shop-tenant", "south"), ("accept-encoding", "gzip")],
    &[("x-shop-tenant", "west"), ("accept-encoding", "gzip")],
];

/// Just what makes it storable.
const SPARSE: Fields<'_> = &[("cache-control", "max-age=3600")];

/// What is stored: for how many resources, how long a body and with which fields each.
#[derive(Clone, Copy, Debug)]
struct Load {
    capacity: usize,
    resources: usize,
    body: usize,
    fields: Fields<'static>,
    /// Fields of the requests, one set for each variant.
    variants: &'static [Fields<'static>],
    /// How often each is asked for once more.
    hits: usize,
    set: fn(ResponseCacheLayer) -> ResponseCacheLayer,
    /// What the handler says.
    policy: fn() -> Option<CachePolicy>,
}

const LOAD: Load = Load {
    capacity: 64 * MIB,
    resources: 0,
    body: 0,
    fields: PLAIN,
    variants: &[&[("accept", "text/html")]],
    hits: 0,
    set: |layer| layer,
    policy: || None,
};

impl Load {
    fn answer(self) -> impl Fn(&Asked) -> Response<Full<Bytes>> + Clone {
        move |asked| {
            // Not for other variants of what was asked for, whose tags come with a request as well.
            let validating = asked.headers().contains_key(header::CACHE_CONTROL);
            if validating && asked.headers().contains_key(header::IF_NONE_MATCH) {
                let mut response = from_connection(self.fields, 0);
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return response;
            }
            let mut response = from_connection(self.fields, self.body);
            if let Some(policy) = (self.policy)() {
                response.extensions_mut().insert(policy);
            }
            response
        }
    }

    /// What the store says once it is filled, and the bytes that it then takes.
    fn fill(self) -> (MemoryStats, usize) {
        let baseline = allocated();
        let store: MemoryStore<CachedResponse> = MemoryStore::builder()
            .capacity(self.capacity)
            .build()
            .unwrap();
        let layer = (self.set)(ResponseCacheLayer::with_store(store.clone()));
        let mut cache = cache(&layer, self.answer());
        for number in 0..self.resources {
            let path = format!("/products/category-{}/{number}", number % 7);
            for variant in self.variants {
                for _ in 0..=self.hits {
                    fetch(&mut cache, get(&path, variant));
                }
            }
        }
        assert!(store.stats().entries > 0);
        let answered = layer.stats().hit_count() + layer.stats().validated;
        assert_eq!(
            answered,
            (self.resources * self.variants.len() * self.hits) as u64
        );
        (store.stats(), allocated() - baseline)
    }

    fn assert_true(self) {
        let (stats, taken) = self.fill();
        let per_mille = stats.weight * 1000 / taken;
        println!(
            "{per_mille} per mille: {} of {} B, {} fields, {} variants, {} hits: {} entries, {} B each",
            self.resources,
            self.body,
            self.fields.len(),
            self.variants.len(),
            self.hits,
            stats.entries,
            taken / stats.entries,
        );
        assert!(
            (850..=1150).contains(&per_mille),
            "{per_mille} per mille, {taken} bytes: {stats:?} of {self:?}"
        );
    }
}

/// So many of each size as matter.
const SIZES: [(usize, usize); 4] = [(20_000, 300), (5000, 4 * KIB), (40, MIB), (5000, 0)];

#[test]
fn the_weight_of_responses_is_within_15_percent_of_the_bytes_allocated() {
    let _alone = alone();
    for (resources, body) in SIZES {
        for fields in [PLAIN, CUSTOM, SPARSE] {
            Load {
                resources,
                body,
                fields,
                ..LOAD
            }
            .assert_true();
        }
    }
}

/// The first clone of a buffer allocates its counter.
#[test]
fn the_weight_holds_once_the_responses_were_served() {
    let _alone = alone();
    for (resources, body) in [(5000, 300), (2000, 4 * KIB), (20, MIB), (5000, 0)] {
        for fields in [PLAIN, CUSTOM] {
            Load {
                resources,
                body,
                fields,
                hits: 2,
                ..LOAD
            }
            .assert_true();
        }
    }
}

#[test]
fn the_weight_of_variants_and_their_lists_is_true() {
    let _alone = alone();
    for (fields, variants) in [(VARYING, LANGUAGES), (BY_TENANT, TENANTS)] {
        for (resources, body) in [(4000, 300), (1250, 4 * KIB), (10, MIB), (1000, 0)] {
            for variants in [variants, &variants[..1]] {
                Load {
                    resources,
                    body,
                    fields,
                    variants,
                    ..LOAD
                }
                .assert_true();
            }
        }
    }
}

#[test]
fn the_weight_holds_for_what_a_validation_has_freshened() {
    let _alone = alone();
    for fields in [PLAIN, CUSTOM] {
        for (resources, body) in [(5000, 300), (2000, 4 * KIB), (20, MIB)] {
            let variants = VALIDATING;
            Load {
                resources,
                body,
                fields,
                variants,
                hits: 1,
                ..LOAD
            }
            .assert_true();
        }
    }
}

#[test]
fn the_weight_holds_after_evictions() {
    let _alone = alone();
    let capacity = 8 * MIB;
    for (resources, body) in [(16_000, 300), (4000, 4 * KIB), (32, MIB)] {
        let load = Load {
            capacity,
            resources,
            body,
            ..LOAD
        };
        load.assert_true();
        Load {
            fields: CUSTOM,
            ..load
        }
        .assert_true();
        let (resources, variants) = (resources / 4, LANGUAGES);
        Load {
            resources,
            variants,
            fields: VARYING,
            ..load
        }
        .assert_true();
    }
}

#[test]
fn the_memory_comes_back_when_the_store_is_emptied() {
    let _alone = alone();
    let store: MemoryStore<CachedResponse> = MemoryStore::new();
    let layer = ResponseCacheLayer::with_store(store.clone());
    let load = Load {
        body: 4 * KIB,
        fields: VARYING,
        ..LOAD
    };
    let mut cache = cache(&layer, load.answer());
    let mut fill = || {
        for number in 0..2000 {
            for variant in LANGUAGES {
                fetch(&mut cache, get(&format!("/{number}"), variant));
            }
        }
    };
    // The tables of the store stay as large as they were.
    fill();
    store.clear();
    let baseline = allocated();
    fill();
    store.clear();
    let left = allocated().saturating_sub(baseline);
    assert!(left < 4 * KIB, "{left} bytes");
}

#[test]
fn the_weight_holds_for_responses_that_get_an_entity_tag() {
    let _alone = alone();
    let set = |layer: ResponseCacheLayer| layer.entity_tags(EntityTags::Weak);
    for (resources, body) in [(5000, 300), (2000, 4 * KIB)] {
        Load {
            resources,
            body,
            fields: BY_TENANT,
            set,
            ..LOAD
        }
        .assert_true();
    }
}

#[test]
fn the_weight_holds_for_paths_that_say_which_parameters_matter() {
    let _alone = alone();
    let set = |layer: ResponseCacheLayer| layer.no_vary_search();
    for (resources, body) in [(5000, 0), (5000, 300)] {
        Load {
            resources,
            body,
            fields: SEARCH,
            set,
            ..LOAD
        }
        .assert_true();
    }
}

#[test]
fn the_weight_holds_for_responses_whose_handlers_say_much() {
    let _alone = alone();
    let policy = || {
        let name = |name: &str| name.parse().unwrap();
        let policy = CachePolicy::new()
            .vary(["x-shop-tenant", "x-shop-region"].map(name))
            .tags((0..40).map(|number| format!("surrogate-key-{number}-of-a-product-in-the-shop")));
        Some(policy)
    };
    for (resources, body, hits) in [(1500, 300, 0), (1000, 0, 1)] {
        Load {
            resources,
            body,
            hits,
            variants: TENANTS,
            policy,
            ..LOAD
        }
        .assert_true();
    }
}
