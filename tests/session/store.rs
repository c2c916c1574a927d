//! The stores that come with the crate, put to the rules of stores.

use std::{future::ready, time::Duration};

use tower_keep::{
    Clock,
    session::MemorySessions,
    test_util::{
        FakeRemoteSessions, ManualClock,
        sessions::{self, Subject},
    },
};

fn in_memory() -> Subject<MemorySessions> {
    let time = ManualClock::new();
    let store = MemorySessions::new().clock(time.clock());
    Subject::new(store, move |by| {
        time.advance(by);
        ready(())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_store_in_memory_keeps_the_rules() {
    for _ in 0..10 {
        sessions::check(async || in_memory()).await;
    }
}

fn far_away() -> Subject<FakeRemoteSessions> {
    let time = ManualClock::new();
    let store = FakeRemoteSessions::new(time.clock());
    Subject::new(store, move |by| {
        time.advance(by);
        ready(())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_fake_of_a_remote_store_keeps_the_rules() {
    for _ in 0..10 {
        sessions::check(async || far_away()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_keeps_them_too_when_it_takes_its_time() {
    sessions::check(async || {
        let store = FakeRemoteSessions::new(Clock::tokio()).latency(Duration::from_millis(2));
        Subject::new(store, tokio::time::sleep)
    })
    .await;
}
