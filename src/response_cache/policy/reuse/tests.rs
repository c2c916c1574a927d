use http::Method;
use proptest::prelude::*;

use super::{super::stale::Windows, *};
use crate::header::cache_control::RequestDirectives;

const SECOND: Duration = Duration::from_secs(1);

/// A request, a stored response, and all else that the decision on them depends on.
#[derive(Clone, Debug)]
struct Case {
    rules: Rules,
    request: RequestFacts,
    terms: Terms,
    age: Duration,
    contradicted: bool,
}

/// A plain GET and an explicitly fresh response, 60 seconds long of use, of this age.
fn at(age: u64) -> Case {
    Case {
        rules: Rules::default(),
        request: RequestFacts {
            method: Method::GET,
            directives: RequestDirectives::default(),
            authorization: false,
            unkeyed_cookie: false,
            personal: false,
            user_in_key: false,
            body_in_key: false,
        },
        terms: Terms {
            lifetime: 60 * SECOND,
            said: None,
            explicit: true,
            authorized: false,
            validate_always: false,
            never_stale: false,
            immutable: false,
            windows: Windows::default(),
            keep: 60 * SECOND,
        },
        age: Duration::from_secs(age),
        contradicted: false,
    }
}

impl Case {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same for a request with these directives.
    fn asked(self, change: impl FnOnce(&mut RequestDirectives)) -> Self {
        self.with(|case| change(&mut case.request.directives))
    }

    /// The same where the directives of requests do not count.
    fn deaf(self) -> Self {
        self.with(|case| case.rules.request_directives = false)
    }

    fn private(self) -> Self {
        self.with(|case| case.rules.private = true)
    }

    fn decide(&self) -> Decision<Reuse> {
        let candidate = Candidate {
            contradicted: self.contradicted,
            ..Candidate::untouched(&self.terms, self.age)
        };
        reuse(&self.rules, &self.request, candidate)
    }

    fn verdict(&self) -> (Reuse, Rule) {
        let Decision {
            verdict, reason, ..
        } = self.decide();
        (verdict, reason)
    }
}

const SERVED: (Reuse, Rule) = (Reuse::Serve, Rule::Fresh);

// RFC 9111 4.2: fresh while the lifetime exceeds the age.
#[test]
fn a_response_is_served_until_its_age_reaches_its_lifetime() {
    for age in [0, 1, 59] {
        assert_eq!(at(age).verdict(), SERVED, "{age}");
        assert!(!at(age).decide().trail.has(Rule::Stale));
    }
    for age in [60, 61, u64::MAX] {
        assert_eq!(at(age).verdict(), (Reuse::Validate, Rule::Stale), "{age}");
        assert!(at(age).decide().trail.has(Rule::Stale));
    }
    let last_moment = at(0).with(|case| case.age = Duration::from_millis(59_999));
    assert_eq!(last_moment.verdict(), SERVED);
}

#[test]
fn what_was_contradicted_is_validated_however_fresh() {
    let case = at(0).with(|case| case.contradicted = true);
    assert_eq!(case.verdict(), (Reuse::Validate, Rule::Contradicted));
    let case = case.asked(|asks| asks.max_stale = Some(MaxStale::Any));
    assert_eq!(case.verdict(), (Reuse::Validate, Rule::Contradicted));
}

#[test]
fn no_cache_validates_at_each_use_whatever_the_client_takes() {
    let case = at(0).with(|case| case.terms.validate_always = true);
    assert_eq!(case.verdict(), (Reuse::Validate, Rule::ResponseNoCache));
    let case = case.asked(|asks| asks.max_stale = Some(MaxStale::Any));
    assert_eq!(case.verdict(), (Reuse::Validate, Rule::ResponseNoCache));
    assert_eq!(
        case.private().verdict(),
        (Reuse::Validate, Rule::ResponseNoCache)
    );
}

#[test]
fn a_request_with_no_cache_validates() {
    let case = at(0).asked(|asks| asks.no_cache = true);
    assert_eq!(case.verdict(), (Reuse::Validate, Rule::RequestNoCache));
    assert_eq!(case.deaf().verdict(), SERVED);
}

// RFC 9111 5.2.1.1
#[test]
fn max_age_of_a_request_bounds_the_age() {
    for (age, max, served) in [(0, 0, true), (1, 0, false), (5, 5, true), (6, 5, false)] {
        let case = at(age).asked(|asks| asks.max_age = Some(max));
        let expected = if served {
            SERVED
        } else {
            (Reuse::Validate, Rule::RequestMaxAge)
        };
        assert_eq!(case.verdict(), expected, "{age} {max}");
        assert!(!case.decide().trail.has(Rule::Immutable));
        assert_eq!(case.deaf().verdict(), SERVED, "{age} {max}");
    }
}

