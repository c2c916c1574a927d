//! What has come of a growing body, and where its readers are.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};

use super::{Fill, budget::Charge, wakers::Waiting};
use crate::{
    clock::{Clock, Moment},
    error::BoxError,
    flight::Landing,
    response_cache::{answer::body_error::BodyError, fetch::news::News},
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

/// What is behind the lock of a growing body.
pub(super) struct State {
    /// Taken by the reader who polls it.
    pub(super) recording: Option<Recording>,
    /// Whether everything that came is there.
    pub(super) kept: bool,
    pub(super) chunks: VecDeque<Chunk>,
    /// The first byte that is there.
    start: u64,
    pub(super) received: u64,
    charge: Charge,
    /// All of the body, once that is stored.
    whole: Option<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) end: Option<End>,
    /// Where newcomers find it.
    pub(super) landed: Option<Landing<News>>,
    readers: Vec<Option<Place>>,
    /// Those who found another one polling.
    pub(super) refused: Waiting,
    /// Those for whom the window is full.
    pub(super) blocked: Waiting,
}

/// The body on its way here and into the store.
pub(super) struct Recording {
    pub(super) source: Source,
    pub(super) fill: Option<Box<Fill>>,
}

/// A part of the body.
pub(super) struct Chunk {
    start: u64,
    pub(super) data: Bytes,
}

/// How a body ended.
pub(super) enum End {
    Complete,
    /// The error is for the reader whose request it was.
    Failed(Option<BoxError>),
}

/// Where a reader is.
struct Place {
    position: u64,
    /// Since when there is something to read for it there; kept only where readers share a window.
    since: Moment,
    cut: bool,
}

impl Place {
    const START: Self = Self {
        position: 0,
        since: Moment::BEGINNING,
        cut: false,
    };
}

/// Why a body cannot be read from its start any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It broke off.
    Failed,
    /// It is not recorded any more, and parts of it are gone.
    GivenUp,
}

/// A frame, the end, or an error.
pub(super) type Next = Option<Result<Frame<Bytes>, BoxError>>;

impl State {
    pub(super) fn new(recording: Recording, charge: Charge) -> Self {
        Self {
            recording: Some(recording),
            kept: true,
            chunks: VecDeque::new(),
            start: 0,
            received: 0,
            charge,
            whole: None,
            trailers: None,
            end: None,
            landed: None,
            // The one whose request brought it.
            readers: vec![Some(Place::START)],
            refused: Waiting::default(),
            blocked: Waiting::default(),
        }
    }

    /// A place at the start for one more reader, if the start is still there and the body has not failed.
    pub(super) fn enter(&mut self) -> Result<usize, Lost> {
        if matches!(self.end, Some(End::Failed(_))) {
            return Err(Lost::Failed);
        }
        if !self.kept {
            return Err(Lost::GivenUp);
        }
        let place = Place::START;
        let free = self.readers.iter().position(Option::is_none);
        Ok(match free {
            Some(index) => {
                self.readers[index] = Some(place);
                index
            }
            None => {
                self.readers.push(Some(place));
                self.readers.len() - 1
            }
        })
    }

    /// A reader gives up its place. Returns who can go on for it.
    pub(super) fn leave(&mut self, reader: usize) -> Waiting {
        if let Some(place) = self.readers.get_mut(reader) {
            *place = None;
        }
        self.let_go()
    }

    /// Whether a reader at this position is at the end. Trailers are part of the body.
    pub(super) fn is_over(&self, position: u64, trailers_read: bool) -> bool {
        let over = matches!(self.end, Some(End::Complete)) && position == self.received;
        over && (trailers_read || self.trailers.is_none())
    }

    /// What there is for a reader, and who can go on once it has it.
    pub(super) fn next(
        &mut self,
        reader: usize,
        leads: bool,
        trailers_read: &mut bool,
        clock: &Clock,
    ) -> (Option<Next>, Waiting) {
        let Some(Some(place)) = self.readers.get(reader) else {
            return (Some(None), Waiting::default());
        };
        if place.cut {
            return (
                Some(Some(Err(BodyError::Stalled.into()))),
                Waiting::default(),
            );
        }
        let position = place.position;
        if position < self.received {
            let data = self.data_at(position);
            self.moved(reader, position + data.len() as u64, clock);
            return (Some(Some(Ok(Frame::data(data)))), self.let_go());
        }
        let next = match &mut self.end {
            None => return (None, Waiting::default()),
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
        (Some(next), Waiting::default())
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

    pub(super) fn append(&mut self, recording: &mut Recording, data: Bytes, clock: &Clock) {
        let fits = recording.fill.is_none() || self.charge.add(data.len());
        if !fits && let Some(fill) = recording.fill.take() {
            fill.over_budget();
        }
        if recording.fill.is_none() {
            self.is_not_kept(clock);
        }
        self.push(data, clock);
    }

    pub(super) fn push(&mut self, data: Bytes, clock: &Clock) {
        if data.is_empty() {
            return;
        }
        if !self.kept {
            self.can_go_on(clock.now());
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

    /// Until now those who had read all there was had nothing to read.
    fn can_go_on(&mut self, now: Moment) {
        let received = self.received;
        let places = self.readers.iter_mut().flatten();
        for place in places.filter(|place| place.position == received) {
            place.since = now;
        }
    }

    pub(super) fn is_whole(&mut self, whole: Bytes) {
        self.received = whole.len() as u64;
        self.whole = Some(whole);
        self.chunks = VecDeque::new();
        self.charge.give_back(usize::MAX);
    }

    pub(super) fn is_not_kept(&mut self, clock: &Clock) {
        if !std::mem::replace(&mut self.kept, false) {
            return;
        }
        let now = clock.now();
        for place in self.readers.iter_mut().flatten() {
            place.since = now;
        }
    }

    /// Lets go what all readers have passed, where that is not kept. Returns who can go on for it.
    pub(super) fn let_go(&mut self) -> Waiting {
        if self.kept {
            return Waiting::default();
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
            return Waiting::default();
        }
        self.start += let_go as u64;
        self.charge.give_back(let_go);
        std::mem::take(&mut self.blocked)
    }

    /// Until when the window is full, if it is: until the slowest reader has got on or is cut off.
    pub(super) fn full_until(&self, window: Window) -> Option<Moment> {
        // Where there is nothing, nobody holds up anybody.
        let size = window.size.max(1) as u64;
        if self.kept || self.received - self.start < size {
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
    pub(super) fn cut(&mut self) -> Waiting {
        if let Some(slowest) = self.slowest()
            && let Some(place) = &mut self.readers[slowest]
        {
            place.cut = true;
        }
        self.let_go()
    }
}
