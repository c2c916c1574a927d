//! A body that several readers follow while it arrives.
//!
//! Nobody is in charge of it: whichever reader wants more polls the inner service's body, and what that gives
//! is there for all. So the body comes at the speed of its fastest reader, a reader that leaves takes nothing
//! with it, and no task is needed.
//!
//! As long as the body is being recorded all of it is kept, and further readers can begin at its start. Once
//! it is not (it is too large, say), those that are there share a window: what all have passed is let go, and
//! one that holds the others up for too long is cut off.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use smallvec::SmallVec;

use super::{
    Fill,
    state::{End, Lost, Next, Recording, Source, State, Window},
    wakers::Wakers,
};
use crate::{
    clock::{Clock, Moment, Sleep},
    error::BoxError,
    flight::Landing,
    response_cache::{core::Core, fetch::news::News},
    sync::{Mutex, MutexGuard, lock},
};

/// See the module's docs.
pub(crate) struct Growing {
    state: Mutex<State>,
    wakers: Arc<Wakers>,
    clock: Clock,
    window: Window,
    /// The exact length, where the body knew it.
    length: Option<u64>,
}

/// What a reader has to do to get on.
pub(super) enum Step {
    Done(Poll<Next>),
    /// The window is full until then at most.
    Blocked(Moment),
    Again,
}

impl Growing {
    pub(crate) fn new(source: Source, fill: Fill, core: &Core) -> Self {
        Self {
            length: source.size_hint().exact(),
            state: Mutex::new(State::new(
                Recording {
                    source,
                    fill: Some(Box::new(fill)),
                },
                core.budget.charge(),
            )),
            wakers: Arc::default(),
            clock: core.settings.clock.clone(),
            window: core.settings.collapsing.window,
        }
    }

    /// Newcomers find it there, until it is stored or given up.
    pub(crate) fn landed(&self, landing: Landing<News>) {
        let mut state = self.state();
        if state.end.is_none() && state.kept {
            state.landed = Some(landing);
        }
    }

    /// Stores a body that was over before it began.
    pub(crate) fn end_if_over(&self) {
        let mut state = self.state();
        let over = |recording: &mut Recording| recording.source.is_end_stream();
        if let Some(recording) = state.recording.take_if(over) {
            drop(state);
            self.ended(recording, None, None);
        }
    }

    pub(super) fn sleep_until(&self, moment: Moment) -> Sleep {
        self.clock.sleep_until(moment)
    }

