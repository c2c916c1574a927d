//! Variants of a resource (RFC 9111 4.1).

use http::StatusCode;
use tower_keep::ResponseCacheLayer;

use super::{
    cases::{Fields, caching, date},
    support::{Cache, Origin, request, respond},
};

/// Whether a response to `first` with these lines of Vary answers `second`.
async fn matches(vary: &[&str], first: Fields<'_>, second: Fields<'_>) -> bool {
    let mut fields = vec![("cache-control", "max-age=60")];
    fields.extend(vary.iter().map(|line| ("vary", *line)));
    let cache = caching(&fields);
    cache.get(first).await;
    cache.get(second).await.is_hit()
}

#[tokio::test]
async fn all_fields_of_all_lines_have_to_match() {
    let both: Fields<'_> = &[("foo", "1"), ("bar", "2")];
    let other: Fields<'_> = &[("foo", "1"), ("bar", "3")];
    for vary in [
        &["foo, bar"][..],
        &["foo", "bar"],
        &["Foo,,BAR ,"],
        &["bar", "foo, foo"],
    ] {
        assert!(matches(vary, both, both).await, "{vary:?}");
        assert!(!matches(vary, both, other).await, "{vary:?}");
        assert!(!matches(vary, both, &both[..1]).await, "{vary:?}");
        assert!(!matches(vary, both, &[]).await, "{vary:?}");
    }
    assert!(matches(&["foo"], both, other).await, "bar is not named");
    assert!(matches(&[], both, &[]).await, "nothing is named");
    assert!(matches(&[""], both, &[]).await, "nothing is named");
}

#[tokio::test]
async fn values_of_several_lines_are_compared_combined() {
    let lines: Fields<'_> = &[("foo", "1"), ("foo", "2")];
    assert!(matches(&["foo"], lines, &[("foo", "1, 2")]).await);
    assert!(matches(&["foo"], &[("foo", "1,2")], lines).await);
    assert!(!matches(&["foo"], lines, &[("foo", "1")]).await);
    assert!(!matches(&["foo"], lines, &[("foo", "2"), ("foo", "1")]).await);
}

#[tokio::test]
async fn an_absent_field_matches_only_an_absent_one() {
    assert!(matches(&["foo"], &[], &[]).await);
    assert!(matches(&["foo"], &[], &[("bar", "1")]).await);
    assert!(!matches(&["foo"], &[], &[("foo", "1")]).await);
    assert!(!matches(&["foo"], &[("foo", "1")], &[]).await);
    assert!(!matches(&["foo"], &[], &[("foo", "")]).await);
}

#[tokio::test]
async fn values_that_differ_in_more_than_white_space_are_different() {
    for (one, two) in [
        ("1", "2"),
        ("1", "1, 1"),
        ("a", "A"),
        ("a b", "ab"),
        ("a b", "a, b"),
        ("\"a, b\"", "\"a,b\""),
        ("1", "1 2"),
    ] {
        assert!(
            !matches(&["foo"], &[("foo", one)], &[("foo", two)]).await,
            "{one} {two}"
        );
    }
}

#[tokio::test]
async fn a_star_anywhere_never_matches() {
    for vary in [
        &["*"][..],
        &["*, foo"],
        &["foo, *"],
        &["foo", "*"],
        &["*", "foo"],
        &[" * "],
    ] {
        assert!(!matches(vary, &[], &[]).await, "{vary:?}");
        assert!(
            !matches(vary, &[("foo", "1")], &[("foo", "1")]).await,
            "{vary:?}"
        );
    }
}

#[tokio::test]
async fn values_of_two_fields_do_not_run_together() {
    let vary = &["a, b"];
    for (one, two) in [
        (&[("a", "x")][..], &[("b", "x")][..]),
        (&[("a", "x,y")], &[("a", "x"), ("b", "y")]),
        (&[("a", "x\tb: y")], &[("a", "x"), ("b", "y")]),
    ] {
        assert!(!matches(vary, one, two).await, "{one:?} {two:?}");
    }
}

