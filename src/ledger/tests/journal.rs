//! Ledgers that follow one journal, as processes do that share a remote store.

use std::time::Duration;

use super::{A, B, Cause, Effect, Held, Ledger, Standing, event, everything, gone, tag};
use crate::{
    clock::Moment,
    ledger::held::Adoption,
    store::{Store, test_value::Value},
    test_util::{FakeRemoteStore, ManualClock},
};

/// A server, and two processes that use it.
struct Two {
    time: ManualClock,
    server: FakeRemoteStore<Value>,
    one: Ledger,
    two: Ledger,
}

impl Two {
    async fn new() -> Self {
        let time = ManualClock::new();
        let server = FakeRemoteStore::new(time.clock());
        let this = Self {
            one: server.ledger(),
            two: server.ledger(),
            server,
            time,
        };
        this.settle().await;
        this
    }

    /// Lets everybody tell and hear.
    async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// The same, and what waits is tried again.
    async fn retry(&self) {
        self.settle().await;
        self.time.advance(Duration::from_millis(200));
        self.settle().await;
    }

    fn now(&self) -> Moment {
        self.time.clock().now()
    }

    fn purge(&self, who: &Ledger, name: &str) {
        who.append(&event(Effect::Hard, [tag(name)]), self.now());
    }

    async fn adopted(&self, who: &Ledger, held: &Held) -> Result<Standing, Cause> {
        let adoption: Adoption = who.adopt(held).await.expect("the journal answers");
        let (held, since) = adoption.expect("others store too")?;
        Ok(match since {
            Some(since) => Standing::Stale(since, Cause::Tag),
            None => held.standing(who),
        })
    }
}

#[tokio::test]
async fn what_one_invalidates_the_others_hear_of() {
    let two = Two::new().await;
    let (named, other) = (two.two.stored(A, &["a"]), two.two.stored(B, &["b"]));
    two.purge(&two.one, "a");
    assert_eq!(named.standing(&two.two), Standing::Valid, "not heard yet");
    two.settle().await;
    assert_eq!(named.standing(&two.two), gone(Cause::Tag));
    assert_eq!(other.standing(&two.two), Standing::Valid);
}

#[tokio::test]
async fn what_one_has_invalidated_itself_does_not_reach_what_came_after() {
    let two = Two::new().await;
    two.purge(&two.one, "a");
    let after = two.one.stored(A, &["a"]);
    two.settle().await;
    assert_eq!(after.standing(&two.one), Standing::Valid);
}

#[tokio::test]
async fn what_is_read_is_judged_by_the_journal_and_not_by_what_was_heard() {
    let two = Two::new().await;
    let (named, other) = (two.one.stored(A, &["a"]), two.one.stored(B, &["b"]));
    two.server.hold_events(true);
    two.purge(&two.one, "a");
    two.settle().await;
    assert_eq!(two.adopted(&two.two, &named).await, Err(Cause::Tag));
    assert_eq!(two.adopted(&two.two, &other).await, Ok(Standing::Valid));
    // Somebody who was not there at that time.
    let third = two.server.ledger();
    assert_eq!(two.adopted(&third, &named).await, Err(Cause::Tag));
}

#[tokio::test]
async fn what_was_asked_for_after_it_was_heard_is_valid_for_all() {
    let two = Two::new().await;
    two.purge(&two.one, "a");
    two.settle().await;
    let after = two.two.stored(A, &["a"]);
    assert_eq!(two.adopted(&two.one, &after).await, Ok(Standing::Valid));
}

#[tokio::test]
async fn what_is_adopted_is_invalidated_like_ones_own() {
    let two = Two::new().await;
    let held = two.one.stored(A, &["a"]);
    let adoption = two.two.adopt(&held).await.unwrap().unwrap();
    let (adopted, _) = adoption.expect("nothing was invalidated");
    two.purge(&two.two, "a");
    assert_eq!(adopted.standing(&two.two), gone(Cause::Tag));
    assert_eq!(held.standing(&two.one), Standing::Valid);
}

