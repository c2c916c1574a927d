//! The names in use.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use foldhash::fast::RandomState;

use super::event::{Cause, Effect, Name};
use crate::{
    clock::Moment,
    sync::{Mutex, lock},
};

/// How many locks the table of names has.
const SHARDS: usize = 32;

/// How many soft marks a cell tells apart.
const SOFT_MARKS: usize = 4;

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
#[derive(Clone, Default)]
struct Marks {
    hard: Option<(Span, Cause)>,
    /// By position, and since when what was asked for before that is stale.
    soft: Vec<(Span, Moment, Cause)>,
}

/// Marks that are not told apart: their lowest and their highest position.
#[derive(Clone, Copy)]
struct Span {
    first: u64,
    last: u64,
}

impl Span {
    fn of(position: u64) -> Self {
        Self {
            first: position,
            last: position,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }

    /// Whether one of them may lie after the one position and up to the other.
    fn may_be_between(self, after: u64, upto: u64) -> bool {
        self.last > after && self.first.max(after + 1) <= upto
    }
}

/// What marks mean to something that was asked for before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    Not,
    Soft(Moment, Cause),
    Hard(Cause),
}

impl Marks {
    fn add(&mut self, mark: Mark) {
        let Mark {
            position,
            effect,
            cause,
            at,
        } = mark;
        match effect {
            Effect::Hard => {
                let own = Span::of(position);
                self.hard = Some(match self.hard {
                    Some((known, cause)) if known.last > position => (known.and(own), cause),
                    Some((known, _)) => (known.and(own), cause),
                    None => (own, cause),
                });
            }
            Effect::Soft => {
                let place = self
                    .soft
                    .partition_point(|(known, ..)| known.last < position);
                self.soft.insert(place, (Span::of(position), at, cause));
                if self.soft.len() > SOFT_MARKS {
                    // What lay between the two counts as stale for longer than it is.
                    let (span, earlier, _) = self.soft.remove(SOFT_MARKS - 1);
                    let next = &mut self.soft[SOFT_MARKS - 1];
                    next.0 = next.0.and(span);
                    next.1 = next.1.min(earlier);
                }
            }
        }
    }

    fn since(&self, position: u64) -> Marked {
        match self.hard {
            Some((hard, cause)) if hard.last > position => return Marked::Hard(cause),
            _ => {}
        }
        let later = self.soft.iter().find(|(soft, ..)| soft.last > position);
        later.map_or(Marked::Not, |(_, at, cause)| Marked::Soft(*at, *cause))
    }

    /// Whether anything may have happened after the one position and up to the other: surely so if it did.
    fn between(&self, after: u64, upto: u64) -> bool {
        let hard = self.hard.iter().map(|(span, _)| span);
        let mut all = hard.chain(self.soft.iter().map(|(span, ..)| span));
        all.any(|span| span.may_be_between(after, upto))
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
#[derive(Default)]
pub(super) struct Cells([Mutex<Shard>; SHARDS]);

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
        for shard in &self.0 {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(effect: Effect, positions: &[u64]) -> Marks {
        let mut marks = Marks::default();
        for position in positions {
            marks.add(Mark {
                position: *position,
                effect,
                cause: Cause::Tag,
                at: Moment::BEGINNING,
            });
        }
        marks
    }

    #[test]
    fn later_marks_do_not_hide_what_happened_before_them() {
        for effect in [Effect::Hard, Effect::Soft] {
            for positions in [&[10, 20][..], &[20, 10], &[2, 3, 4, 10, 12, 20]] {
                let marks = marks(effect, positions);
                assert!(marks.between(5, 10), "{effect:?} {positions:?}");
                assert!(marks.between(5, 15), "{effect:?} {positions:?}");
                assert!(!marks.between(20, 25), "{effect:?} {positions:?}");
            }
            let marks = marks(effect, &[10, 20]);
            assert!(!marks.between(5, 9), "{effect:?}: who came before it");
        }
    }
}
