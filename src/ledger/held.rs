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
    pub(super) cells: SmallVec<[Arc<Cell>; 1]>,
    pub(super) began: Began,
    /// What its names take in memory, as far as they are its own.
    cost: usize,
}

/// What something is to this process that another one may have stored: `None` if there is no other one; why it is gone;
/// or what holds here, and since when it counts as stale, if it does.
pub(crate) type Adoption = Option<Result<(Held, Option<Moment>), Cause>>;

/// When something was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Began {
    /// By whose order.
    pub(super) ledger: usize,
    /// Its position in that.
    pub(super) position: u64,
    /// What was known then of a journal that several share.
    pub(super) heard: u64,
}

impl Began {
    /// Whether this was asked for later. Where two processes asked it is what they had heard by then that counts.
    pub(crate) fn is_after(self, other: Self) -> bool {
        if self.ledger == other.ledger {
            self.position > other.position
        } else {
            self.heard > other.heard
        }
    }
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
    pub(super) fn new(cells: SmallVec<[Arc<Cell>; 1]>, began: Began) -> Self {
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
            began: Began {
                position,
                ..self.began
            },
            ..self
        }
    }

    /// When it was asked for.
    pub(crate) fn began(&self) -> Began {
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

    /// The names, that of the resource first.
    pub(super) fn names(&self) -> impl Iterator<Item = Name> {
        self.cells.iter().map(|cell| cell.name())
    }

    /// The names, but that of the resource.
    pub(crate) fn tags(&self) -> impl Iterator<Item = Name> {
        self.names().skip(1)
    }

    /// Whether it may still be used.
    #[inline]
    pub(crate) fn standing(&self, ledger: &Ledger) -> Standing {
        self.check(ledger);
        let unmarked = |cell: &Arc<Cell>| cell.is_unmarked_since(self.began.position);
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
            match cell.marked_since(self.began.position) {
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
        let began = self.began.position;
        let marked = |cell: &Arc<Cell>| {
            !cell.is_unmarked_since(began) && cell.marked_between(began, position)
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
