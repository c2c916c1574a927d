//! Those who wait for a growing body.

use std::{
    sync::Arc,
    task::{Wake, Waker},
};

use crate::sync::{Mutex, lock};

/// Wakes them all. Not under a lock: a waker may run anything.
pub(super) fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// The readers to wake when the body has something: together they are the waker that it is polled with.
#[derive(Default)]
pub(super) struct Wakers(Mutex<Vec<Option<Waker>>>);

impl Wakers {
    pub(super) fn register(&self, reader: usize, waker: &Waker) {
        let mut wakers = lock(&self.0);
        if wakers.len() <= reader {
            wakers.resize(reader + 1, None);
        }
        match &mut wakers[reader] {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(super) fn forget(&self, reader: usize) {
        let mut wakers = lock(&self.0);
        let forgotten = wakers.get_mut(reader).and_then(Option::take);
        drop(wakers);
        drop(forgotten);
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = std::mem::take(&mut *lock(&self.0));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}
