//! What one key has used of its limits.

use std::ops::{Deref, DerefMut};

use super::{Asked, Charge, Left, Lefts, Peeked, Refused, Ruling, Verdict};
use crate::rate_limit::{
    algorithm::{self, State, Wait},
    limit::{Limit, Limits},
};

/// One cache line, for a key with one limit.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) fingerprint: u64,
    /// Since when it counts: what was charged before that is not in it.
    since: u64,
    /// All is refused before this time.
    blocked_until: u64,
    /// Those that the states belong to.
    limits: Limits,
    states: States,
}

impl Slot {
    pub(super) fn new(fingerprint: u64, limits: &Limits, now: u64) -> Self {
        Self {
            fingerprint,
            since: now,
            blocked_until: 0,
            limits: limits.clone(),
            states: States::fresh(limits),
        }
    }

    /// All limits are asked before the first one is charged.
    #[inline]
    pub(super) fn decide(&mut self, asked: Asked<'_>, left: Option<&mut Lefts>) -> Ruling {
        if !self.limits.is(asked.limits) {
            return self.decide_under_others(asked, left);
        }
        let verdict = self.verdict(asked);
        if let Verdict::Admitted { .. } = verdict {
            for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
                let cost = limit.amount(asked.cost);
                limit.algorithm.charge(state, asked.now, cost);
            }
        }
        if let Some(left) = left {
            self.tell(asked.now, left);
        }
        Ruling {
            verdict,
            shared: false,
        }
    }

    #[inline]
    fn verdict(&self, asked: Asked<'_>) -> Verdict {
        if self.blocked_until > asked.now {
            return Verdict::Refused(Refused {
                wait: Wait::For(self.blocked_until - asked.now),
                violated: 0,
            });
        }
        let (mut delay, mut refused) = (0, None);
        for (at, (limit, state)) in self.with_limits().enumerate() {
            let cost = limit.amount(asked.cost);
            match limit.algorithm.check(state, asked.now, cost) {
                algorithm::Verdict::Admitted { delay: turn } => delay = delay.max(turn),
                algorithm::Verdict::Refused(wait) => refused = Some(also(refused, at, wait)),
            }
        }
        match refused {
            None => Verdict::Admitted { delay },
            Some(refused) => Verdict::Refused(refused),
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
            blocked_until: self.blocked_until,
        }
    }

    pub(super) fn block(&mut self, until: u64) {
        self.blocked_until = until;
    }

    /// Goes over to other limits with the first request that they admit: what was used stays used. What they have no
    /// room for is forgotten by that, so a refusal, and what costs nothing, leave all as it was: requests of one key
    /// whose limits take turns would have it forgotten again and again.
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

    /// A limit takes over from the one with its name, or else from the one in its place.
    fn adopt(&mut self, limits: &Limits, now: u64) {
        let old = self.limits.as_slice();
        let taken_over = |(at, limit): (usize, &Limit)| {
            let named = old.iter().position(|old| old.name() == limit.name());
            let from = named.unwrap_or(at);
            match old.get(from) {
                Some(old) => limit
                    .algorithm
                    .adopt(&old.algorithm, &self.states[from], now),
                None => limit.algorithm.fresh(),
            }
        };
        self.states = States::of(limits, taken_over);
        self.limits = limits.clone();
    }

    pub(super) fn refund(&mut self, charge: Charge, now: u64) {
        if charge.at < self.since {
            return self.release(charge, now);
        }
        for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
            give_back(limit, state, charge, limit.amount(charge.cost), now);
        }
    }

    pub(super) fn release(&mut self, charge: Charge, now: u64) {
        for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
            if limit.counts_in_flight() {
                give_back(limit, state, charge, limit.amount(charge.cost), now);
            }
        }
    }

    /// `asked.cost` is what the request came to.
    pub(super) fn settle(&mut self, charge: Charge, asked: Asked<'_>) {
        for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
            let (before, after) = (limit.amount(charge.cost), limit.amount(asked.cost));
            if after > before {
                limit.algorithm.charge(state, asked.now, after - before);
            } else if after < before && charge.at >= self.since {
                give_back(limit, state, charge, before - after, asked.now);
            }
        }
    }

    /// As if nothing had been used. What is in flight is.
    pub(super) fn reset(&mut self, now: u64) {
        self.since = now;
        self.blocked_until = 0;
        for (limit, state) in self.limits.as_slice().iter().zip(&mut *self.states) {
            if !limit.counts_in_flight() {
                *state = limit.algorithm.fresh();
            }
        }
    }

    /// Whether a fresh slot would decide the same.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        self.blocked_until <= now
            && self
                .with_limits()
                .all(|(limit, state)| limit.algorithm.reset(state, now) == 0)
    }

    /// How much of the limits is used, in parts of [`ALL_USED`]; none if the key is being limited, or in use:
    /// it must not be forgotten.
    pub(super) fn used(&self, now: u64) -> Option<u64> {
        if self.blocked_until > now {
            return None;
        }
        let mut most = 0;
        for (limit, state) in self.with_limits() {
            let (quota, left) = (limit.quota(), limit.algorithm.remaining(state, now));
            if left == 0 || (limit.counts_in_flight() && left < quota) {
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

/// A state for each limit.
#[derive(Clone, Debug)]
enum States {
    One(State),
    Many(Box<[State]>),
}

impl States {
    fn fresh(limits: &Limits) -> Self {
        Self::of(limits, |(_, limit)| limit.algorithm.fresh())
    }

    fn of(limits: &Limits, state: impl FnMut((usize, &Limit)) -> State) -> Self {
        let mut states = limits.iter().enumerate().map(state);
        match states.len() {
            1 => Self::One(states.next().expect("there is one")),
            _ => Self::Many(states.collect()),
        }
    }
}

impl Deref for States {
    type Target = [State];

    #[inline]
    fn deref(&self) -> &[State] {
        match self {
            Self::One(state) => std::slice::from_ref(state),
            Self::Many(states) => states,
        }
    }
}

impl DerefMut for States {
    #[inline]
    fn deref_mut(&mut self) -> &mut [State] {
        match self {
            Self::One(state) => std::slice::from_mut(state),
            Self::Many(states) => states,
        }
    }
}

fn give_back(limit: &Limit, state: &mut State, charge: Charge, cost: u64, now: u64) {
    let turn = match limit.algorithm {
        // The place in the queue is that of the request's turn.
        algorithm::Algorithm::Queue(_) => charge.at.saturating_add(charge.delay),
        _ => charge.at,
    };
    limit.algorithm.refund(state, turn, now, cost);
}

/// One more limit refuses: the request waits for the last of them.
fn also(before: Option<Refused>, at: usize, wait: Wait) -> Refused {
    let so_far = before.unwrap_or(Refused { wait, violated: 0 });
    Refused {
        wait: longer(so_far.wait, wait),
        violated: so_far.violated | 1 << at,
    }
}

fn longer(one: Wait, other: Wait) -> Wait {
    match (one, other) {
        (Wait::Never, _) | (_, Wait::Never) => Wait::Never,
        (Wait::Unknown, _) | (_, Wait::Unknown) => Wait::Unknown,
        (Wait::For(one), Wait::For(other)) => Wait::For(one.max(other)),
    }
}
