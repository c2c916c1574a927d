use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

/// Sun, 09 Sep 2001 01:46:40 GMT
const NOW: i64 = 1_000_000_000;
const SECOND: Duration = Duration::from_secs(1);

type Lines<'a> = &'a [(&'static str, &'static str)];

fn headers(lines: Lines<'_>) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    lines.iter().map(field).collect()
}

fn facts_of(status: u16, lines: Lines<'_>) -> ResponseFacts {
    let status = StatusCode::from_u16(status).expect("a status");
    ResponseFacts::read(status, &headers(lines), &Rules::default(), NOW)
}

fn facts(lines: Lines<'_>) -> ResponseFacts {
    facts_of(200, lines)
}

/// What is fresh for so many seconds, by which rule.
fn fresh_for(rules: &Rules, facts: &ResponseFacts) -> Option<(u64, Rule)> {
    lifetime(rules, facts, None).map(|lifetime| (lifetime.fresh_for.as_secs(), lifetime.source))
}

fn shared(lines: Lines<'_>) -> Option<(u64, Rule)> {
    fresh_for(&Rules::default(), &facts(lines))
}

fn private() -> Rules {
    Rules {
        private: true,
        ..Rules::default()
    }
}

// RFC 9111 4.2.1
#[test]
fn the_first_applicable_source_gives_the_lifetime() {
    let all: Vec<(&'static str, &'static str)> = vec![
        ("cache-control", "s-maxage=30"),
        ("cache-control", "max-age=20"),
        ("expires", "Sun, 09 Sep 2001 01:46:50 GMT"),
        ("last-modified", "Sun, 09 Sep 2001 01:45:00 GMT"),
        ("date", "Sun, 09 Sep 2001 01:46:40 GMT"),
    ];
    let rules = Rules {
        default_ttl: Some(5 * SECOND),
        ..Rules::default()
    };
    let sources = [
        (30, Rule::SMaxAge),
        (20, Rule::MaxAge),
        (10, Rule::Expires),
        (5, Rule::DefaultTtl),
    ];
    for (skipped, source) in sources.into_iter().enumerate() {
        let facts = facts(&all[skipped..]);
        assert_eq!(fresh_for(&rules, &facts), Some(source));
        let by_handler = lifetime(&rules, &facts, Some(SECOND)).expect("a lifetime");
        assert_eq!(by_handler.fresh_for, SECOND);
        assert_eq!(by_handler.source, Rule::PolicyTtl);
    }
    assert_eq!(shared(&all[3..]), Some((10, Rule::Heuristic)));
    assert_eq!(shared(&all[4..]), None);
}

#[test]
fn s_maxage_means_nothing_to_a_private_cache() {
    let both = facts(&[("cache-control", "s-maxage=30, max-age=20")]);
    assert_eq!(fresh_for(&private(), &both), Some((20, Rule::MaxAge)));
    let alone = facts(&[("cache-control", "s-maxage=30")]);
    assert_eq!(fresh_for(&private(), &alone), None);
}

#[test]
fn only_defaults_are_not_explicit() {
    for rule in Rule::ALL {
        let lifetime = Lifetime {
            fresh_for: SECOND,
            source: *rule,
        };
        let default = [Rule::DefaultTtl, Rule::Heuristic].contains(rule);
        assert_eq!(lifetime.is_explicit(), !default, "{rule}");
    }
}

// RFC 9111 5.3: minus Date, not minus the time of arrival.
#[test]
fn expires_counts_from_date() {
    let expires = ("expires", "Sun, 09 Sep 2001 01:47:40 GMT");
    let early = ("date", "Sun, 09 Sep 2001 01:40:40 GMT");
    assert_eq!(shared(&[expires, early]), Some((420, Rule::Expires)));
    let late = ("date", "Sun, 09 Sep 2001 01:47:41 GMT");
    assert_eq!(shared(&[expires, late]), Some((0, Rule::Expires)));
    assert_eq!(shared(&[expires]), Some((60, Rule::Expires)));
    let invalid = ("date", "yesterday");
    assert_eq!(shared(&[expires, invalid]), Some((60, Rule::Expires)));
}

