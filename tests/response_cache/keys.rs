//! What makes two requests ask for the same thing, and what must not.

use http::{HeaderName, Method, StatusCode};
use tower_keep::{
    Principal,
    response_cache::{CacheKey, ResponseCacheLayer},
};

use crate::support::{Cache, Origin, request, respond};

const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=60")];

type Fields = &'static [(&'static str, &'static str)];

fn keyed(key: CacheKey) -> Cache {
    Cache::with(Origin::with(FRESH), |layer| layer.key(key))
}

/// Whether the second request is answered by the first one's response.
async fn share(key: CacheKey, one: &[(&str, &str)], two: &[(&str, &str)]) -> bool {
    let cache = keyed(key);
    cache.get(one).await;
    let second = cache.get(two).await;
    assert_eq!(second.is_hit(), second.body == "1");
    second.is_hit()
}

pub(crate) async fn share_uris(key: CacheKey, one: &str, two: &str) -> bool {
    let uri = |path: &str| format!("http://origin.test{path}");
    let (one, two) = (uri(one), uri(two));
    share(key, &[(":uri", &one)], &[(":uri", &two)]).await
}

/// Fields by which proxies and frameworks are told of another URI, host or method.
#[tokio::test]
async fn fields_that_name_another_target_change_nothing() {
    for (name, value) in [
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-proto", "ftp"),
        ("x-forwarded-scheme", "http"),
        ("x-forwarded-port", "666"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-path", "/evil"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-server", "evil.test"),
        ("x-forwarded", "evil.test"),
        ("forwarded", "host=evil.test;proto=http"),
        ("x-host", "evil.test"),
        ("x-original-host", "evil.test"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("x-http-host-override", "evil.test"),
        ("x-http-method-override", "POST"),
        ("x-original-uri", "/evil"),
        ("x-real-ip", "6.6.6.6"),
        ("referer", "http://evil.test/"),
        ("origin", "http://evil.test"),
    ] {
        let cache = Cache::new(Origin::with(FRESH));
        let poisoned = cache.get(&[(name, value)]).await;
        assert_eq!(poisoned.body, "1", "{name}");
        let sent = &cache.origin.seen()[0];
        assert_eq!(sent.uri, "http://origin.test/", "{name}");
        assert_eq!(sent.headers[name], value, "{name}: passed untouched");
        assert_eq!(sent.headers.len(), 1, "{name}: nothing is added");
        let clean = cache.get(&[]).await;
        assert!(clean.is_hit(), "{name} is no part of the key");
        let mut headers = clean.headers.clone();
        headers.remove("cache-status");
        let text = format!("{headers:?} {}", clean.body);
        assert!(!text.contains("evil"), "{name}");
    }
}

#[tokio::test]
async fn an_ambiguous_host_passes_by() {
    let cases: &[(&str, Fields)] = &[
        ("two lines", &[("host", "a.test"), ("host", "b.test")]),
        ("the same twice", &[("host", "a.test"), ("host", "a.test")]),
        (
            "another than the URI's",
            &[(":uri", "http://a.test/"), ("host", "b.test")],
        ),
        (
            "another port",
            &[(":uri", "http://a.test/"), ("host", "a.test:8080")],
        ),
        (
            "with user information",
            &[(":uri", "http://a.test/"), ("host", "x@a.test")],
        ),
        (
            "a list",
            &[(":uri", "http://a.test/"), ("host", "a.test, b.test")],
        ),
        ("empty", &[(":uri", "http://a.test/"), ("host", "")]),
        (
            "the second of two",
            &[
                (":uri", "http://a.test/"),
                ("host", "a.test"),
                ("host", "b.test"),
            ],
        ),
    ];
    for (case, fields) in cases {
        let cache = Cache::new(Origin::with(FRESH));
        let fields: Vec<_> = [(":uri", "/")].iter().chain(*fields).copied().collect();
        for host in ["a.test", "b.test"] {
            cache.get(&[(":uri", "/"), ("host", host)]).await;
        }
        for body in ["3", "4"] {
            let answer = cache.get(&fields).await;
            assert!(!answer.is_hit(), "{case}");
            assert_eq!(answer.body, body, "{case}");
        }
        for (host, body) in [("a.test", "1"), ("b.test", "2")] {
            let answer = cache.get(&[(":uri", "/"), ("host", host)]).await;
            assert_eq!(answer.body, body, "{case}: {host} was not poisoned");
        }
    }
}

#[tokio::test]
async fn host_and_absolute_form_name_the_same_resource() {
    let key = CacheKey::new;
    let absolute: Fields = &[(":uri", "http://a.test/x")];
    for (same, fields) in [
        (true, &[(":uri", "/x"), ("host", "a.test")][..]),
        (true, &[(":uri", "/x"), ("host", "A.TEST")]),
        (true, &[(":uri", "http://A.Test/x")]),
        (true, &[(":uri", "http://a.test/x"), ("host", "A.test")]),
        (false, &[(":uri", "/x"), ("host", "b.test")]),
        (false, &[(":uri", "/x"), ("host", "a.test:8080")]),
        (false, &[(":uri", "/x"), ("host", "a.test.b")]),
        (false, &[(":uri", "/x")]),
    ] {
        assert_eq!(share(key(), absolute, fields).await, same, "{fields:?}");
    }
}

#[tokio::test]
async fn nothing_is_normalised_that_could_tell_two_resources_apart() {
    for (one, two) in [
        ("/a", "/A"),
        ("/a", "/a/"),
        ("/a", "//a"),
        ("/a", "/./a"),
        ("/a", "/x/../a"),
        ("/a", "/%61"),
        ("/a%2Fb", "/a/b"),
        ("/a%2Fb", "/a%2fb"),
        ("/a", "/a?"),
        ("/", "/?"),
        ("/a?b", "/a?b="),
        ("/a?b=1&c=2", "/a?c=2&b=1"),
        ("/a?b=1", "/a?B=1"),
        ("/a?b=1", "/a?b=1&"),
        ("/a?b=+", "/a?b=%20"),
        ("/a?b=1", "/a?b=1&b=1"),
        ("/a;v=1", "/a;v=2"),
        ("/a?x", "/a%3Fx"),
    ] {
        assert!(!share_uris(CacheKey::new(), one, two).await, "{one} {two}");
    }
}

#[tokio::test]
async fn the_scheme_is_part_of_the_key_where_it_was_asked_for() {
    for (key, shared) in [(CacheKey::new(), true), (CacheKey::new().scheme(), false)] {
        let one = [(":uri", "http://a.test/")];
        let two = [(":uri", "https://a.test/")];
        assert_eq!(share(key.clone(), &one, &two).await, shared);
        assert!(share(key.clone(), &two, &[(":uri", "HTTPS://a.test/")]).await);
    }
}

#[tokio::test]
async fn a_header_can_be_part_of_the_key() {
    for (one, two, shared) in [
        (&[("x-tenant", "a")][..], &[("x-tenant", "a")][..], true),
        (&[("x-tenant", "a")], &[("x-tenant", "b")], false),
        (&[("x-tenant", "a")], &[("x-tenant", "A")], false),
        (&[("x-tenant", "")], &[], false),
        (&[], &[], true),
        (
            &[("x-tenant", "a"), ("x-tenant", "b")],
            &[("x-tenant", "a")],
            false,
        ),
        (
            &[("x-tenant", "a"), ("x-tenant", "b")],
            &[("x-tenant", "b"), ("x-tenant", "a")],
            false,
        ),
        (&[("x-tenant", "a")], &[("x-region", "a")], false),
        (
            &[("x-tenant", "a"), ("x-region", "b")],
            &[("x-tenant", "b"), ("x-region", "a")],
            false,
        ),
        (
            &[("x-region", "b"), ("x-tenant", "a")],
            &[("x-tenant", "a"), ("x-region", "b")],
            true,
        ),
        (
            &[("x-tenant", "ax-region=b")],
            &[("x-tenant", "a"), ("x-region", "b")],
            false,
        ),
    ] {
        let key = CacheKey::new()
            .header(HeaderName::from_static("x-tenant"))
            .header(HeaderName::from_static("x-region"));
        assert_eq!(share(key, one, two).await, shared, "{one:?} {two:?}");
    }
}

#[tokio::test]
async fn a_cookie_can_be_part_of_the_key() {
    for (one, two, shared) in [
        ("theme=dark", "theme=dark", true),
        ("theme=dark", "theme=light", false),
        ("theme=dark; id=1", "id=2; theme=dark", true),
        ("theme=", "id=1", false),
        ("theme=dark; theme=light", "theme=dark", false),
        ("Theme=dark", "id=1", true),
        ("xtheme=dark", "id=1", true),
    ] {
        let key = CacheKey::new().cookie("theme");
        let shared_now = share(key, &[("cookie", one)], &[("cookie", two)]).await;
        assert_eq!(shared_now, shared, "{one} {two}");
    }
}

#[tokio::test]
async fn cookies_in_several_lines_are_one_list() {
    let key = CacheKey::new().cookie("theme");
    let two_lines = [("cookie", "id=1"), ("cookie", "theme=dark")];
    assert!(share(key, &[("cookie", "theme=dark; id=2")], &two_lines).await);
}

/// Users differ, and so does what they get.
#[tokio::test]
async fn the_user_can_be_part_of_the_key() {
    let cache = keyed(CacheKey::new().user());
    let of = |user: Option<&'static str>| {
        let mut request = request("GET", &[]);
        request.extensions_mut().extend(
            user.map(|user| {
                let mut extensions = http::Extensions::new();
                extensions.insert(Principal::user(user));
                extensions
            })
            .unwrap_or_default(),
        );
        request
    };
    for (user, body) in [
        (Some("a"), "1"),
        (Some("b"), "2"),
        (None, "3"),
        (Some(""), "4"),
        (Some("a"), "1"),
        (Some("b"), "2"),
        (None, "3"),
        (Some(""), "4"),
    ] {
        assert_eq!(cache.send(of(user)).await.body, body, "{user:?}");
    }
}

