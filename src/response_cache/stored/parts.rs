//! Parts of a representation that is not there as a whole (RFC 9111 3.3, 3.4).

use std::collections::VecDeque;

use bytes::Bytes;

use super::head::BYTES;

/// More parts than this are not kept apart: the newest stands alone then.
const MAX_PARTS: usize = 64;

/// Positions of a part, the last one included, and the length of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) complete: u64,
}

impl Span {
    /// How many bytes the part has.
    pub(crate) fn length(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }
}

/// The parts that are there, in order, none overlapping another.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    complete: u64,
    list: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    first: u64,
    data: Bytes,
}

impl Part {
    /// The position after its last byte.
    fn end(&self) -> u64 {
        self.first + self.data.len() as u64
    }

    /// What of it lies between two positions, in memory of its own unless it is all of it.
    fn between(&self, start: u64, end: u64) -> Option<Self> {
        let (start, end) = (start.max(self.first), end.min(self.end()));
        if start >= end {
            return None;
        }
        let data = slice(&self.data, start - self.first, end - self.first);
        let whole = data.len() == self.data.len();
        Some(Self {
            first: start,
            data: if whole {
                data
            } else {
                Bytes::copy_from_slice(&data)
            },
        })
    }
}

/// The bytes of an offset and before another one, both within `data`.
fn slice(data: &Bytes, start: u64, end: u64) -> Bytes {
    let index =
        |offset: u64| usize::try_from(offset).map_or(data.len(), |index| index.min(data.len()));
    data.slice(index(start)..index(end))
}

impl Parts {
    /// One part; `data` must have the length of the span.
    pub(crate) fn one(span: Span, data: Bytes) -> Self {
        let first = span.first;
        Self {
            complete: span.complete,
            list: vec![Part { first, data }],
        }
    }

    /// The length of the whole.
    pub(crate) fn complete(&self) -> u64 {
        self.complete
    }

    /// These parts over those, which are older; `None` if both cannot be of one representation, or are too many.
    pub(crate) fn over(&self, older: &Self) -> Option<Self> {
        if self.complete != older.complete {
            return None;
        }
        let mut list = self.list.clone();
        for old in &older.list {
            let mut start = old.first;
            for new in &self.list {
                list.extend(old.between(start, new.first));
                start = start.max(new.end());
            }
            list.extend(old.between(start, old.end()));
        }
        list.sort_by_key(|part| part.first);
        (list.len() <= MAX_PARTS).then_some(Self {
            complete: self.complete,
            list,
        })
    }

    /// The bytes from the first to the last of these positions, if all of them are there.
    pub(crate) fn slice(&self, first: u64, last: u64) -> Option<VecDeque<Bytes>> {
        let (mut position, end) = (first, last.saturating_add(1));
        let mut slices = VecDeque::new();
        for part in &self.list {
            if part.first <= position && position < part.end() {
                let until = end.min(part.end());
                slices.push_back(slice(&part.data, position - part.first, until - part.first));
                position = until;
            }
        }
        (position >= end).then_some(slices)
    }

    /// The whole, in memory of its own, if nothing is missing.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        let slices = self.slice(0, self.complete.checked_sub(1)?)?;
        let slices: Vec<Bytes> = slices.into();
        Some(Bytes::from(slices.concat().into_boxed_slice()))
    }

    pub(crate) fn weight(&self) -> usize {
        let parts = self.list.iter();
        let data: usize = parts.map(|part| part.data.len() + BYTES).sum();
        size_of::<Self>() + self.list.capacity() * size_of::<Part>() + data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(first: u64, data: &[u8], complete: u64) -> Parts {
        let last = first + data.len() as u64 - 1;
        let span = Span {
            first,
            last,
            complete,
        };
        Parts::one(span, Bytes::copy_from_slice(data))
    }

    fn text(slices: Option<VecDeque<Bytes>>) -> Option<Vec<u8>> {
        slices.map(|slices| Vec::from(slices).concat())
    }

    #[test]
    fn newer_bytes_lie_over_older_ones() {
        let both = parts(3, b"new", 10).over(&parts(0, b"oldoldold", 10));
        let both = both.expect("of one length");
        assert_eq!(text(both.slice(0, 8)), Some(b"oldnewold".to_vec()));
        assert_eq!(both.whole(), None);
        let all = parts(9, b"!", 10).over(&both).expect("of one length");
        assert_eq!(all.whole().as_deref(), Some(&b"oldnewold!"[..]));
    }

    #[test]
    fn parts_of_other_lengths_are_not_joined() {
        assert!(parts(0, b"a", 2).over(&parts(1, b"b", 3)).is_none());
    }

    #[test]
    fn there_are_no_more_parts_than_can_be_looked_through() {
        let mut all = parts(0, b"x", 1000);
        for first in (2..2 * MAX_PARTS as u64).step_by(2) {
            all = parts(first, b"x", 1000).over(&all).expect("not too many");
        }
        assert!(parts(999, b"x", 1000).over(&all).is_none());
        assert!(parts(0, &[b'y'; 999], 1000).over(&all).is_some());
    }

    proptest! {
        /// Against a row of cells, each with the byte that was last written there.
        #[test]
        fn parts_are_a_row_of_bytes(writes in prop::collection::vec((0u64..30, 1usize..12), 1..12), first in 0u64..30, length in 1u64..30) {
            const COMPLETE: u64 = 40;
            let index = |position: u64| usize::try_from(position).expect("it is small");
            let mut cells = [None; 40];
            let mut all: Option<Parts> = None;
            for (number, (first, length)) in writes.iter().enumerate() {
                let byte = b'a' + u8::try_from(number).expect("a dozen");
                let length = (*length).min(index(COMPLETE - first));
                let new = parts(*first, &vec![byte; length], COMPLETE);
                cells[index(*first)..index(*first) + length].fill(Some(byte));
                all = Some(match all {
                    Some(old) => new.over(&old).expect("of one length"),
                    None => new,
                });
            }
            let all = all.expect("there was a write");
            let last = (first + length - 1).min(COMPLETE - 1);
            let expected: Option<Vec<u8>> = cells[index(first)..=index(last)].iter().copied().collect();
            prop_assert_eq!(text(all.slice(first, last)), expected);
            prop_assert_eq!(all.whole().is_some(), cells.iter().all(Option::is_some));
            let sorted = all.list.windows(2).all(|two| two[0].end() <= two[1].first);
            prop_assert!(sorted);
        }
    }
}