#[tokio::test]
async fn a_soft_mark_counts_from_when_it_was_made() {
    let two = Two::new().await;
    let held = two.one.stored(A, &["a"]);
    let made = two.now();
    two.one.append(&event(Effect::Soft, [tag("a")]), made);
    two.settle().await;
    two.time.advance(Duration::from_secs(30));
    let stale = Standing::Stale(made, Cause::Tag);
    assert_eq!(two.adopted(&two.two, &held).await, Ok(stale));
}

#[tokio::test]
async fn what_could_not_be_told_yet_counts_here_and_is_told_later() {
    let two = Two::new().await;
    let (here, there) = (two.one.stored(A, &["a"]), two.two.stored(A, &["a"]));
    two.server.fail_events(true);
    two.purge(&two.one, "a");
    two.retry().await;
    assert_eq!(two.adopted(&two.one, &here).await, Err(Cause::Tag));
    assert_eq!(there.standing(&two.two), Standing::Valid);
    two.server.fail_events(false);
    two.retry().await;
    two.retry().await;
    assert_eq!(there.standing(&two.two), gone(Cause::Tag));
    assert_eq!(two.adopted(&two.two, &here).await, Err(Cause::Tag));
}

#[tokio::test]
async fn whoever_misses_something_trusts_nothing_from_before() {
    let two = Two::new().await;
    let unnamed = two.two.stored(B, &["b"]);
    two.server.lose_events(1);
    two.purge(&two.one, "lost");
    two.settle().await;
    assert_eq!(unnamed.standing(&two.two), Standing::Valid);
    two.purge(&two.one, "heard");
    two.settle().await;
    assert_eq!(unnamed.standing(&two.two), gone(Cause::All));
    let after = two.two.stored(B, &["b"]);
    assert_eq!(after.standing(&two.two), Standing::Valid);
}

#[tokio::test]
async fn what_comes_in_the_wrong_order_is_heard_all_the_same() {
    let two = Two::new().await;
    two.server.swap_events(true);
    two.server.hold_events(true);
    for name in ["a", "b"] {
        two.purge(&two.one, name);
    }
    two.settle().await;
    let held = two.two.stored(A, &["a", "b"]);
    two.server.hold_events(false);
    two.settle().await;
    assert_ne!(held.standing(&two.two), Standing::Valid);
}

#[tokio::test]
async fn who_comes_later_does_not_trust_what_it_began_before_it_listened() {
    let two = Two::new().await;
    two.purge(&two.one, "a");
    two.settle().await;
    let third = two.server.ledger();
    let before = third.stored(A, &["a"]);
    two.settle().await;
    assert_eq!(before.standing(&third), gone(Cause::All));
    assert_eq!(third.stored(A, &["a"]).standing(&third), Standing::Valid);
}

#[tokio::test]
async fn more_than_can_wait_to_be_told_becomes_everything() {
    let two = Two::new().await;
    let unnamed = two.two.stored(B, &["b"]);
    two.server.fail_events(true);
    for number in 0..5000 {
        two.purge(&two.one, &format!("tag {number}"));
    }
    two.server.fail_events(false);
    two.retry().await;
    two.retry().await;
    assert_eq!(unnamed.standing(&two.two), gone(Cause::All));
}

#[tokio::test]
async fn a_ledger_that_is_dropped_follows_no_longer() {
    let two = Two::new().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let third = two.server.ledger();
    two.settle().await;
    assert_eq!(tasks(), before + 1);
    drop(third);
    two.settle().await;
    assert_eq!(tasks(), before);
}

#[tokio::test]
async fn everything_is_everything_for_all() {
    let two = Two::new().await;
    let held = two.two.stored(A, &[]);
    let all = event(Effect::Hard, [everything()]);
    two.one.append(&all, two.now());
    two.settle().await;
    assert_eq!(held.standing(&two.two), gone(Cause::All));
    assert_eq!(two.adopted(&two.one, &held).await, Err(Cause::All));
}
