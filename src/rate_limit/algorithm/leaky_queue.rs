//! A leaky bucket as a queue: requests leave it one interval apart, and each is told how long it waits for its turn.
//!
//! What a request that leaves the line had is a place that a later one may take. All turns between now and the end of
//! the line are whole intervals apart, so a place is found again by its turn, and no two turns ever come closer.

use super::{
    Verdict,
    exact::{Exact, Interval},
    gcra::Gcra,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeakyQueue {
    /// The line is a meter's level: what waits, and one that goes now.
    meter: Gcra,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The end of the line, where the next turn is.
    next_free: Exact,
    holes: Option<Box<Holes>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Holes {
    /// Turns before this were given at another interval: their places are lost.
    since: Exact,
    /// By their moment; they neither overlap nor touch, nor does one touch the end of the line.
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    start: Exact,
    cost: u64,
}

impl LeakyQueue {
    /// One unit every `period_ns / n` nanoseconds and `queue` that wait; none where the times are too long or too fine
    /// to count with, or one is 0 that must not be.
    pub(crate) fn new(n: u64, period_ns: u64, queue: u64) -> Option<Self> {
        Some(Self {
            meter: Gcra::new(n, period_ns, queue.checked_add(1)?)?,
        })
    }

    #[inline]
    pub(super) fn check(&self, line: &Line, now: u64, cost: u64) -> Verdict {
        if let Some((_, place)) = self.place(line, now, cost).filter(|_| cost <= self.quota()) {
            return Verdict::Admitted {
                delay: self.until(place.start, now),
            };
        }
        match self.meter.check(&line.next_free, now, cost) {
            Verdict::Admitted { .. } => Verdict::Admitted {
                delay: self.until(line.next_free, now),
            },
            refused @ Verdict::Refused(_) => refused,
        }
    }

    #[inline]
    pub(super) fn charge(&self, line: &mut Line, now: u64, cost: u64) {
        self.forget(line, now);
        match (self.place(line, now, cost), line.holes.as_mut()) {
            (Some((index, place)), Some(holes)) => {
                let passed = holes.places[index].cost - place.cost;
                let start = self.end(Place { cost, ..place });
                holes.places[index].cost = passed;
                let rest = place.cost - cost;
                holes.places.insert(index + 1, Place { start, cost: rest });
                holes.places.retain(|place| place.cost > 0);
            }
            _ => self.meter.charge(&mut line.next_free, now, cost),
        }
    }

    /// Of the charge whose turn is at `turn`: its place is free for others, unless its turn has come. A turn that was
    /// not taken is free as well, for as long as it lasts.
    pub(super) fn refund(&self, line: &mut Line, turn: u64, now: u64, cost: u64, taken: bool) {
        self.forget(line, now);
        // Turns are told rounded up, and stand whole intervals before the end of the line.
        let behind = self
            .interval()
            .count_up(self.interval().minus(line.next_free, Exact::whole(turn)));
        let start = self
            .interval()
            .minus(line.next_free, self.interval().times(behind.max(cost)));
        if (turn > now || !taken) && turn == start.ceil() {
            self.open(line.holes.get_or_insert_default(), Place { start, cost });
            self.shorten(line);
        }
    }

    pub(super) fn remaining(&self, line: &Line, now: u64) -> u64 {
        let holes = line.holes.iter().flat_map(|holes| &holes.places);
        let ahead = holes.filter_map(|place| self.ahead(*place, now));
        let hole = ahead.map(|place| place.cost).max();
        let end = self.meter.remaining(&line.next_free, now);
        end.max(hole.unwrap_or(0)).min(self.quota())
    }

    pub(super) fn reset(&self, line: &Line, now: u64) -> u64 {
        self.until(line.next_free, now)
    }

    /// Those who wait keep the turns that they were told, however long that is at another interval.
    pub(super) fn adopt(line: &Line, now: u64) -> Line {
        let end = line.next_free.max(Exact::whole(now)).ceil();
        let since = Exact::whole(end);
        let holes = (end > now).then(|| {
            Box::new(Holes {
                since,
                places: Vec::new(),
            })
        });
        Line {
            next_free: since,
            holes,
        }
    }

    pub(super) const fn quota(&self) -> u64 {
        self.meter.quota()
    }

    pub(super) const fn window(&self) -> u64 {
        self.meter.window()
    }

    /// What holes take at most: a vector that grows doubles, and one hole may be in two parts, the turns that have
    /// passed and those to come.
    pub(super) fn most_bytes(&self) -> usize {
        let holes = usize::try_from(self.quota()).unwrap_or(usize::MAX);
        holes
            .saturating_add(1)
            .saturating_mul(2 * size_of::<Place>())
            .saturating_add(size_of::<Holes>())
    }

    const fn interval(&self) -> &Interval {
        self.meter.interval()
    }

    fn until(&self, moment: Exact, now: u64) -> u64 {
        self.interval().minus(moment, Exact::whole(now)).ceil()
    }

    fn end(&self, place: Place) -> Exact {
        self.interval()
            .plus(place.start, self.interval().times(place.cost))
    }

    /// The earliest hole with room for a cost.
    #[inline]
    fn place(&self, line: &Line, now: u64, cost: u64) -> Option<(usize, Place)> {
        let holes = line.holes.as_ref()?;
        let ahead = holes.places.iter().map(|place| self.ahead(*place, now));
        let fits = |place: Option<Place>| place.filter(|place| place.cost >= cost);
        ahead
            .enumerate()
            .find_map(|(index, place)| Some((index, fits(place)?)))
    }

    /// What is left of a hole: the turns that have not passed.
    fn ahead(&self, place: Place, now: u64) -> Option<Place> {
        let passed = self
            .interval()
            .count_up(self.interval().minus(Exact::whole(now), place.start));
        let cost = place.cost.checked_sub(passed)?;
        Some(Place {
            start: self.end(Place {
                cost: passed,
                ..place
            }),
            cost,
        })
    }

    /// A hole that has begun is kept to its end: the line may yet become so short that it ends there.
    fn forget(&self, line: &mut Line, now: u64) {
        if line.next_free <= Exact::whole(now) {
            line.holes = None;
        } else if let Some(holes) = line.holes.as_mut() {
            let now = Exact::whole(now);
            holes.places.retain(|place| self.end(*place) > now);
        }
    }

    /// There are never more holes than can wait, none twice, and none at another interval.
    fn open(&self, holes: &mut Holes, hole: Place) {
        let index = holes
            .places
            .partition_point(|place| self.end(*place) <= hole.start);
        let apart = holes
            .places
            .get(index)
            .is_none_or(|place| self.end(hole) <= place.start);
        let bounded = u64::try_from(holes.places.len()).is_ok_and(|len| len < self.quota());
        if apart && bounded && hole.start >= holes.since {
            holes.places.insert(index, hole);
            holes.places.dedup_by(|next, place| self.merge(place, next));
        }
    }

    fn merge(&self, place: &mut Place, next: &Place) -> bool {
        let touch = self.end(*place) == next.start;
        if touch {
            place.cost = place.cost.saturating_add(next.cost);
        }
        touch
    }

    /// A hole at the end of the line is none.
    fn shorten(&self, line: &mut Line) {
        let Some(holes) = line.holes.as_mut() else {
            return;
        };
        if let Some(last) = holes
            .places
            .pop_if(|last| self.end(*last) >= line.next_free)
        {
            line.next_free = last.start;
        }
    }
}

#[cfg(test)]
impl Line {
    pub(super) fn bytes(&self) -> usize {
        self.holes.as_ref().map_or(0, |holes| {
            size_of::<Holes>() + holes.places.capacity() * size_of::<Place>()
        })
    }
}
