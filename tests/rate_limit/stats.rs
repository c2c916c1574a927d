//! What is counted.

use tower_keep::{
    hours,
    rate_limit::{HeaderKey, Limit, Limits, Secret, UserKey},
    test_util::ManualClock,
};

use crate::support::{Limited, SECOND, a_minute, from, layer, limiter, request};

#[test]
fn refusals_are_counted_by_limit() {
    let time = ManualClock::new();
    let burst = Limit::token_bucket(1).per(SECOND).name("burst").build();
    let daily = Limit::fixed_window(2).per(hours(24)).name("daily").build();
    let both = Limits::all([burst.unwrap(), daily.unwrap()]).unwrap();
    let limiter = limiter(&time, both);
    for _ in 0..3 {
        for _ in 0..2 {
            let _ = limiter.check("a");
        }
        time.advance(SECOND);
    }
    let stats = limiter.stats();
    let by_limit = stats.limits.iter().map(|l| (&*l.name, l.refused));
    assert_eq!(by_limit.collect::<Vec<_>>(), [("burst", 2), ("daily", 3)]);
    assert_eq!((stats.admitted, stats.keys), (2, 1));
}

#[test]
fn limiters_with_the_same_limits_count_each_for_itself() {
    let time = ManualClock::new();
    let limits = Limits::from(a_minute(1));
    let (one, other) = (limiter(&time, limits.clone()), limiter(&time, limits));
    let clone = one.clone();
    drop(one.check("a").unwrap());
    clone.check("a").unwrap_err();
    assert_eq!(
        (one.stats().admitted, one.stats().limits[0].refused),
        (1, 1)
    );
    assert_eq!(one.stats(), clone.stats());
    assert_eq!(other.stats().admitted, 0);
}

#[tokio::test]
async fn who_is_refused_most_is_told_by_address_and_user() {
    let time = ManualClock::new();
    let by_address = Limited::by(&layer(&time, a_minute(1)));
    let by_user = Limited::by(&layer(&time, a_minute(1)).key(UserKey));
    for (peer, times) in [("192.0.2.1", 3), ("2001:db8::1", 9), ("192.0.2.3", 1)] {
        for _ in 0..times {
            by_address.status(from(peer, &[])).await;
            by_user.status(from(peer, &[])).await;
        }
    }
    let top = by_address.limiter.stats().top_refused;
    let top: Vec<_> = top.iter().map(|key| (&*key.label, key.count)).collect();
    assert_eq!(top, [("2001:db8::", 8), ("192.0.2.1", 2)]);
    let top = by_user.limiter.stats().top_refused;
    assert_eq!((&*top[0].label, top[0].count), ("(no key)", 12));
}

#[tokio::test]
async fn credentials_are_shown_nowhere() {
    let time = ManualClock::new();
    let layer = layer(&time, a_minute(1)).key(HeaderKey::authorization());
    let service = Limited::by(&layer);
    let asked = || request(&[("authorization", "Bearer hunter2")]);
    service.statuses::<3>(asked).await;
    drop(service.limiter.check(Secret("hunter2")).unwrap());
    service.limiter.check(Secret("hunter2")).unwrap_err();
    let stats = service.limiter.stats();
    assert_eq!(stats.top_refused.len(), 2);
    for shown in [
        format!("{stats:?}"),
        format!("{:?} {layer:?}", service.limiter),
        format!("{:?}", service.send(asked()).await),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn the_keys_refused_most_are_told_apart_from_many_others() {
    let time = ManualClock::new();
    let limiter = limiter(&time, a_minute(1));
    for round in 0..40_000u32 {
        let _ = limiter.check("loud");
        let _ = limiter.check_cost(round, 2);
    }
    let top = limiter.stats().top_refused;
    assert_eq!(&*top[0].label, "loud");
    assert!((39_999..=42_600).contains(&top[0].count), "{:?}", top[0]);
    assert!(top.len() <= 32 * 16, "{}", top.len());
}
