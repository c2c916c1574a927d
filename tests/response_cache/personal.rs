//! What belongs to one person is not shared (RFC 9111 3.5, 7.3).

use std::{
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower_keep::{OwnedCookie, Personal, Principal, ResponseCacheLayer, response_cache::CacheKey};

use super::{
    cases::{Fields, answering, asked_twice, caching, date, is_reused_with},
    streams::{Streaming, open, rest},
    support::{Asked, Cache, Origin, request, respond},
};

const BASIC: Fields<'_> = &[("authorization", "Basic xyz")];

#[tokio::test]
async fn authorization_needs_permission_to_store_and_to_reuse() {
    for (value, permitted) in [
        ("max-age=60", false),
        ("max-age=60, public", true),
        ("max-age=60, PUBLIC", true),
        ("s-maxage=60", true),
        ("max-age=60, must-revalidate", true),
        ("max-age=60, Must-Revalidate", true),
        ("max-age=60, proxy-revalidate", false),
        ("max-age=60, immutable", false),
        ("max-age=60, foo=\"public\"", false),
        ("max-age=60, x-public, public-x", false),
        ("max-age=60, public, private", false),
        ("max-age=60, public, no-store", false),
        ("max-age=60, must-understand", false),
    ] {
        let fields = [("cache-control", value)];
        let expected = if permitted { 1 } else { 2 };
        for (first, second) in [(BASIC, BASIC), (BASIC, &[][..]), (&[][..], BASIC)] {
            let calls = asked_twice(&caching(&fields), first, second).await;
            assert_eq!(calls, expected, "{value}: {first:?}, then {second:?}");
        }
    }
}

#[tokio::test]
async fn no_default_and_no_heuristic_applies_to_authorization() {
    let modified = date(-1_000_000);
    for fields in [&[][..], &[("last-modified", modified.as_str())]] {
        let cache = Cache::with(answering(200, fields), with_defaults);
        assert_eq!(asked_twice(&cache, BASIC, BASIC).await, 2, "{fields:?}");
        assert_eq!(asked_twice(&cache, BASIC, &[]).await, 2, "{fields:?}");
        assert_eq!(
            asked_twice(&cache, &[], BASIC).await,
            1,
            "{fields:?}: only the second"
        );
    }
}

#[tokio::test]
async fn an_authorized_request_does_not_evict_what_others_share() {
    let cache = caching(&[("cache-control", "max-age=60")]);
    cache.get(&[]).await;
    assert_eq!(cache.get(BASIC).await.body, "2");
    assert_eq!(cache.get(&[]).await.body, "1");
}

fn with_defaults(layer: ResponseCacheLayer) -> ResponseCacheLayer {
    layer.default_ttl(Duration::from_secs(60))
}

/// A request with something in its extensions.
fn with<T: Clone + Send + Sync + 'static>(
    fields: Fields<'_>,
    extension: T,
) -> Request<Full<Bytes>> {
    let mut request = request("GET", fields);
    request.extensions_mut().insert(extension);
    request
}

#[tokio::test]
async fn an_owned_cookie_that_is_used_makes_the_response_personal() {
    let cache = Cache::with(marking(&[]), with_defaults);
    for _ in 0..2 {
        let mut request = request("GET", &[("cookie", "sid=1"), ("x-read", "session")]);
        OwnedCookie::declare(request.extensions_mut(), "sid");
        cache.send(request).await;
    }
    assert_eq!(cache.origin.calls(), 2);
}

/// An origin that marks its response as personal for requests with `X-Read`.
fn marking(fields: &'static [(&'static str, &'static str)]) -> Origin {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Origin::new(move |asked| {
        if asked.headers().contains_key("x-read") {
            let personal = Personal::get(asked.extensions()).expect("the cache put one there");
            personal.mark().expect("nobody has seen the response");
        }
        let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        respond(StatusCode::OK, fields, &count.to_string())
    })
}

const READS: Fields<'_> = &[("x-read", "session")];

#[tokio::test]
async fn what_is_marked_before_its_head_arrives_is_not_stored() {
    for fields in [
        &[("cache-control", "max-age=60")][..],
        &[("cache-control", "public, s-maxage=60, immutable")],
        &[],
    ] {
        let cache = Cache::with(marking(fields), with_defaults);
        assert_eq!(asked_twice(&cache, READS, &[]).await, 2, "{fields:?}");
        assert_eq!(
            asked_twice(&cache, &[], &[]).await,
            0,
            "{fields:?}: that is shared"
        );
    }
}

#[tokio::test]
async fn a_request_marked_before_the_cache_sees_it_leaves_nothing_behind() {
    let cache = caching(&[("cache-control", "public, max-age=60")]);
    let personal = Personal::default();
    personal.mark().expect("it is new");
    cache.send(with(&[], personal)).await;
    assert!(!cache.get(&[]).await.is_hit());
}

#[tokio::test]
async fn a_marked_request_gets_no_guess_from_the_store() {
    let cache = Cache::with(answering(200, &[]), with_defaults);
    cache.get(&[]).await;
    let personal = Personal::default();
    personal.mark().expect("it is new");
    assert!(!cache.send(with(&[], personal)).await.is_hit());
}

