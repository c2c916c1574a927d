//! Work that nobody waits for.

use std::{
    future::Future,
    task::{Context, Poll, Waker},
};

/// Runs `work` at once as far as it goes without waiting: with a store in memory, to its end. What then
/// remains becomes a task of the runtime.
///
/// Outside of a tokio runtime the remainder is dropped, which a store must bear at any time.
pub(super) fn run(work: impl Future<Output = ()> + Send + 'static) {
    let mut work = Box::pin(work);
    let ended = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if ended == Poll::Pending
        && let Ok(runtime) = tokio::runtime::Handle::try_current()
    {
        runtime.spawn(work);
    }
}