#[tokio::test]
async fn a_closure_can_be_part_of_the_key_and_refuse() {
    let key = CacheKey::new().with("first letter", |parts| {
        let segment = parts.headers.get("x-name")?.to_str().ok()?;
        segment.chars().next().map(String::from)
    });
    let cache = keyed(key);
    for (name, body, hit) in [
        ("anna", "1", false),
        ("bert", "2", false),
        ("alma", "1", true),
        ("", "3", false),
        ("", "4", false),
    ] {
        let answer = cache.get(&[("x-name", name)]).await;
        assert_eq!(
            (answer.body.as_str(), answer.is_hit()),
            (body, hit),
            "{name}"
        );
    }
}

#[tokio::test]
async fn parts_cannot_be_written_into_one_another() {
    let part = |name: &'static str| {
        move |parts: &http::request::Parts| {
            let value = parts.headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).replace('|', "\n"))
        }
    };
    let cache = keyed(
        CacheKey::new()
            .with("a", part("x-a"))
            .with("b", part("x-b")),
    );
    for (a, b) in [
        ("1", "2"),
        ("1|b=2", ""),
        ("", "1|b=2"),
        ("12", ""),
        ("", "12"),
        ("1|", "2"),
        ("1", "|2"),
    ] {
        assert!(
            !cache.get(&[("x-a", a), ("x-b", b)]).await.is_hit(),
            "{a} {b}"
        );
        assert!(
            cache.get(&[("x-a", a), ("x-b", b)]).await.is_hit(),
            "{a} {b}"
        );
    }
}