#[tokio::test]
async fn what_is_marked_while_it_streams_is_not_stored() {
    let origin = Streaming::new(&[("cache-control", "public, max-age=60")]);
    let service = origin.cached(|layer| layer);
    for pieces in [0, 1, 2] {
        let answer = open(&service, &[]).await;
        let source = origin.source();
        (0..pieces).for_each(|_| source.data("piece"));
        let personal = Personal::get(&origin.extensions())
            .expect("put there")
            .clone();
        assert_eq!(personal.mark(), Ok(()), "nobody else has seen it");
        source.data("more");
        drop(source);
        let (body, _) = rest(answer).await.expect("the reader gets all of it");
        assert_eq!(body, "piece".repeat(pieces) + "more");
        assert_eq!(origin.calls(), pieces + 1, "nothing was stored before");
    }
}

#[tokio::test]
async fn what_is_marked_after_its_last_piece_and_before_its_end_is_not_stored() {
    let origin = Streaming::new(&[("cache-control", "public, max-age=60")]);
    let service = origin.cached(|layer| layer);
    let mut body = open(&service, &[]).await.into_body();
    let source = origin.source();
    source.data("all");
    body.frame().await.expect("a frame").expect("no error");
    let personal = Personal::get(&origin.extensions())
        .expect("put there")
        .clone();
    assert_eq!(personal.mark(), Ok(()));
    drop(source);
    assert!(body.frame().await.is_none());
    drop(open(&service, &[]).await);
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn what_is_shared_can_no_longer_be_marked() {
    let origin = Streaming::new(&[("cache-control", "max-age=60")]);
    let service = origin.cached(|layer| layer);
    let answer = open(&service, &[]).await;
    let source = origin.source();
    source.data("all");
    drop(source);
    rest(answer).await.expect("it is complete");
    let personal = Personal::get(&origin.extensions())
        .expect("put there")
        .clone();
    assert!(personal.mark().is_err());
    assert!(!personal.is_marked());
    drop(open(&service, &[]).await);
    assert_eq!(origin.calls(), 1, "it stays shared");
}

#[tokio::test]
async fn what_is_not_stored_can_be_marked_at_any_time() {
    let origin = Streaming::new(&[("cache-control", "no-store")]);
    let service = origin.cached(|layer| layer);
    let answer = open(&service, &[]).await;
    let source = origin.source();
    source.data("all");
    drop(source);
    rest(answer).await.expect("it is complete");
    let personal = Personal::get(&origin.extensions())
        .cloned()
        .unwrap_or_default();
    assert_eq!(personal.mark(), Ok(()));
}

/// A cache with the user in its key, around an origin that names the user and marks what it says.
fn per_user(fields: &'static [(&'static str, &'static str)], key: CacheKey) -> Cache {
    let origin = Origin::new(move |asked| {
        let user = asked
            .extensions()
            .get::<Principal>()
            .and_then(Principal::user_id);
        if user.is_some() || asked.headers().contains_key("x-read") {
            let personal = Personal::get(asked.extensions()).expect("the cache put one there");
            let _ = personal.mark();
        }
        respond(StatusCode::OK, fields, user.unwrap_or("nobody"))
    });
    Cache::with(origin, |layer| layer.key(key))
}

#[tokio::test]
async fn users_in_the_key_never_share() {
    let names = [
        "", "u1", "u2", "U1", "u", "1", "u1\n", "\nu1", "user", "=u1", "u1\nx-a",
    ];
    let cache = per_user(&[("cache-control", "max-age=60")], CacheKey::new().user());
    for _ in 0..2 {
        for name in names {
            let got = cache.send(with(&[], Principal::user(name))).await;
            assert_eq!(got.body, name);
        }
    }
    assert_eq!(cache.origin.calls(), names.len(), "each once");
}

#[tokio::test]
async fn a_user_and_the_next_part_of_the_key_do_not_run_together() {
    let header = HeaderName::from_static("x-a");
    let cache = per_user(
        &[("cache-control", "max-age=60")],
        CacheKey::new().user().header(header),
    );
    for (user, value) in [("u1", "2"), ("u12", ""), ("u1", "22"), ("u", "12")] {
        let got = cache
            .send(with(&[("x-a", value)], Principal::user(user)))
            .await;
        assert_eq!(
            (got.body.as_str(), got.is_hit()),
            (user, false),
            "{user}, {value}"
        );
    }
}

#[tokio::test]
async fn without_a_user_personal_responses_are_not_stored_despite_the_key() {
    let cache = per_user(&[("cache-control", "max-age=60")], CacheKey::new().user());
    assert_eq!(asked_twice(&cache, READS, READS).await, 2);
    let anonymous = || with(READS, Principal::anonymous().with_session("s1"));
    cache.send(anonymous()).await;
    assert!(
        !cache.send(anonymous()).await.is_hit(),
        "a session is no user"
    );
    assert_eq!(
        asked_twice(&cache, &[], &[]).await,
        1,
        "what is not personal is shared"
    );
    let known = cache.send(with(&[], Principal::user("u1"))).await;
    assert_eq!(known.body, "u1");
}

#[tokio::test]
async fn without_the_user_in_the_key_a_principal_changes_nothing() {
    let cache = per_user(&[("cache-control", "max-age=60")], CacheKey::new());
    for user in ["u1", "u2", "u1"] {
        let got = cache.send(with(&[], Principal::user(user))).await;
        assert_eq!((got.body.as_str(), got.is_hit()), (user, false));
    }
}

#[tokio::test]
async fn private_and_set_cookie_stay_unstored_for_a_user_in_the_key() {
    let set = |layer: ResponseCacheLayer| layer.key(CacheKey::new().user());
    for fields in [
        &[("cache-control", "no-store")][..],
        &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
    ] {
        assert!(!is_reused_with(200, fields, set).await, "{fields:?}");
    }
}

/// An outer service that marks before the cache inside of it is asked.
#[derive(Clone)]
struct MarkingOutside<S>(S);

impl<S: tower::Service<Request<Full<Bytes>>>> tower::Service<Request<Full<Bytes>>>
    for MarkingOutside<S>
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> S::Future {
        if request.headers().contains_key("x-read") {
            let _ = Personal::of(request.extensions_mut()).mark();
        }
        self.0.call(request)
    }
}

