//! What happened while something was on its way.

use std::collections::{BTreeSet, VecDeque};

use super::{
    Ledger,
    cell::{Cell, Mark},
    event::Name,
    pattern::Pattern,
};

/// How many invalidations are kept for what is on its way.
pub(super) const RING: usize = if cfg!(test) { 32 } else { 4096 };

/// Something that was asked for and has not arrived: until this is dropped, no invalidation is forgotten that may
/// concern it.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(super) ledger: Ledger,
    pub(super) position: u64,
    /// What of a journal was known then.
    pub(super) heard: u64,
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.ledger.closed(self.position);
    }
}

/// A pattern that was invalidated.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    pub(super) mark: Mark,
}

impl Rule {
    pub(super) fn apply(&self, resource: &Cell) {
        let new = self.mark.position > resource.checked_upto();
        if new && self.pattern.matches(resource.place()) {
            resource.mark(self.mark);
        }
    }
}

/// What is on its way, and what was invalidated meanwhile.
#[derive(Default)]
pub(super) struct Order {
    open: BTreeSet<u64>,
    /// By position.
    ring: VecDeque<(Name, Mark)>,
    rules: Vec<Rule>,
    /// The newest position of an invalidation that something which began before it may have missed.
    forgotten: u64,
}

impl Order {
    pub(super) fn opened(&mut self, position: u64) {
        self.open.insert(position);
    }

    pub(super) fn closed(&mut self, position: u64) {
        self.open.remove(&position);
        let oldest = self.open.first().copied().unwrap_or(u64::MAX);
        while self
            .ring
            .front()
            .is_some_and(|(_, mark)| mark.position < oldest)
        {
            self.ring.pop_front();
        }
    }

    /// Keeps an invalidation for what is on its way.
    pub(super) fn ring(&mut self, name: Name, mark: Mark) {
        if self.open.is_empty() {
            return;
        }
        if self.ring.len() == RING
            && let Some((_, oldest)) = self.ring.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.position);
        }
        self.ring.push_back((name, mark));
    }

    #[cfg(test)]
    pub(super) fn in_ring(&self) -> usize {
        self.ring.len()
    }

    /// Whether all is known that happened since this position.
    pub(super) fn remembers(&self, position: u64) -> bool {
        self.forgotten < position
    }

    /// What was invalidated of a name.
    pub(super) fn marks_of(&self, name: Name) -> impl Iterator<Item = Mark> {
        let ring = self.ring.iter().filter(move |(known, _)| *known == name);
        ring.map(|(_, mark)| *mark)
    }

    pub(super) fn add_rule(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// The marks of the patterns that match a place.
    pub(super) fn rules_that_match(&self, place: &[u8]) -> impl Iterator<Item = &Mark> {
        let matching = self
            .rules
            .iter()
            .filter(move |rule| rule.pattern.matches(place));
        matching.map(|rule| &rule.mark)
    }

    pub(super) fn rules(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn copied_rules(&self) -> Vec<Rule> {
        self.rules.clone()
    }

    /// Applies the rules, the last of which has this position, to a resource.
    pub(super) fn apply_rules(&self, resource: &Cell, last: u64) {
        self.rules.iter().for_each(|rule| rule.apply(resource));
        resource.checked(last);
    }

    /// Forgets the rules up to this position, which were applied to all that is in use. What is on its way is not.
    pub(super) fn forget_rules(&mut self, upto: u64) {
        self.rules.retain(|rule| rule.mark.position > upto);
        self.forgotten = self.forgotten.max(upto);
    }
}
