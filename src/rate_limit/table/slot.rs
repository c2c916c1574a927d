//! What one key has used of its limits.

use std::mem;

use super::{
    Asked, Charge, Left, Lefts, Peeked, Refused, Ruling, Verdict,
    states::{Parked, States},
};
use crate::rate_limit::{
    algorithm::{self, Algorithm, State, Wait},
    limit::{Limit, Limits},
};

/// One cache line, for a key with one limit.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) fingerprint: u64,
    /// Since when it counts: what was charged before that is not in it.
    since: u64,
    /// Those that the states belong to.
    limits: Limits,
    states: States,
    rare: Option<Box<Rare>>,
}

/// What most keys have nothing of.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// All is refused before this time.
    blocked_until: u64,
    /// Limits that the key had before, as far as they are not back in full.
    parked: Parked,
}

impl Slot {
    pub(super) fn new(fingerprint: u64, limits: &Limits, now: u64) -> Self {
        Self {
            fingerprint,
            since: now,
            limits: limits.clone(),
            states: States::fresh(limits),
            rare: None,
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// All limits are asked before the first one is charged.
    #[inline]
    pub(super) fn decide(&mut self, asked: Asked<'_>, left: Option<&mut Lefts>) -> Ruling {
        if !self.limits.is(asked.limits) {
            return self.decide_under_others(asked, left);
        }
        let now = self.time(asked.now);
        let asked = Asked { now, ..asked };
        let verdict = self.verdict(asked);
        if let Verdict::Admitted { .. } = verdict {
            for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
                let cost = limit.amount(asked.cost);
                limit.algorithm.charge(state, now, cost);
            }
        }
        if let Some(left) = left {
            self.tell(now, left);
        }
        Ruling {
            verdict,
            at: now,
            shared: false,
        }
    }

    /// A thread may have read its clock before another one whose request is counted already: what it charges counts
    /// as of then, and is found again when it is refunded.
    #[inline]
    fn time(&self, now: u64) -> u64 {
        let latest = self.states.iter().map(Algorithm::latest).max();
        now.max(self.since).max(latest.unwrap_or(0))
    }

    #[inline]
    fn verdict(&self, asked: Asked<'_>) -> Verdict {
        let (mut delay, mut refused) = (0, None);
        for (at, (limit, state)) in self.with_limits().enumerate() {
            let cost = limit.amount(asked.cost);
            match limit.algorithm.check(state, asked.now, cost) {
                algorithm::Verdict::Admitted { delay: turn } => delay = delay.max(turn),
                algorithm::Verdict::Refused(wait) => refused = Some(also(refused, at, wait)),
            }
        }
        match (self.blocked_until().checked_sub(asked.now), refused) {
            (None | Some(0), None) => Verdict::Admitted { delay },
            (None | Some(0), Some(refused)) => Verdict::Refused(refused),
            (Some(blocked), refused) => Verdict::Refused(Refused {
                wait: refused.map_or(Wait::For(blocked), |refused| {
                    longer(refused.wait, Wait::For(blocked))
                }),
                violated: 0,
            }),
        }
    }

    fn tell(&self, now: u64, lefts: &mut Lefts) {
        for (limit, state) in self.with_limits() {
            lefts.push(Left {
                remaining: limit.algorithm.remaining(state, now),
                reset: limit.algorithm.reset(state, now),
            });
        }
    }

    pub(super) fn peek(&self, now: u64) -> Peeked {
        let mut left = Lefts::new();
        self.tell(now, &mut left);
        Peeked {
            limits: self.limits.clone(),
            left,
            blocked_until: self.blocked_until(),
        }
    }

    #[inline]
    fn blocked_until(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.blocked_until)
    }

    pub(super) fn block(&mut self, until: u64) {
        self.rare.get_or_insert_default().blocked_until = until;
    }

    /// Goes over to other limits with the first request that they admit: what was used stays used. What they have no
    /// room for is forgotten by that, so a refusal, and what costs nothing, leave all as it was.
    #[cold]
    fn decide_under_others(&mut self, asked: Asked<'_>, left: Option<&mut Lefts>) -> Ruling {
        let mut adopted = self.clone();
        adopted.adopt(asked.limits, asked.now);
        let ruling = adopted.decide(asked, left);
        let charged = asked.cost > 0 || asked.limits.count_in_flight();
        if charged && matches!(ruling.verdict, Verdict::Admitted { .. }) {
            *self = adopted;
        }
        ruling
    }

    fn adopt(&mut self, limits: &Limits, now: u64) {
        let parked = self.rare.as_mut().map(|rare| mem::take(&mut rare.parked));
        let mut parked = parked.unwrap_or_default();
        let before = mem::replace(&mut self.limits, limits.clone());
        let states = mem::replace(&mut self.states, States::fresh(limits));
        self.states = parked.adopt(before.as_slice(), &states, limits, now);
        if !parked.is_empty() {
            self.rare.get_or_insert_default().parked = parked;
        }
    }

