//! The names that something stored carries.

use std::{fmt, sync::Arc};

use smallvec::SmallVec;

use super::{
    Ledger, Name,
    cell::{Cell, Marked},
    event::Cause,
};
use crate::clock::Moment;

/// The names that something carries, and since when it speaks for them.
///
/// The first one is that of its resource.
#[derive(Clone)]
pub(crate) struct Held {
    cells: SmallVec<[Arc<Cell>; 1]>,
    began: u64,
    /// What its names take in memory, as far as they are its own.
    cost: usize,
}

/// Whether something may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing was invalidated.
    Valid,
    /// It counts as stale since then.
    Stale(Moment, Cause),
    /// It is gone.
    Gone(Cause),
}

impl Held {
    pub(super) fn new(cells: SmallVec<[Arc<Cell>; 1]>, began: u64) -> Self {
        // A name that one other thing carries counts too: most often that is what this takes the place of.
        let own = cells.iter().filter(|cell| Arc::strong_count(cell) <= 2);
        Self {
            cost: own.map(|cell| cell.weight()).sum(),
            cells,
            began,
        }
    }

    /// The same, asked for at a later position, but before it was held: the cell of a name that is gone learns of
    /// nothing any more.
    pub(crate) fn since(self, position: u64) -> Self {
        Self {
            began: position,
            ..self
        }
    }

    /// The position at which it was asked for, among all that this ledger has seen.
    pub(crate) fn began(&self) -> u64 {
        self.began
    }

    /// The memory that it takes beside its own size.
    pub(crate) fn weight(&self) -> usize {
        let list = match self.cells.spilled() {
            true => size_of_val(self.cells.as_slice()),
            false => 0,
        };
        self.cost + list
    }

    /// The names, but that of the resource.
    pub(crate) fn tags(&self) -> impl Iterator<Item = Name> {
        self.cells.iter().skip(1).map(|cell| cell.name())
    }

    /// Whether it may still be used.
    #[inline]
    pub(crate) fn standing(&self, ledger: &Ledger) -> Standing {
        self.check(ledger);
        let unmarked = |cell: &Arc<Cell>| cell.is_unmarked_since(self.began);
        match self.cells.iter().all(unmarked) {
            true => Standing::Valid,
            false => self.marked(),
        }
    }

    #[inline]
    fn check(&self, ledger: &Ledger) {
        if let Some(resource) = self.cells.first()
            && !resource.is_checked(ledger.last_rule())
        {
            ledger.check(resource);
        }
    }

    #[cold]
    fn marked(&self) -> Standing {
        let mut stale: Option<(Moment, Cause)> = None;
        for cell in &self.cells {
            match cell.marked_since(self.began) {
                Marked::Hard(cause) => return Standing::Gone(cause),
                Marked::Soft(at, cause) if stale.is_none_or(|(earlier, _)| at < earlier) => {
                    stale = Some((at, cause));
                }
                Marked::Soft(..) | Marked::Not => {}
            }
        }
        stale.map_or(Standing::Valid, |(at, cause)| Standing::Stale(at, cause))
    }

    /// Whether it was invalidated between the time when it was asked for and a position: who came after that must
    /// not be given it. It may say so of what was invalidated several times before and after that.
    pub(crate) fn is_invalidated_upto(&self, ledger: &Ledger, position: u64) -> bool {
        self.check(ledger);
        let marked = |cell: &Arc<Cell>| {
            !cell.is_unmarked_since(self.began) && cell.marked_between(self.began, position)
        };
        self.cells.iter().any(marked)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("names", &self.cells.len())
            .field("began", &self.began)
            .finish_non_exhaustive()
    }
}
