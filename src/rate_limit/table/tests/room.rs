//! Whom the table remembers when it cannot remember all.

use super::*;

/// One shard with room for two keys.
fn tight(quota: u64) -> Caller {
    Caller::new(2, limits(quota))
}

#[test]
fn a_key_that_is_limited_stays_so_while_others_come_and_go() {
    let caller = tight(3);
    assert_eq!(caller.admitted(0), 3);
    for newcomer in 1..1_000 {
        caller.take(newcomer, 1).unwrap();
    }
    assert!(caller.take(0, 1).is_err());
    assert_eq!(caller.table.counts().keys, 2);
    assert_eq!(caller.table.counts().forgotten, 998);
}

#[test]
fn who_has_used_least_is_forgotten_first() {
    let caller = tight(10);
    caller.take(1, 5).unwrap();
    caller.take(2, 2).unwrap();
    caller.take(3, 1).unwrap();
    assert_eq!(caller.remaining(1), 5);
    assert_eq!(caller.remaining(2), 10);
    assert_eq!(caller.remaining(3), 9);
}

#[test]
fn who_has_got_all_back_makes_room_without_a_loss() {
    let mut caller = tight(10);
    caller.take(1, 10).unwrap();
    caller.now = SECOND;
    caller.take(2, 1).unwrap();
    caller.take(3, 1).unwrap();
    assert_eq!((caller.remaining(2), caller.remaining(3)), (9, 9));
    assert_eq!(caller.table.counts().forgotten, 0);
}

#[test]
fn newcomers_share_what_one_key_has_when_all_are_limited() {
    let caller = tight(3);
    for key in [1, 2] {
        assert_eq!(caller.admitted(key), 3);
    }
    assert_eq!(caller.admitted(3) + caller.admitted(4), 3);
    assert!(caller.take(1, 1).is_err());
    assert_eq!(caller.table.counts().overflowed, 5);
}

#[test]
fn what_newcomers_share_is_refunded_there_and_nowhere_else() {
    let caller = tight(3);
    for key in [1, 2] {
        assert_eq!(caller.admitted(key), 3);
    }
    let shared = caller.take(3, 3).unwrap();
    caller.refund(shared);
    caller.take(4, 3).unwrap();
    assert!(caller.take(1, 1).is_err());
    // The key is gone that this was charged to: others must not get it.
    let gone = Charge {
        shared: false,
        ..shared
    };
    caller.refund(gone);
    assert!(caller.take(4, 1).is_err());
}

#[test]
fn a_refund_does_not_reach_who_has_taken_the_place() {
    let mut caller = tight(10);
    let charge = caller.take(1, 1).unwrap();
    for key in [2, 3] {
        caller.take(key, 5).unwrap();
    }
    assert_eq!(caller.remaining(1), 10, "it is forgotten");
    caller.table.reset(spread(2), caller.now);
    caller.now = 10;
    caller.take(1, 6).unwrap();
    caller.refund(charge);
    assert_eq!(caller.remaining(1), 4, "another charge of the same key");
}

#[test]
fn refusals_and_what_costs_nothing_take_no_room() {
    let caller = tight(3);
    assert!(caller.take(1, 4).is_err());
    caller.take(2, 0).unwrap();
    assert_eq!(caller.table.counts().keys, 0);
}

#[test]
fn what_a_forgotten_key_owes_is_remembered() {
    let caller = tight(10);
    let free = caller.take(1, 0).unwrap();
    caller.table.settle(free, caller.asked(12));
    assert!(caller.take(1, 1).is_err());
    let nothing = caller.take(2, 0).unwrap();
    caller.table.settle(nothing, caller.asked(0));
    assert_eq!(caller.table.counts().keys, 1);
}

#[test]
fn who_is_blocked_or_in_flight_is_not_forgotten() {
    let flying = Limit::concurrency(5).build().unwrap();
    let caller = Caller::new(2, flying.into());
    let charge = caller.take(1, 1).unwrap();
    caller.table.block(spread(2), caller.asked(0), SECOND);
    for newcomer in 3..100 {
        if let Ok(charge) = caller.take(newcomer, 1) {
            caller.release(charge);
        }
    }
    assert_eq!(caller.remaining(1), 4);
    assert!(caller.take(2, 1).is_err());
    caller.release(charge);
    assert_eq!(caller.remaining(1), 5);
}

#[test]
fn a_block_finds_room_even_if_all_are_limited() {
    let caller = tight(1);
    for key in [1, 2] {
        caller.take(key, 1).unwrap();
    }
    caller.table.block(spread(3), caller.asked(0), SECOND);
    assert_eq!(caller.take(3, 1).unwrap_err().violated, 0);
    assert_eq!(caller.table.counts().keys, 2);
}

#[test]
fn a_block_does_not_push_out_who_is_blocked_or_in_flight() {
    let flying = Limit::concurrency(5).build().unwrap();
    let caller = Caller::new(2, flying.into());
    caller.take(1, 1).unwrap();
    assert!(caller.table.block(spread(2), caller.asked(0), SECOND));
    assert!(!caller.table.block(spread(3), caller.asked(0), SECOND));
    assert_eq!(caller.remaining(1), 4);
    assert!(caller.take(2, 1).is_err());
}

#[test]
fn a_look_changes_nothing_and_takes_no_room() {
    let caller = tight(3);
    assert_eq!(caller.remaining(1), 3);
    assert_eq!(caller.table.counts().keys, 0);
    caller.take(1, 1).unwrap();
    assert_eq!(caller.remaining(1), 2);
    assert_eq!(caller.remaining(1), 2);
}