#[tokio::test]
async fn the_order_of_the_layers_does_not_matter() {
    use tower::ServiceExt;
    let inside = Cache::new(marking(&[("cache-control", "max-age=60")]));
    let outside = Cache::new(answering(200, &[("cache-control", "max-age=60")]));
    let marked_outside = MarkingOutside(outside.service.clone());
    inside.get(READS).await;
    let answer: Result<Response<_>, _> =
        marked_outside.clone().oneshot(request("GET", READS)).await;
    let body = answer.expect("no failure").into_body();
    body.collect().await.expect("it is complete");
    assert!(!inside.get(&[]).await.is_hit());
    assert!(!outside.get(&[]).await.is_hit());
}

/// An origin whose HEAD responses and confirmations carry what belongs to one person.
fn telling_one_person(fields: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::new(move |asked| {
        let common = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
        let conditional = asked.headers().contains_key("if-none-match");
        if asked.headers().contains_key("x-read") {
            let _ = Personal::get(asked.extensions()).map(Personal::mark);
        }
        if conditional || asked.method() == http::Method::HEAD {
            let status = if conditional { 304 } else { 200 };
            let status = StatusCode::from_u16(status).expect("a status");
            respond(status, &[&common[..], fields].concat(), "")
        } else {
            respond(StatusCode::OK, &common, "body")
        }
    })
}

#[tokio::test]
async fn news_that_one_person_gets_is_not_given_to_others() {
    for (asked, fields) in [
        (READS, &[("x-user", "u1")][..]),
        (BASIC, &[("x-user", "u1")]),
        (&[], &[("x-user", "u1"), ("set-cookie", "u=1")]),
        (&[], &[("x-user", "u1"), ("cache-control", "private")]),
        (
            &[],
            &[("x-user", "u1"), ("cache-control", "private=\"x-user\"")],
        ),
        (&[], &[("x-user", "u1"), ("cache-control", "no-store")]),
        (&[("cache-control", "no-store")], &[("x-user", "u1")]),
    ] {
        for method in ["HEAD", "GET"] {
            let cache = Cache::new(telling_one_person(fields));
            cache.get(&[]).await;
            cache.advance(100);
            cache.send(request(method, asked)).await;
            assert_eq!(cache.origin.calls(), 2, "{method} {asked:?}");
            let other = cache.get(&[("cache-control", "max-stale")]).await;
            if other.is_hit() {
                assert_eq!(
                    other.header("x-user"),
                    None,
                    "{method} {asked:?} {fields:?}"
                );
                assert_eq!(
                    other.header("set-cookie"),
                    None,
                    "{method} {asked:?} {fields:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_marked_goes_out_as_private_so_that_no_cache_further_out_stores_it() {
    let fields = &[
        ("cache-control", "public, max-age=60"),
        ("cdn-cache-control", "max-age=60"),
    ];
    let origin = Origin::new(move |request: &Asked| {
        let mut extensions = request.extensions().clone();
        Personal::of(&mut extensions).mark().unwrap();
        respond(StatusCode::OK, fields, "the account of ada")
    });
    let inner = Cache::new(origin);
    let got = inner.get(&[]).await;
    assert_eq!(
        got.headers
            .get_all("cache-control")
            .iter()
            .next_back()
            .unwrap(),
        "private"
    );
    assert!(!got.headers.contains_key("cdn-cache-control"));
    let answer = move |_: &Asked| {
        let mut response = respond(StatusCode::OK, &[], &got.body);
        *response.headers_mut() = got.headers.clone();
        response
    };
    let outer = Cache::new(Origin::new(answer));
    outer.get(&[]).await;
    assert!(!outer.get(&[]).await.is_hit());
}
