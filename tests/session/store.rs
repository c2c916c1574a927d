//! The stores that come with the crate, put to the rules of stores.

use std::future::ready;

use tower_keep::{
    session::MemorySessions,
    test_util::{
        ManualClock,
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