#[test]
fn an_invalid_expires_means_the_past_and_bars_the_heuristic() {
    let modified = ("last-modified", "Sun, 09 Sep 2000 01:46:40 GMT");
    for lines in [
        &[("expires", "0"), modified][..],
        &[("expires", ""), modified],
        &[("expires", "Sun, 09 Sep 2001 01:47:40 EST"), modified],
        &[
            ("expires", "Sun, 09 Sep 2001 01:47:40 GMT"),
            ("expires", "Sun, 09 Sep 2001 01:47:40 GMT"),
            modified,
        ],
    ] {
        assert_eq!(shared(lines), Some((0, Rule::InvalidExpires)), "{lines:?}");
    }
}

#[test]
fn beside_max_age_an_invalid_expires_is_ignored() {
    let lines = &[("cache-control", "max-age=60"), ("expires", "0")];
    assert_eq!(shared(lines), Some((60, Rule::MaxAge)));
}

// RFC 9213 2.2
#[test]
fn a_targeted_field_replaces_cache_control_and_expires() {
    let others = [
        ("cache-control", "max-age=60"),
        ("expires", "Sun, 09 Sep 2001 01:47:40 GMT"),
    ];
    let beside = |targeted| facts(&[others[0], others[1], ("cdn-cache-control", targeted)]);
    let with_age = beside("max-age=5");
    assert!(with_age.targeted);
    assert_eq!(
        fresh_for(&Rules::default(), &with_age),
        Some((5, Rule::MaxAge))
    );
    let without = beside("must-revalidate");
    assert!(without.targeted && without.directives.must_revalidate);
    assert_eq!(fresh_for(&Rules::default(), &without), None);
    for ignored in ["", "max-age=", "max-age=5;;"] {
        let facts = beside(ignored);
        assert!(!facts.targeted, "{ignored}");
        assert_eq!(
            fresh_for(&Rules::default(), &facts),
            Some((60, Rule::MaxAge))
        );
    }
}

#[test]
fn the_first_usable_targeted_field_of_the_list_counts() {
    let rules = Rules {
        targeted: ["a-cache-control", "b-cache-control"]
            .map(HeaderName::from_static)
            .into(),
        ..Rules::default()
    };
    let age = |lines: Lines<'_>| {
        let facts = ResponseFacts::read(StatusCode::OK, &headers(lines), &rules, NOW);
        facts.directives.max_age
    };
    let [a, b] = [
        ("a-cache-control", "max-age=1"),
        ("b-cache-control", "max-age=2"),
    ];
    let others = [
        ("cdn-cache-control", "max-age=3"),
        ("cache-control", "max-age=4"),
    ];
    assert_eq!(age(&[others[0], others[1], b, a]), Some(1));
    assert_eq!(age(&[others[0], others[1], b]), Some(2));
    assert_eq!(
        age(&[others[0], others[1], b, ("a-cache-control", "?")]),
        Some(2)
    );
    assert_eq!(age(&others), Some(4));
}

/// Last modified 1000 seconds ago.
const MODIFIED: (&str, &str) = ("last-modified", "Sun, 09 Sep 2001 01:30:00 GMT");

// RFC 9111 4.2.2
#[test]
fn the_heuristic_is_a_share_of_the_time_since_the_last_change() {
    let share = |percent, cap| {
        let heuristic = Some(Heuristic { percent, cap });
        let rules = Rules {
            heuristic,
            ..Rules::default()
        };
        fresh_for(&rules, &facts(&[MODIFIED])).map(|(seconds, _)| seconds)
    };
    assert_eq!(share(10, Duration::MAX), Some(100));
    assert_eq!(share(25, Duration::MAX), Some(250));
    assert_eq!(share(0, Duration::MAX), Some(0));
    assert_eq!(share(10, 7 * SECOND), Some(7));
    assert_eq!(share(10, 100 * SECOND), Some(100));
    let date = ("date", "Sun, 09 Sep 2001 01:31:00 GMT");
    assert_eq!(shared(&[MODIFIED, date]), Some((6, Rule::Heuristic)));
}

#[test]
fn the_default_heuristic_is_a_tenth_up_to_a_day() {
    assert_eq!(shared(&[MODIFIED]), Some((100, Rule::Heuristic)));
    let long_ago = ("last-modified", "Sat, 09 Sep 2000 01:46:40 GMT");
    assert_eq!(shared(&[long_ago]), Some((86_400, Rule::Heuristic)));
}

#[test]
fn there_is_no_heuristic_without_a_past_last_modified_or_when_it_is_off() {
    let future = ("last-modified", "Sun, 09 Sep 2001 01:46:41 GMT");
    assert_eq!(shared(&[future]), None);
    assert_eq!(shared(&[("last-modified", "yesterday")]), None);
    assert_eq!(shared(&[MODIFIED, MODIFIED]), None);
    assert_eq!(shared(&[]), None);
    let off = Rules {
        heuristic: None,
        ..Rules::default()
    };
    assert_eq!(fresh_for(&off, &facts(&[MODIFIED])), None);
}

