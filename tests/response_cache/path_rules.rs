//! Settings for paths, where no layer can be put around a route.

use http::StatusCode;
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{CacheKey, InvalidPath},
    seconds,
};

use super::support::{Asked, Cache, Got, Origin, request, respond};

fn ttl(of: u64) -> impl Fn(ResponseCacheLayer) -> ResponseCacheLayer {
    move |layer| layer.default_ttl(seconds(of))
}

fn cache(
    rules: impl FnOnce(ResponseCacheLayer) -> Result<ResponseCacheLayer, InvalidPath>,
) -> Cache {
    let set = |layer| rules(layer).expect("rules that fit beside each other");
    Cache::with(Origin::with(&[]), set)
}

async fn send(cache: &Cache, method: &str, path: &str) -> Got {
    let uri = format!("http://origin.test{path}");
    cache.send(request(method, &[(":uri", &uri)])).await
}

/// How long a response is fresh that has just been stored for a path, in seconds.
async fn lifetime(cache: &Cache, path: &str) -> Option<u64> {
    let got = send(cache, "GET", path).await;
    let status = got
        .header("cache-status")
        .expect("the cache says something");
    let (_, ttl) = status.split_once("ttl=")?;
    ttl.split(';').next()?.parse().ok()
}

#[tokio::test]
async fn the_most_specific_pattern_counts_alone_and_the_layers_settings_everywhere_else() {
    let cache = cache(|layer| {
        ttl(1)(layer)
            .path("/api/{*rest}", ttl(20))?
            .path("/api/users", ttl(30))?
            .path("/api/users/{id}", ttl(40))?
            .path("/files/{name}", |route| {
                route.default_ttl(None).keep(seconds(9))
            })
    });
    for (path, expected) in [
        ("/", Some(1)),
        ("/api", Some(1)),
        ("/api/", Some(1)),
        ("/api/users", Some(30)),
        ("/api/users/", Some(20)),
        ("/api/users/1", Some(40)),
        ("/api/users/1/more", Some(20)),
        ("/api/else?users", Some(20)),
        ("/files/a", None),
        ("/files/a/b", Some(1)),
        ("/API/users", Some(1)),
        // As the client wrote it.
        ("/%61pi/users", Some(1)),
        ("/files%2Fa", Some(1)),
        ("//api/users", Some(1)),
    ] {
        assert_eq!(lifetime(&cache, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_rule_begins_with_the_settings_so_far_and_later_ones_do_not_reach_it() {
    let cache = cache(|layer| {
        let layer = ttl(10)(layer).path("/early", |route| route)?;
        ttl(20)(layer).path("/late", |route| route)
    });
    assert_eq!(lifetime(&cache, "/early").await, Some(10));
    assert_eq!(lifetime(&cache, "/late").await, Some(20));
    assert_eq!(lifetime(&cache, "/").await, Some(20));
}

#[tokio::test]
async fn a_clone_keeps_the_rules_that_it_was_made_with() {
    let layer = ResponseCacheLayer::new();
    let cache = Cache::with(Origin::with(&[]), |_| {
        let with = layer.path("/a", ttl(10)).expect("a rule");
        let more = with.clone().path("/b", ttl(20)).expect("another one");
        drop(more);
        with
    });
    assert_eq!(lifetime(&cache, "/a").await, Some(10));
    assert_eq!(lifetime(&cache, "/b").await, None);
}

#[test]
fn a_pattern_that_is_none_or_in_the_way_of_another_is_an_error() {
    let layer = || {
        ResponseCacheLayer::new()
            .path("/a/{id}", |route| route)
            .expect("the first")
    };
    for (pattern, conflict, why) in [
        ("/a/{id}", true, "conflict"),
        ("/a/{name}", true, "conflict"),
        ("/a/{*all}", true, "conflict"),
        ("/b/{", false, "Parameters"),
        ("/b/{*all}/c", false, "at the end"),
        ("a", false, "slash"),
        ("", false, "slash"),
        ("{*all}", false, "slash"),
    ] {
        let error = layer().path(pattern, |route| route).expect_err(pattern);
        assert_eq!((error.pattern(), error.is_conflict()), (pattern, conflict));
        let source = std::error::Error::source(&error)
            .expect("a reason")
            .to_string();
        assert!(source.contains(why), "{pattern}: {source}");
        assert!(error.to_string().contains(pattern));
    }
}

#[test]
fn rules_inside_of_a_rule_are_an_error() {
    let inside = |route: ResponseCacheLayer| route.path("/b", |route| route).expect("a rule");
    let error = ResponseCacheLayer::new()
        .path("/a", inside)
        .expect_err("nested");
    assert!(!error.is_conflict());
}

#[tokio::test]
async fn rules_share_the_store_the_counters_and_the_clock() {
    // The clock is set on the layer after the rules: see `Cache::with`.
    let cache = cache(|layer| layer.path("/a", ttl(10)));
    for (hit, wait) in [(false, 9), (true, 1), (false, 0)] {
        assert_eq!(send(&cache, "GET", "/a").await.is_hit(), hit);
        cache.advance(wait);
    }
    assert!(!send(&cache, "GET", "/b").await.is_hit());
    let stats = cache.layer.stats();
    assert_eq!((stats.hit_count(), stats.stored), (1, 2));
    let of_all: u64 = stats.forwarded.values().sum();
    assert_eq!(of_all, 3);
    // Another service of the same layer finds what this one stored.
    let again = Cache {
        service: tower::Layer::layer(&cache.layer, cache.origin.clone()),
        ..cache
    };
    assert!(send(&again, "GET", "/a").await.is_hit());
}

#[tokio::test]
async fn a_rule_has_a_key_of_its_own() {
    let cache = cache(|layer| {
        ttl(60)(layer).path("/pages/{page}", |route| {
            route.key(CacheKey::new().ignore_query())
        })
    });
    for (path, hit) in [
        ("/pages/a?x=1", false),
        ("/pages/a?x=2", true),
        ("/other/a?x=1", false),
        ("/other/a?x=2", false),
    ] {
        assert_eq!(send(&cache, "GET", path).await.is_hit(), hit, "{path}");
    }
    assert!(send(&cache, "HEAD", "/pages/a?x=3").await.is_hit());
    assert!(!send(&cache, "HEAD", "/other/a?x=3").await.is_hit());
    let stored = |path: &str| {
        let uri = format!("http://origin.test{path}");
        let (layer, request) = (cache.layer.clone(), request("GET", &[(":uri", &uri)]));
        async move {
            layer
                .inspect(&request)
                .await
                .expect("a store in memory")
                .is_some()
        }
    };
    assert!(stored("/pages/a?x=4").await);
    assert!(!stored("/other/a?x=4").await);
}

// RFC 9111 4.4
#[tokio::test]
async fn an_unsafe_request_invalidates_by_the_key_of_its_own_path() {
    let cache = cache(|layer| {
        ttl(60)(layer).path("/pages/{page}", |route| {
            route.key(CacheKey::new().ignore_query())
        })
    });
    for (path, hit_after) in [("/pages/a?x=1", false), ("/other/a?x=1", true)] {
        send(&cache, "GET", path).await;
        assert!(send(&cache, "GET", path).await.is_hit());
        send(&cache, "DELETE", &path.replace("x=1", "y=2")).await;
        assert_eq!(
            send(&cache, "GET", path).await.is_hit(),
            hit_after,
            "{path}"
        );
    }
}

/// Pages are keyed without their query, everything else with it.
fn pages(layer: ResponseCacheLayer) -> ResponseCacheLayer {
    let layer = ttl(60)(layer).path("/pages/{page}", |route| {
        route.key(CacheKey::new().ignore_query())
    });
    layer.expect("one rule is in nobody's way")
}

#[tokio::test]
async fn what_a_response_names_is_invalidated_by_the_key_of_its_own_path() {
    for (writer, named, stored, goes) in [
        ("/other", "/pages/a?x=2", "/pages/a?x=1", true),
        ("/pages/b", "/other?x=2", "/other?x=2", true),
        ("/pages/b", "/other?x=2", "/other?x=1", false),
    ] {
        let origin = Origin::new(move |asked: &Asked| match *asked.method() {
            http::Method::POST => respond(StatusCode::CREATED, &[("location", named)], ""),
            _ => respond(StatusCode::OK, &[], ""),
        });
        let cache = Cache::with(origin, pages);
        send(&cache, "GET", stored).await;
        send(&cache, "POST", writer).await;
        assert_eq!(!send(&cache, "GET", stored).await.is_hit(), goes, "{named}");
    }
}

#[tokio::test]
async fn a_url_is_purged_by_the_key_of_its_own_path() {
    let cache = Cache::with(Origin::with(&[]), pages);
    for (path, goes) in [("/pages/a?x=1", true), ("/other?x=1", false)] {
        send(&cache, "GET", path).await;
        let url = format!("http://origin.test{}", path.replace("x=1", "x=2"));
        cache.layer.purger().url(url.parse().unwrap());
        assert_eq!(!send(&cache, "GET", path).await.is_hit(), goes, "{path}");
    }
}

#[tokio::test]
async fn requests_without_a_path_have_the_layers_settings() {
    let cache = cache(|layer| layer.path("/{*all}", ttl(10)));
    for (method, uri) in [
        ("OPTIONS", "*"),
        ("CONNECT", "origin.test:443"),
        ("GET", "*"),
    ] {
        let got = cache.send(request(method, &[(":uri", uri)])).await;
        assert_eq!(got.status, 200, "{method}");
    }
    assert_eq!(cache.origin.calls(), 3);
}
