//! Who wants to know of invalidations.

use std::{fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use tokio::sync::broadcast::{self, error::RecvError};

use super::purger::{Named, Receipt};
use crate::ledger::{Appended, Effect, Event, Subject};

/// How many invalidations are kept for those who are slow.
const KEPT: usize = 1024;

/// Something that was invalidated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Purged {
    /// What was named.
    pub subjects: Vec<Subject>,
    /// What became of it.
    pub effect: Effect,
    /// Whether an unsafe request did it (RFC 9111 4.4), rather than a [`Purger`](super::Purger).
    pub by_request: bool,
    /// Where and how much.
    pub receipt: Receipt,
}

/// So many invalidations were lost, as it took too long to ask for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} invalidations were missed")]
pub struct Missed(pub u64);

/// Invalidations as they happen: see [`Purger::subscribe`](super::Purger::subscribe).
#[derive(Debug)]
pub struct Purges(broadcast::Receiver<Arc<Purged>>);

impl Purges {
    /// The next one; `None` once the layer, its clones and all that they made are gone.
    ///
    /// # Errors
    /// If some were lost. The next call goes on with what is left.
    pub async fn next(&mut self) -> Result<Option<Arc<Purged>>, Missed> {
        match self.0.recv().await {
            Ok(purged) => Ok(Some(purged)),
            Err(RecvError::Closed) => Ok(None),
            Err(RecvError::Lagged(missed)) => Err(Missed(missed)),
        }
    }

    /// Calls a listener with each of them.
    pub(super) async fn call_each<F, R>(mut self, mut listener: F)
    where
        F: FnMut(Result<Arc<Purged>, Missed>) -> R,
        R: Future<Output = ()>,
    {
        while let Some(purged) = self.next().await.transpose() {
            // It may panic before its future is made, too.
            let called = AssertUnwindSafe(async { listener(purged).await });
            if called.catch_unwind().await.is_err() {
                tracing::error!("a listener to invalidations panicked");
            }
        }
    }
}

/// Where invalidations are told.
#[derive(Clone)]
pub(crate) struct Announcements(broadcast::Sender<Arc<Purged>>);

impl Default for Announcements {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Announcements {
    pub(super) fn subscribe(&self) -> Purges {
        Purges(self.0.subscribe())
    }

    pub(super) fn tell(&self, event: &Event, appended: Appended) {
        if self.0.receiver_count() == 0 {
            return;
        }
        // Nobody may be left by now, which is no error.
        let _ = self.0.send(Arc::new(Purged {
            subjects: event.subjects().to_vec(),
            effect: event.effect,
            by_request: event.is_by_write(),
            receipt: Receipt {
                position: appended.position,
                named: Named::of(appended.named),
            },
        }));
    }
}

impl fmt::Debug for Announcements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcements")
            .field("listeners", &self.0.receiver_count())
            .finish()
    }
}
