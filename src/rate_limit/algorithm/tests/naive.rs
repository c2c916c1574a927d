//! What the algorithms mean, by lists of all that happened and fractions that are never rounded. All that is asked of
//! a reference is whether a cost fits at a moment; the rest follows by trying.

use std::collections::BTreeSet;

pub(super) trait Naive {
    fn quota(&self) -> u64;

    /// The delay with which a cost passes.
    fn admits(&self, now: u64, cost: u64) -> Option<u64>;

    fn charge(&mut self, now: u64, cost: u64);

    /// Of the charge with this number.
    fn refund(&mut self, charge: usize, now: u64, cost: u64);

    fn remaining(&self, now: u64) -> u64 {
        (0..=self.quota())
            .rev()
            .find(|cost| self.admits(now, *cost).is_some())
            .unwrap()
    }

    /// How long a cost of at most the quota has to wait.
    fn wait(&self, now: u64, cost: u64) -> u64 {
        (0..100_000)
            .find(|wait| self.admits(now + wait, cost).is_some())
            .unwrap()
    }

    fn reset(&self, now: u64) -> u64 {
        self.wait(now, self.quota())
    }
}

struct Charge {
    at: u64,
    cost: u64,
}

fn sum<'a>(charges: impl Iterator<Item = &'a Charge>) -> u64 {
    charges.map(|charge| charge.cost).sum()
}

/// The window in which each charge was made, by division.
pub(super) struct Fixed {
    pub(super) n: u64,
    pub(super) window: u64,
    charges: Vec<Charge>,
}

impl Fixed {
    pub(super) fn new(n: u64, window: u64) -> Self {
        Self {
            n,
            window,
            charges: Vec::new(),
        }
    }

    /// The window now, or the latest that was charged, if the clock went back.
    fn id(&self, now: u64) -> u64 {
        let latest = self
            .charges
            .iter()
            .map(|charge| charge.at)
            .max()
            .unwrap_or(0);
        now.max(latest) / self.window
    }
}

impl Naive for Fixed {
    fn quota(&self) -> u64 {
        self.n
    }

    fn admits(&self, now: u64, cost: u64) -> Option<u64> {
        let same = |charge: &&Charge| charge.at / self.window == self.id(now);
        (cost == 0 || sum(self.charges.iter().filter(same)) + cost <= self.n).then_some(0)
    }

    fn charge(&mut self, now: u64, cost: u64) {
        let at = self.id(now) * self.window;
        self.charges.push(Charge {
            at: at.max(now),
            cost,
        });
    }

    fn refund(&mut self, charge: usize, _: u64, cost: u64) {
        self.charges[charge].cost -= cost;
    }
}

pub(super) struct Sliding(pub(super) Fixed);

impl Naive for Sliding {
    fn quota(&self) -> u64 {
        self.0.n
    }

    /// `previous * (window - e) + (current + cost) * window <= n * window`
    fn admits(&self, now: u64, cost: u64) -> Option<u64> {
        let (id, window) = (self.0.id(now), self.0.window);
        let of = |id: u64| {
            i128::from(sum(self
                .0
                .charges
                .iter()
                .filter(|charge| charge.at / window == id)))
        };
        let e = i128::from(now.saturating_sub(id * window));
        let window = i128::from(window);
        let previous = if id == 0 { 0 } else { of(id - 1) };
        let fits = previous * (window - e) + (of(id) + i128::from(cost)) * window
            <= i128::from(self.0.n) * window;
        (cost == 0 || fits).then_some(0)
    }

    fn charge(&mut self, now: u64, cost: u64) {
        self.0.charge(now, cost);
    }

    fn refund(&mut self, charge: usize, now: u64, cost: u64) {
        self.0.refund(charge, now, cost);
    }
}

/// Every charge by itself. Where debts make more than `n` moments, the latest ones become one.
pub(super) struct AllOfThem {
    n: u64,
    window: u64,
    charges: Vec<Charge>,
    /// When they were made; where they stand may be later.
    made: Vec<u64>,
}

impl AllOfThem {
    pub(super) fn new(n: u64, window: u64) -> Self {
        Self {
            n,
            window,
            charges: Vec::new(),
            made: Vec::new(),
        }
    }

    /// What counts now, or at the last charge, if the clock went back.
    fn counting(&self, now: u64) -> impl Iterator<Item = &Charge> {
        let charges = self.charges.iter().filter(|charge| charge.cost > 0);
        let now = charges
            .clone()
            .map(|charge| charge.at)
            .max()
            .map_or(now, |last| now.max(last));
        charges.filter(move |charge| now < charge.at + self.window)
    }
}

impl Naive for AllOfThem {
    fn quota(&self) -> u64 {
        self.n
    }

