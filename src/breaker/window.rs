//! The outcomes that a breaker judges by: of the last calls, or of the last time. Forgetting is O(1) in both.

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

/// How many calls ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) slow: u64,
}

impl Tally {
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.calls += 1;
        self.failures += u64::from(outcome.failed);
        self.slow += u64::from(outcome.slow);
    }

    fn remove(&mut self, outcome: Outcome) {
        self.calls -= 1;
        self.failures -= u64::from(outcome.failed);
        self.slow -= u64::from(outcome.slow);
    }

    fn remove_all(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failures -= other.failures;
        self.slow -= other.slow;
    }
}

/// What a window spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// So many calls.
    Calls(u32),
    /// So many nanoseconds.
    Time(u64),
}

#[derive(Debug)]
pub(super) enum Window {
    Calls(Ring),
    Time(Buckets),
}

impl Window {
    pub(super) fn new(span: Span) -> Self {
        match span {
            Span::Calls(calls) => Self::Calls(Ring::new(calls)),
            Span::Time(time) => Self::Time(Buckets::new(time)),
        }
    }

    /// One more outcome, and what there is now. Only a window of time asks for the time.
    pub(super) fn record(&mut self, outcome: Outcome, now: impl FnOnce() -> u64) -> Tally {
        match self {
            Self::Calls(ring) => ring.record(outcome),
            Self::Time(buckets) => buckets.record(outcome, now()),
        }
    }

    pub(super) fn tally(&mut self, now: u64) -> Tally {
        match self {
            Self::Calls(ring) => ring.tally,
            Self::Time(buckets) => {
                buckets.advance(now);
                buckets.sum
            }
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Calls(ring) => ring.clear(),
            Self::Time(buckets) => buckets.clear(),
        }
    }
}

/// The last calls.
#[derive(Debug)]
pub(super) struct Ring {
    outcomes: Box<[Outcome]>,
    /// Where the next one goes: where the oldest is, once all places are taken.
    next: usize,
    tally: Tally,
}

impl Ring {
    fn new(calls: u32) -> Self {
        let outcomes = (0..calls).map(|_| Outcome::default()).collect();
        Self {
            outcomes,
            next: 0,
            tally: Tally::default(),
        }
    }

    fn record(&mut self, outcome: Outcome) -> Tally {
        let place = &mut self.outcomes[self.next];
        let oldest = std::mem::replace(place, outcome);
        if self.tally.calls == self.outcomes.len() as u64 {
            self.tally.remove(oldest);
        }
        self.tally.add(outcome);
        self.next += 1;
        if self.next == self.outcomes.len() {
            self.next = 0;
        }
        self.tally
    }

    fn clear(&mut self) {
        self.next = 0;
        self.tally = Tally::default();
    }
}

/// Into so many parts a time is divided.
pub(super) const PARTS: u64 = COUNT as u64;
const COUNT: usize = 10;

/// The last time, in parts that are forgotten one by one.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Nanoseconds of a part.
    width: u64,
    /// The number of the part that is being filled, counted from the beginning of time.
    current: u64,
    /// Each at its number modulo how many there are.
    parts: Box<[Tally; COUNT]>,
    sum: Tally,
}

impl Buckets {
    fn new(time: u64) -> Self {
        Self {
            width: time.div_ceil(PARTS),
            current: 0,
            parts: Box::default(),
            sum: Tally::default(),
        }
    }

    fn part(&mut self, number: u64) -> &mut Tally {
        let index = (number % PARTS) as usize;
        &mut self.parts[index]
    }

    fn record(&mut self, outcome: Outcome, now: u64) -> Tally {
        self.advance(now);
        self.part(self.current).add(outcome);
        self.sum.add(outcome);
        self.sum
    }

    /// A time before the current part, which another thread has read earlier, counts as that part.
    fn advance(&mut self, now: u64) {
        let number = now / self.width;
        let steps = number.saturating_sub(self.current).min(PARTS);
        for step in 1..=steps {
            let part = self.part(self.current + step);
            let forgotten = std::mem::take(part);
            self.sum.remove_all(forgotten);
        }
        self.current = self.current.max(number);
    }

    fn clear(&mut self) {
        *self.parts = Default::default();
        self.sum = Tally::default();
    }
}
