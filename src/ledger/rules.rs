//! Patterns that were invalidated.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;

use super::{
    cell::{Cell, Mark},
    pattern::Pattern,
};

/// How many patterns are kept before they are applied to all that is in use.
pub(super) const RULES: usize = if cfg!(test) { 5 } else { 64 };

/// How many invalidations of single paths. They are found by the path, so more of them cost no more.
pub(super) const PATHS: usize = if cfg!(test) { 5 } else { 4096 };

/// What was invalidated by patterns, and is applied to a resource when that is next used.
#[derive(Clone, Default)]
pub(super) struct Rules {
    patterns: Vec<(Pattern, Mark)>,
    paths: HashMap<Arc<str>, Vec<Mark>, RandomState>,
    /// How many marks of paths there are.
    on_paths: usize,
}

impl Rules {
    pub(super) fn add(&mut self, pattern: &Pattern, mark: Mark) {
        match pattern.as_path() {
            Some(path) => {
                self.paths.entry(Arc::clone(path)).or_default().push(mark);
                self.on_paths += 1;
            }
            None => self.patterns.push((pattern.clone(), mark)),
        }
    }

    /// Whether it is time to apply them to all that is in use.
    pub(super) fn are_many(&self) -> bool {
        self.patterns.len() > RULES || self.on_paths > PATHS
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.patterns.len() + self.on_paths
    }

    /// The marks of those that match a place.
    fn matching<'a>(&'a self, place: &'a [u8]) -> impl Iterator<Item = &'a Mark> {
        let patterns = self.patterns.iter();
        let patterns = patterns.filter(move |(pattern, _)| pattern.matches(place));
        let path = place.iter().position(|byte| *byte == b'/');
        // On every host, or on this one.
        let path = path.map(|path| &place[path..]);
        let paths = path.into_iter().chain([place]);
        let paths = paths.filter_map(|path| self.paths.get(str::from_utf8(path).ok()?));
        let patterns = patterns.map(|(_, mark)| mark);
        patterns.chain(paths.flatten())
    }

    /// Applies them, the last of which has this position, to a resource that was not compared with all of them.
    pub(super) fn apply(&self, resource: &Cell, last: u64) {
        let checked = resource.checked_upto();
        let new = self.matching(resource.place());
        new.filter(|mark| mark.position > checked)
            .for_each(|mark| resource.mark(*mark));
        resource.checked(last);
    }

    /// Forgets those up to a position.
    pub(super) fn forget(&mut self, upto: u64) {
        self.patterns.retain(|(_, mark)| mark.position > upto);
        self.paths.retain(|_, marks| {
            marks.retain(|mark| mark.position > upto);
            !marks.is_empty()
        });
        self.on_paths = self.paths.values().map(Vec::len).sum();
    }
}
