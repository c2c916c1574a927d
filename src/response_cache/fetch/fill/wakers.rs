//! Those who wait for a growing body.

use std::{
    mem::take,
    sync::Arc,
    task::{Wake, Waker},
};

use crate::sync::{Mutex, lock};

/// The wakers of those who wait, by the numbers of their places.
#[derive(Default)]
pub(super) struct Waiting(Vec<Option<Waker>>);

impl Waiting {
    /// Notes a reader's waker. Returns the one that it replaces, if that is another: it is to be dropped once no
    /// lock is held, as the last waker of a task may hold another reader.
    #[must_use]
    pub(super) fn put(&mut self, reader: usize, waker: &Waker) -> Option<Waker> {
        if self.0.len() <= reader {
            self.0.resize(reader + 1, None);
        }
        let known = &mut self.0[reader];
        if known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        known.replace(waker.clone())
    }

    #[must_use]
    fn remove(&mut self, reader: usize) -> Option<Waker> {
        self.0.get_mut(reader).and_then(Option::take)
    }

    /// Wakes them all. Not under a lock: a waker may run anything.
    pub(super) fn wake(self) {
        self.0.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The readers to wake when the body has something: together they are the waker that it is polled with.
#[derive(Default)]
pub(super) struct Wakers(Mutex<Waiting>);

impl Wakers {
    /// Whether its lock is not held.
    #[cfg(test)]
    pub(super) fn is_free(&self) -> bool {
        self.0.try_lock().is_ok()
    }

    pub(super) fn register(&self, reader: usize, waker: &Waker) {
        let mut waiting = lock(&self.0);
        let replaced = waiting.put(reader, waker);
        drop(waiting);
        drop(replaced);
    }

    pub(super) fn forget(&self, reader: usize) {
        let mut waiting = lock(&self.0);
        let forgotten = waiting.remove(reader);
        drop(waiting);
        drop(forgotten);
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiting = take(&mut *lock(&self.0));
        waiting.wake();
    }
}
