//! The values of a session: names, and texts of JSON.

use std::{fmt, mem, sync::Arc};

use serde::{Deserialize, Serialize};

/// What is kept under names, each value as JSON on its own: who reads one decodes that one. Sorted by name.
///
/// Few names are expected; finding one takes a binary search, changing one a copy of the list, whose values are shared.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Values(Vec<(Arc<str>, Arc<str>)>);

impl Values {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<str>> {
        let at = self.find(name).ok()?;
        Some(&self.0[at].1)
    }

    pub(crate) fn set(&mut self, name: &Arc<str>, json: Arc<str>) {
        match self.find(name) {
            Ok(at) => self.0[at].1 = json,
            Err(at) => self.0.insert(at, (Arc::clone(name), json)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.find(name) {
            self.0.remove(at);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The memory that they hold on the heap, in bytes.
    pub(crate) fn weight(&self) -> usize {
        /// The counts of an `Arc`.
        const COUNTS: usize = 2 * size_of::<usize>();
        let texts = self.0.iter();
        let texts: usize = texts.map(|(k, v)| k.len() + v.len() + 2 * COUNTS).sum();
        texts + self.0.capacity() * mem::size_of::<(Arc<str>, Arc<str>)>()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

/// Shows the names: values are nobody's business.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