// RFC 9111 5.2.1.3
#[test]
fn min_fresh_of_a_request_bounds_the_time_left() {
    for (age, min, served) in [
        (0, 60, true),
        (0, 61, false),
        (50, 10, true),
        (51, 10, false),
        (40, 10, true),
        (59, u64::MAX, false),
    ] {
        let case = at(age).asked(|asks| asks.min_fresh = Some(min));
        let expected = if served {
            SERVED
        } else {
            (Reuse::Validate, Rule::RequestMinFresh)
        };
        assert_eq!(case.verdict(), expected, "{age} {min}");
        assert_eq!(case.deaf().verdict(), SERVED, "{age} {min}");
    }
}

// RFC 9111 5.2.1.2
#[test]
fn max_stale_of_a_request_allows_staleness_up_to_its_value() {
    for (age, limit, served) in [
        (60, MaxStale::Seconds(0), true),
        (61, MaxStale::Seconds(0), false),
        (70, MaxStale::Seconds(10), true),
        (71, MaxStale::Seconds(10), false),
        (u64::MAX, MaxStale::Any, true),
    ] {
        let case = at(age).asked(|asks| asks.max_stale = Some(limit));
        let expected = if served {
            (Reuse::Serve, Rule::RequestMaxStale)
        } else {
            (Reuse::Validate, Rule::Stale)
        };
        assert_eq!(case.verdict(), expected, "{age} {limit:?}");
        assert!(case.decide().trail.has(Rule::Stale));
        assert_eq!(case.deaf().verdict(), (Reuse::Validate, Rule::Stale));
    }
    let fresh = at(0).asked(|asks| asks.max_stale = Some(MaxStale::Any));
    assert_eq!(fresh.verdict(), SERVED);
}

#[test]
fn max_stale_lifts_neither_max_age_nor_what_the_response_forbids() {
    let stale = at(61).asked(|asks| asks.max_stale = Some(MaxStale::Any));
    let bounded = stale.clone().asked(|asks| asks.max_age = Some(10));
    assert_eq!(bounded.verdict(), (Reuse::Validate, Rule::RequestMaxAge));
    let strict = stale.with(|case| case.terms.never_stale = true);
    assert_eq!(strict.verdict(), (Reuse::Validate, Rule::MustRevalidate));
    let unasked = strict.asked(|asks| asks.max_stale = None);
    assert_eq!(unasked.verdict(), (Reuse::Validate, Rule::Stale));
}

// RFC 8246 2
#[test]
fn a_reload_does_not_validate_what_is_immutable_and_fresh() {
    let reload = |age| {
        at(age)
            .with(|case| case.terms.immutable = true)
            .asked(|asks| asks.max_age = Some(0))
    };
    for age in [1, 30, 59] {
        assert_eq!(reload(age).verdict(), SERVED);
        assert!(reload(age).decide().trail.has(Rule::Immutable));
    }
    for age in [60, 61] {
        assert_eq!(
            reload(age).verdict(),
            (Reuse::Validate, Rule::RequestMaxAge)
        );
        assert!(!reload(age).decide().trail.has(Rule::Immutable));
    }
    let forced = reload(30).asked(|asks| asks.no_cache = true);
    assert_eq!(forced.verdict(), (Reuse::Validate, Rule::RequestNoCache));
    let unasked = reload(30).asked(|asks| asks.max_age = None);
    assert!(!unasked.decide().trail.has(Rule::Immutable));
}

// RFC 9111 3.5
#[test]
fn a_request_with_authorization_gets_only_what_may_be_shared() {
    let case = at(0).with(|case| case.request.authorization = true);
    assert_eq!(case.verdict(), (Reuse::Never, Rule::Authorization));
    assert_eq!(case.clone().private().verdict(), SERVED);
    let authorized = case.with(|case| case.terms.authorized = true);
    assert_eq!(authorized.verdict(), SERVED);
}

// What only a default made fresh may depend on the user, whatever permitted to store it.
#[test]
fn a_default_lifetime_never_answers_a_request_with_authorization() {
    let case = at(0).with(|case| {
        case.request.authorization = true;
        case.terms.authorized = true;
        case.terms.explicit = false;
    });
    assert_ne!(case.decide().verdict, Reuse::Serve);
    assert_eq!(case.private().verdict(), SERVED);
}

#[test]
fn a_request_with_an_unkeyed_cookie_gets_only_what_is_explicit() {
    let case = at(0).with(|case| case.request.unkeyed_cookie = true);
    assert_eq!(case.verdict(), SERVED);
    let by_default = case.with(|case| case.terms.explicit = false);
    assert_eq!(by_default.verdict(), (Reuse::Never, Rule::Cookie));
    assert_eq!(by_default.private().verdict(), SERVED);
}

#[test]
fn a_personal_request_gets_only_what_is_explicit_or_its_users_own() {
    let case = at(0).with(|case| case.request.personal = true);
    assert_eq!(case.verdict(), SERVED);
    let by_default = case.with(|case| case.terms.explicit = false);
    assert_eq!(by_default.verdict(), (Reuse::Never, Rule::Personal));
    assert_eq!(by_default.clone().private().verdict(), SERVED);
    let own = by_default.with(|case| case.request.user_in_key = true);
    assert_eq!(own.verdict(), SERVED);
}

