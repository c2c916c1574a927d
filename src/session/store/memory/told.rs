//! Sessions that are over and that nobody was told of.

use std::{collections::VecDeque, sync::Arc};

use super::{
    super::super::{id::SessionKey, record::Record},
    slots::Slot,
};

/// If nobody asks, the oldest ones beyond so many are forgotten.
const MOST: usize = 1024;

/// What the queue takes, when it is enlarged too.
pub(super) const BYTES: usize = 3 * FEWEST * size_of::<Over>();
const FEWEST: usize = 16;

struct Over {
    key: SessionKey,
    record: Arc<Record>,
    /// What it took, and takes still: its place in the tables is more than the one here.
    weight: usize,
}

#[derive(Default)]
pub(super) struct Untold(VecDeque<Over>);

impl Untold {
    /// Keeps one. Returns the weight of what is not kept.
    pub(super) fn push(&mut self, slot: Slot) -> usize {
        let given_up = match self.0.len() {
            MOST => self.pop_weight(),
            _ => 0,
        };
        self.0.push_back(Over {
            key: slot.key,
            record: slot.record,
            weight: slot.weight,
        });
        given_up
    }

    /// The oldest one, and its weight.
    pub(super) fn pop(&mut self) -> Option<((SessionKey, Arc<Record>), usize)> {
        let over = self.0.pop_front()?;
        Some(((over.key, over.record), over.weight))
    }

    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn all(&self) -> impl Iterator<Item = (SessionKey, Arc<Record>)> {
        let all = self.0.iter();
        all.map(|over| (over.key, Arc::clone(&over.record)))
    }

    /// Forgets the oldest one. Returns its weight, nothing if there is none.
    pub(super) fn pop_weight(&mut self) -> usize {
        self.pop().map_or(0, |(_, weight)| weight)
    }
}
