use http::Method;
use proptest::prelude::*;

use super::*;
use crate::{header::cache_control::RequestDirectives, response_cache::policy::storable::Terms};

const SECOND: Duration = Duration::from_secs(1);

fn says(lines: &str) -> ResponseDirectives {
    ResponseDirectives::from_lines([lines.as_bytes()].into_iter())
}

/// Windows in seconds under default rules changed so.
fn of(line: &str, change: impl FnOnce(&mut Rules)) -> (u64, u64) {
    of_both(line, None, change)
}

/// The same where the handler said something, too.
fn of_both(line: &str, said: Option<&Said>, change: impl FnOnce(&mut Rules)) -> (u64, u64) {
    let mut rules = Rules::default();
    change(&mut rules);
    let windows = windows(&rules, &says(line), said);
    (
        windows.while_revalidate.as_secs(),
        windows.if_error.as_secs(),
    )
}

fn with_defaults(rules: &mut Rules) {
    rules.while_revalidate = 5 * SECOND;
    rules.if_error = 7 * SECOND;
}

// RFC 5861 3, 4
#[test]
fn a_response_gives_its_windows_and_the_layer_those_that_it_does_not_give() {
    let both = "max-age=1, stale-while-revalidate=30, stale-if-error=60";
    assert_eq!(of(both, |_| {}), (30, 60));
    assert_eq!(of(both, with_defaults), (30, 60));
    assert_eq!(of("max-age=1", |_| {}), (0, 0));
    assert_eq!(of("max-age=1", with_defaults), (5, 7));
    assert_eq!(
        of("max-age=1, stale-while-revalidate=0", with_defaults),
        (0, 7)
    );
}

// RFC 9111 4.2.4
#[test]
fn nothing_is_served_stale_where_a_directive_forbids_it() {
    for forbids in [
        "must-revalidate",
        "proxy-revalidate",
        "no-cache",
        "s-maxage=9",
    ] {
        let line = format!("max-age=1, stale-while-revalidate=30, stale-if-error=60, {forbids}");
        assert_eq!(of(&line, with_defaults), (0, 0), "{forbids}");
    }
    let qualified = "max-age=1, stale-while-revalidate=30, no-cache=\"set-cookie\"";
    assert_eq!(of(qualified, |_| {}), (30, 0), "it is about a field only");
}

#[test]
fn directives_for_shared_caches_mean_nothing_to_a_private_one() {
    let line = "max-age=1, stale-while-revalidate=30, proxy-revalidate, s-maxage=9";
    assert_eq!(of(line, |rules| rules.private = true), (30, 0));
    let line = "max-age=1, stale-while-revalidate=30, must-revalidate";
    assert_eq!(of(line, |rules| rules.private = true), (0, 0));
}

#[test]
fn beside_s_maxage_only_an_explicit_window_counts_and_only_if_the_layer_was_told_so() {
    let told = |rules: &mut Rules| {
        with_defaults(rules);
        rules.stale_despite_s_maxage = true;
    };
    assert_eq!(of("s-maxage=9, stale-if-error=60", told), (0, 60));
    assert_eq!(of("s-maxage=9", told), (0, 0));
    assert_eq!(
        of("s-maxage=9, must-revalidate, stale-if-error=60", told),
        (0, 0)
    );
}

#[test]
fn the_handlers_windows_win_over_those_of_fields_and_layer_and_loosen_no_prohibition() {
    let said = Said {
        while_revalidate: Some(3 * SECOND),
        if_error: Some(Duration::ZERO),
        ..Said::default()
    };
    let of = |line| of_both(line, Some(&said), with_defaults);
    assert_eq!(of("max-age=1"), (3, 0));
    assert_eq!(
        of("max-age=1, stale-while-revalidate=30, stale-if-error=60"),
        (3, 0)
    );
    for forbids in [
        "must-revalidate",
        "proxy-revalidate",
        "no-cache",
        "s-maxage=9",
    ] {
        assert_eq!(of(forbids), (0, 0), "{forbids}");
    }
    // It is as explicit as a field.
    let despite = |rules: &mut Rules| rules.stale_despite_s_maxage = true;
    assert_eq!(of_both("s-maxage=9", Some(&said), despite), (3, 0));
}

fn terms(change: impl FnOnce(&mut Terms)) -> Terms {
    let mut terms = Terms {
        lifetime: 60 * SECOND,
        said: None,
        explicit: true,
        authorized: false,
        validate_always: false,
        never_stale: false,
        immutable: false,
        windows: Windows {
            while_revalidate: 10 * SECOND,
            if_error: 20 * SECOND,
        },
        keep: 60 * SECOND,
    };
    change(&mut terms);
    terms
}

