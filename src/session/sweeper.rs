//! What tells of sessions whose time is over.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinHandle};

use super::{core::Core, event::SessionEventKind, store::SessionStore};
use crate::sync::{Mutex, lock};

/// So often the store is asked.
const INTERVAL: Duration = Duration::from_secs(10);
/// So many at a time.
const AT_A_TIME: usize = 1_000;

/// A task of the runtime that asks the store for what is over, as long as there is a layer. An error does not end it;
/// if it ends with its runtime, the next session begins another one.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Core {
    /// There is a session that will be over one day.
    pub(super) fn begin_sweeping(&self) {
        let mut task = lock(&self.sweeper.task);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let alive = Arc::downgrade(&self.sweeper);
            // A layer of its own, which does not keep it going.
            let own = Self {
                sweeper: Arc::default(),
                ..self.clone()
            };
            *task = Some(runtime.spawn(own.sweep(alive)));
        }
    }

    async fn sweep(self, alive: Weak<Sweeper>) {
        while alive.strong_count() > 0 {
            self.clock.sleep(INTERVAL).await;
            while self.sweep_some().await == AT_A_TIME {}
        }
    }

    /// Tells of some sessions that are over. How many.
    async fn sweep_some(&self) -> usize {
        let expired = match self.store.expired(AT_A_TIME).await {
            Ok(expired) => expired,
            Err(error) => {
                tracing::warn!(%error, "sessions that are over could not be asked for");
                return 0;
            }
        };
        let sessions = expired.iter().filter(|(_, record)| record.moved.is_none());
        for (key, record) in sessions {
            self.happened(SessionEventKind::Expired, Some((key, record)));
        }
        expired.len()
    }
}
