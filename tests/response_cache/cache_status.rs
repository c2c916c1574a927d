//! Cache-Status (RFC 9211), read by a parser of structured fields.

use http::{HeaderMap, StatusCode};
use sfv::{BareItem, List, ListEntry, Parser};
use tower::{Layer, ServiceExt};
use tower_keep::{
    Personal,
    response_cache::{CacheKey, Outcome, ResponseCacheLayer, Rule},
};

use crate::{
    probe::{asks_about, lines, say, script},
    support::{Asked, Cache, Got, Origin, request, respond},
};

/// A member: the cache's name and its parameters, written out.
#[derive(Debug, PartialEq)]
struct Member {
    name: String,
    parameters: Vec<(String, String)>,
}

impl Member {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn written(value: &BareItem) -> String {
    match value {
        BareItem::Boolean(value) => format!("?{}", u8::from(*value)),
        BareItem::Integer(value) => i64::from(*value).to_string(),
        BareItem::String(text) => format!("\"{}\"", text.as_str()),
        BareItem::Token(token) => token.as_str().to_owned(),
        other => format!("{other:?}"),
    }
}

/// The members of all lines; fails if they are no structured list.
fn members(headers: &HeaderMap) -> Vec<Member> {
    let all = lines(headers, "cache-status").join(", ");
    let list: List = Parser::new(&all).parse().unwrap();
    let member = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else {
            panic!("a cache is a string or a token: {all}");
        };
        let name = match &item.bare_item {
            BareItem::String(name) => name.as_str().to_owned(),
            BareItem::Token(name) => name.as_str().to_owned(),
            other => panic!("a cache is a string or a token: {other:?}"),
        };
        let parameters = item.params.iter();
        let parameters = parameters.map(|(name, value)| (name.to_string(), written(value)));
        Member {
            name,
            parameters: parameters.collect(),
        }
    };
    list.iter().map(member).collect()
}

/// The one member of an answer.
fn member(answer: &Got) -> Member {
    let mut all = members(&answer.headers);
    assert_eq!(all.len(), 1, "{all:?}");
    let only = all.remove(0);
    assert_eq!(only.name, "tower-keep");
    assert!(
        only.get("hit").is_none() || only.get("fwd").is_none(),
        "RFC 9211 2.2: {only:?}"
    );
    only
}

#[tokio::test]
async fn a_miss_says_why_it_went_forward_and_that_it_was_stored_and_a_hit_how_long_it_is_fresh() {
    let cache = Cache::new(Origin::with(&[("cache-control", "max-age=60")]));
    let miss = member(&cache.get(&[]).await);
    assert_eq!(miss.get("fwd"), Some("uri-miss"));
    assert_eq!(miss.get("stored"), Some("?1"));
    assert_eq!(miss.get("ttl"), Some("60"));
    assert_eq!(miss.get("hit"), None);
    assert_eq!(miss.get("collapsed"), None);
    cache.advance(13);
    let hit = member(&cache.get(&[]).await);
    assert_eq!(hit.get("hit"), Some("?1"));
    assert_eq!(hit.get("ttl"), Some("47"));
    for name in ["fwd", "fwd-status", "stored", "collapsed", "key"] {
        assert_eq!(hit.get(name), None, "{name}");
    }
}

#[tokio::test]
async fn what_is_not_stored_is_not_said_to_be() {
    for (fields, detail) in [
        (&[("cache-control", "no-store")][..], "no-store"),
        (&[("cache-control", "private")], "private"),
        (
            &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
            "set-cookie",
        ),
        (
            &[("cache-control", "max-age=60"), ("vary", "*")],
            "vary-any",
        ),
    ] {
        let cache = Cache::new(Origin::with(fields));
        for _ in 0..2 {
            let miss = member(&cache.get(&[]).await);
            assert_eq!(miss.get("fwd"), Some("uri-miss"), "{detail}");
            assert_eq!(miss.get("stored"), None, "{detail}");
            assert_eq!(miss.get("ttl"), None, "{detail}");
            let said = miss.get("detail").unwrap().trim_matches('"').to_owned();
            assert_eq!(said, detail);
        }
    }
}

/// What a request that comes after a stored response says, and how long before.
type Case = (&'static str, u64, &'static [(&'static str, &'static str)]);

