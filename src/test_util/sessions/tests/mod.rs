//! The check finds what is wrong: a plain store, and all the ways in which it can be wrong.

mod plain;

use self::plain::{Fault, Plain};
use super::*;
use crate::test_util::ManualClock;

fn subject(fault: Fault) -> Subject<Plain> {
    let time = ManualClock::new();
    let store = Plain::new(fault, time.clock());
    Subject::new(store, move |by| {
        time.advance(by);
        std::future::ready(())
    })
}

/// The rules that a store with this fault is found to break.
async fn broken(fault: Fault) -> Vec<Broken> {
    find_broken(async || subject(fault)).await
}

#[tokio::test]
async fn a_store_without_faults_breaks_no_rule() {
    assert_eq!(broken(Fault::None).await, []);
}

/// Each fault, and words of a rule that it breaks.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::StampsNothing, "what is created is kept"),
    (Fault::CreateReplaces, "`create` replaces nothing"),
    (Fault::CreateLooksFirst, "of creations under one key"),
    (Fault::LoadsNowWhatIsOver, "what is over is as if"),
    (Fault::LoadTouches, "`load` is no activity"),
    (Fault::SwapCreates, "`swap` creates nothing"),
    (Fault::SwapOverwrites, "`swap` leaves another version"),
    (
        Fault::SwapLooksFirst,
        "changes at the same time that are tried again",
    ),
    (Fault::SwapLooksFirst, "of changes to one version"),
    (Fault::SwapTouchesNot, "`swap` replaces the version"),
    (Fault::SwapKeepsLife, "says anew how long"),
    (
        Fault::RemovesAnyVersion,
        "removes this version and no other",
    ),
    (Fault::RemovedComesBack, "nothing brings back"),
    (Fault::RemovedComesBack, "at the same time as it is changed"),
    (Fault::RemovedStaysListed, "nothing brings back"),
    (Fault::VersionsBeginAnew, "a version never comes back"),
    (Fault::VersionsRepeat, "a version never comes back"),
    (Fault::TouchCounts, "`touch` leaves the version"),
    (Fault::TouchDoesNothing, "`touch` is an activity"),
    (Fault::TouchRollsBack, "`touch` takes back no change"),
    (
        Fault::TouchRevives,
        "at the same time as it is changed or touched",
    ),
    (Fault::GivesOutWhatIsOver, "what is over is as if"),
    (Fault::GivesOutWhatIsOver, "was not active for its time"),
    (Fault::ListsWhatIsOver, "what is over is as if"),
    (Fault::OutlivesItsTime, "has lived for its time"),
    (Fault::NeverIdle, "was not active for its time"),
    (Fault::ListsLater, "is listed before it can be loaded"),
    (
        Fault::ForgetsWhileSwapping,
        "changed or touched meanwhile is in the list",
    ),
    (Fault::KeepsFormerUsers, "in the list of its user alone"),
    (Fault::MixesTenants, "all of them and no others"),
    (
        Fault::CapLooksFirst,
        "of creations at the same time no more",
    ),
    (Fault::CapIsIgnored, "beyond the cap nothing is stored"),
    (Fault::CapCountsWhatIsOver, "does not count for the cap"),
    (Fault::CapCountsAll, "the cap is that of one user"),
    (
        Fault::CapCountsTheReplaced,
        "the session that will be replaced",
    ),
    (
        Fault::NamesTheNewest,
        "the least recently active session is named",
    ),
    (Fault::TellsTwice, "`expired` tells of what is over"),
    (Fault::TellsOfTheLiving, "`expired` tells of what is over"),
    (Fault::TellsTooMuch, "`expired` tells of what is over"),
    (Fault::UsersUnordered, "in the order of the ids"),
    (Fault::UsersFromTheStart, "in pages"),
    (Fault::UsersWithoutLimit, "in pages"),
    (Fault::UsersOfAllTenants, "of a tenant once"),
    (Fault::UsersOfOldActivity, "leaves out who was not"),
    (Fault::UsersOfNoTenantOnly, "of all tenants"),
    (Fault::Fails, "`load` is no activity"),
];

#[tokio::test]
async fn each_fault_is_found_and_named_by_the_rule_that_it_breaks() {
    for (fault, words) in FAULTS {
        let broken = broken(*fault).await;
        let named = broken.iter().any(|broken| broken.rule().contains(words));
        assert!(named, "{fault:?} is not found by {words:?}: {broken:?}");
    }
}

#[tokio::test]
#[should_panic(expected = "the store breaks rules:\n- `create` replaces nothing: it says Stored")]
async fn a_check_fails_with_the_rules_that_are_broken() {
    check(async || subject(Fault::CreateReplaces)).await;
}
