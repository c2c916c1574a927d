use super::*;

#[test]
fn every_directive_is_read() {
    let expected = RequestDirectives {
        no_store: true,
        no_cache: true,
        only_if_cached: true,
        max_age: Some(1),
        min_fresh: Some(2),
        stale_if_error: Some(3),
        max_stale: Some(MaxStale::Seconds(4)),
    };
    let line = "NO-store, no-cache, only-if-cached, max-age=1, min-fresh=\"2\", \
                stale-if-error=3, max-stale=4, foo";
    assert_eq!(request(line), expected);
    assert_eq!(request("max-stale").max_stale, Some(MaxStale::Any));
    assert_eq!(
        request("foo=\"no-store, no-cache\""),
        RequestDirectives::default()
    );
}

#[test]
fn what_cannot_be_read_is_taken_at_its_strictest() {
    for argument in ["=", "=-1", "=1.5", "=x", "=1 0", "=\"1\"0", "= 1", "=\"1"] {
        assert_eq!(
            request(&format!("max-age{argument}")).max_age,
            Some(0),
            "{argument}"
        );
        assert_eq!(
            request(&format!("min-fresh{argument}")).min_fresh,
            Some(MAX_DELTA)
        );
        assert_eq!(
            request(&format!("max-stale{argument}")),
            RequestDirectives::default()
        );
        assert_eq!(
            request(&format!("stale-if-error{argument}")),
            RequestDirectives::default()
        );
    }
    assert_eq!(request("stale-if-error"), RequestDirectives::default());
}

#[test]
fn of_several_the_strictest_counts() {
    let twice = request(
        "max-age=5, max-age=9, min-fresh=5, min-fresh=9, stale-if-error=9, stale-if-error=5",
    );
    assert_eq!(
        (twice.max_age, twice.min_fresh, twice.stale_if_error),
        (Some(5), Some(9), Some(5))
    );
    for line in [
        "max-stale=5, max-stale=9",
        "max-stale=9, max-stale=5",
        "max-stale, max-stale=5",
        "max-stale=5, max-stale",
        "max-stale=x, max-stale=5",
    ] {
        assert_eq!(
            request(line).max_stale,
            Some(MaxStale::Seconds(5)),
            "{line}"
        );
    }
}

#[test]
fn only_restrictions_are_read_into_broken_parts() {
    let directives = request("a=\"b, no-cache, no-store, max-stale, only-if-cached");
    let expected = RequestDirectives {
        no_cache: true,
        no_store: true,
        ..Default::default()
    };
    assert_eq!(directives, expected);
}

#[test]
fn pragma_counts_only_without_cache_control_and_only_if_wanted() {
    let pragma = headers(&header::PRAGMA, &["foo, No-Cache"]);
    assert!(RequestDirectives::from_headers(&pragma, true).no_cache);
    assert!(!RequestDirectives::from_headers(&pragma, false).no_cache);
    let mut both = pragma;
    both.insert(header::CACHE_CONTROL, HeaderValue::from_static(""));
    assert!(!RequestDirectives::from_headers(&both, true).no_cache);
    let other = headers(&header::PRAGMA, &["x-no-cache"]);
    assert!(!RequestDirectives::from_headers(&other, true).no_cache);
}
