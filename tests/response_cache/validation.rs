//! Validating what is stored with the origin (RFC 9111 4.3, RFC 9110 13.1).

use http::StatusCode;

use crate::{
    probe::{asks_about, lines, say, script},
    support::{Asked, Cache, Origin, respond},
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
async fn stored_validators_are_sent_byte_for_byte() {
    for (tag, modified) in [
        (Some("\"a\""), None),
        (Some("W/\"a\""), None),
        (Some("\"\""), None),
        (Some("\"a,b\""), None),
        (Some("\"a b\\\""), None),
        (None, Some(MONDAY)),
        (None, Some("Monday, 01-Dec-25 00:00:00 GMT")),
        (None, Some("Mon Dec  1 00:00:00 2025")),
        (Some("\"MiXed\""), Some(MONDAY)),
    ] {
        let origin = Origin::new(move |_| {
            let mut fields = vec![("cache-control", "max-age=1")];
            fields.extend(tag.map(|tag| ("etag", tag)));
            fields.extend(modified.map(|modified| ("last-modified", modified)));
            respond(StatusCode::OK, &fields, "x")
        });
        let cache = Cache::new(origin);
        cache.get(&[]).await;
        cache.advance(2);
        cache.get(&[]).await;
        let sent = &cache.origin.seen()[1].headers;
        let expected = |value: Option<&str>| Vec::from_iter(value.map(str::to_owned));
        let case = format!("{tag:?} {modified:?}");
        assert_eq!(lines(sent, "if-none-match"), expected(tag), "{case}");
        assert_eq!(
            lines(sent, "if-modified-since"),
            expected(modified),
            "{case}"
        );
    }
}

#[tokio::test]
async fn without_validators_the_request_stays_unconditional() {
    let cache = Cache::new(Origin::with(&[("cache-control", "max-age=1")]));
    cache.get(&[]).await;
    cache.advance(2);
    assert_eq!(cache.get(&[]).await.body, "2");
    let sent = &cache.origin.seen()[1].headers;
    assert!(sent.is_empty(), "{sent:?}");
}

#[tokio::test]
async fn a_304_with_another_validator_updates_nothing_and_the_client_gets_the_new_response() {
    for other in [
        &[("etag", "\"b\""), ("x-mark", "wrong")][..],
        &[("etag", "W/\"b\""), ("x-mark", "wrong")],
        &[("etag", "\"A\""), ("x-mark", "wrong")],
        &[
            ("etag", "\"b\""),
            ("last-modified", MONDAY),
            ("x-mark", "wrong"),
        ],
    ] {
        let origin = Origin::new(move |request: &Asked| {
            if asks_about(request, "\"a\"") {
                return respond(StatusCode::NOT_MODIFIED, other, "");
            }
            let is_first = request.headers().contains_key("x-first");
            let (tag, body) = if is_first {
                ("\"a\"", "old")
            } else {
                ("\"b\"", "new")
            };
            respond(
                StatusCode::OK,
                &[
                    ("cache-control", "max-age=5"),
                    ("etag", tag),
                    ("last-modified", MONDAY),
                ],
                body,
            )
        });
        let cache = Cache::new(origin);
        cache.get(&[("x-first", "1")]).await;
        cache.advance(6);
        let answer = cache.get(&[]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "new"),
            "{other:?}"
        );
        assert_eq!(answer.header("etag"), Some("\"b\""), "{other:?}");
        assert_eq!(answer.header("x-mark"), None, "{other:?}");
        assert_eq!(cache.get(&[]).await.body, "new", "{other:?}");
    }
}

#[tokio::test]
async fn a_304_for_a_strong_tag_does_not_confirm_a_weak_one_of_another_value() {
    let cache = Cache::new(script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("etag", "W/\"a\"")],
            "old",
        ),
        say(304, &[("etag", "\"b\"")], ""),
        say(
            200,
            &[("cache-control", "max-age=9"), ("etag", "\"b\"")],
            "new",
        ),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    assert_eq!(cache.get(&[]).await.body, "new");
    assert_eq!(cache.get(&[]).await.body, "new");
}

