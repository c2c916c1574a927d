//! What holds whatever else a response says.

use proptest::{prelude::*, sample::subsequence};

use super::*;

/// Responses of all kinds, save what must-understand does to no-store.
fn any_case() -> impl Strategy<Value = Case> {
    let directives = vec![
        "public",
        "private",
        "private=\"set-cookie\"",
        "max-age=60",
        "max-age=0",
        "s-maxage=5",
        "no-cache",
        "no-cache=\"x\"",
        "must-revalidate",
        "proxy-revalidate",
        "immutable",
    ];
    let lines = vec![
        ("etag", "\"a\""),
        ("expires", "Sun, 09 Sep 2001 02:46:40 GMT"),
        ("last-modified", "Sat, 08 Sep 2001 01:46:40 GMT"),
        ("set-cookie", "a=b"),
        ("vary", "x"),
        ("vary", "*"),
        ("age", "7"),
    ];
    let status = prop_oneof![Just(200), 100_u16..600];
    let parts = (
        subsequence(directives, 0..=11),
        subsequence(lines, 0..=7),
        status,
    );
    (parts, any::<[bool; 10]>()).prop_map(|((directives, lines, status), flags)| {
        response(&lines).status(status).with(|case| {
            let value = HeaderValue::try_from(directives.join(",")).expect("visible characters");
            case.headers.insert(header::CACHE_CONTROL, value);
            set(case, flags);
        })
    })
}

fn set(case: &mut Case, flags: [bool; 10]) {
    let minute = Some(Duration::from_secs(60));
    case.request.method = if flags[0] { Method::POST } else { Method::GET };
    case.request.authorization = flags[1];
    case.request.unkeyed_cookie = flags[2];
    case.request.user_in_key = flags[3];
    case.request.body_in_key = flags[4];
    case.also.personal = flags[5];
    case.also.content_of_target = flags[6];
    case.also.said = flags[7].then(|| saying_ttl(60));
    case.rules.default_ttl = minute.filter(|_| flags[8]);
    case.rules.private = flags[9];
}

proptest! {
    #[test]
    fn the_reason_is_the_rule_that_decided_and_part_of_the_trail(case in any_case()) {
        let Decision { verdict, reason, trail } = case.decide();
        prop_assert!(trail.has(reason));
        prop_assert_eq!(verdict.is_some(), reason == Rule::Stored);
        prop_assert_eq!(trail.has(Rule::Stored), verdict.is_some());
    }

    #[test]
    fn what_no_store_forbids_nothing_else_permits(case in any_case()) {
        let no_store = HeaderValue::from_static("no-store");
        let by_response = case.clone().with(|case| {
            case.headers.append(header::CACHE_CONTROL, no_store);
        });
        prop_assert_eq!(by_response.decide().verdict, None);
        let by_request = case.clone().with(|case| case.request.directives.no_store = true);
        prop_assert_eq!(by_request.decide().verdict, None);
        let by_handler = case.with(|case| case.also.no_store = true);
        prop_assert_eq!(by_handler.decide().verdict, None);
    }

    #[test]
    fn a_shared_cache_keeps_nothing_that_is_meant_for_one_user(case in any_case()) {
        let case = case.with(|case| case.rules.private = false);
        if let Some(storing) = case.decide().verdict {
            let cookie = case.headers.contains_key(header::SET_COOKIE);
            prop_assert!(!cookie || storing.without.contains(&header::SET_COOKIE));
            prop_assert!(!case.also.personal || case.request.user_in_key);
            prop_assert!(!case.request.authorization || storing.terms.authorized);
            prop_assert!(!case.request.unkeyed_cookie || storing.terms.explicit);
        }
    }
}