fn asked(change: impl FnOnce(&mut RequestDirectives)) -> RequestFacts {
    let mut directives = RequestDirectives::default();
    change(&mut directives);
    RequestFacts {
        method: Method::GET,
        directives,
        authorization: false,
        unkeyed_cookie: false,
        personal: false,
        user_in_key: false,
        body_in_key: false,
    }
}

fn saved(terms: &Terms, request: &RequestFacts, age: u64) -> bool {
    let candidate = Candidate::untouched(terms, Duration::from_secs(age));
    if_error(&Rules::default(), request, &candidate) == Some(Rule::StaleIfError)
}

#[test]
fn a_failure_is_covered_within_the_window_of_the_response_or_of_the_request() {
    let plain = asked(|_| {});
    let own = terms(|_| {});
    assert!(saved(&own, &plain, 60) && saved(&own, &plain, 79) && !saved(&own, &plain, 80));
    let longer = asked(|asks| asks.stale_if_error = Some(30));
    assert!(saved(&own, &longer, 89) && !saved(&own, &longer, 90));
    let shorter = asked(|asks| asks.stale_if_error = Some(5));
    assert!(saved(&own, &shorter, 79), "the longer of the two counts");
}

#[test]
fn a_request_cannot_open_a_window_that_the_response_forbids() {
    let asks = asked(|asks| asks.stale_if_error = Some(30));
    let none = Windows::default();
    assert!(saved(&terms(|terms| terms.windows = none), &asks, 60));
    assert!(!saved(
        &terms(|terms| (terms.windows, terms.never_stale) = (none, true)),
        &asks,
        60
    ));
    assert!(!saved(
        &terms(|terms| (terms.windows, terms.validate_always) = (none, true)),
        &asks,
        60
    ));
    let deaf = Rules {
        request_directives: false,
        ..Rules::default()
    };
    let none = terms(|terms| terms.windows = none);
    let candidate = Candidate::untouched(&none, 60 * SECOND);
    assert_eq!(if_error(&deaf, &asks, &candidate), None);
}

#[test]
fn who_wants_no_stored_response_gets_the_failure_and_so_does_who_would_get_a_contradicted_one() {
    let own = terms(|_| {});
    let reload = asked(|asks| asks.no_cache = true);
    assert!(!saved(&own, &reload, 61));
    let candidate = Candidate {
        contradicted: true,
        ..Candidate::untouched(&own, 61 * SECOND)
    };
    assert_eq!(
        if_error(&Rules::default(), &asked(|_| {}), &candidate),
        None
    );
}

#[test]
fn only_some_statuses_are_failures() {
    let failures: Vec<u16> = (100..600)
        .filter(|status| is_error(StatusCode::from_u16(*status).expect("a status")))
        .collect();
    assert_eq!(failures, [500, 502, 503, 504]);
}

proptest! {
    #[test]
    fn an_early_refresh_lies_within_its_share_and_half_of_it_always_does(
        lifetime in 2..100_000_u32,
        percent in 1..=100_u32,
        spread: u64,
        at in 0.0..1.0_f64,
    ) {
        let rules = Rules { early_refresh: Some(percent), ..Rules::default() };
        let terms = terms(|terms| terms.lifetime = lifetime * SECOND);
        let age = terms.lifetime.mul_f64(at);
        let left = terms.lifetime - age;
        let share = terms.lifetime * percent / 100;
        let candidate = Candidate::untouched(&terms, age);
        let refreshed = early(&rules, &Candidate { spread, ..candidate });
        prop_assert!(!refreshed || left <= share);
        prop_assert!(refreshed || left > share / 2);
    }
}

#[test]
fn the_share_of_an_early_refresh_is_spread_and_never_reaches_past_the_lifetime() {
    let rules = Rules {
        early_refresh: Some(20),
        ..Rules::default()
    };
    let terms = terms(|_| {});
    let refreshed = |age, spread| {
        let candidate = Candidate::untouched(&terms, Duration::from_secs(age));
        early(
            &rules,
            &Candidate {
                spread,
                ..candidate
            },
        )
    };
    // Of the last twelve seconds the last six always, the others by what is the response's own.
    for (spread, first) in [
        (0, 54),
        (512, 51),
        (1023, 49),
        (1024, 54),
        (5 * 1024 + 512, 51),
    ] {
        assert!(
            refreshed(first, spread) && !refreshed(first - 1, spread),
            "{spread}"
        );
    }
    assert!(refreshed(59, 0) && !refreshed(60, 0) && !refreshed(61, 1023));
}
