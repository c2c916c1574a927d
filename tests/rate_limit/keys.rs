//! Whom requests are counted for.

use http::Request;
use tower_keep::{
    ClientIp, IpPrefix, Principal,
    rate_limit::{
        Everyone, HeaderKey, KeyExtractor, MethodKey, PathKey, RequestHead, Secret, SessionKey,
        UserKey, from_fn,
    },
    test_util::ManualClock,
};

use crate::support::{Limited, a_minute, from, layer, limiter, remaining, request};

/// Two a minute for each key.
fn two_by(key: impl KeyExtractor) -> Limited {
    Limited::by(&layer(&ManualClock::new(), a_minute(2)).key(key))
}

/// How many of these requests are admitted.
async fn admitted(service: &Limited, requests: impl IntoIterator<Item = Request<()>>) -> usize {
    let mut admitted = 0;
    for request in requests {
        admitted += usize::from(service.status(request).await == 200);
    }
    admitted
}

#[tokio::test]
async fn who_makes_up_forwarded_addresses_stays_who_he_is() {
    let service = two_by(ClientIp::default());
    let spoofed = (0..50).map(|n| {
        let made_up = format!("203.0.113.{n}");
        let forwarded = format!("for={made_up}");
        let fields = [("x-forwarded-for", &*made_up), ("forwarded", &*forwarded)];
        from("198.51.100.7", &fields)
    });
    assert_eq!(admitted(&service, spoofed).await, 2);
    assert_eq!(service.status(from("203.0.113.7", &[])).await, 200);
}

#[tokio::test]
async fn behind_trusted_proxies_the_last_address_that_they_vouch_for_counts() {
    let proxies: IpPrefix = "10.0.0.0/8".parse().unwrap();
    let service = two_by(ClientIp::default().trust(proxies));
    let through = |claims: &str, client: &str| {
        let chain = format!("{claims}, {client}, 10.0.0.2");
        from("10.0.0.1", &[("x-forwarded-for", &*chain)])
    };
    let spoofed = (0..50).map(|n| through(&format!("192.0.2.{n}"), "203.0.113.9"));
    assert_eq!(admitted(&service, spoofed).await, 2);
    assert_eq!(
        service.status(through("203.0.113.9", "203.0.113.10")).await,
        200
    );
    let beside = (0..9).map(|n| {
        let made_up = format!("192.0.2.{n}");
        from("203.0.113.11", &[("x-forwarded-for", &*made_up)])
    });
    assert_eq!(admitted(&service, beside).await, 2, "past the proxies");
}

#[tokio::test]
async fn all_addresses_of_an_ipv6_subscriber_are_one_client() {
    let service = two_by(ClientIp::default());
    let churn = (0..200).map(|n| from(&format!("2001:db8:0:1:{n:x}::{n:x}"), &[]));
    assert_eq!(admitted(&service, churn).await, 2);
    assert_eq!(service.status(from("2001:db8:0:2::1", &[])).await, 200);
    assert_eq!(service.limiter.stats().keys, 2);
}

#[tokio::test]
async fn an_ipv4_address_is_the_same_in_ipv6_notation() {
    let service = two_by(ClientIp::default());
    let both = ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207"];
    assert_eq!(
        admitted(&service, both.map(|peer| from(peer, &[]))).await,
        2
    );
    assert_eq!(
        service.status(from("::192.0.2.7", &[])).await,
        200,
        "another one"
    );
}

#[tokio::test]
async fn a_field_is_a_key_and_its_absence_is_not() {
    let service = two_by(HeaderKey::api_key());
    let key = |key: &'static str| move || request(&[("x-api-key", key)]);
    assert_eq!(service.statuses(key("a")).await, [200, 200, 429]);
    assert_eq!(service.statuses(key("")).await, [200, 200, 429]);
    assert_eq!(service.statuses(key("(no key)")).await, [200, 200, 429]);
    assert_eq!(service.statuses(|| request(&[])).await, [200, 200, 429]);
    let several = request(&[("x-api-key", "a"), ("x-api-key", "b")]);
    assert_eq!(service.status(several).await, 429, "the first line counts");
}