    fn admits(&self, now: u64, cost: u64) -> Option<u64> {
        (cost == 0 || sum(self.counting(now)) + cost <= self.n).then_some(0)
    }

    fn charge(&mut self, now: u64, cost: u64) {
        let moments: BTreeSet<u64> = self.counting(now).map(|charge| charge.at).collect();
        let last = moments.last().copied().unwrap_or(0);
        let at = now.max(last);
        if moments.len() as u64 >= self.n {
            self.charges
                .iter_mut()
                .filter(|charge| charge.at == last)
                .for_each(|charge| charge.at = at);
        }
        self.charges.push(Charge { at, cost });
        self.made.push(now);
    }

    fn refund(&mut self, charge: usize, now: u64, cost: u64) {
        if now < self.made[charge] + self.window {
            self.charges[charge].cost -= cost;
        }
    }
}

/// Tokens, in fractions of one by the period: so many as `n * 1000` come back in a microsecond.
pub(super) struct Tokens {
    rate: i128,
    period: i128,
    burst: u64,
    left: i128,
    at: u64,
}

impl Tokens {
    pub(super) fn new(n: u64, period_ns: u64, burst: u64) -> Self {
        let (rate, period) = (i128::from(n) * 1_000, i128::from(period_ns));
        Self {
            rate,
            period,
            burst,
            left: i128::from(burst) * period,
            at: 0,
        }
    }

    fn at(&self, now: u64) -> i128 {
        let passed = i128::from(now) - i128::from(self.at);
        (self.left + passed * self.rate).min(i128::from(self.burst) * self.period)
    }

    fn add(&mut self, now: u64, tokens: i128) {
        self.left = self.at(now) + tokens * self.period;
        self.at = now;
        self.left = self.at(now);
    }
}

impl Naive for Tokens {
    fn quota(&self) -> u64 {
        self.burst
    }

    fn admits(&self, now: u64, cost: u64) -> Option<u64> {
        (cost == 0 || i128::from(cost) * self.period <= self.at(now)).then_some(0)
    }

    fn charge(&mut self, now: u64, cost: u64) {
        self.add(now, -i128::from(cost));
    }

    fn refund(&mut self, _: usize, now: u64, cost: u64) {
        self.add(now, i128::from(cost));
    }
}

/// A line of single turns, in parts of a microsecond of which a turn takes `period`.
pub(super) struct Turns {
    parts: i128,
    period: i128,
    capacity: u64,
    next: i128,
    given_up: BTreeSet<i128>,
    /// The first turn of each charge.
    first: Vec<i128>,
}

impl Turns {
    pub(super) fn new(n: u64, period_ns: u64, waiting: u64) -> Self {
        let (parts, period) = (i128::from(n) * 1_000, i128::from(period_ns));
        Self {
            parts,
            period,
            capacity: waiting + 1,
            next: 0,
            given_up: BTreeSet::new(),
            first: Vec::new(),
        }
    }

    fn turns(&self, start: i128, cost: u64) -> impl Iterator<Item = i128> + use<> {
        let period = self.period;
        (0..i128::from(cost)).map(move |turn| start + turn * period)
    }

    fn start(&self, now: u64, cost: u64) -> i128 {
        let now = i128::from(now) * self.parts;
        let free = |start: &&i128| {
            **start >= now
                && self
                    .turns(**start, cost)
                    .all(|turn| self.given_up.contains(&turn))
        };
        self.given_up
            .iter()
            .find(free)
            .copied()
            .unwrap_or(self.next.max(now))
    }
}

impl Naive for Turns {
    fn quota(&self) -> u64 {
        self.capacity
    }

    fn admits(&self, now: u64, cost: u64) -> Option<u64> {
        if cost == 0 {
            return Some(0);
        }
        let start = self.start(now, cost);
        let waits = start - i128::from(now) * self.parts;
        let fits =
            waits + i128::from(cost) * self.period <= i128::from(self.capacity) * self.period;
        fits.then(|| u64::try_from((waits + self.parts - 1) / self.parts).unwrap())
    }

    fn charge(&mut self, now: u64, cost: u64) {
        let start = self.start(now, cost);
        let turns: Vec<i128> = self.turns(start, cost).collect();
        let taken = turns
            .iter()
            .filter(|turn| self.given_up.remove(turn))
            .count();
        if taken == 0 {
            self.next = start + i128::from(cost) * self.period;
        }
        self.first.push(start);
    }

    fn refund(&mut self, charge: usize, now: u64, cost: u64) {
        let start = self.first[charge];
        if start <= i128::from(now) * self.parts {
            return;
        }
        let turns = self.turns(start, cost);
        self.given_up.extend(turns);
        while self.given_up.remove(&(self.next - self.period)) {
            self.next -= self.period;
        }
    }
}
