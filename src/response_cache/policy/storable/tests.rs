use http::{HeaderValue, StatusCode};

use super::*;
use crate::header::cache_control::RequestDirectives;

mod of_all_kinds;
mod of_people;
mod of_posts;
mod of_statuses;
mod of_terms;

/// Sun, 09 Sep 2001 01:46:40 GMT
const NOW: i64 = 1_000_000_000;

/// A response and all that the decision on it depends on.
#[derive(Clone, Debug)]
struct Case {
    rules: Rules,
    request: RequestFacts,
    also: Circumstances,
    status: StatusCode,
    headers: HeaderMap,
}

/// A 200 to a plain GET, in a shared cache.
fn response(lines: &[(&'static str, &'static str)]) -> Case {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
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
        also: Circumstances::default(),
        status: StatusCode::OK,
        headers: lines.iter().map(field).collect(),
    }
}

/// The same with nothing but Cache-Control.
fn saying(directives: &'static str) -> Case {
    response(&[("cache-control", directives)])
}

/// A handler's word on the lifetime.
fn saying_ttl(seconds: u64) -> Arc<Said> {
    let ttl = Some(Duration::from_secs(seconds));
    Arc::new(Said {
        ttl,
        ..Said::default()
    })
}

impl Case {
    fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).expect("a status");
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same in a cache that is one user's own.
    fn private(self) -> Self {
        self.with(|case| case.rules.private = true)
    }

    fn decide(&self) -> Decision<Option<Storing>> {
        let facts = ResponseFacts::read(self.status, &self.headers, &self.rules, NOW);
        storable(
            &self.rules,
            &self.request,
            &facts,
            &self.headers,
            &self.also,
        )
    }

    fn stored(&self) -> Storing {
        let decision = self.decide();
        assert_eq!(decision.reason, Rule::Stored, "{self:?}");
        decision.verdict.expect("the reason says that it is stored")
    }

    fn refused(&self) -> Rule {
        let decision = self.decide();
        assert_eq!(decision.verdict, None, "{self:?}");
        decision.reason
    }
}

#[test]
fn an_explicitly_fresh_answer_to_get_is_stored_as_it_is() {
    let storing = saying("max-age=60").stored();
    assert_eq!(storing.terms.lifetime, Duration::from_secs(60));
    assert_eq!(storing.without, Vec::<HeaderName>::new());
    assert!(storing.vary.is_empty());
}

#[test]
fn answers_to_other_methods_than_get_and_post_are_not_stored() {
    for method in [
        "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY", "FOO",
    ] {
        let method = method.parse::<Method>().expect("a method");
        let case = saying("max-age=60, public").with(|case| case.request.method = method);
        assert_eq!(case.refused(), Rule::Method);
    }
}

#[test]
fn interim_responses_and_those_to_a_range_or_a_condition_are_not_stored_as_themselves() {
    for status in [100, 101, 102, 103, 199, 206, 304, 412, 416] {
        let case = saying("max-age=60").status(status);
        assert_eq!(case.refused(), Rule::NotComplete, "{status}");
        assert_eq!(case.private().refused(), Rule::NotComplete, "{status}");
    }
}

#[test]
fn a_request_with_no_store_forbids_to_store() {
    let case = saying("max-age=60").with(|case| case.request.directives.no_store = true);
    assert_eq!(case.refused(), Rule::RequestNoStore);
    assert_eq!(case.private().refused(), Rule::RequestNoStore);
}

#[test]
fn no_store_on_any_line_in_any_case_forbids_to_store() {
    for lines in [
        &[("cache-control", "no-store, max-age=60")][..],
        &[("cache-control", "max-age=60, No-Store")],
        &[
            ("cache-control", "max-age=60"),
            ("cache-control", "NO-STORE"),
        ],
    ] {
        assert_eq!(response(lines).refused(), Rule::ResponseNoStore);
        assert_eq!(response(lines).private().refused(), Rule::ResponseNoStore);
    }
}

#[test]
fn a_handler_may_forbid_to_store() {
    let case = saying("max-age=60").with(|case| case.also.no_store = true);
    assert_eq!(case.refused(), Rule::PolicyNoStore);
}

#[test]
fn a_response_that_could_never_be_used_is_not_stored() {
    for directives in [
        "",
        "max-age=0",
        "no-cache, max-age=60",
        "s-maxage=0",
        "public",
    ] {
        assert_eq!(saying(directives).refused(), Rule::NoUse, "{directives}");
        for validator in [
            ("etag", "\"a\""),
            ("last-modified", "Sun, 09 Sep 2001 01:46:40 GMT"),
        ] {
            response(&[("cache-control", directives), validator]).stored();
        }
    }
    let no_date = response(&[("last-modified", "yesterday")]);
    assert_eq!(no_date.refused(), Rule::NoUse);
}

#[test]
fn fields_named_by_vary_are_kept_up_to_a_number() {
    let case = response(&[("cache-control", "max-age=60"), ("vary", "B, a, b")]);
    assert_eq!(case.stored().vary.names(), ["a", "b"]);
    let tight = case.with(|case| case.rules.max_vary = 1);
    assert_eq!(tight.refused(), Rule::VaryTooLong);
}

#[test]
fn a_response_that_varies_on_anything_is_not_stored() {
    let case = response(&[("cache-control", "max-age=60"), ("vary", "a, *")]);
    assert_eq!(case.refused(), Rule::VaryAny);
    assert_eq!(case.private().refused(), Rule::VaryAny);
}

#[test]
fn the_trail_says_where_the_lifetime_came_from() {
    let case = response(&[
        ("cache-control", "private"),
        ("cdn-cache-control", "max-age=60"),
    ]);
    case.stored();
    let trail = case.decide().trail;
    assert_eq!(
        trail.iter().collect::<Vec<_>>(),
        [Rule::Targeted, Rule::MaxAge, Rule::Stored]
    );
    let refused = saying("private, max-age=60").decide().trail;
    assert_eq!(
        refused.iter().collect::<Vec<_>>(),
        [Rule::Private, Rule::MaxAge]
    );
}