#[tokio::test]
async fn users_and_sessions_are_told_by_the_principal() {
    let with = |principal: Principal| {
        let mut request = request(&[]);
        request.extensions_mut().insert(principal);
        request
    };
    let ada = |session: u8| Principal::user("ada").with_session(session.to_string());
    let by_user = two_by(UserKey);
    assert_eq!(admitted(&by_user, (0..9).map(|n| with(ada(n)))).await, 2);
    assert_eq!(by_user.status(with(Principal::user("eve"))).await, 200);
    let by_session = two_by(SessionKey);
    assert_eq!(admitted(&by_session, (0..9).map(|n| with(ada(n)))).await, 9);
    let anonymous = || with(Principal::anonymous());
    assert_eq!(by_user.statuses(anonymous).await, [200, 200, 429]);
}

#[tokio::test]
async fn parts_of_a_key_do_not_run_into_each_other() {
    let field = |name: &'static str| from_fn(move |head| text(head, name));
    let service = two_by((field("one"), field("two")));
    for (one, two) in [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")] {
        let asked = || request(&[("one", one), ("two", two)]);
        assert_eq!(
            service.statuses(asked).await,
            [200, 200, 429],
            "{one}+{two}"
        );
    }
    let partly = || request(&[("one", "ab")]);
    assert_eq!(
        service.statuses(partly).await,
        [200, 200, 429],
        "none at all"
    );
}

pub(crate) fn text(head: &RequestHead<'_>, name: &str) -> Option<String> {
    let value = head.headers().get(name)?;
    Some(value.to_str().ok()?.to_owned())
}

#[tokio::test]
async fn method_path_and_everyone_are_keys() {
    let asked = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        request.body(()).unwrap()
    };
    let both = || {
        [
            asked("GET", "/a?x=1"),
            asked("GET", "/a?x=2"),
            asked("PUT", "/b"),
        ]
    };
    assert_eq!(two_by((MethodKey, PathKey)).limiter.stats().keys, 0);
    for (service, keys) in [
        (two_by(MethodKey), 2),
        (two_by(PathKey), 2),
        (two_by(Everyone), 1),
    ] {
        admitted(&service, both()).await;
        assert_eq!(service.limiter.stats().keys, keys);
    }
}

#[tokio::test]
async fn a_gigantic_key_is_a_key_like_any_other() {
    let service = two_by(HeaderKey::api_key());
    let mut key = "k".repeat(1 << 20);
    let gigantic = || request(&[("x-api-key", &key)]);
    assert_eq!(service.statuses(gigantic).await, [200, 200, 429]);
    key.push('!');
    let other = request(&[("x-api-key", &key)]);
    assert_eq!(service.status(other).await, 200, "to the last byte");

    let limiter = limiter(&ManualClock::new(), a_minute(1));
    let path = format!("/{}", "é".repeat(1 << 20));
    drop(limiter.check(&*path).unwrap());
    limiter.check(&*path).unwrap_err();
    let label = &limiter.stats().top_refused[0].label;
    assert!(
        label.len() <= 64 && label.starts_with("/éé"),
        "{}",
        label.len()
    );
}

/// The account that a login is for: trimmed, folded, bounded, and nobody's business.
fn account(head: &RequestHead<'_>) -> Option<Secret<String>> {
    let account = text(head, "account")?.trim().to_lowercase();
    Some(Secret(account.chars().take(254).collect()))
}

#[tokio::test]
async fn one_account_from_a_thousand_addresses_in_varied_letters_is_one_account() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(10))
        .and(limiter(&time, a_minute(5)))
        .key(from_fn(account));
    let service = Limited::by(&layer);
    let varied = |n: usize| {
        let mut name = "ada@example.org".to_owned();
        let letter = n % name.len();
        name[letter..=letter].make_ascii_uppercase();
        let padded = format!("{name}{}", " ".repeat(n % 3));
        from(
            &format!("10.0.{}.{}", n / 250, n % 250),
            &[("account", &*padded)],
        )
    };
    assert_eq!(admitted(&service, (0..1_000).map(varied)).await, 5);
    assert_eq!(remaining(&service.limiter, "ada@example.org"), 0);
    let label = &service.limiter.stats().top_refused[0].label;
    assert!(label.starts_with('#') && !label.contains("ada"), "{label}");
}

#[tokio::test]
async fn what_a_request_has_for_a_key_the_handle_has_too() {
    let service = two_by(ClientIp::default());
    let peer: std::net::IpAddr = "192.0.2.7".parse().unwrap();
    assert_eq!(
        service.statuses(|| from("192.0.2.7", &[])).await,
        [200, 200, 429]
    );
    service.limiter.reset(peer);
    assert_eq!(service.status(from("192.0.2.7", &[])).await, 200);
    service.limiter.block(peer, crate::support::SECOND);
    assert_eq!(service.status(from("192.0.2.7", &[])).await, 429);
}
