//! On what terms a response is stored.

use super::*;

fn terms(directives: &'static str) -> Terms {
    response(&[("cache-control", directives), ("etag", "\"a\"")])
        .stored()
        .terms
}

fn own_terms(directives: &'static str) -> Terms {
    response(&[("cache-control", directives), ("etag", "\"a\"")])
        .private()
        .stored()
        .terms
}

// RFC 9111 4.2.4; proxy-revalidate and s-maxage are for shared caches (5.2.2.8, 5.2.2.10).
#[test]
fn directives_that_forbid_stale_use_bind_the_caches_that_they_are_for() {
    for (directives, shared, own) in [
        ("max-age=60", false, false),
        ("max-age=60, public", false, false),
        ("max-age=60, must-revalidate", true, true),
        ("max-age=60, proxy-revalidate", true, false),
        ("max-age=60, s-maxage=60", true, false),
        ("s-maxage=0", true, false),
    ] {
        assert_eq!(terms(directives).never_stale, shared, "{directives}");
        assert_eq!(own_terms(directives).never_stale, own, "{directives}");
    }
}

#[test]
fn no_cache_wants_validation_at_each_use() {
    assert!(terms("no-cache, max-age=60").validate_always);
    assert!(terms("no-cache, no-cache=\"x\"").validate_always);
    assert!(!terms("max-age=60").validate_always);
    assert!(!terms("no-cache=\"x\", max-age=60").validate_always);
}

#[test]
fn immutable_is_remembered() {
    assert!(terms("max-age=60, immutable").immutable);
    assert!(!terms("max-age=60").immutable);
}

#[test]
fn freshness_and_public_are_explicit_and_defaults_are_not() {
    for directives in ["max-age=60", "max-age=0", "s-maxage=60", "public"] {
        assert!(terms(directives).explicit, "{directives}");
    }
    assert!(!terms("").explicit);
    assert!(!terms("must-revalidate").explicit);
    let by_default =
        response(&[]).with(|case| case.rules.default_ttl = Some(Duration::from_secs(60)));
    assert!(!by_default.stored().terms.explicit);
    let by_heuristic = response(&[("last-modified", "Sat, 08 Sep 2001 01:46:40 GMT")]);
    assert!(!by_heuristic.stored().terms.explicit);
}

#[test]
fn what_cannot_be_fresh_is_kept_for_validation() {
    let case = response(&[("etag", "\"a\"")]).with(|case| case.rules.keep = Duration::from_secs(7));
    let terms = case.stored().terms;
    assert_eq!(terms.lifetime, Duration::ZERO);
    assert_eq!(terms.keep, Duration::from_secs(7));
}

#[test]
fn the_handlers_lifetime_wins_over_fields_but_loosens_no_prohibition() {
    let said = Some(saying_ttl(5));
    let with_ttl = |directives| saying(directives).with(|case| case.also.said = said.clone());
    for directives in ["", "max-age=60", "s-maxage=60", "max-age=0"] {
        let case = with_ttl(directives);
        assert_eq!(case.stored().terms.lifetime, Duration::from_secs(5));
        assert_eq!(case.stored().terms.said, said);
        assert!(case.decide().trail.has(Rule::PolicyTtl));
        assert!(case.stored().terms.explicit);
    }
    assert_eq!(terms("max-age=5").said, None);
    assert_eq!(with_ttl("no-store").refused(), Rule::ResponseNoStore);
    assert_eq!(with_ttl("private").refused(), Rule::Private);
    assert_eq!(with_ttl("no-cache").refused(), Rule::NoUse);
}

#[test]
fn the_handler_says_how_long_it_is_kept_and_the_longest_window_counts() {
    let kept = |keep: u64, window: u64| {
        let said = Said {
            keep: Some(Duration::from_secs(keep)),
            if_error: Some(Duration::from_secs(window)),
            ..Said::default()
        };
        let case = saying("max-age=1").with(|case| case.also.said = Some(Arc::new(said)));
        case.stored().terms.keep.as_secs()
    };
    assert_eq!(kept(7, 0), 7, "not the hour of the layer");
    assert_eq!(kept(7200, 0), 7200);
    assert_eq!(kept(7, 9), 9);
}

fn ttl(lifetime: Duration, age: Duration) -> i64 {
    Terms {
        lifetime,
        ..terms("max-age=60")
    }
    .ttl(age)
}

#[test]
fn the_time_left_is_negative_for_a_stale_response() {
    let seconds = Duration::from_secs;
    assert_eq!(ttl(seconds(60), seconds(0)), 60);
    assert_eq!(ttl(seconds(60), seconds(18)), 42);
    assert_eq!(ttl(seconds(60), seconds(60)), 0);
    assert_eq!(ttl(seconds(60), seconds(61)), -1);
    assert_eq!(ttl(Duration::ZERO, Duration::MAX), -i64::MAX);
    assert_eq!(ttl(Duration::MAX, Duration::ZERO), i64::MAX);
    assert_eq!(ttl(Duration::MAX, Duration::MAX), 0);
}
