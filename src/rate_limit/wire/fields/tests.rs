use std::time::SystemTime;

use proptest::prelude::*;
use sfv::{BareItem, List, ListEntry, Parser};

use super::*;
use crate::test_util::ManualClock;

const BURST: Line<'_> = Line {
    name: "burst",
    quota: 100,
    window: Duration::from_secs(60),
    remaining: 50,
    reset: Duration::from_millis(29_001),
};
const DAILY: Line<'_> = Line {
    name: "daily",
    quota: 1000,
    window: Duration::from_secs(86_400),
    remaining: 990,
    reset: Duration::from_secs(864),
};

fn said<'a>(lines: &'a [Line<'a>], retry_after: Option<Duration>) -> Said<'a> {
    Said {
        lines,
        policy: None,
        retry_after,
    }
}

/// All values of a field, as one.
fn joined(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values.map(|value| value.to_str().unwrap()).collect();
    values.join(", ")
}

fn written(fields: RateLimitHeaders, said: &Said<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    fields.write(&mut headers, said, &ManualClock::new().clock());
    headers
}

/// Each member's String and its parameters, by an independent parser.
fn parsed(value: &str) -> Vec<(String, Vec<(String, i64)>)> {
    let list: List = Parser::new(value).parse().unwrap();
    let members = list.into_iter().map(|member| {
        let ListEntry::Item(item) = member else {
            panic!("an inner list in {value}");
        };
        let BareItem::String(name) = item.bare_item else {
            panic!("no String in {value}");
        };
        let parameters = item.params.into_iter().map(|(key, value)| {
            let value = value.as_integer().expect("an Integer");
            (key.as_str().to_owned(), i64::from(value))
        });
        (name.as_str().to_owned(), parameters.collect())
    });
    members.collect()
}

#[test]
fn the_draft_has_all_limits_in_both_fields() {
    let headers = written(RateLimitHeaders::Draft11, &said(&[BURST, DAILY], None));
    assert_eq!(
        joined(&headers, "ratelimit-policy"),
        "\"burst\";q=100;w=60, \"daily\";q=1000;w=86400"
    );
    assert_eq!(
        joined(&headers, "ratelimit"),
        "\"burst\";r=50;t=30, \"daily\";r=990;t=864"
    );
}

#[test]
fn on_a_refusal_no_effective_window_ends_after_retry_after() {
    let refused = Line {
        remaining: 0,
        reset: Duration::from_secs(60),
        ..BURST
    };
    let wait = Duration::from_millis(600);
    let headers = written(
        RateLimitHeaders::Draft11,
        &said(&[refused, DAILY], Some(wait)),
    );
    assert_eq!(
        joined(&headers, "ratelimit"),
        "\"burst\";r=0;t=1, \"daily\";r=990;t=1"
    );
}

#[test]
fn what_a_limiter_further_in_has_said_is_kept() {
    let fields = RateLimitHeaders::Draft11;
    let mut headers = written(fields, &said(&[DAILY], None));
    fields.write(
        &mut headers,
        &said(&[BURST], None),
        &ManualClock::new().clock(),
    );
    let names = |field| {
        let members = parsed(&joined(&headers, field)).into_iter();
        members.map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names("ratelimit"), ["daily", "burst"]);
    assert_eq!(names("ratelimit-policy"), ["daily", "burst"]);
}

#[test]
fn a_prepared_policy_is_what_would_be_written() {
    let lines = [BURST, DAILY];
    let fields = RateLimitHeaders::Draft11;
    let policy = fields.policy(&lines).unwrap();
    let prepared = Said {
        policy: Some(&policy),
        ..said(&lines, None)
    };
    assert_eq!(
        written(fields, &prepared),
        written(fields, &said(&lines, None))
    );
    assert_eq!(fields.policy(&[]), None);
    let other = RateLimitHeaders::XRateLimit(ResetUnit::Seconds);
    assert_eq!(other.policy(&lines), None);
}

#[test]
fn without_limits_or_by_choice_nothing_is_written() {
    let x_rate_limit = RateLimitHeaders::XRateLimit(ResetUnit::Seconds);
    for fields in [RateLimitHeaders::Draft11, x_rate_limit] {
        assert!(written(fields, &said(&[], None)).is_empty());
    }
    assert!(written(RateLimitHeaders::None, &said(&[BURST], None)).is_empty());
}

fn x_rate_limit(headers: &HeaderMap) -> [String; 3] {
    ["limit", "remaining", "reset"].map(|name| joined(headers, &format!("x-ratelimit-{name}")))
}

#[test]
fn x_ratelimit_speaks_of_the_limit_of_which_the_least_remains() {
    let fields = RateLimitHeaders::XRateLimit(ResetUnit::Seconds);
    let headers = written(fields, &said(&[DAILY, BURST], None));
    assert_eq!(x_rate_limit(&headers), ["100", "50", "30"]);
    let later = Line {
        remaining: 50,
        ..DAILY
    };
    let headers = written(fields, &said(&[BURST, later], None));
    assert_eq!(
        x_rate_limit(&headers),
        ["1000", "50", "864"],
        "the same for longer"
    );
    let headers = written(fields, &said(&[BURST], Some(Duration::from_secs(2))));
    assert_eq!(x_rate_limit(&headers), ["100", "50", "2"]);
}

#[test]
fn unix_seconds_are_rounded_up_after_the_addition() {
    let time = ManualClock::new();
    time.set_wall(SystemTime::UNIX_EPOCH + Duration::from_millis(10_900));
    let fields = RateLimitHeaders::XRateLimit(ResetUnit::UnixSeconds);
    let mut headers = HeaderMap::new();
    let line = Line {
        reset: Duration::from_millis(500),
        ..BURST
    };
    fields.write(&mut headers, &said(&[line], None), &time.clock());
    assert_eq!(x_rate_limit(&headers), ["100", "50", "12"]);
    let wait = Some(Duration::from_millis(100));
    headers.clear();
    fields.write(&mut headers, &said(&[line], wait), &time.clock());
    assert_eq!(x_rate_limit(&headers), ["100", "50", "11"]);
}

#[test]
fn of_two_limiters_in_a_row_the_more_restrictive_is_heard() {
    let fields = RateLimitHeaders::XRateLimit(ResetUnit::Seconds);
    let of = |remaining, reset| Line {
        remaining,
        reset: Duration::from_secs(reset),
        ..BURST
    };
    for (inner, outer, heard) in [
        ((3, 10), (4, 99), ["100", "3", "10"]),
        ((5, 10), (4, 9), ["100", "4", "9"]),
        ((4, 10), (4, 9), ["100", "4", "10"]),
        ((4, 10), (4, 11), ["100", "4", "11"]),
    ] {
        let mut headers = written(fields, &said(&[of(inner.0, inner.1)], None));
        let outer = [of(outer.0, outer.1)];
        fields.write(
            &mut headers,
            &said(&outer, None),
            &ManualClock::new().clock(),
        );
        assert_eq!(x_rate_limit(&headers), heard);
    }
    let mut headers = HeaderMap::new();
    headers.insert(X_REMAINING, HeaderValue::from_static("soon"));
    fields.write(
        &mut headers,
        &said(&[BURST], None),
        &ManualClock::new().clock(),
    );
    assert_eq!(x_rate_limit(&headers), ["100", "50", "30"]);
}

fn printable(name: &str) -> String {
    let kept = |letter| match letter {
        ' '..='~' => letter,
        _ => '?',
    };
    name.chars().map(kept).collect()
}

proptest! {
    #[test]
    fn whatever_limits_are_called_and_allow_the_fields_parse(
        limits in prop::collection::vec(
            (any::<String>(), any::<u64>(), any::<Duration>(), any::<u64>(), any::<Duration>()),
            1..4,
        ),
        retry_after in any::<Option<Duration>>(),
    ) {
        let lines: Vec<Line<'_>> = limits
            .iter()
            .map(|(name, quota, window, remaining, reset)| Line {
                name,
                quota: *quota,
                window: *window,
                remaining: *remaining,
                reset: *reset,
            })
            .collect();
        let headers = written(RateLimitHeaders::Draft11, &said(&lines, retry_after));
        let policies = parsed(headers["ratelimit-policy"].to_str().unwrap());
        let quotas = parsed(headers["ratelimit"].to_str().unwrap());
        prop_assert_eq!(policies.len(), lines.len());
        let capped = |number: u64| i64::try_from(number.min(MOST)).unwrap();
        for ((line, policy), quota) in lines.iter().zip(policies).zip(quotas) {
            prop_assert_eq!(&policy.0, &printable(line.name));
            prop_assert_eq!(&quota.0, &policy.0);
            let q = ("q".to_owned(), capped(line.quota));
            let w = ("w".to_owned(), capped(seconds(line.window)));
            prop_assert_eq!(policy.1, vec![q, w]);
            prop_assert_eq!(&quota.1[0], &("r".to_owned(), capped(line.remaining)));
            prop_assert_eq!(&quota.1[1].0, "t");
            if let Some(wait) = retry_after {
                prop_assert!(quota.1[1].1 <= capped(retry_after_seconds(wait)));
            }
        }
    }
}
