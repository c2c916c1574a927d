//! What stays and what goes.

use super::*;
use crate::{duration::seconds, session::time::Timestamp};

#[test]
fn nobodys_sessions_go_first_and_the_least_recently_active_of_them() {
    let stage = Stage::new();
    stage.create(0, of("u1"));
    let mut number = 1;
    while stage.core.stats().evicted_anonymous == 0 {
        stage.wait(seconds(1));
        stage.create(number, anonymous());
        stage.core.touch(&key(1));
        number += 1;
    }
    assert!(number > 20, "{number} fill it");
    assert!(stage.has(0) && stage.has(1) && !stage.has(2));
    assert_eq!(stage.those_of(number).len() as u64, number - 1);
}

#[test]
fn a_crowd_without_accounts_logs_nobody_out() {
    let stage = Stage::new();
    stage.create(0, of("u1"));
    stage.wait(seconds(60));
    for number in 1..10_000 {
        stage.create(number, anonymous());
    }
    assert!(stage.has(0));
    assert_eq!(stage.core.stats().evicted_logged_in, 0);
}

/// A store full of the sessions of users, and how many there are.
fn full_of_users() -> (Stage, u64) {
    let stage = Stage::new();
    for number in 0.. {
        stage.wait(seconds(1));
        stage.create(number, of("u1"));
        if stage.core.stats().evicted_logged_in > 0 {
            return (stage, number + 1);
        }
    }
    unreachable!("it is full at some time")
}

#[test]
fn when_all_are_logged_in_nobody_else_gets_in_and_a_user_displaces_the_least_recently_active() {
    let (stage, count) = full_of_users();
    assert!(!stage.has(0) && stage.has(1));
    let nobody = anonymous().record();
    let refused = stage
        .core
        .create(&key(1_000), nobody, &Admission::default());
    assert!(matches!(refused, Created::NoRoom), "{refused:?}");
    assert_eq!(stage.core.stats().refused, 1);
    assert_eq!(stage.those_of(count).len() as u64, count - 1);
    stage.create(1_001, of("u2"));
    assert!(!stage.has(1) && stage.has(2) && stage.has(1_001));
    assert_eq!(stage.core.stats().evicted_logged_in, 2);
    assert_eq!(stage.core.stats().evicted_anonymous, 0);
}

#[test]
fn who_is_to_be_replaced_by_the_newcomer_does_not_make_room_for_it() {
    let (stage, _) = full_of_users();
    let instead = Admission {
        instead_of: Some(key(1)),
        ..Admission::default()
    };
    stored(stage.core.create(&key(1_000), of("u1").record(), &instead));
    assert!(stage.has(1) && !stage.has(2));
}

#[test]
fn who_grows_displaces_others_and_never_itself() {
    let (stage, count) = full_of_users();
    let oldest = stage.core.load(&key(1)).unwrap();
    let larger = of("u1").value("text", &"x".repeat(1_000)).record();
    let swapped = stage
        .core
        .swap(&key(1), oldest.version, Some(larger.into()));
    assert!(matches!(swapped, Swapped::Stored(_)), "{swapped:?}");
    assert!(stage.has(1) && !stage.has(2));
    assert!(stage.those_of(count).len() as u64 <= count - 2);
}

#[test]
fn what_is_too_large_is_refused_and_nobody_goes_for_it() {
    let stage = Stage::new();
    let loaded = stage.create(0, anonymous());
    let huge = || anonymous().value("text", &"x".repeat(4 << 10)).record();
    let created = stage.core.create(&key(1), huge(), &Admission::default());
    assert!(matches!(created, Created::NoRoom));
    let swapped = stage
        .core
        .swap(&key(0), loaded.version, Some(huge().into()));
    assert!(matches!(swapped, Swapped::NoRoom));
    let after = stage.core.load(&key(0)).unwrap();
    assert_eq!(
        (after.version, after.record),
        (loaded.version, loaded.record)
    );
    assert_eq!(stage.core.stats().refused, 2);
}

#[test]
fn what_is_over_goes_before_anybody_who_lives() {
    let stage = Stage::new();
    for number in 0..10 {
        stage.create(number, of("u1").idle(seconds(1)));
    }
    stage.wait(seconds(1));
    let mut number = 10;
    while stage.core.stats().evicted_anonymous == 0 {
        stage.create(number, anonymous());
        number += 1;
    }
    assert_eq!(stage.core.stats().evicted_logged_in, 0);
    assert!(stage.core.expired(10).is_empty(), "their room was needed");
}

#[test]
fn it_is_told_once_of_what_is_over_also_when_it_was_freed_by_the_way() {
    let stage = Stage::new();
    for number in 0..10 {
        stage.create(number, anonymous().idle(seconds(1)));
    }
    let full = stage.core.stats().bytes;
    stage.wait(seconds(1));
    assert!(
        stage.core.remove(&key(0)).is_none(),
        "it was over before that"
    );
    for number in 100..150 {
        stage.create(number, anonymous());
        assert!(stage.core.remove(&key(number)).is_some());
    }
    let mut told = [stage.core.expired(4), stage.core.expired(100)].concat();
    told.sort_unstable_by_key(|(key, _)| *key);
    told.dedup_by_key(|(key, _)| *key);
    assert_eq!(told.len(), 10);
    assert!(stage.core.expired(100).is_empty());
    assert!(full > 0 && stage.core.stats().bytes == 0);
}

#[test]
fn it_remembers_to_tell_of_a_thousand_and_their_memory_counts() {
    let time = ManualClock::new();
    let plan = Plan::new(16 << 20).unwrap();
    let core = Core::new(plan, time.clock());
    for number in 0..2_000 {
        let session = anonymous().idle(seconds(1)).record();
        stored(core.create(&key(number), session, &Admission::default()));
    }
    let full = core.stats().bytes;
    time.advance(seconds(1));
    for number in 0..2_000 {
        assert!(!core.touch(&key(number)));
    }
    assert_eq!(core.stats().bytes, full / 2_000 * 1_024);
    assert_eq!(core.expired(usize::MAX).len(), 1_024);
    assert_eq!(core.stats().bytes, 0);
}

#[test]
fn the_wall_may_jump_and_the_time_of_the_store_does_not() {
    let stage = Stage::new();
    let before = stage.create(0, anonymous());
    stage.time.set_wall(std::time::SystemTime::UNIX_EPOCH);
    stage.wait(minutes(29));
    let after = stage.core.load(&key(0)).unwrap();
    assert_eq!(after.now.since(before.now), minutes(29));
    stage.wait(minutes(1) - Duration::from_millis(1));
    assert!(stage.has(0));
    stage.wait(Duration::from_millis(1));
    assert!(!stage.has(0));
    assert!(before.now > Timestamp::default());
}

#[test]
fn a_capacity_for_nothing_is_an_error_and_nothing_of_what_is_kept_is_shown() {
    let error = super::super::MemorySessions::with_capacity(100).unwrap_err();
    let said = "a capacity of 100 bytes is too small for sessions: it takes at least 65536 bytes";
    assert_eq!(error.to_string(), said);
    let shown = format!("{:?}", super::super::MemorySessions::new());
    assert_eq!(shown, "MemorySessions { capacity: 67108864, .. }");
}
