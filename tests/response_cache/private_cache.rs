//! A private cache, which serves one user (RFC 9111 1): what it may do beyond a shared one, and what not.

use tower_keep::{ResponseCacheLayer, response_cache::SetCookie};

use super::{
    cases::{Fields, answering, asked_twice, asks_again_at, date, is_reused_with},
    support::Cache,
};

fn own(fields: Fields<'_>) -> Cache {
    Cache::with(answering(200, fields), ResponseCacheLayer::private)
}

#[tokio::test]
async fn it_stores_what_is_for_one_user() {
    for fields in [
        &[("cache-control", "private, max-age=60")][..],
        &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
    ] {
        assert!(
            is_reused_with(200, fields, ResponseCacheLayer::private).await,
            "{fields:?}"
        );
    }
    for request in [("authorization", "Basic xyz"), ("cookie", "a=b")] {
        let cache = own(&[("cache-control", "max-age=60")]);
        assert_eq!(
            asked_twice(&cache, &[request], &[request]).await,
            1,
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn it_keeps_cookies_and_the_fields_that_private_names() {
    let fields: Fields<'_> = &[
        ("cache-control", "max-age=60, private=\"x-mine\""),
        ("x-mine", "1"),
        ("set-cookie", "a=b"),
        ("set-cookie", "c=d"),
    ];
    let set = |layer: ResponseCacheLayer| layer.private().set_cookie(SetCookie::Refuse);
    let cache = Cache::with(answering(200, fields), set);
    cache.get(&[]).await;
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(hit.header("x-mine"), Some("1"));
    assert_eq!(hit.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn it_obeys_what_binds_every_cache() {
    for fields in [
        &[("cache-control", "no-store, max-age=60")][..],
        &[("cache-control", "private")],
        &[("cache-control", "no-cache, max-age=60")],
        &[("vary", "*"), ("cache-control", "max-age=60")],
    ] {
        assert!(
            !is_reused_with(200, fields, ResponseCacheLayer::private).await,
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn s_maxage_gives_it_no_lifetime() {
    let in_30 = date(30);
    for (fields, again) in [
        (&[("cache-control", "s-maxage=90, max-age=10")][..], 10),
        (&[("cache-control", "s-maxage=5, max-age=10")], 10),
        (&[("cache-control", "s-maxage=90"), ("expires", &in_30)], 30),
        (&[("cache-control", "s-maxage=90")], 0),
    ] {
        let found = asks_again_at(&own(fields), &[0, 9, 10, 29, 30]).await;
        assert_eq!(found, Some(again), "{fields:?}");
    }
}

#[tokio::test]
async fn only_must_revalidate_forbids_it_to_serve_stale() {
    for (value, served) in [
        ("max-age=60", true),
        ("max-age=60, s-maxage=10", true),
        ("max-age=60, proxy-revalidate", true),
        ("max-age=60, must-revalidate", false),
    ] {
        let cache = own(&[("cache-control", value)]);
        cache.get(&[]).await;
        cache.advance(90);
        let got = cache.get(&[("cache-control", "max-stale")]).await;
        assert_eq!(got.is_hit(), served, "{value}");
    }
}
