//! Each charge with its moment, for a window: the one rule by which there is never more than the limit in any window.

use std::collections::VecDeque;

use super::{Verdict, Wait};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlidingLog {
    n: u64,
    window: u64,
}

/// Nothing is allocated before the first charge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    entries: Option<Box<Entries>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entries {
    queue: VecDeque<Entry>,
    /// The [`Entry::sum`] of the last entry that is gone.
    gone: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    at: u64,
    /// All that was charged from the beginning to this entry, so that what a window holds is one subtraction. It wraps
    /// around: what stands between two entries always fits.
    sum: u64,
}

impl SlidingLog {
    /// A window of 0 counts as 1 microsecond.
    pub(crate) fn new(n: u64, window: u64) -> Self {
        Self {
            n,
            window: window.max(1),
        }
    }

    pub(super) fn check(&self, log: &Log, now: u64, cost: u64) -> Verdict {
        if cost > self.n {
            Verdict::Refused(Wait::Never)
        } else if cost <= self.remaining(log, now) {
            Verdict::Admitted { delay: 0 }
        } else {
            Verdict::Refused(Wait::For(self.opens(log, cost) - now))
        }
    }

    pub(super) fn charge(&self, log: &mut Log, now: u64, cost: u64) {
        let entries = log.entries.get_or_insert_default();
        self.forget(entries, now);
        entries.push(now, cost, self.n);
    }

    /// Of the entry that it went into.
    pub(super) fn refund(&self, log: &mut Log, charged_at: u64, now: u64, cost: u64) {
        let Some(entries) = log.entries.as_mut() else {
            return;
        };
        self.forget(entries, now);
        if now.saturating_sub(charged_at) < self.window {
            entries.take(charged_at, cost);
        }
    }

    /// Of the newest charges, whichever they were.
    pub(super) fn restore(log: &mut Log, cost: u64) {
        if let Some(entries) = log.entries.as_mut() {
            entries.take_last(cost);
        }
    }

    /// What entries take at most: a queue that grows doubles, whatever it had room for, and begins with four.
    pub(super) fn most_bytes(&self) -> usize {
        let entries = usize::try_from(self.n).unwrap_or(usize::MAX);
        entries
            .saturating_add(1)
            .saturating_mul(2 * size_of::<Entry>())
            .saturating_add(size_of::<Entries>())
    }

    pub(super) fn remaining(&self, log: &Log, now: u64) -> u64 {
        self.n.saturating_sub(self.used(log, now))
    }

    pub(super) fn reset(&self, log: &Log, now: u64) -> u64 {
        let last = log
            .entries
            .as_ref()
            .and_then(|entries| entries.queue.back());
        last.map_or(0, |last| {
            last.at.saturating_add(self.window).saturating_sub(now)
        })
    }

    /// Of a window that is the same. What the limit has no room for is the oldest.
    pub(super) fn adopt(&self, old: &Self, log: &Log) -> Option<Log> {
        if self.window != old.window {
            return None;
        }
        let mut log = log.clone();
        if let Some(entries) = log.entries.as_mut() {
            entries.keep_last(self.n);
        }
        Some(log)
    }

    pub(super) const fn quota(&self) -> u64 {
        self.n
    }

    pub(super) const fn window(&self) -> u64 {
        self.window
    }

    fn used(&self, log: &Log, now: u64) -> u64 {
        let Some(entries) = log.entries.as_ref() else {
            return 0;
        };
        let now = entries.clamp(now);
        let gone = |entry: &Entry| !self.counts(entry, now);
        entries.after(entries.queue.partition_point(gone))
    }

    /// When the window holds so little that a refused cost fits.
    fn opens(&self, log: &Log, cost: u64) -> u64 {
        let room = self.n - cost;
        let entry = log.entries.as_ref().and_then(|entries| {
            let last_in_the_way = entries
                .queue
                .partition_point(|entry| entries.since(entry) > room);
            entries.queue.get(last_in_the_way)
        });
        entry
            .map_or(0, |entry| entry.at)
            .saturating_add(self.window)
    }

    fn counts(&self, entry: &Entry, now: u64) -> bool {
        now - entry.at < self.window
    }

    fn forget(&self, entries: &mut Entries, now: u64) {
        let now = entries.clamp(now);
        while let Some(first) = entries
            .queue
            .front()
            .filter(|entry| !self.counts(entry, now))
        {
            entries.gone = first.sum;
            entries.queue.pop_front();
        }
    }
}

impl Entries {
    /// A `now` before the last charge counts as that.
    fn clamp(&self, now: u64) -> u64 {
        self.queue.back().map_or(now, |last| now.max(last.at))
    }

    fn end(&self) -> u64 {
        self.queue.back().map_or(self.gone, |last| last.sum)
    }

    /// What was charged after an entry.
    fn since(&self, entry: &Entry) -> u64 {
        self.end().wrapping_sub(entry.sum)
    }

    /// What stands before an entry.
    fn before(&self, index: usize) -> u64 {
        index
            .checked_sub(1)
            .and_then(|index| self.queue.get(index))
            .map_or(self.gone, |entry| entry.sum)
    }

    /// What the entries from an index on hold.
    fn after(&self, index: usize) -> u64 {
        self.end().wrapping_sub(self.before(index))
    }

    /// At most `most` entries: only debts come when it is full, and then the last entry takes them and becomes later.
    fn push(&mut self, now: u64, cost: u64, most: u64) {
        let at = self.clamp(now);
        let cost = cost.min(u64::MAX - self.after(0));
        let sum = self.end().wrapping_add(cost);
        let full = u64::try_from(self.queue.len()).is_ok_and(|len| len >= most);
        match self.queue.back_mut() {
            Some(last) if full || at == last.at => *last = Entry { at, sum },
            _ => self.queue.push_back(Entry { at, sum }),
        }
    }

    /// Takes a cost back from the entry that it went into: that of its moment, or the next one, if it was merged.
    fn take(&mut self, charged_at: u64, cost: u64) {
        let index = self.queue.partition_point(|entry| entry.at < charged_at);
        let before = self.before(index);
        let Some(held) = self
            .queue
            .get(index)
            .map(|entry| entry.sum.wrapping_sub(before))
        else {
            return;
        };
        let back = cost.min(held);
        for entry in self.queue.range_mut(index..) {
            entry.sum = entry.sum.wrapping_sub(back);
        }
        if back == held {
            self.queue.remove(index);
        }
    }

    fn take_last(&mut self, cost: u64) {
        let mut left = cost;
        while let Some(index) = self.queue.len().checked_sub(1) {
            let held = self.after(index);
            if held > left {
                self.queue[index].sum = self.queue[index].sum.wrapping_sub(left);
                return;
            }
            left -= held;
            self.queue.pop_back();
        }
    }

    fn keep_last(&mut self, most: u64) {
        let excess = self.after(0).saturating_sub(most);
        let kept = self.gone.wrapping_add(excess);
        while self
            .queue
            .front()
            .is_some_and(|first| first.sum.wrapping_sub(self.gone) <= kept.wrapping_sub(self.gone))
        {
            self.queue.pop_front();
        }
        self.gone = kept;
    }
}

#[cfg(test)]
impl Log {
    pub(super) fn len(&self) -> usize {
        self.entries
            .as_ref()
            .map_or(0, |entries| entries.queue.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.entries.as_ref().map_or(0, |entries| {
            size_of::<Entries>() + entries.queue.capacity() * size_of::<Entry>()
        })
    }
}
