//! The names in use.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use foldhash::fast::RandomState;

use super::event::{Cause, Effect, Name};
use crate::{
    clock::Moment,
    sync::{AtomicU64, Mutex, Ordering, lock},
};

/// How many locks the table of names has.
const SHARDS: usize = 32;

/// How many hard marks a cell tells apart, and how many soft ones.
const SPANS: usize = 4;

/// An invalidation, as a name remembers it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) position: u64,
    pub(super) effect: Effect,
    pub(super) cause: Cause,
    pub(super) at: Moment,
}

/// A name in use. It lives as long as something carries it.
pub(super) struct Cell {
    name: Name,
    /// The position of the newest mark: all that is read of a name that was not invalidated.
    newest: AtomicU64,
    /// Up to which position the resource was compared with patterns.
    checked: AtomicU64,
    marks: Mutex<Marks>,
    /// What patterns are compared with; empty for a tag.
    place: Box<[u8]>,
    cells: Arc<Cells>,
}

/// The marks that tell what was invalidated when.
#[derive(Default)]
struct Marks {
    hard: Spans,
    soft: Spans,
}

/// Marks of one effect, by position.
#[derive(Default)]
struct Spans(Vec<Span>);

/// A mark, or several that are no longer told apart.
struct Span {
    first: u64,
    last: u64,
    /// The earliest moment of them.
    at: Moment,
    /// Of the last one, which happened to whatever was asked for before it.
    cause: Cause,
}

/// What marks mean to something that was asked for before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    Not,
    Soft(Moment, Cause),
    Hard(Cause),
}

impl Spans {
    fn add(&mut self, mark: Mark) {
        let Mark {
            position,
            cause,
            at,
            ..
        } = mark;
        // A pattern is applied late, and may be applied twice.
        let place = self.0.partition_point(|span| span.last < position);
        match self.0.get_mut(place) {
            Some(span) if span.first <= position => span.at = span.at.min(at),
            _ => {
                let (first, last) = (position, position);
                let span = Span {
                    first,
                    last,
                    at,
                    cause,
                };
                self.0.insert(place, span);
            }
        }
        if self.0.len() > SPANS {
            self.merge_oldest();
        }
    }

    /// What was asked for between the two counts as invalidated for longer than it is. The newest are those that
    /// matter: what is in use is validated sooner or later.
    fn merge_oldest(&mut self) {
        let oldest = self.0.remove(0);
        if let Some(next) = self.0.first_mut() {
            next.first = oldest.first;
            next.at = next.at.min(oldest.at);
        }
    }

    fn since(&self, position: u64) -> Option<&Span> {
        self.0.iter().find(|span| span.last > position)
    }

    fn between(&self, after: u64, upto: u64) -> bool {
        let is_in = |span: &Span| span.last > after && span.first <= upto;
        self.0.iter().any(is_in)
    }
}

impl Marks {
    fn add(&mut self, mark: Mark) {
        match mark.effect {
            Effect::Hard => self.hard.add(mark),
            Effect::Soft => self.soft.add(mark),
        }
    }

    fn since(&self, position: u64) -> Marked {
        if let Some(hard) = self.hard.since(position) {
            return Marked::Hard(hard.cause);
        }
        let soft = self.soft.since(position);
        soft.map_or(Marked::Not, |soft| Marked::Soft(soft.at, soft.cause))
    }

    /// Whether anything happened after the one position and up to the other; where marks are no longer told apart,
    /// whether it may have.
    fn between(&self, after: u64, upto: u64) -> bool {
        self.hard.between(after, upto) || self.soft.between(after, upto)
    }
}

impl Cell {
    pub(super) fn name(&self) -> Name {
        self.name
    }

    pub(super) fn place(&self) -> &[u8] {
        &self.place
    }

    /// What it takes in memory, its place in the table included.
    pub(super) fn weight(&self) -> usize {
        const ARC: usize = 2 * size_of::<usize>();
        const SLOT: usize = 2 * (size_of::<(u64, Weak<Cell>)>() + 1);
        ARC + size_of::<Self>() + self.place.len() + SLOT
    }

