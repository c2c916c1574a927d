//! Work that nobody waits for: refreshes, and writes to stores that have to be waited for.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll, Waker},
};

use futures_util::future::select;
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::clock::Sleep;

/// The background work of a cache: see
/// [`ResponseCacheLayer::background`](super::ResponseCacheLayer::background).
///
/// ```
/// use tower_keep::ResponseCacheLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let layer = ResponseCacheLayer::new();
/// let background = layer.background();
/// // ... serve until it is time to stop, then:
/// background.shutdown().await;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Background {
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Background {
    /// Ends refreshes where they are, waits until what is being written is written, and lets no refresh begin
    /// any more: from then on, what is stale is validated before it is served.
    pub async fn shutdown(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many refreshes and writes are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Runs `work` at once as far as it goes without waiting: with a store in memory, to its end. What then
    /// remains becomes a task of the runtime. Outside of one it is dropped, which a store must bear at any
    /// time.
    pub(super) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut work = Box::pin(work);
        let mut context = Context::from_waker(Waker::noop());
        // A store may panic, and this may run while another panic unwinds: one more would abort.
        let ended = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context)));
        if matches!(ended, Ok(Poll::Pending))
            && let Ok(runtime) = Handle::try_current()
        {
            self.tasks.spawn_on(work, &runtime);
        }
    }

    /// Does `work`, which may take a while, after `sleep`; at once outside of a runtime.
    pub(super) fn later(&self, sleep: Sleep, work: impl FnOnce() + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else {
            work();
            return;
        };
        let stopping = self.stopping.clone();
        let blocking = runtime.clone();
        // Nobody has to wait for it at the end, so it is not among the tasks.
        runtime.spawn(async move {
            if stopping.run_until_cancelled_owned(sleep).await.is_some() {
                blocking.spawn_blocking(work);
            }
        });
    }

    /// Goes on with `work` until the cache is shut down.
    pub(super) fn until_shutdown(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone().cancelled_owned();
        // The end comes first: what happens after a shutdown is not told any more.
        tokio::spawn(select(Box::pin(stopping), Box::pin(work)));
    }

    /// Whether refreshes can be begun: there is a runtime, and nobody has asked to stop.
    pub(super) fn can_refresh(&self) -> bool {
        !self.stopping.is_cancelled() && Handle::try_current().is_ok()
    }

    /// Begins a refresh.
    pub(super) fn refresh(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            let stopping = self.stopping.clone();
            let task = async move {
                stopping.run_until_cancelled_owned(work).await;
            };
            self.tasks.spawn_on(task, &runtime);
        }
    }
}
