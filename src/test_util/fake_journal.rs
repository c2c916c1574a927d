use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt;
use tokio::sync::watch;

use crate::{
    clock::{Clock, Moment},
    ledger::{Answer, Event, Journal, Marked, Name},
    store::StoreError,
};

/// The journal of a fake remote store: what its users invalidate, as they hear of one another.
pub(super) struct FakeJournal {
    state: Mutex<State>,
    /// How much there is to hear; sent when that changes.
    length: watch::Sender<usize>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    events: Vec<(Event, Moment)>,
    /// By position less one: whether it is heard.
    lost: Vec<bool>,
    held: bool,
    lose_next: usize,
    fail_all: bool,
    swap: bool,
}

impl FakeJournal {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            length: watch::Sender::new(0),
            clock,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody hears anything until this is taken back.
    pub(super) fn hold(&self, hold: bool) {
        let mut state = self.state();
        state.held = hold;
        let length = state.events.len();
        drop(state);
        self.length.send_replace(length);
    }

    /// Nobody hears the next events.
    pub(super) fn lose_next(&self, events: usize) {
        self.state().lose_next = events;
    }

    /// Whether events that are heard at once are heard in the wrong order.
    pub(super) fn swap(&self, swap: bool) {
        self.state().swap = swap;
    }

    /// Whether all calls fail.
    pub(super) fn fail_all(&self, fail: bool) {
        self.state().fail_all = fail;
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.state().fail_all {
            return Err(StoreError::unavailable("the fake journal was told to fail"));
        }
        Ok(())
    }

    fn write(&self, event: Event) -> Result<u64, StoreError> {
        self.check()?;
        let mut state = self.state();
        let lost = state.lose_next > 0;
        state.lose_next = state.lose_next.saturating_sub(1);
        state.events.push((event, self.clock.now()));
        state.lost.push(lost);
        let length = state.events.len();
        drop(state);
        self.length.send_replace(length);
        Ok(length as u64)
    }

    fn heard_after(&self, after: u64) -> Vec<(u64, Event)> {
        let state = self.state();
        if state.held {
            return Vec::new();
        }
        let events = state.events.iter().zip(1u64..).zip(&state.lost);
        let heard = events.filter(|((_, position), lost)| *position > after && !**lost);
        let mut heard: Vec<_> = heard
            .map(|(((event, _), position), _)| (position, event.clone()))
            .collect();
        if state.swap {
            heard.reverse();
        }
        heard
    }
}

impl Journal for FakeJournal {
    fn append(&self, event: Event) -> Answer<'_, u64> {
        async move { self.write(event) }.boxed()
    }

    fn position(&self) -> Answer<'_, u64> {
        async move {
            self.check()?;
            Ok(self.state().events.len() as u64)
        }
        .boxed()
    }

    fn tail(&self, after: u64) -> Answer<'_, Vec<(u64, Event)>> {
        async move {
            let mut length = self.length.subscribe();
            loop {
                self.check()?;
                length.mark_unchanged();
                let heard = self.heard_after(after);
                if !heard.is_empty() {
                    return Ok(heard);
                }
                length.changed().await.expect("the sender lives in `self`");
            }
        }
        .boxed()
    }

    fn since(&self, position: u64, names: Vec<Name>, place: Vec<u8>) -> Answer<'_, Marked> {
        async move {
            let state = self.state();
            let events = state.events.iter().zip(1u64..);
            let later = events.filter(|(_, at)| *at > position);
            let met = later.filter_map(|((event, at), _)| event.met(&names, &place, *at));
            Ok(met.fold(Marked::Not, Marked::and))
        }
        .boxed()
    }
}

impl fmt::Debug for FakeJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeJournal").finish_non_exhaustive()
    }
}
