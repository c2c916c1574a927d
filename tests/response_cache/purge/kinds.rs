//! What each kind of purge takes, and that it takes nothing else.

use tower_keep::{
    ledger::Pattern,
    response_cache::{Named, Purge, Rule},
};

use super::{asking, every_kind, every_purge, given, purged, purged_uris};
use crate::{
    cases::Fields,
    support::{Cache, Origin},
};

#[tokio::test]
async fn a_path_is_meant_on_every_host_and_with_every_query() {
    let uris = [
        "http://origin.test/a",
        "http://origin.test/a?q=1",
        "http://origin.test/a?",
        "http://other.test:8080/a",
        "http://origin.test/a/",
        "http://origin.test/a/b",
        "http://origin.test/ab",
        "http://origin.test/A",
        "http://origin.test/b/a",
        "http://origin.test/?/a",
    ];
    let taken = purged_uris(Purge::new().path("/a"), Rule::InvalidatedByPattern, &uris).await;
    for (index, (uri, taken)) in uris.iter().zip(taken).enumerate() {
        assert_eq!(taken, index < 4, "{uri}");
    }
}

/// A pattern, what it takes, and what it leaves.
type Case = (Pattern, &'static [&'static str], &'static [&'static str]);

async fn assert_takes((pattern, takes, leaves): Case) {
    let uris = [takes, leaves].concat();
    let purge = Purge::new().pattern(pattern.clone());
    let taken = purged_uris(purge, Rule::InvalidatedByPattern, &uris).await;
    for (index, (uri, taken)) in uris.iter().zip(taken).enumerate() {
        assert_eq!(taken, index < takes.len(), "{pattern}: {uri}");
    }
}

#[tokio::test]
async fn paths_and_prefixes_may_begin_with_a_host() {
    for case in [
        (
            Pattern::path("origin.test/a"),
            &["http://origin.test/a", "http://origin.test/a?q"][..],
            &[
                "http://other.test/a",
                "http://origin.test/a/b",
                "http://www.origin.test/a",
                "http://origin.test:8080/a",
            ][..],
        ),
        (
            Pattern::prefix("origin.test/a"),
            &[
                "http://origin.test/a",
                "http://origin.test/ab?q",
                "http://origin.test/a/b",
            ],
            &[
                "http://other.test/a",
                "http://origin.test/b",
                "http://origin.test/b?/a",
                "http://sub.origin.test/a",
            ],
        ),
        (
            Pattern::prefix("/a/"),
            &["http://origin.test/a/", "http://other.test/a/b?q"],
            &[
                "http://origin.test/a",
                "http://origin.test/b/a/",
                "http://origin.test/?/a/",
            ],
        ),
        (
            Pattern::prefix("/%7Eu/"),
            &["http://origin.test/~u/1", "http://origin.test/%7eu/2"],
            &["http://origin.test/u/1"],
        ),
    ] {
        assert_takes(case).await;
    }
}

#[tokio::test]
async fn globs_match_whole_paths() {
    let glob = |pattern: &str| Pattern::glob(pattern).unwrap();
    for case in [
        (
            glob("/products/*/reviews"),
            &[
                "http://origin.test/products/7/reviews",
                "http://other.test/products/x/reviews?page=2",
            ][..],
            &[
                "http://origin.test/products/7/8/reviews",
                "http://origin.test/products/7/reviews/1",
                "http://origin.test/products/reviews",
                "http://origin.test/x/products/7/reviews",
            ][..],
        ),
        (
            glob("/a/**"),
            &["http://origin.test/a/b", "http://origin.test/a/b/c?q"],
            &["http://origin.test/a", "http://origin.test/b/a/c"],
        ),
        (
            glob("/p{1,2}"),
            &["http://origin.test/p1", "http://origin.test/p2"],
            &["http://origin.test/p3", "http://origin.test/p12"],
        ),
        (
            glob("/v[12]/?"),
            &["http://origin.test/v1/x", "http://origin.test/v2/y?z"],
            &["http://origin.test/v3/x", "http://origin.test/v1/xx"],
        ),
        (
            glob("origin.test/*.css"),
            &["http://origin.test/a.css", "http://origin.test/a.css?v=1"],
            &["http://other.test/a.css", "http://origin.test/a/b.css"],
        ),
    ] {
        assert_takes(case).await;
    }
}