    /// Whether none of its locks is held.
    #[cfg(test)]
    pub(super) fn is_free(&self) -> bool {
        self.state.try_lock().is_ok() && self.wakers.is_free()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A place at the start, for one more reader.
    pub(super) fn enter(&self) -> Result<usize, Lost> {
        self.state().enter()
    }

    pub(super) fn leave(&self, reader: usize) {
        let woken = self.state().leave(reader);
        woken.wake();
        self.wakers.forget(reader);
    }

    /// Whether a reader at this position is at the end. Trailers are part of the body.
    pub(super) fn is_over(&self, position: u64, trailers_read: bool) -> bool {
        self.state().is_over(position, trailers_read)
    }

    pub(super) fn size_hint(&self, position: u64) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(position)),
            None => SizeHint::new(),
        }
    }

    /// Takes a reader one step further. `leads` is whether it was its request that brought the body.
    pub(super) fn step(
        &self,
        reader: usize,
        leads: bool,
        trailers_read: &mut bool,
        cx: &mut Context<'_>,
    ) -> Step {
        let mut state = self.state();
        let (next, woken) = state.next(reader, leads, trailers_read, &self.clock);
        if let Some(next) = next {
            drop(state);
            woken.wake();
            return Step::Done(Poll::Ready(next));
        }
        if let Some(until) = state.full_until(self.window) {
            if self.clock.has_timers() && self.clock.now() < until {
                let replaced = state.blocked.put(reader, cx.waker());
                drop(state);
                drop(replaced);
                return Step::Blocked(until);
            }
            let woken = state.cut();
            drop(state);
            woken.wake();
            return Step::Again;
        }
        let Some(recording) = state.recording.take() else {
            let replaced = state.refused.put(reader, cx.waker());
            drop(state);
            drop(replaced);
            return Step::Done(Poll::Pending);
        };
        drop(state);
        self.wakers.register(reader, cx.waker());
        self.drive(reader, recording)
    }

    /// Polls the body, for all readers.
    fn drive(&self, reader: usize, recording: Recording) -> Step {
        let driven = catch_unwind(AssertUnwindSafe(|| self.advance(reader, recording)));
        driven.unwrap_or_else(|panic| {
            self.is_lost();
            resume_unwind(panic)
        })
    }

    fn advance(&self, reader: usize, mut recording: Recording) -> Step {
        let waker = Waker::from(Arc::clone(&self.wakers));
        let mut context = Context::from_waker(&waker);
        let polled = recording.source.as_mut().poll_frame(&mut context);
        if polled.is_ready() {
            // It goes on by itself.
            self.wakers.forget(reader);
        }
        match polled {
            Poll::Pending => {
                let mut state = self.state();
                state.recording = Some(recording);
                // The one wake-up that counts may have come to them while the body was out of their reach.
                let refused = std::mem::take(&mut state.refused);
                drop(state);
                refused.wake();
                return Step::Done(Poll::Pending);
            }
            Poll::Ready(Some(Ok(frame))) => self.came(recording, frame),
            Poll::Ready(Some(Err(error))) => self.broke_off(recording, error),
            Poll::Ready(None) => self.ended(recording, None, None),
        }
        Step::Again
    }

    /// Something panicked. Unless it was a waker, with everything in its place, nothing more will come.
    fn is_lost(&self) {
        let mut state = self.state();
        if state.recording.is_some() || state.end.is_some() {
            return;
        }
        let landed = state.landed.take();
        state.end = Some(End::Failed(None));
        self.publish(state);
        drop(landed);
    }

    fn came(&self, mut recording: Recording, frame: Frame<Bytes>) {
        let ended = recording.source.is_end_stream();
        let goes_on = recording
            .fill
            .as_mut()
            .is_some_and(|fill| fill.push(&frame));
        if !goes_on {
            // Newcomers must not find it any more once parts of it are let go.
            drop(recording.fill.take());
        }
        match frame.into_data() {
            // Trailers are the end too: HTTP/2 servers do not ask on after them.
            Err(frame) => self.ended(recording, None, frame.into_trailers().ok()),
            Ok(data) if ended => self.ended(recording, Some(data), None),
            Ok(data) => {
                let mut state = self.state();
                state.append(&mut recording, data, &self.clock);
                state.recording = Some(recording);
                let landed = if state.kept {
                    None
                } else {
                    state.landed.take()
                };
                self.publish(state);
                drop(landed);
            }
        }
    }

    /// The body is complete. It is stored before any reader gets its last part, so that a reader who has
    /// everything finds it stored.
    fn ended(&self, mut recording: Recording, last: Option<Bytes>, trailers: Option<HeaderMap>) {
        let mut state = self.state();
        let landed = state.landed.take();
        let chunks = state.chunks.iter().map(|chunk| chunk.data.clone());
        let chunks: SmallVec<[Bytes; 2]> = chunks.chain(last.clone()).collect();
        drop(state);
        let fill = recording.fill.take();
        let whole = fill.and_then(|fill| fill.end(&chunks, landed));
        let mut state = self.state();
        match whole {
            Some(whole) => state.is_whole(whole),
            None => {
                state.is_not_kept(&self.clock);
                state.push(last.unwrap_or_default(), &self.clock);
            }
        }
        state.trailers = trailers;
        state.end = Some(End::Complete);
        self.publish(state);
    }

    fn broke_off(&self, mut recording: Recording, error: BoxError) {
        if let Some(fill) = recording.fill.take() {
            fill.fail();
        }
        let mut state = self.state();
        let landed = state.landed.take();
        state.end = Some(End::Failed(Some(error)));
        self.publish(state);
        drop(landed);
    }

    fn publish(&self, mut state: MutexGuard<'_, State>) {
        let refused = std::mem::take(&mut state.refused);
        let blocked = std::mem::take(&mut state.blocked);
        drop(state);
        refused.wake();
        blocked.wake();
        self.wakers.wake_by_ref();
    }
}

/// A reader that knows the length may leave without asking for the end.
impl Drop for Growing {
    fn drop(&mut self) {
        let mut state = self.state();
        let recording = state.recording.take();
        let chunks: Vec<Bytes> = state.chunks.drain(..).map(|chunk| chunk.data).collect();
        let landed = state.landed.take();
        drop(state);
        if let Some(fill) = recording.and_then(|recording| recording.fill) {
            fill.left(&chunks, landed);
        }
    }
}