#[test]
fn anybody_else_gets_what_a_default_made_fresh() {
    let case = at(0).with(|case| case.terms.explicit = false);
    assert_eq!(case.verdict(), SERVED);
    let keyed = case.with(|case| case.request.user_in_key = true);
    assert_eq!(keyed.verdict(), SERVED);
}

prop_compose! {
    fn any_case()(
        lifetime in 0_u64..100,
        age in prop_oneof![0_u64..100, Just(u64::MAX)],
        max_age in proptest::option::of(0_u64..100),
        min_fresh in proptest::option::of(0_u64..100),
        max_stale in proptest::option::of(prop_oneof![
            Just(MaxStale::Any),
            (0_u64..100).prop_map(MaxStale::Seconds),
        ]),
        terms: [bool; 5],
        flags: [bool; 8],
    ) -> Case {
        at(age).with(|case| {
            [
                case.terms.explicit,
                case.terms.authorized,
                case.terms.validate_always,
                case.terms.never_stale,
                case.terms.immutable,
            ] = terms;
            [
                case.rules.private,
                case.rules.request_directives,
                case.request.authorization,
                case.request.unkeyed_cookie,
                case.request.personal,
                case.request.user_in_key,
                case.request.directives.no_cache,
                case.contradicted,
            ] = flags;
            case.terms.lifetime = Duration::from_secs(lifetime);
            case.request.directives.max_age = max_age;
            case.request.directives.min_fresh = min_fresh;
            case.request.directives.max_stale = max_stale;
        })
    }
}

proptest! {
    #[test]
    fn the_reason_is_part_of_the_trail(case in any_case()) {
        let Decision { reason, trail, .. } = case.decide();
        prop_assert!(trail.has(reason));
    }

    #[test]
    fn nothing_stale_is_served_that_must_not_be(case in any_case()) {
        let stale = case.age >= case.terms.lifetime;
        if stale && case.decide().verdict == Reuse::Serve {
            prop_assert!(!case.terms.never_stale);
            prop_assert!(case.rules.request_directives);
            prop_assert!(case.request.directives.max_stale.is_some());
        }
    }

    #[test]
    fn nothing_is_served_unvalidated_that_wants_validation(case in any_case()) {
        let wants = case.terms.validate_always || case.contradicted;
        prop_assert!(!wants || case.decide().verdict != Reuse::Serve);
    }

    #[test]
    fn what_is_served_is_served_at_every_younger_age(case in any_case(), younger in 0_u64..100) {
        let younger = case.clone().with(|case| case.age = case.age.min(Duration::from_secs(younger)));
        if case.decide().verdict == Reuse::Serve {
            prop_assert_eq!(younger.decide().verdict, Reuse::Serve);
        }
    }
}

fn within_windows(age: u64) -> Case {
    at(age).with(|case| {
        case.terms.windows = Windows {
            while_revalidate: 30 * SECOND,
            if_error: 90 * SECOND,
        };
    })
}

// RFC 5861 3
#[test]
fn within_its_window_a_stale_response_is_served_and_refreshed() {
    let refreshed = (Reuse::Refresh, Rule::StaleWhileRevalidate);
    assert_eq!(within_windows(59).verdict(), SERVED);
    for age in [60, 89] {
        assert_eq!(within_windows(age).verdict(), refreshed, "{age}");
    }
    assert_eq!(within_windows(90).verdict(), (Reuse::Validate, Rule::Stale));
    let max_stale = |case: Case| case.asked(|asks| asks.max_stale = Some(MaxStale::Any));
    assert_eq!(max_stale(within_windows(70)).verdict(), refreshed);
    let allowed = (Reuse::Serve, Rule::RequestMaxStale);
    assert_eq!(max_stale(within_windows(90)).verdict(), allowed);
}

#[test]
fn a_request_that_wants_what_is_fresh_waits_for_it_within_the_window() {
    for (case, rule) in [
        (
            within_windows(70).asked(|asks| asks.no_cache = true),
            Rule::RequestNoCache,
        ),
        (
            within_windows(70).asked(|asks| asks.max_age = Some(60)),
            Rule::RequestMaxAge,
        ),
        (
            within_windows(70).asked(|asks| asks.min_fresh = Some(1)),
            Rule::RequestMinFresh,
        ),
        (
            within_windows(70).with(|case| case.contradicted = true),
            Rule::Contradicted,
        ),
        (
            within_windows(70).with(|case| case.terms.validate_always = true),
            Rule::ResponseNoCache,
        ),
    ] {
        assert_eq!(case.verdict(), (Reuse::Validate, rule));
    }
}

#[test]
fn what_is_used_near_its_end_is_refreshed_early_if_that_is_set() {
    let early = |age| {
        at(age)
            .with(|case| case.rules.early_refresh = Some(20))
            .verdict()
    };
    assert_eq!(early(53), SERVED);
    // Spread 0 takes half of the share: the last six seconds.
    assert_eq!(early(54), (Reuse::Refresh, Rule::EarlyRefresh));
    assert_eq!(at(59).verdict(), SERVED, "not set");
}