#[tokio::test]
async fn each_reason_to_go_forward_has_its_word() {
    let cases: [(Case, &str); 13] = [
        (("GET", 0, &[(":uri", "http://origin.test/x")]), "uri-miss"),
        (("GET", 0, &[("accept", "b")]), "vary-miss"),
        (("GET", 0, &[("cache-control", "no-cache")]), "request"),
        (("GET", 0, &[("pragma", "no-cache")]), "request"),
        (("GET", 5, &[("cache-control", "max-age=2")]), "request"),
        (("GET", 5, &[("cache-control", "min-fresh=8")]), "request"),
        (("GET", 11, &[]), "stale"),
        (("HEAD", 11, &[]), "stale"),
        (("PUT", 0, &[]), "method"),
        (("OPTIONS", 0, &[]), "method"),
        (("BREW", 0, &[]), "method"),
        (("POST", 0, &[]), "method"),
        (("GET", 0, &[("host", "other.test")]), "bypass"),
    ];
    for ((method, wait, fields), fwd) in cases {
        let cache = Cache::new(Origin::with(&[
            ("cache-control", "max-age=10"),
            ("vary", "accept"),
        ]));
        cache.get(&[]).await;
        cache.advance(wait);
        let said = member(&cache.send(request(method, fields)).await);
        assert_eq!(said.get("fwd"), Some(fwd), "{method} {fields:?}");
    }
}

#[tokio::test]
async fn a_validation_is_stale_with_the_status_of_the_origin() {
    for (status, said) in [(304, "304"), (200, "200"), (503, "503")] {
        let cache = Cache::new(script(vec![
            say(
                200,
                &[("cache-control", "max-age=10"), ("etag", "\"a\"")],
                "x",
            ),
            say(
                status,
                &[("cache-control", "max-age=30"), ("etag", "\"a\"")],
                "",
            ),
        ]));
        cache.get(&[]).await;
        cache.advance(12);
        let validated = member(&cache.get(&[]).await);
        assert_eq!(validated.get("fwd"), Some("stale"), "{status}");
        assert_eq!(validated.get("fwd-status"), Some(said));
        if status == 304 {
            assert_eq!(validated.get("ttl"), Some("30"));
        }
    }
}

#[tokio::test]
async fn a_forwarded_status_is_named_where_it_differs_from_the_answers() {
    let origin = Origin::new(|request: &Asked| {
        let fields = [("cache-control", "max-age=10"), ("etag", "\"a\"")];
        if asks_about(request, "\"a\"") {
            return respond(StatusCode::NOT_MODIFIED, &fields, "");
        }
        respond(StatusCode::OK, &fields, "x")
    });
    let cache = Cache::new(origin);
    let first = cache.get(&[]).await;
    // RFC 9211 2.3: may be left out where it is the status of the answer.
    assert!(matches!(
        member(&first).get("fwd-status"),
        None | Some("200")
    ));
    cache.advance(11);
    let confirmed = cache.get(&[]).await;
    assert_eq!(confirmed.status, StatusCode::OK);
    assert_eq!(member(&confirmed).get("fwd-status"), Some("304"));
}

#[tokio::test]
async fn the_time_left_of_what_is_served_stale_is_negative() {
    let cache = Cache::new(Origin::with(&[("cache-control", "max-age=10")]));
    cache.get(&[]).await;
    cache.advance(17);
    let stale = member(&cache.get(&[("cache-control", "max-stale")]).await);
    assert_eq!(stale.get("hit"), Some("?1"));
    assert_eq!(stale.get("ttl"), Some("-7"));
}

#[tokio::test]
async fn only_if_cached_without_a_response_is_neither_hit_nor_forwarded() {
    let cache = Cache::new(Origin::with(&[]));
    let refused = cache.get(&[("cache-control", "only-if-cached")]).await;
    assert_eq!(refused.status, StatusCode::GATEWAY_TIMEOUT);
    let said = member(&refused);
    assert_eq!((said.get("hit"), said.get("fwd")), (None, None));
    assert_eq!(cache.origin.calls(), 0);
}

#[tokio::test]
async fn members_that_came_are_kept_in_front() {
    let cache = Cache::new(Origin::with(&[
        ("cache-control", "max-age=60"),
        ("cache-status", "Origin; hit; ttl=5"),
        (
            "cache-status",
            "\"far, away\"; fwd=miss; stored, near; hit; detail=\"a;b\"",
        ),
    ]));
    for outcome in ["fwd", "hit", "hit"] {
        let answer = cache.get(&[]).await;
        let all = members(&answer.headers);
        let names: Vec<&str> = all.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["Origin", "far, away", "near", "tower-keep"]);
        assert!(all[3].get(outcome).is_some(), "{all:?}");
        assert_eq!(all[2].get("detail"), Some("\"a;b\""));
    }
}