#[tokio::test]
async fn variants_live_side_by_side_and_answer_head_too() {
    let cache = caching(&[("cache-control", "max-age=60"), ("vary", "accept-language")]);
    for (language, body) in [("de", "1"), ("en", "2"), ("de", "1"), ("en", "2")] {
        let fields = [("accept-language", language)];
        assert_eq!(cache.get(&fields).await.body, body, "{language}");
    }
    assert!(
        cache
            .send(request("HEAD", &[("accept-language", "de")]))
            .await
            .is_hit()
    );
    assert!(
        !cache
            .send(request("HEAD", &[("accept-language", "fr")]))
            .await
            .is_hit()
    );
}

#[tokio::test]
async fn fields_that_the_cache_itself_adds_do_not_select() {
    let cache = caching(&[
        ("cache-control", "max-age=60"),
        ("vary", "if-none-match, if-modified-since"),
        ("etag", "\"a\""),
    ]);
    cache.get(&[]).await;
    cache.advance(100);
    cache.get(&[]).await;
    assert!(
        cache.get(&[]).await.is_hit(),
        "stored for what the client sent"
    );
}

#[tokio::test]
async fn vary_on_cookie_or_authorization_keeps_their_values_apart() {
    for name in ["cookie", "authorization"] {
        let cache = caching(&[("cache-control", "public, max-age=60"), ("vary", name)]);
        for (value, body) in [("a=1", "1"), ("a=2", "2"), ("a=1", "1")] {
            assert_eq!(
                cache.get(&[(name, value)]).await.body,
                body,
                "{name}: {value}"
            );
        }
    }
}

/// An origin that answers with Vary and one Date where `Foo: 1` is sent, without Vary and with another
/// Date where not.
fn changing_its_mind(with_vary: i64, without: i64) -> Cache {
    let (with_vary, without) = (date(with_vary), date(without));
    Cache::new(Origin::new(move |asked| {
        let control = ("cache-control", "max-age=600");
        if asked.headers().contains_key("foo") {
            let fields = [control, ("vary", "foo"), ("date", &with_vary)];
            respond(StatusCode::OK, &fields, "with")
        } else {
            respond(StatusCode::OK, &[control, ("date", &without)], "without")
        }
    }))
}

#[tokio::test]
async fn of_several_that_match_the_newest_date_wins() {
    let foo: Fields<'_> = &[("foo", "1")];
    for (with_vary, without, expected) in [(-10, -20, "with"), (-20, -10, "without")] {
        let cache = changing_its_mind(with_vary, without);
        assert_eq!(cache.get(foo).await.body, "with");
        assert_eq!(cache.get(&[]).await.body, "without");
        let got = cache.get(foo).await;
        assert_eq!((got.body.as_str(), got.is_hit()), (expected, true));
    }
}

#[tokio::test]
async fn a_resource_that_varies_differently_later_never_answers_wrongly() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let cache = Cache::new(Origin::new(move |asked| {
        let call = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let vary = if call == 0 { "a" } else { "a, b" };
        let value = |name| {
            asked
                .headers()
                .get(name)
                .map_or("-", |value| value.to_str().unwrap())
        };
        let body = format!("{}{}", value("a"), value("b"));
        respond(
            StatusCode::OK,
            &[("cache-control", "max-age=60"), ("vary", vary)],
            &body,
        )
    }));
    // The first says that B does not matter for A: 1.
    assert_eq!(cache.get(&[("a", "1"), ("b", "1")]).await.body, "11");
    assert_eq!(cache.get(&[("a", "2"), ("b", "1")]).await.body, "21");
    assert_eq!(cache.get(&[("a", "2"), ("b", "2")]).await.body, "22");
    assert_eq!(cache.get(&[("a", "2"), ("b", "1")]).await.body, "21");
    assert_eq!(cache.get(&[("a", "2")]).await.body, "2-");
}

#[tokio::test]
async fn more_variants_than_are_kept_make_the_first_go() {
    let origin = Origin::with(&[("cache-control", "max-age=60"), ("vary", "foo")]);
    let cache = Cache::with(origin, |layer: ResponseCacheLayer| layer.max_variants(2));
    for value in ["1", "2", "3"] {
        cache.get(&[("foo", value)]).await;
    }
    for (value, hit) in [("3", true), ("2", true), ("1", false)] {
        assert_eq!(cache.get(&[("foo", value)]).await.is_hit(), hit, "{value}");
    }
}