    pub(super) fn mark(&self, mark: Mark) {
        let mut marks = lock(&self.marks);
        marks.add(mark);
        self.newest.fetch_max(mark.position, Ordering::AcqRel);
    }

    /// Whether nothing was marked after this position. What this says has to be read before anything that rests on
    /// it.
    #[inline]
    pub(super) fn is_unmarked_since(&self, position: u64) -> bool {
        self.newest.load(Ordering::Acquire) <= position
    }

    pub(super) fn marked_since(&self, position: u64) -> Marked {
        lock(&self.marks).since(position)
    }

    pub(super) fn marked_between(&self, after: u64, upto: u64) -> bool {
        lock(&self.marks).between(after, upto)
    }

    /// Whether the patterns up to this position have been applied.
    #[inline]
    pub(super) fn is_checked(&self, upto: u64) -> bool {
        self.checked.load(Ordering::Acquire) >= upto
    }

    pub(super) fn checked_upto(&self) -> u64 {
        self.checked.load(Ordering::Acquire)
    }

    pub(super) fn checked(&self, upto: u64) {
        self.checked.fetch_max(upto, Ordering::AcqRel);
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.cells.remove(self);
    }
}

type Shard = HashMap<u64, Weak<Cell>, RandomState>;

/// The table of names. No cell is dropped under the lock of a shard, as that takes it.
pub(super) struct Cells(Box<[Mutex<Shard>]>);

impl Default for Cells {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

impl Cells {
    fn shard(&self, name: Name) -> &Mutex<Shard> {
        // The lower bits choose a bucket of the table.
        &self.0[(name.fingerprint() >> 56) as usize % SHARDS]
    }

    /// Marks a name, if it is in use. What is gone for good is held by nobody else from now on.
    pub(super) fn mark(&self, name: Name, mark: Mark) -> Option<Arc<Cell>> {
        let mut shard = lock(self.shard(name));
        let cell = shard.get(&name.fingerprint())?.upgrade();
        if cell.is_some() && mark.effect == Effect::Hard {
            shard.remove(&name.fingerprint());
        }
        drop(shard);
        let cell = cell?;
        cell.mark(mark);
        Some(cell)
    }

    /// The cell of a name, and whether it is new. One that is new has these marks.
    pub(super) fn get_or_create<M>(
        self: &Arc<Self>,
        name: Name,
        place: &[u8],
        marks: impl FnOnce(Name) -> M,
    ) -> (Arc<Cell>, bool)
    where
        M: Iterator<Item = Mark>,
    {
        let mut shard = lock(self.shard(name));
        if let Some(cell) = shard.get(&name.fingerprint()).and_then(Weak::upgrade) {
            return (cell, false);
        }
        let cell = Arc::new(Cell {
            name,
            newest: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            marks: Mutex::default(),
            place: place.into(),
            cells: Arc::clone(self),
        });
        shard.insert(name.fingerprint(), Arc::downgrade(&cell));
        drop(shard);
        marks(name).for_each(|mark| cell.mark(mark));
        (cell, true)
    }

    /// A name is no longer in use, unless another cell stands for it by now.
    fn remove(&self, cell: &Cell) {
        let mut shard = lock(self.shard(cell.name));
        let fingerprint = cell.name.fingerprint();
        let own = shard
            .get(&fingerprint)
            .is_some_and(|known| std::ptr::eq(known.as_ptr(), cell));
        if own {
            shard.remove(&fingerprint);
        }
    }

    /// Calls `f` with every resource that is in use all the while.
    pub(super) fn for_each_resource(&self, mut f: impl FnMut(&Cell)) {
        for shard in &*self.0 {
            let cells: Vec<Arc<Cell>> = lock(shard).values().filter_map(Weak::upgrade).collect();
            let resources = cells.iter().filter(|cell| !cell.place.is_empty());
            resources.for_each(|cell| f(cell));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| lock(shard).len()).sum()
    }
}
