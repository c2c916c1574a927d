//! The states of limits, and those of limits that a key has had before.

use std::{
    cmp::Reverse,
    ops::{Deref, DerefMut},
};

use crate::rate_limit::{
    algorithm::State,
    limit::{Limit, Limits},
};

/// The most limits that are remembered of those a key has had before.
const MOST_PARKED: usize = 8;

/// A state for each limit of a set.
#[derive(Clone, Debug)]
pub(super) enum States {
    One(State),
    Many(Box<[State]>),
}

impl States {
    pub(super) fn fresh(limits: &Limits) -> Self {
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

/// Limits that a key has had before: it may come back to them, and requests under them may still be in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Parked(Vec<(Limit, State)>);

impl Parked {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_idle(&self, now: u64) -> bool {
        let mut parked = self.0.iter();
        parked.all(|(limit, state)| limit.algorithm.reset(state, now) == 0)
    }

    pub(super) fn flies(&self) -> bool {
        let flies = |(limit, state): &(Limit, State)| {
            limit.counts_in_flight() && limit.algorithm.reset(state, 0) > 0
        };
        self.0.iter().any(flies)
    }

    pub(super) fn named(&mut self, name: &str) -> Option<(&Limit, &mut State)> {
        let mut parked = self.0.iter_mut();
        let (limit, state) = parked.find(|(limit, _)| limit.name() == name)?;
        Some((limit, state))
    }

    pub(super) fn keep_in_flight(&mut self) {
        self.0.retain(|(limit, _)| limit.counts_in_flight());
    }

    /// The states of other limits. One takes over from the one with its name; if there is none, from the one in its
    /// place, or, where the key has had it before, from what is left of that, whichever has less left. What nobody has
    /// taken over by its name is parked.
    pub(super) fn adopt(
        &mut self,
        old: &[Limit],
        states: &States,
        limits: &Limits,
        now: u64,
    ) -> States {
        let adopted = States::of(limits, |(at, limit)| {
            let convert =
                |old: &Limit, state: &State| limit.algorithm.adopt(&old.algorithm, state, now);
            let named = old.iter().position(|old| old.name() == limit.name());
            if let Some(from) = named {
                return convert(&old[from], &states[from]);
            }
            let parked = self.named(limit.name());
            let parked = parked.map(|(old, state)| convert(old, state));
            // Requests in flight come back under the name under which they have left.
            let in_place = old.get(at).filter(|old| !old.counts_in_flight());
            let in_place = in_place.map(|old| convert(old, &states[at]));
            let left = |state: &State| limit.algorithm.remaining(state, now);
            let candidates = parked.into_iter().chain(in_place);
            let least = candidates.min_by_key(left);
            least.unwrap_or_else(|| limit.algorithm.fresh())
        });
        let before = old.iter().cloned().zip(states.iter().cloned());
        self.0.extend(before);
        self.0.retain(|(parked, state)| {
            let is_back = limits.iter().any(|limit| limit.name() == parked.name());
            !is_back && parked.algorithm.reset(state, now) > 0
        });
        // Those in flight have the longest to go.
        self.0
            .sort_by_key(|(limit, state)| Reverse(limit.algorithm.reset(state, now)));
        self.0.truncate(MOST_PARKED);
        adopted
    }
}