    /// Does something to each state that a charge under these limits is in.
    fn each_charged(&mut self, limits: &Limits, mut act: impl FnMut(&Limit, &mut State)) {
        let same = self.limits.is(limits);
        for (at, limit) in limits.iter().enumerate() {
            let own = self.limits.as_slice();
            let own = if same {
                Some(at)
            } else {
                own.iter().position(|own| own.name() == limit.name())
            };
            if let Some(own) = own {
                act(&self.limits.as_slice()[own], &mut self.states[own]);
            } else if let Some(rare) = &mut self.rare
                && let Some((limit, state)) = rare.parked.named(limit.name())
            {
                act(limit, state);
            }
        }
    }

    /// Gives back what was charged; `taken` if it was used all the same.
    pub(super) fn refund(&mut self, charge: Charge, asked: Asked<'_>, taken: bool) {
        let counts = charge.at >= self.since;
        self.each_charged(asked.limits, |limit, state| {
            if counts || limit.counts_in_flight() {
                give_back(
                    limit,
                    state,
                    charge,
                    limit.amount(charge.cost),
                    asked.now,
                    taken,
                );
            }
        });
    }

    pub(super) fn release(&mut self, charge: Charge, asked: Asked<'_>) {
        self.each_charged(asked.limits, |limit, state| {
            if limit.counts_in_flight() {
                give_back(limit, state, charge, 1, asked.now, true);
            }
        });
    }

    /// `asked.cost` is what the request came to.
    pub(super) fn settle(&mut self, charge: Charge, asked: Asked<'_>) {
        let counts = charge.at >= self.since;
        self.each_charged(asked.limits, |limit, state| {
            let (before, after) = (limit.amount(charge.cost), limit.amount(asked.cost));
            if after > before {
                let now = asked.now.max(Algorithm::latest(state));
                limit.algorithm.charge(state, now, after - before);
            } else if after < before && counts {
                give_back(limit, state, charge, before - after, asked.now, true);
            }
        });
    }

    /// Gives back so much of what was charged last.
    pub(super) fn restore(&mut self, cost: u64, now: u64) {
        for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
            limit.algorithm.restore(state, now, cost);
        }
    }

    /// As if nothing had been used. What is in flight is.
    pub(super) fn reset(&mut self, now: u64) {
        self.since = now;
        for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
            if !limit.counts_in_flight() {
                *state = limit.algorithm.fresh();
            }
        }
        if let Some(rare) = &mut self.rare {
            rare.blocked_until = 0;
            rare.parked.keep_in_flight();
        }
    }

    /// Whether a fresh slot would decide the same.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        let rare = self.rare.as_ref();
        let is_nothing_rare =
            rare.is_none_or(|rare| rare.blocked_until <= now && rare.parked.is_idle(now));
        is_nothing_rare
            && self
                .with_limits()
                .all(|(limit, state)| limit.algorithm.reset(state, now) == 0)
    }

    /// Whether it would be wrong to forget it, whoever comes: it is blocked, or requests are in flight.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        let flies = |(limit, state): (&Limit, &State)| {
            limit.counts_in_flight() && limit.algorithm.reset(state, now) > 0
        };
        self.blocked_until() > now
            || self.with_limits().any(flies)
            || self.rare.as_ref().is_some_and(|rare| rare.parked.flies())
    }

    /// How much of the limits is used, in parts of [`ALL_USED`]; none if the key is being limited, or in use:
    /// it must not be forgotten.
    pub(super) fn used(&self, now: u64) -> Option<u64> {
        if self.is_in_use(now) {
            return None;
        }
        let mut most = 0;
        for (limit, state) in self.with_limits() {
            let (quota, left) = (limit.quota(), limit.algorithm.remaining(state, now));
            if left == 0 {
                return None;
            }
            let used = u128::from(quota.saturating_sub(left)) * u128::from(ALL_USED);
            let share = u64::try_from(used / u128::from(quota)).unwrap_or(ALL_USED);
            most = most.max(share);
        }
        Some(most)
    }

    #[inline]
    fn with_limits(&self) -> impl Iterator<Item = (&Limit, &State)> {
        self.limits.as_slice().iter().zip(&*self.states)
    }
}

const ALL_USED: u64 = 1 << 20;

fn give_back(limit: &Limit, state: &mut State, charge: Charge, cost: u64, now: u64, taken: bool) {
    let turn = match limit.algorithm {
        // The place in the queue is that of the request's turn.
        Algorithm::Queue(_) => charge.at.saturating_add(charge.delay),
        _ => charge.at,
    };
    if taken {
        limit.algorithm.refund(state, turn, now, cost);
    } else {
        limit.algorithm.forgo(state, turn, now, cost);
    }
}

/// One more limit refuses: the request waits for the last of them.
fn also(before: Option<Refused>, at: usize, wait: Wait) -> Refused {
    let so_far = before.unwrap_or(Refused { wait, violated: 0 });
    Refused {
        wait: longer(so_far.wait, wait),
        violated: so_far.violated | 1 << at,
    }
}

/// A wait of which it is not known when it ends is not over before one of which that is known.
fn longer(one: Wait, other: Wait) -> Wait {
    match (one, other) {
        (Wait::Never, _) | (_, Wait::Never) => Wait::Never,
        (Wait::For(one), Wait::For(other)) => Wait::For(one.max(other)),
        (Wait::For(known), Wait::Unknown) | (Wait::Unknown, Wait::For(known)) => Wait::For(known),
        (Wait::Unknown, Wait::Unknown) => Wait::Unknown,
    }
}