#[test]
fn the_heuristic_is_for_statuses_that_may_go_without_or_with_public() {
    let public = ("cache-control", "public");
    for status in (200..600).filter(|status| ![206, 304].contains(status)) {
        let plain = fresh_for(&Rules::default(), &facts_of(status, &[MODIFIED]));
        let may = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].contains(&status);
        assert_eq!(plain.is_some(), may, "{status}");
        let shared = fresh_for(&Rules::default(), &facts_of(status, &[MODIFIED, public]));
        assert_eq!(shared, Some((100, Rule::Heuristic)), "{status}");
    }
}

// RFC 9111 4.2.3
#[test]
fn the_initial_age_is_the_larger_of_the_apparent_and_the_corrected_one() {
    let age = |lines: Lines<'_>, delay| facts(lines).initial_age(NOW, delay);
    let minute_ago = ("date", "Sun, 09 Sep 2001 01:45:40 GMT");
    assert_eq!(age(&[], Duration::ZERO), Duration::ZERO);
    assert_eq!(age(&[minute_ago], Duration::ZERO), 60 * SECOND);
    assert_eq!(age(&[minute_ago], 2 * SECOND), 60 * SECOND);
    assert_eq!(age(&[minute_ago, ("age", "59")], 2 * SECOND), 61 * SECOND);
    assert_eq!(age(&[("age", "7")], 2 * SECOND), 9 * SECOND);
    let ahead = ("date", "Sun, 09 Sep 2001 01:47:40 GMT");
    assert_eq!(age(&[ahead, ("age", "7")], Duration::ZERO), 7 * SECOND);
    assert_eq!(age(&[ahead], Duration::ZERO), Duration::ZERO);
    assert_eq!(age(&[("age", "-7")], Duration::ZERO), Duration::ZERO);
}

// RFC 9110 6.6.1
#[test]
fn without_a_valid_date_a_response_dates_from_its_arrival() {
    assert_eq!(facts(&[]).date, NOW);
    assert_eq!(facts(&[("date", "now")]).date, NOW);
    let date = ("date", "Sun, 09 Sep 2001 01:46:39 GMT");
    assert_eq!(facts(&[date]).date, NOW - 1);
    assert_eq!(facts(&[date, date]).date, NOW);
}

#[test]
fn a_validator_is_an_entity_tag_or_a_valid_last_modified() {
    let has = |lines: Lines<'_>| facts(lines).has_validator(&headers(lines));
    assert!(!has(&[]));
    assert!(!has(&[("last-modified", "yesterday")]));
    assert!(has(&[MODIFIED]));
    assert!(has(&[("etag", "W/\"a\"")]));
    assert!(has(&[("etag", "\"a\""), MODIFIED]));
}

fn any_date() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>(), -5_i64..5]
}

prop_compose! {
    fn any_facts()(
        date in any_date(),
        expires in prop_oneof![
            Just(Err(Invalid)),
            proptest::option::of(any_date()).prop_map(Ok),
        ],
        last_modified in proptest::option::of(any_date()),
        age: Option<u64>,
        max_age: Option<u64>,
        targeted: bool,
    ) -> ResponseFacts {
        let directives = ResponseDirectives { max_age, ..Default::default() };
        ResponseFacts {
            status: StatusCode::OK, directives, targeted, date, expires, last_modified, age,
        }
    }
}

proptest! {
    #[test]
    fn no_extreme_of_time_overflows(facts in any_facts(), now in any_date(), delay: Duration) {
        prop_assert!(facts.initial_age(now, delay) >= delay);
        let _ = lifetime(&Rules::default(), &facts, None);
    }

    #[test]
    fn no_share_exceeds_its_cap(facts in any_facts(), percent: u32, cap: Duration) {
        let rules = Rules { heuristic: Some(Heuristic { percent, cap }), ..Rules::default() };
        match lifetime(&rules, &facts, None) {
            Some(Lifetime { fresh_for, source: Rule::Heuristic }) => {
                prop_assert!(fresh_for <= cap);
                prop_assert!(facts.targeted || facts.expires == Ok(None));
            }
            Some(lifetime) => prop_assert!(lifetime.is_explicit()),
            None => {}
        }
    }
}
