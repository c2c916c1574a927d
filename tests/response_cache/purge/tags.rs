//! Tags and cache groups: who sees them, how many there may be, and whose they are.

use http::StatusCode;
use tower_keep::response_cache::{CacheKey, Purge, ResponseCacheLayer, Rule};

use super::{asking, given, here};
use crate::{
    cases::Fields,
    probe::{lines, say, script},
    support::{Cache, Got, Origin, request, respond},
};

const TAGS: Fields<'static> = &[
    ("cache-tag", "a, b"),
    ("surrogate-key", "c d"),
    ("cache-tag", "e"),
    ("surrogate-key", "f"),
];

/// An origin whose responses all carry [`TAGS`].
fn tagged(control: &'static str) -> Origin {
    Origin::new(move |asked| {
        let status = match asked.headers().get("x-status") {
            Some(status) => StatusCode::from_bytes(status.as_bytes()).unwrap(),
            None if asked.headers().contains_key("if-none-match") => StatusCode::NOT_MODIFIED,
            None => StatusCode::OK,
        };
        let fields = [("cache-control", control), ("etag", "\"a\"")];
        respond(status, &[&fields, TAGS].concat(), "content")
    })
}

/// Answers of all kinds.
async fn answers(cache: &Cache) -> Vec<(&'static str, Got)> {
    let condition = [("if-none-match", "\"a\"")];
    let mut answers = vec![
        ("miss", cache.get(&[]).await),
        ("hit", cache.get(&[]).await),
        ("304 to a client", cache.get(&condition).await),
        ("206", cache.get(&[("range", "bytes=0-1")]).await),
        ("HEAD", cache.send(request("HEAD", &[])).await),
    ];
    cache.advance(70);
    answers.push(("validated", cache.get(&[]).await));
    cache.advance(70);
    answers.push(("304 from the origin", cache.get(&condition).await));
    let no_store = [
        ("cache-control", "no-store"),
        (":uri", "http://origin.test/b"),
    ];
    answers.push(("not to be stored", cache.get(&no_store).await));
    let error = [("x-status", "500"), (":uri", "http://origin.test/c")];
    answers.push(("error", cache.get(&error).await));
    answers.push(("POST", cache.send(request("POST", &[])).await));
    answers.push(("OPTIONS", cache.send(request("OPTIONS", &[])).await));
    let ambiguous = [("host", "one.test"), ("host", "two.test"), (":uri", "/")];
    answers.push(("two hosts", cache.get(&ambiguous).await));
    let upgrade = [("connection", "upgrade"), ("upgrade", "x")];
    answers.push(("upgrade", cache.get(&upgrade).await));
    answers
}

#[tokio::test]
async fn clients_see_no_tags_in_any_answer() {
    for control in ["max-age=60", "no-store", "private"] {
        let cache = Cache::new(tagged(control));
        for (kind, got) in answers(&cache).await {
            assert_eq!(got.header("cache-tag"), None, "{kind}, {control}");
            assert_eq!(got.header("surrogate-key"), None, "{kind}, {control}");
        }
    }
}

#[tokio::test]
async fn requests_that_have_no_key_get_no_tags_either() {
    let key = CacheKey::new().with("none", |_| None);
    let cache = Cache::with(tagged("max-age=60"), |layer| layer.key(key));
    let got = cache.get(&[]).await;
    assert_eq!(got.header("cache-tag"), None);
}

#[tokio::test]
async fn all_tags_pass_if_that_is_wanted() {
    for control in ["max-age=60", "no-store"] {
        let cache = Cache::with(tagged(control), ResponseCacheLayer::pass_tags);
        for (kind, got) in answers(&cache).await {
            if got.status == 304 && control == "max-age=60" {
                // RFC 9110 15.4.5: it need not repeat them.
                continue;
            }
            assert_eq!(lines(&got.headers, "cache-tag"), ["a, b", "e"], "{kind}");
            assert_eq!(lines(&got.headers, "surrogate-key"), ["c d", "f"], "{kind}");
        }
    }
}

#[tokio::test]
async fn tags_that_pass_are_obeyed_all_the_same() {
    for tag in ["a", "b", "c", "d", "e", "f"] {
        let cache = Cache::with(tagged("max-age=60"), ResponseCacheLayer::pass_tags);
        cache.get(&[]).await;
        cache.layer.purger().purge(&Purge::new().tag(tag).soft());
        assert!(!cache.get(&[]).await.is_hit(), "{tag}");
    }
}

fn numbered(count: usize) -> String {
    let tags: Vec<String> = (0..count).map(|number| format!("t{number}")).collect();
    tags.join(",")
}

#[tokio::test]
async fn a_response_with_too_many_tags_is_not_stored() {
    for (max, count, stored) in [
        (None, 128, true),
        (None, 129, false),
        (Some(3), 3, true),
        (Some(3), 4, false),
        (Some(0), 1, false),
    ] {
        let cache = Cache::with(Origin::new(given), |layer| match max {
            Some(max) => layer.max_tags(max),
            None => layer,
        });
        let tags = numbered(count);
        let first = cache.send(asking(&[("x-tags", &tags)])).await;
        let second = cache.send(asking(&[("x-tags", &tags)])).await;
        assert_eq!(second.is_hit(), stored, "{count} of {max:?}");
        let status = first.header("cache-status").unwrap();
        let reason = status.contains("detail=too-many-tags");
        assert_eq!(reason, !stored, "{status}");
        let stats = cache.layer.stats();
        let refused = stats.not_stored.get(&Rule::TooManyTags).copied();
        assert_eq!(refused, (!stored).then_some(2), "{stats:?}");
    }
}