#[tokio::test]
async fn a_304_for_the_caches_own_tag_gives_the_client_the_stored_200() {
    for client in [
        &[("if-none-match", "\"x\"")][..],
        &[("if-none-match", "\"x\", W/\"y\"")],
        &[("if-none-match", "\"x\""), ("if-none-match", "\"y\"")],
        &[("if-none-match", "\"x\""), ("if-modified-since", TUESDAY)],
        &[("if-modified-since", "Sun, 30 Nov 2025 00:00:00 GMT")],
    ] {
        let cache = Cache::new(script(vec![
            say(
                200,
                &[
                    ("cache-control", "max-age=1"),
                    ("etag", "\"a\""),
                    ("last-modified", MONDAY),
                ],
                "stored",
            ),
            say(
                304,
                &[("etag", "\"a\""), ("cache-control", "max-age=9")],
                "",
            ),
        ]));
        cache.get(&[]).await;
        cache.advance(2);
        let answer = cache.get(client).await;
        let sent = &cache.origin.seen()[1].headers;
        let tags = lines(sent, "if-none-match");
        let own: Vec<&str> = client
            .iter()
            .filter(|(name, _)| *name == "if-none-match")
            .map(|(_, value)| *value)
            .collect();
        assert_eq!(tags, [own, vec!["\"a\""]].concat(), "{client:?}");
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "stored"),
            "{client:?}"
        );
        assert!(cache.get(&[]).await.is_hit(), "{client:?}");
    }
}

#[tokio::test]
async fn a_304_for_a_tag_of_the_clients_is_passed_and_updates_nothing() {
    let cache = Cache::new(script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "stored",
        ),
        say(
            304,
            &[("etag", "\"x\""), ("cache-control", "max-age=99")],
            "",
        ),
        say(
            200,
            &[("cache-control", "max-age=9"), ("etag", "\"x\"")],
            "new",
        ),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    let passed = cache.get(&[("if-none-match", "\"x\"")]).await;
    assert_eq!(passed.status, StatusCode::NOT_MODIFIED);
    assert_eq!(passed.header("etag"), Some("\"x\""));
    let next = cache.get(&[]).await;
    assert_eq!((next.status, next.body.as_str()), (StatusCode::OK, "new"));
}