/// A proxy behind drops these fields: its response would be stored as that to the whole request.
#[tokio::test]
async fn a_request_that_drops_its_own_fields_passes_by() {
    for (passes, fields) in [
        (true, &[("connection", "x-key"), ("x-key", "1")][..]),
        (true, &[("connection", "close, X-Key"), ("x-key", "1")]),
        (
            true,
            &[
                ("connection", "close"),
                ("connection", "x-key"),
                ("x-key", "1"),
            ],
        ),
        (true, &[("connection", "cookie"), ("cookie", "a=b")]),
        (
            true,
            &[("connection", "authorization"), ("authorization", "x")],
        ),
        (true, &[("connection", "accept"), ("accept", "x")]),
        (
            true,
            &[("connection", "cache-control"), ("cache-control", "x")],
        ),
        (false, &[("connection", "keep-alive")]),
        (
            false,
            &[("connection", "keep-alive"), ("keep-alive", "timeout=5")],
        ),
        (false, &[("connection", "close")]),
        (false, &[("connection", "te"), ("te", "trailers")]),
        (false, &[("connection", "upgrade"), ("upgrade", "h2c")]),
        (false, &[("connection", "x-absent")]),
    ] {
        let cache = Cache::new(Origin::with(FRESH));
        cache.get(&[]).await;
        assert_eq!(!cache.get(fields).await.is_hit(), passes, "{fields:?}");
        let next = cache.get(&[]).await;
        assert_eq!(next.body, "1", "nothing was stored for it: {fields:?}");
    }
}

/// GETs with a body mean something unknown: they neither take nor leave anything.
#[tokio::test]
async fn a_get_with_a_body_passes_by() {
    let cache = Cache::new(Origin::with(FRESH));
    let with_body = || {
        let mut request = request("GET", &[("content-length", "5")]);
        *request.body_mut() = "hello".into();
        request
    };
    assert_eq!(cache.send(with_body()).await.body, "1");
    assert_eq!(cache.get(&[]).await.body, "2");
    assert_eq!(cache.send(with_body()).await.body, "3");
    assert_eq!(cache.get(&[]).await.body, "2");
}

#[tokio::test]
async fn methods_share_no_entry_by_accident() {
    let origin = Origin::new(|request| {
        let method = request.method().clone();
        respond(StatusCode::OK, FRESH, method.as_str())
    });
    let cache = Cache::new(origin);
    for method in ["OPTIONS", "PROPFIND", "get", "TRACE"] {
        let answer = cache.send(request(method, &[])).await;
        assert_eq!(answer.body, method);
    }
    assert_eq!(cache.get(&[]).await.body, Method::GET.as_str());
}

#[tokio::test]
async fn clones_of_a_layer_share_what_they_key_alike() {
    let cache = Cache::new(Origin::with(FRESH));
    let layer: ResponseCacheLayer = cache.layer.clone().no_heuristic();
    let other = Cache {
        service: tower::Layer::layer(&layer, cache.origin.clone()),
        layer,
        clock: cache.clock.clone(),
        origin: cache.origin.clone(),
    };
    cache.get(&[]).await;
    assert!(other.get(&[]).await.is_hit());
}
