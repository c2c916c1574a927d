//! Many keys, little room.

use std::time::Duration;

use tower_keep::{
    RateLimiter,
    rate_limit::{Limit, Limits, Refusal},
    test_util::ManualClock,
};

use crate::support::{SECOND, a_minute, limiter, remaining};

const ROOM: usize = 1_000;
const CHURN: u64 = 100_000;

fn small(time: &ManualClock, limits: impl Into<Limits>) -> RateLimiter {
    limiter(time, limits).max_keys(ROOM)
}

fn use_up(limiter: &RateLimiter, key: &str) -> Refusal {
    loop {
        match limiter.check(key) {
            Ok(admission) => drop(admission),
            Err(refused) => return refused,
        }
    }
}

/// So many keys that were never seen, one request each; how many are admitted.
fn churn(limiter: &RateLimiter, keys: u64) -> u64 {
    (0..keys)
        .map(|key| u64::from(limiter.check(key).is_ok()))
        .sum()
}

#[test]
fn a_limited_key_stays_limited_while_fresh_ones_come_and_go() {
    let time = ManualClock::new();
    for limit in [
        Limit::token_bucket(5).per(SECOND * 60).build(),
        Limit::fixed_window(5).per(SECOND * 60).build(),
        Limit::sliding_window(5).per(SECOND * 60).build(),
        Limit::sliding_log(5).per(SECOND * 60).build(),
        Limit::leaky_queue(1).per(SECOND * 60).waiting(4).build(),
    ] {
        let limit = limit.unwrap();
        let limiter = small(&time, limit.clone());
        let limited: Vec<_> = (0..100).map(|n| format!("limited {n}")).collect();
        for key in &limited {
            use_up(&limiter, key);
        }
        assert_eq!(churn(&limiter, CHURN), CHURN, "nobody else pays: {limit:?}");
        for key in &limited {
            limiter.check(&**key).unwrap_err();
        }
        let stats = limiter.stats();
        assert_eq!(stats.forgotten + stats.keys, CHURN + 100, "{limit:?}");
        assert_eq!(stats.overflowed, 0);
        assert!(stats.keys <= ROOM as u64 + 3, "{}", stats.keys);
    }
}

#[test]
fn keys_whose_quota_is_back_are_forgotten_without_a_loss() {
    let time = ManualClock::new();
    let limiter = small(&time, a_minute(5));
    for round in 0..20u64 {
        for key in 0..ROOM as u64 / 2 {
            drop(limiter.check((round, key)).unwrap());
        }
        time.advance(SECOND * 60);
    }
    let stats = limiter.stats();
    assert_eq!((stats.forgotten, stats.overflowed), (0, 0));
    assert!(stats.keys <= ROOM as u64 + 3);
}

#[test]
fn newcomers_share_one_limit_when_all_others_are_being_limited() {
    let time = ManualClock::new();
    let limiter = small(&time, a_minute(1));
    let admitted = churn(&limiter, CHURN);
    let shards = 3;
    assert!(admitted <= ROOM as u64 + 2 * shards, "{admitted}");
    assert_eq!(churn(&limiter, ROOM as u64 / 2), 0, "nobody was forgotten");
    let stats = limiter.stats();
    assert_eq!(stats.forgotten, 0);
    assert!(stats.overflowed >= CHURN - admitted, "{stats:?}");
    time.advance(SECOND * 60);
    let all = u64::from(limiter.check("newcomer").is_ok());
    assert_eq!(all, 1, "when quotas are back there is room");
}

#[test]
fn what_newcomers_share_is_refunded_to_all_of_them() {
    let time = ManualClock::new();
    let limiter = limiter(&time, a_minute(1)).max_keys(1);
    drop(limiter.check("first").unwrap());
    let second = limiter.check("second").unwrap();
    limiter.check("third").unwrap_err();
    second.refund();
    drop(limiter.check("third").unwrap());
    assert_eq!(limiter.stats().overflowed, 3);
}

#[test]
fn blocked_keys_survive() {
    let time = ManualClock::new();
    let limiter = small(&time, a_minute(5));
    for key in 0..200u64 {
        limiter.block(("blocked", key), SECOND * 600);
    }
    churn(&limiter, CHURN);
    for key in 0..200u64 {
        let key = ("blocked", key);
        assert_eq!(limiter.blocked_for(key), Some(SECOND * 600));
    }
}

#[test]
fn keys_in_flight_survive_and_get_their_places_back() {
    let time = ManualClock::new();
    let at_once = Limit::concurrency(2).name("at once").build().unwrap();
    let both = Limits::all([at_once, a_minute(9)]).unwrap();
    let limiter = small(&time, both);
    let held: Vec<_> = (0..100u64)
        .map(|key| limiter.check(("held", key)).unwrap())
        .collect();
    assert_eq!(churn(&limiter, 20_000), 20_000, "nobody else pays");
    for key in 0..100u64 {
        assert_eq!(remaining(&limiter, ("held", key)), 1);
    }
    drop(held);
    for key in 0..100u64 {
        assert_eq!(remaining(&limiter, ("held", key)), 2);
    }
}

#[test]
fn a_refusal_and_a_look_take_no_room() {
    let time = ManualClock::new();
    let limiter = small(&time, a_minute(5));
    for key in 0..500u64 {
        limiter.check_cost(key, 6).unwrap_err();
        drop(limiter.check_cost(key, 0).unwrap());
        let _ = limiter.peek(key);
        limiter.reset(key);
    }
    assert_eq!(limiter.stats().keys, 0);
}

#[test]
fn what_a_forgotten_key_gets_back_goes_to_nobody_else() {
    let time = ManualClock::new();
    let limiter = limiter(&time, a_minute(5)).max_keys(1);
    let forgotten = limiter.check("forgotten").unwrap();
    drop(limiter.check("next").unwrap());
    drop(limiter.check("next").unwrap());
    assert_eq!(limiter.stats().forgotten, 1);
    forgotten.refund();
    assert_eq!(remaining(&limiter, "next"), 3);
    time.advance(Duration::from_millis(1));
    assert_eq!(remaining(&limiter, "forgotten"), 5);
}

#[test]
fn with_room_for_nobody_there_is_room_for_one() {
    let time = ManualClock::new();
    let limiter = limiter(&time, a_minute(5)).max_keys(0);
    use_up(&limiter, "a");
    limiter.check("a").unwrap_err();
    assert!(limiter.memory_bound() > 0);
}