#[test]
fn a_glob_that_is_none_is_an_error_at_once() {
    for pattern in ["/[a", "/{a", "/a}"] {
        assert!(Purge::new().glob(pattern).is_err(), "{pattern}");
    }
}

#[tokio::test]
async fn all_means_all() {
    let asked: [Fields<'_>; 4] = [
        &[],
        &[(":uri", "http://other.test/a?b")],
        &[(":uri", "/relative")],
        &[(":uri", "http://origin.test/v"), ("x-vary", "accept")],
    ];
    let taken = purged(Purge::new().all(), Rule::InvalidatedAll, &asked).await;
    assert_eq!(taken, [true; 4]);
}

const TAGGED: [Fields<'_>; 6] = [
    &[("x-tags", "a"), (":uri", "http://origin.test/1")],
    &[("x-tags", "b,a"), (":uri", "http://other.test/2")],
    &[("x-keys", "b a c"), (":uri", "http://origin.test/3")],
    &[("x-tags", "A, ab, b"), (":uri", "http://origin.test/4")],
    &[("x-groups", "\"a\""), (":uri", "http://origin.test/5")],
    &[(":uri", "http://origin.test/6?a")],
];

#[tokio::test]
async fn a_tag_is_meant_wherever_it_is_carried() {
    let taken = purged(Purge::new().tag("a"), Rule::InvalidatedByTag, &TAGGED).await;
    assert_eq!(taken, [true, true, true, false, false, false]);
    let several = Purge::new().tags(["a", "A", "none"]);
    let taken = purged(several, Rule::InvalidatedByTag, &TAGGED).await;
    assert_eq!(taken, [true, true, true, true, false, false]);
}

/// RFC 9875 2: groups are those of an origin.
#[tokio::test]
async fn a_group_is_meant_of_one_origin_alone() {
    let asked: [Fields<'_>; 7] = [
        &[("x-groups", "\"g\""), (":uri", "http://origin.test/1")],
        &[
            ("x-groups", "\"h\", \"g\""),
            (":uri", "http://origin.test/2?q"),
        ],
        &[("x-groups", "\"g\""), (":uri", "http://other.test/1")],
        &[("x-groups", "\"g\""), (":uri", "http://origin.test:8080/1")],
        &[("x-groups", "\"G\""), (":uri", "http://origin.test/3")],
        &[("x-groups", "\"h\""), (":uri", "http://origin.test/4")],
        &[("x-tags", "g"), (":uri", "http://origin.test/5")],
    ];
    for origin in ["http://origin.test", "http://origin.test:80/some/path?q"] {
        let purge = Purge::new().group(origin.parse().unwrap(), "g");
        let taken = purged(purge, Rule::InvalidatedByGroup, &asked).await;
        assert_eq!(taken, [true, true, false, false, false, false, false]);
    }
}

#[tokio::test]
async fn several_kinds_go_in_one_call() {
    let asked: [Fields<'_>; 6] = [
        &[("x-tags", "a"), (":uri", "http://origin.test/1")],
        &[("x-groups", "\"g\""), (":uri", "http://origin.test/2")],
        &[(":uri", "http://origin.test/3")],
        &[(":uri", "http://origin.test/4/5")],
        &[(":uri", "http://origin.test/6")],
        &[("x-tags", "b"), (":uri", "http://origin.test/7")],
    ];
    let purge = Purge::new()
        .tag("a")
        .group("http://origin.test".parse().unwrap(), "g")
        .url("http://origin.test/3".parse().unwrap())
        .prefix("/4/");
    let cache = Cache::new(Origin::new(given));
    for fields in asked {
        cache.send(asking(fields)).await;
    }
    cache.layer.purger().purge(&purge);
    let mut hits = Vec::new();
    for fields in asked {
        hits.push(cache.send(asking(fields)).await.is_hit());
    }
    assert_eq!(hits, [false, false, false, false, true, true]);
    let stats = cache.layer.stats();
    for cause in [
        Rule::InvalidatedByTag,
        Rule::InvalidatedByGroup,
        Rule::InvalidatedByUri,
        Rule::InvalidatedByPattern,
    ] {
        assert_eq!(stats.forwarded.get(&cause), Some(&1), "{stats:?}");
    }
}