#[tokio::test]
async fn tags_of_all_fields_and_groups_count_together_and_equal_ones_once() {
    for (keys, groups, stored) in [
        ("a b b", "\"g\"", true),
        ("a b c", "\"g\"", true),
        ("a b c d", "\"g\"", false),
        ("a b c", "\"g\", \"h\"", false),
    ] {
        let cache = Cache::with(Origin::new(given), |layer| layer.max_tags(4));
        let asked = [("x-tags", "a"), ("x-keys", keys), ("x-groups", groups)];
        cache.send(asking(&asked)).await;
        let hit = cache.send(asking(&asked)).await.is_hit();
        assert_eq!(hit, stored, "{keys}, {groups}");
    }
}

/// RFC 9875 2: at least so many have to be supported.
#[tokio::test]
async fn thirty_two_groups_of_thirty_two_characters_are_supported() {
    let groups: Vec<String> = (0..32).map(|number| format!("\"{number:032}\"")).collect();
    let line = groups.join(", ");
    for group in 0..32 {
        let cache = Cache::new(Origin::new(given));
        let asked = [("x-groups", line.as_str())];
        cache.send(asking(&asked)).await;
        let purge = Purge::new().group(here(), format!("{group:032}"));
        cache.layer.purger().purge(&purge.soft());
        assert!(!cache.send(asking(&asked)).await.is_hit(), "{group}");
        assert!(cache.send(asking(&asked)).await.is_hit(), "{group}");
    }
}

#[tokio::test]
async fn tags_of_one_variant_take_that_variant_alone() {
    for soft in [false, true] {
        let cache = Cache::new(Origin::new(given));
        let variant = |accept, tags| [("x-vary", "accept"), ("accept", accept), ("x-tags", tags)];
        let (one, two) = (variant("1", "one,all"), variant("2", "two,all"));
        for fields in [one, two] {
            cache.send(asking(&fields)).await;
        }
        let purge = |tag| {
            let purge = Purge::new().tag(tag);
            let purge = if soft { purge.soft() } else { purge };
            cache.layer.purger().purge(&purge);
        };
        purge("one");
        assert!(cache.send(asking(&two)).await.is_hit(), "{soft}");
        assert!(!cache.send(asking(&one)).await.is_hit(), "{soft}");
        purge("all");
        for fields in [one, two] {
            assert!(!cache.send(asking(&fields)).await.is_hit(), "{soft}");
            assert!(cache.send(asking(&fields)).await.is_hit(), "{soft}");
        }
    }
}

/// Whether a response with the tag `a` that was confirmed with these fields is purged by a tag.
async fn obeys(confirmed: &'static [(&'static str, &'static str)], tag: &str) -> bool {
    const STORED: &[(&str, &str)] = &[
        ("cache-control", "max-age=60"),
        ("etag", "\"a\""),
        ("cache-tag", "a"),
    ];
    let origin = script(vec![
        say(200, STORED, "content"),
        say(304, confirmed, ""),
        say(200, &[], "new"),
    ]);
    let cache = Cache::new(origin);
    cache.get(&[]).await;
    cache.advance(70);
    let validated = cache.get(&[]).await;
    assert_eq!(
        (validated.status.as_u16(), &*validated.body),
        (200, "content")
    );
    assert_eq!(validated.header("cache-tag"), None);
    assert!(cache.get(&[]).await.is_hit(), "it is fresh");
    cache.layer.purger().tag(tag);
    !cache.get(&[]).await.is_hit()
}

#[tokio::test]
async fn what_a_304_says_of_tags_adds_to_them() {
    assert!(obeys(&[], "a").await, "nothing is said");
    assert!(!obeys(&[], "b").await);
    for fields in [
        &[("cache-tag", "b")][..],
        &[("surrogate-key", "b c")],
        &[("cache-tag", "b"), ("cache-groups", "\"g\"")],
    ] {
        assert!(obeys(fields, "a").await, "{fields:?}: dropped");
        assert!(obeys(fields, "b").await, "{fields:?}: added");
        assert!(!obeys(fields, "d").await, "{fields:?}");
    }
}

/// Either it is no longer used, or all of its tags are known.
#[tokio::test]
async fn a_304_with_too_many_tags_leaves_nothing_that_ignores_them() {
    let fields = [("cache-control", "max-age=60"), ("etag", "\"a\"")];
    let tags = numbered(200);
    let origin = Origin::new(move |asked| {
        if asked.headers().contains_key("if-none-match") {
            let many = [&fields[..], &[("cache-tag", tags.as_str())]].concat();
            return respond(StatusCode::NOT_MODIFIED, &many, "");
        }
        respond(StatusCode::OK, &fields, "content")
    });
    for tag in ["t0", "t127", "t128", "t199"] {
        let cache = Cache::new(origin.clone());
        cache.get(&[]).await;
        cache.advance(70);
        assert_eq!(cache.get(&[]).await.body, "content");
        cache.layer.purger().tag(tag);
        assert!(!cache.get(&[]).await.is_hit(), "{tag}");
    }
}
