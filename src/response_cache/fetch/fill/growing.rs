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
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use smallvec::SmallVec;

use super::{Fill, budget::Charge};
use crate::{
    clock::{Clock, Moment, Sleep},
    error::BoxError,
    flight::Landing,
    response_cache::{answer::body_error::BodyError, core::Core, fetch::news::News},
    sync::{Mutex, MutexGuard, lock},
};

/// Chunks smaller than this are copied, as they may be small parts of large buffers.
const SMALL: usize = 4096;

/// The body of the inner service's response.
pub(crate) type Source = Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>;

/// How far readers of what is not recorded may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// In bytes.
    pub(crate) size: usize,
    /// How long one may hold up the others.
    pub(crate) stall: Duration,
}

/// See the module's docs.
pub(crate) struct Growing {
    state: Mutex<State>,
    wakers: Arc<Wakers>,
    clock: Clock,
    window: Window,
    /// The exact length, where the body knew it.
    length: Option<u64>,
}

struct State {
    /// Taken by the reader who polls it.
    recording: Option<Recording>,
    /// Whether everything that came is there.
    kept: bool,
    chunks: VecDeque<Chunk>,
    /// The first byte that is there.
    start: u64,
    received: u64,
    charge: Charge,
    /// All of the body, once that is stored.
    whole: Option<Bytes>,
    trailers: Option<HeaderMap>,
    end: Option<End>,
    /// Where newcomers find it.
    landed: Option<Landing<News>>,
    readers: Vec<Option<Place>>,
    /// Those who found another one polling.
    refused: Vec<Waker>,
    /// Those for whom the window is full.
    blocked: Vec<Waker>,
}

struct Recording {
    source: Source,
    fill: Option<Box<Fill>>,
}

struct Chunk {
    start: u64,
    data: Bytes,
}

enum End {
    Complete,
    /// The error is for the reader whose request it was.
    Failed(Option<BoxError>),
}

/// Where a reader is.
struct Place {
    position: u64,
    /// When it got there; kept only where readers share a window.
    since: Moment,
    cut: bool,
}

