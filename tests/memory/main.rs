//! What the response cache, limiters, retries and sessions take of the memory, counted by the allocator.
//!
//! The counts are those of the whole process, so the tests of this binary run one after the other.

use std::{
    alloc::System,
    future::Future,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

mod admission;
mod allocations;
mod buffers;
mod origin;
mod passing;
mod purging;
#[cfg(feature = "rate-limit")]
mod rate_limit;
mod readers;
#[cfg(feature = "retry")]
mod retry;
#[cfg(feature = "session")]
mod session_requests;
#[cfg(all(feature = "session", feature = "test-util"))]
mod sessions;
mod store;
mod weight;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Keeps the other tests of this process waiting until it is dropped.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes that are allocated at this moment.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// The result of a future that waits for nothing: neither the origins here nor the store in memory do.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing here waits"),
    }
}