#[tokio::test]
async fn what_comes_after_a_purge_is_stored_and_stays() {
    for (_, purge) in every_purge() {
        let cache = Cache::new(Origin::new(given));
        for _ in 0..2 {
            cache.layer.purger().purge(&purge);
            assert!(!cache.send(asking(CARRYING)).await.is_hit(), "{purge:?}");
            assert!(cache.send(asking(CARRYING)).await.is_hit(), "{purge:?}");
        }
    }
}

/// What is named by [`every_kind`].
const CARRYING: Fields<'_> = &[("x-tags", "a"), ("x-groups", "\"g\"")];

#[tokio::test]
async fn a_purge_of_nothing_does_nothing() {
    let cache = Cache::new(Origin::new(given));
    cache.send(asking(CARRYING)).await;
    for purge in [Purge::new(), Purge::new().soft()] {
        assert_eq!(cache.layer.purger().purge(&purge).named, Named::Exactly(0));
    }
    assert!(cache.send(asking(CARRYING)).await.is_hit());
    let stats = cache.layer.stats();
    assert_eq!((stats.invalidated, stats.unmet_tags), (0, 0));
}

#[tokio::test]
async fn a_receipt_says_how_much_was_named_and_when() {
    let cache = Cache::new(Origin::new(given));
    let purger = cache.layer.purger();
    let before = purger.tag("a");
    assert_eq!(before.named, Named::Exactly(0));
    for uri in ["http://origin.test/1", "http://origin.test/2"] {
        cache.send(asking(&[("x-tags", "a"), (":uri", uri)])).await;
    }
    let soft = purger.purge(&Purge::new().tag("a").soft());
    assert_eq!(soft.named, Named::AtMost(2));
    let url = purger.url("http://origin.test/2".parse().unwrap());
    assert_eq!(url.named, Named::AtMost(1));
    assert_eq!(purger.all().named, Named::Unknown);
    assert!(before.position < soft.position && soft.position < url.position);
}

#[tokio::test]
async fn what_is_named_and_what_nobody_carries_is_counted() {
    let cache = Cache::new(Origin::new(given));
    let origin = || "http://origin.test/".parse().unwrap();
    cache.send(asking(CARRYING)).await;
    let counts = || {
        let stats = cache.layer.stats();
        (stats.invalidated, stats.unmet_tags)
    };
    let purger = cache.layer.purger();
    purger.purge(&Purge::new().tags(["a", "misspelt"]).soft());
    assert_eq!(counts(), (1, 1));
    let groups = Purge::new().group(origin(), "g").group(origin(), "h");
    purger.purge(&groups.soft());
    assert_eq!(counts(), (2, 2));
    purger.url("http://origin.test/nothing".parse().unwrap());
    assert_eq!(counts(), (2, 2), "a resource is no tag");
    purger.purge(&Purge::new().prefix("/").soft());
    assert_eq!(counts(), (3, 2), "patterns count");
}

/// Layers that share a store.
#[tokio::test]
async fn a_purger_of_another_layer_on_the_store_reaches_it_too() {
    use tower_keep::{ResponseCacheLayer, store::MemoryStore};
    let store = MemoryStore::new();
    let other = ResponseCacheLayer::with_store(store.clone());
    for purge in every_kind() {
        let store = store.clone();
        let cache = Cache::with(Origin::new(given), |_| {
            ResponseCacheLayer::with_store(store)
        });
        cache.send(asking(CARRYING)).await;
        assert!(cache.send(asking(CARRYING)).await.is_hit());
        other.clone().purger().purge(&purge);
        assert!(!cache.send(asking(CARRYING)).await.is_hit(), "{purge:?}");
    }
}
