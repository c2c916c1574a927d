//! HEAD, answered from what is stored for GET, and what its responses teach (RFC 9111 4, 4.3.5).

use http::StatusCode;

use crate::{
    probe::{say, script},
    support::{Asked, Cache, Origin, request, respond},
};

const MONDAY: &str = "Mon, 01 Dec 2025 00:00:00 GMT";
const TUESDAY: &str = "Tue, 02 Dec 2025 00:00:00 GMT";

/// An origin with one representation that lives a second and is confirmed by this 304.
fn confirming(confirmation: &'static [(&'static str, &'static str)]) -> Origin {
    script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "stored",
        ),
        say(304, confirmation, ""),
    ])
}

#[tokio::test]
async fn a_get_entry_answers_head_and_a_head_response_never_answers_get() {
    let origin = Origin::new(|request: &Asked| {
        let body = if request.method() == "HEAD" {
            ""
        } else {
            "content"
        };
        respond(
            StatusCode::OK,
            &[("cache-control", "max-age=60"), ("content-length", "7")],
            body,
        )
    });
    let cache = Cache::new(origin);
    for _ in 0..2 {
        let head = cache.send(request("HEAD", &[])).await;
        assert!(!head.is_hit() && head.body.is_empty());
    }
    assert_eq!(cache.get(&[]).await.body, "content");
    let head = cache.send(request("HEAD", &[])).await;
    assert!(head.is_hit() && head.body.is_empty());
    assert_eq!(head.header("content-length"), Some("7"));
    assert_eq!(cache.get(&[]).await.body, "content");
    let asked = cache.origin.seen();
    let methods: Vec<&str> = asked.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "GET"]);
}

#[tokio::test]
async fn a_head_that_contradicts_makes_the_entry_stale_and_one_that_agrees_freshens_it() {
    for (head, agrees) in [
        (&[("etag", "\"a\"")][..], true),
        (&[("last-modified", MONDAY)], true),
        (&[("content-length", "6")], true),
        (&[], true),
        (&[("etag", "\"b\"")], false),
        (&[("last-modified", TUESDAY)], false),
        (&[("content-length", "7")], false),
        (&[("etag", "\"a\""), ("content-length", "5")], false),
    ] {
        let origin = Origin::new(move |request: &Asked| {
            if request.method() == "HEAD" {
                let fields = [
                    head,
                    &[("cache-control", "max-age=100"), ("x-mark", "head")],
                ]
                .concat();
                return respond(StatusCode::OK, &fields, "");
            }
            respond(
                StatusCode::OK,
                &[
                    ("cache-control", "max-age=10"),
                    ("etag", "\"a\""),
                    ("last-modified", MONDAY),
                ],
                "stored",
            )
        });
        let cache = Cache::new(origin);
        cache.get(&[]).await;
        let answer = cache
            .send(request("HEAD", &[("cache-control", "no-cache")]))
            .await;
        assert_eq!(answer.header("x-mark"), Some("head"), "{head:?}");
        if agrees {
            cache.advance(20);
        }
        let next = cache.get(&[]).await;
        assert_eq!(next.body, "stored", "{head:?}");
        assert_eq!(next.is_hit(), agrees, "{head:?}");
        assert_eq!(
            next.header("x-mark"),
            agrees.then_some("head"),
            "{head:?}: its fields"
        );
    }
}

#[tokio::test]
async fn a_head_can_validate_for_gets() {
    let cache = Cache::new(confirming(&[
        ("etag", "\"a\""),
        ("cache-control", "max-age=9"),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    let head = cache.send(request("HEAD", &[])).await;
    assert_eq!(
        (head.status, head.body.as_str()),
        (StatusCode::OK, ""),
        "{head:?}"
    );
    let get = cache.get(&[]).await;
    assert!(get.is_hit());
    assert_eq!(get.body, "stored");
}

/// A server adds the length of an empty body where none is said.
#[tokio::test]
async fn a_head_from_store_does_not_announce_an_empty_response() {
    let cache = Cache::new(Origin::with(&[("cache-control", "max-age=60")]));
    cache.get(&[]).await;
    let head = cache.send(request("HEAD", &[])).await;
    assert!(head.is_hit());
    assert!(matches!(head.header("content-length"), None | Some("1")));
}

#[tokio::test]
async fn a_head_that_is_no_200_teaches_nothing() {
    for status in [204, 404, 500, 503] {
        let origin = Origin::new(move |request: &Asked| {
            if request.method() == "HEAD" {
                let status = StatusCode::from_u16(status).unwrap();
                return respond(status, &[("etag", "\"b\"")], "");
            }
            let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
            respond(StatusCode::OK, &fields, "stored")
        });
        let cache = Cache::new(origin);
        cache.get(&[]).await;
        let head = request("HEAD", &[("cache-control", "no-cache")]);
        assert_eq!(cache.send(head).await.status.as_u16(), status);
        assert!(cache.get(&[]).await.is_hit(), "{status}");
    }
}

/// RFC 9111 7.3: the cookie that comes with a HEAD is one user's.
#[tokio::test]
async fn a_cookie_that_comes_with_a_head_reaches_nobody_else() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("set-cookie", "id=secret"),
        ];
        let is_head = request.method() == "HEAD";
        let fields = if is_head { &fields[..] } else { &fields[..2] };
        respond(StatusCode::OK, fields, "")
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    let head = request("HEAD", &[("cache-control", "no-cache")]);
    let head = cache.send(head).await;
    assert_eq!(head.header("set-cookie"), Some("id=secret"));
    assert_eq!(cache.get(&[]).await.header("set-cookie"), None);
}