/// A frame, the end, or an error.
pub(super) type Next = Option<Result<Frame<Bytes>, BoxError>>;

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
            state: Mutex::new(State {
                recording: Some(Recording {
                    source,
                    fill: Some(Box::new(fill)),
                }),
                kept: true,
                chunks: VecDeque::new(),
                start: 0,
                received: 0,
                charge: core.budget.charge(),
                whole: None,
                trailers: None,
                end: None,
                landed: None,
                readers: Vec::new(),
                refused: Vec::new(),
                blocked: Vec::new(),
            }),
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

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// A place at the start, for one more reader; `None` if the start is not there any more, or the body has
    /// failed.
    pub(super) fn enter(&self) -> Option<usize> {
        let mut state = self.state();
        let failed = matches!(state.end, Some(End::Failed(_)));
        if failed || !state.kept {
            return None;
        }
        let place = Place {
            position: 0,
            since: Moment::BEGINNING,
            cut: false,
        };
        let free = state.readers.iter().position(Option::is_none);
        Some(match free {
            Some(index) => {
                state.readers[index] = Some(place);
                index
            }
            None => {
                state.readers.push(Some(place));
                state.readers.len() - 1
            }
        })
    }

    pub(super) fn leave(&self, reader: usize) {
        let mut state = self.state();
        if let Some(place) = state.readers.get_mut(reader) {
            *place = None;
        }
        let woken = state.let_go();
        drop(state);
        wake(woken);
        self.wakers.forget(reader);
    }

    /// Whether a reader at this position is at the end. Trailers are part of the body.
    pub(super) fn is_over(&self, position: u64, trailers_read: bool) -> bool {
        let state = self.state();
        let over = matches!(state.end, Some(End::Complete)) && position == state.received;
        over && (trailers_read || state.trailers.is_none())
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
            wake(woken);
            return Step::Done(Poll::Ready(next));
        }
        if let Some(until) = state.full_until(self.window) {
            if self.clock.has_timers() && self.clock.now() < until {
                state.blocked.push(cx.waker().clone());
                return Step::Blocked(until);
            }
            let woken = state.cut();
            drop(state);
            wake(woken);
            return Step::Again;
        }
        let Some(recording) = state.recording.take() else {
            state.refused.push(cx.waker().clone());
            return Step::Done(Poll::Pending);
        };
        drop(state);
        self.wakers.register(reader, cx.waker());
        self.drive(reader, recording)
    }

    /// Polls the body, for all readers.
    fn drive(&self, reader: usize, mut recording: Recording) -> Step {
        let waker = Waker::from(Arc::clone(&self.wakers));
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            recording.source.as_mut().poll_frame(&mut context)
        }));
        let polled = match polled {
            Ok(polled) => polled,
            Err(panic) => {
                self.broke_off(recording, None);
                resume_unwind(panic);
            }
        };
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
                wake(refused);
                return Step::Done(Poll::Pending);
            }
            Poll::Ready(Some(Ok(frame))) => self.came(recording, frame),
            Poll::Ready(Some(Err(error))) => self.broke_off(recording, Some(error)),
            Poll::Ready(None) => self.ended(recording, None, None),
        }
        Step::Again
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
                state.push(last.unwrap_or_default());
            }
        }
        state.trailers = trailers;
        state.end = Some(End::Complete);
        self.publish(state);
    }

    fn broke_off(&self, mut recording: Recording, error: Option<BoxError>) {
        if let Some(fill) = recording.fill.take() {
            fill.fail();
        }
        let mut state = self.state();
        let landed = state.landed.take();
        state.end = Some(End::Failed(error));
        self.publish(state);
        drop(landed);
    }

    fn publish(&self, mut state: MutexGuard<'_, State>) {
        let refused = std::mem::take(&mut state.refused);
        let blocked = std::mem::take(&mut state.blocked);
        drop(state);
        wake(refused);
        wake(blocked);
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

impl State {
    /// What there is for a reader, and who can go on once it has it.
    fn next(
        &mut self,
        reader: usize,
        leads: bool,
        trailers_read: &mut bool,
        clock: &Clock,
    ) -> (Option<Next>, Vec<Waker>) {
        let Some(Some(place)) = self.readers.get(reader) else {
            return (Some(None), Vec::new());
        };
        if place.cut {
            return (Some(Some(Err(BodyError::Stalled.into()))), Vec::new());
        }
        let position = place.position;
        if position < self.received {
            let data = self.data_at(position);
            self.moved(reader, position + data.len() as u64, clock);
            return (Some(Some(Ok(Frame::data(data)))), self.let_go());
        }
        let next = match &mut self.end {
            None => return (None, Vec::new()),
            Some(End::Complete) if *trailers_read => None,
            Some(End::Complete) => {
                *trailers_read = true;
                self.trailers.clone().map(Frame::trailers).map(Ok)
            }
            Some(End::Failed(error)) => {
                let own = error.take_if(|_| leads);
                Some(Err(own.unwrap_or_else(|| BodyError::Shared.into())))
            }
        };
        (Some(next), Vec::new())
    }

    fn data_at(&self, position: u64) -> Bytes {
        if let Some(whole) = &self.whole {
            let from = usize::try_from(position).map_or(whole.len(), |from| from.min(whole.len()));
            return whole.slice(from..);
        }
        let after = self.chunks.partition_point(|chunk| chunk.start <= position);
        let chunk = after.checked_sub(1).map(|index| &self.chunks[index]);
        chunk.map(|chunk| chunk.data.clone()).unwrap_or_default()
    }

    fn moved(&mut self, reader: usize, to: u64, clock: &Clock) {
        if let Some(Some(place)) = self.readers.get_mut(reader) {
            place.position = to;
            if !self.kept {
                place.since = clock.now();
            }
        }
    }

    fn append(&mut self, recording: &mut Recording, data: Bytes, clock: &Clock) {
        let fits = recording.fill.is_none() || self.charge.add(data.len());
        if !fits && let Some(fill) = recording.fill.take() {
            fill.over_budget();
        }
        if recording.fill.is_none() {
            self.is_not_kept(clock);
        }
        self.push(data);
    }

    fn push(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        let first = self.chunks.is_empty() && self.received == 0;
        let data = match data.len() < SMALL && self.kept && !first {
            true => Bytes::copy_from_slice(&data),
            false => data,
        };
        let start = self.received;
        self.received += data.len() as u64;
        self.chunks.push_back(Chunk { start, data });
    }

    fn is_whole(&mut self, whole: Bytes) {
        self.received = whole.len() as u64;
        self.whole = Some(whole);
        self.chunks = VecDeque::new();
        self.charge.give_back(usize::MAX);
    }

    fn is_not_kept(&mut self, clock: &Clock) {
        if !std::mem::replace(&mut self.kept, false) {
            return;
        }
        let now = clock.now();
        for place in self.readers.iter_mut().flatten() {
            place.since = now;
        }
    }

    /// Lets go what all readers have passed, where that is not kept. Returns who can go on for it.
    fn let_go(&mut self) -> Vec<Waker> {
        if self.kept {
            return Vec::new();
        }
        let places = self.readers.iter().flatten().filter(|place| !place.cut);
        let passed = places
            .map(|place| place.position)
            .min()
            .unwrap_or(self.received);
        let mut let_go = 0;
        while let Some(chunk) = self.chunks.front()
            && chunk.start < passed
        {
            let_go += chunk.data.len();
            self.chunks.pop_front();
        }
        if let_go == 0 {
            return Vec::new();
        }
        self.start += let_go as u64;
        self.charge.give_back(let_go);
        std::mem::take(&mut self.blocked)
    }

    /// Until when the window is full, if it is: until the slowest reader has got on or is cut off.
    fn full_until(&self, window: Window) -> Option<Moment> {
        if self.kept || self.received - self.start < window.size as u64 {
            return None;
        }
        let slowest = self.slowest()?;
        self.readers[slowest]
            .as_ref()
            .map(|place| place.since + window.stall)
    }

    fn slowest(&self) -> Option<usize> {
        let places = self.readers.iter().enumerate();
        let places = places.filter_map(|(index, place)| Some((index, place.as_ref()?)));
        places
            .filter(|(_, place)| !place.cut)
            .min_by_key(|(_, place)| (place.position, place.since))
            .map(|(index, _)| index)
    }

    /// Cuts off the slowest reader.
    fn cut(&mut self) -> Vec<Waker> {
        if let Some(slowest) = self.slowest()
            && let Some(place) = &mut self.readers[slowest]
        {
            place.cut = true;
        }
        self.let_go()
    }
}

fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// The readers to wake when the body has something.
#[derive(Default)]
struct Wakers(Mutex<Vec<Option<Waker>>>);

impl Wakers {
    fn register(&self, reader: usize, waker: &Waker) {
        let mut wakers = lock(&self.0);
        if wakers.len() <= reader {
            wakers.resize(reader + 1, None);
        }
        match &mut wakers[reader] {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    fn forget(&self, reader: usize) {
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