#[tokio::test]
async fn two_caches_in_a_row_speak_one_after_the_other() {
    let near_origin = Cache::new(Origin::with(&[("cache-control", "max-age=60")]));
    let layer = ResponseCacheLayer::new()
        .clock(near_origin.clock.clock())
        .name("edge")
        .unwrap();
    let inner = tower::util::MapRequest::new(near_origin.service.clone(), |asked: Asked| {
        asked.map(|_| http_body_util::Full::default())
    });
    let service = layer.layer(inner);
    for (first, second) in [("fwd", "fwd"), ("fwd", "hit")] {
        let response = service.clone().oneshot(request("GET", &[])).await.unwrap();
        let all = members(response.headers());
        assert_eq!(all.len(), 2);
        assert_eq!(
            (all[0].name.as_str(), all[1].name.as_str()),
            ("tower-keep", "edge")
        );
        assert!(all[0].get(first).is_some() && all[1].get(second).is_some());
        http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_key_is_shown_only_when_asked_for() {
    for shown in [false, true] {
        let origin = Origin::with(&[("cache-control", "max-age=60")]);
        let cache = Cache::with(origin, |layer| {
            let layer = layer.key(CacheKey::new().header(http::HeaderName::from_static("x-part")));
            if shown {
                layer.key_in_cache_status()
            } else {
                layer
            }
        });
        let fields = [
            (":uri", "http://origin.test/path?q=%22x'"),
            ("x-part", "a\"b\\c, d"),
        ];
        for _ in 0..2 {
            let answer = cache.get(&fields).await;
            let said = member(&answer);
            let key = said.get("key");
            assert_eq!(key.is_some(), shown);
            assert!(key.is_none_or(|key| key.contains("/path")), "{key:?}");
        }
    }
}

#[tokio::test]
async fn a_name_of_its_own_is_a_token_or_a_string() {
    for (name, expected) in [
        ("edge.example.net", "edge.example.net"),
        ("ExampleCache", "ExampleCache"),
        ("my cache", "my cache"),
        ("7-of-9", "7-of-9"),
        ("a\"b\\c", "a\"b\\c"),
        ("a; hit", "a; hit"),
        ("a, b", "a, b"),
    ] {
        let cache = Cache::with(Origin::with(&[]), |layer| layer.name(name).unwrap());
        let all = members(&cache.get(&[]).await.headers);
        let names: Vec<String> = all.into_iter().map(|member| member.name).collect();
        assert_eq!(names, [expected]);
    }
    for name in ["", "caché", "a\nb", "a\0"] {
        assert!(ResponseCacheLayer::new().name(name).is_err(), "{name:?}");
    }
}

#[tokio::test]
async fn switched_off_the_field_stays_as_it_came() {
    for came in [&[][..], &[("cache-status", "Origin; hit")]] {
        let origin = Origin::new(move |_| {
            let fields = [came, &[("cache-control", "max-age=60")]].concat();
            respond(StatusCode::OK, &fields, "")
        });
        let cache = Cache::with(origin, ResponseCacheLayer::no_cache_status);
        for _ in 0..2 {
            let answer = cache.get(&[]).await;
            let expected: Vec<&str> = came.iter().map(|(_, value)| *value).collect();
            assert_eq!(lines(&answer.headers, "cache-status"), expected);
        }
        assert_eq!(cache.origin.calls(), 1);
    }
}

#[tokio::test]
async fn a_personal_response_is_forwarded_and_not_stored() {
    let cache = Cache::new(Origin::with(&[("cache-control", "max-age=60")]));
    let mut personal = request("GET", &[]);
    Personal::of(personal.extensions_mut()).mark().unwrap();
    let said = member(&cache.send(personal).await);
    assert_eq!(said.get("stored"), None);
    assert_eq!(said.get("fwd"), Some("uri-miss"));
    assert_eq!(
        said.get("detail").map(|text| text.trim_matches('"')),
        Some("personal")
    );
}

#[tokio::test]
async fn the_typed_outcome_says_the_same_to_those_who_asked_for_it() {
    for asked in [false, true] {
        let origin = Origin::with(&[("cache-control", "max-age=60")]);
        let cache = Cache::with(origin, |layer| if asked { layer.outcome() } else { layer });
        for hit in [false, true] {
            let answer = cache.get(&[]).await;
            let outcome = answer.extensions.get::<Outcome>();
            assert_eq!(outcome.is_some(), asked);
            assert!(outcome.is_none_or(|outcome| outcome.hit == hit));
            let storing = outcome.and_then(|outcome| outcome.storing);
            let expected = (asked && !hit).then_some(Rule::Stored);
            assert_eq!(storing, expected);
        }
    }
}