#[tokio::test]
async fn a_client_with_the_caches_tag_gets_a_304_and_the_entry_is_fresh_again() {
    for condition in ["\"a\"", "W/\"a\"", "\"x\", \"a\"", "*"] {
        let cache = Cache::new(confirming(&[
            ("etag", "\"a\""),
            ("cache-control", "max-age=9"),
        ]));
        cache.get(&[]).await;
        cache.advance(2);
        let answer = cache.get(&[("if-none-match", condition)]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{condition}");
        assert_eq!(answer.header("etag"), Some("\"a\""), "{condition}");
        let hit = cache.get(&[]).await;
        assert!(hit.is_hit(), "{condition}");
        assert_eq!(hit.body, "stored", "{condition}");
    }
}

/// RFC 9110 13.1.2: the field is either `*` or a list of tags.
#[tokio::test]
async fn a_clients_star_is_not_mixed_with_tags() {
    let cache = Cache::new(confirming(&[
        ("etag", "\"a\""),
        ("cache-control", "max-age=9"),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    cache.get(&[("if-none-match", "*")]).await;
    let tags = lines(&cache.origin.seen()[1].headers, "if-none-match");
    assert!(tags == ["*"] || tags == ["\"a\""], "{tags:?}");
}

/// Origins that leave the tag out of a 304 exist. Whose tag it was for cannot be told, and the client must
/// not be told to use what it does not have.
#[tokio::test]
async fn a_304_that_names_no_tag_is_not_taken_for_the_clients() {
    let origin = Origin::new(|request: &Asked| {
        if asks_about(request, "\"a\"") {
            return respond(StatusCode::NOT_MODIFIED, &[], "");
        }
        respond(
            StatusCode::OK,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "current",
        )
    });
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(2);
    let answer = cache.get(&[("if-none-match", "\"outdated\"")]).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "current")
    );
}

#[tokio::test]
async fn a_304_for_a_client_who_asked_nothing_never_reaches_it() {
    for update in [
        &[][..],
        &[("etag", "\"b\"")],
        &[("last-modified", TUESDAY)],
        &[("etag", "not a tag")],
    ] {
        let origin = Origin::new(move |request: &Asked| {
            if asks_about(request, "\"a\"") || asks_about(request, MONDAY) {
                return respond(StatusCode::NOT_MODIFIED, update, "");
            }
            respond(
                StatusCode::OK,
                &[
                    ("cache-control", "max-age=1"),
                    ("etag", "\"a\""),
                    ("last-modified", MONDAY),
                ],
                "right",
            )
        });
        let cache = Cache::new(origin);
        cache.get(&[]).await;
        cache.advance(2);
        let answer = cache.get(&[]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "right"),
            "{update:?}"
        );
    }
}

#[tokio::test]
async fn a_5xx_while_validating_is_forwarded_and_costs_nothing_stored() {
    for status in [500, 502, 503, 504, 599] {
        let cache = Cache::new(script(vec![
            say(
                200,
                &[
                    ("cache-control", "max-age=1, must-revalidate"),
                    ("etag", "\"a\""),
                ],
                "stored",
            ),
            say(status, &[("x-error", "1")], "broken"),
            say(
                304,
                &[("etag", "\"a\""), ("cache-control", "max-age=9")],
                "",
            ),
        ]));
        cache.get(&[]).await;
        cache.advance(2);
        let error = cache.get(&[]).await;
        assert_eq!(
            (error.status.as_u16(), error.body.as_str()),
            (status, "broken")
        );
        assert_eq!(cache.get(&[]).await.body, "stored", "{status}");
        assert!(cache.get(&[]).await.is_hit(), "{status}");
        let sent = &cache.origin.seen()[2].headers;
        assert_eq!(lines(sent, "if-none-match"), ["\"a\""], "{status}");
    }
}

#[tokio::test]
async fn a_new_response_takes_the_place_of_the_one_that_was_asked_about() {
    let cache = Cache::new(script(vec![
        say(
            200,
            &[("cache-control", "max-age=1"), ("etag", "\"a\"")],
            "old",
        ),
        say(
            200,
            &[("cache-control", "max-age=9"), ("etag", "\"b\"")],
            "new",
        ),
    ]));
    cache.get(&[]).await;
    cache.advance(2);
    assert_eq!(cache.get(&[]).await.body, "new");
    let hit = cache.get(&[]).await;
    assert!(hit.is_hit());
    assert_eq!(
        (hit.body.as_str(), hit.header("etag")),
        ("new", Some("\"b\""))
    );
}

/// An origin that knows three languages by their tags.
fn languages() -> Origin {
    Origin::new(|request: &Asked| {
        let fields = |tag| {
            [
                ("cache-control", "max-age=60"),
                ("vary", "accept-language"),
                ("etag", tag),
            ]
        };
        let language = request.headers()["accept-language"].to_str().unwrap();
        let tag = match language {
            "de" | "de-at" => "\"de\"",
            "en" => "\"en\"",
            _ => "W/\"fr\"",
        };
        if asks_about(request, tag) {
            return respond(StatusCode::NOT_MODIFIED, &fields(tag), "");
        }
        respond(StatusCode::OK, &fields(tag), tag)
    })
}

#[tokio::test]
async fn the_strong_tags_of_all_variants_are_sent_and_the_304_picks_one() {
    let cache = Cache::new(languages());
    cache.get(&[("accept-language", "de")]).await;
    cache.get(&[("accept-language", "en")]).await;
    cache.get(&[("accept-language", "fr")]).await;
    let picked = cache.get(&[("accept-language", "de-at")]).await;
    let sent = &cache.origin.seen()[3].headers;
    let mut tags = lines(sent, "if-none-match")
        .join(",")
        .split(',')
        .map(|tag| tag.trim().to_owned())
        .collect::<Vec<_>>();
    tags.sort();
    // A weak tag may be that of several variants, so it picks none (RFC 9110, section 8.8.1).
    assert_eq!(tags, ["\"de\"", "\"en\""]);
    assert_eq!(
        (picked.status, picked.body.as_str()),
        (StatusCode::OK, "\"de\"")
    );
    for (language, body) in [
        ("de-at", "\"de\""),
        ("de", "\"de\""),
        ("en", "\"en\""),
        ("fr", "W/\"fr\""),
    ] {
        let hit = cache.get(&[("accept-language", language)]).await;
        assert!(hit.is_hit(), "{language}");
        assert_eq!(hit.body, body, "{language}");
    }
    assert_eq!(cache.origin.calls(), 4);
}

#[tokio::test]
async fn a_variant_without_a_tag_is_not_asked_about() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "max-age=60"),
        ("vary", "accept-language"),
        ("last-modified", MONDAY),
    ]));
    cache.get(&[("accept-language", "de")]).await;
    let other = cache.get(&[("accept-language", "en")]).await;
    assert_eq!(other.body, "2");
    let sent = &cache.origin.seen()[1].headers;
    assert_eq!(sent.len(), 1, "{sent:?}");
}
