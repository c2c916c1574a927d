//! What a limit decides, as pure functions of what was charged and what time it is.
//!
//! Nothing here waits, reads a clock or knows a store. Times are whole microseconds on one axis whose windows begin at
//! multiples of their length.
//!
//! | algorithm | state | admits a cost c if | at worst, with N per window W |
//! |---|---|---|---|
//! | [`FixedWindow`] | the count of this window | count + c is at most N | 2N around the end of a window |
//! | [`SlidingWindow`] | the counts of this window and of the one before | count + c + the part of the count before that a window back from now still reaches, if its requests had come evenly, is at most N | 2N - 1 in a window, where they had not |
//! | [`SlidingLog`] | each charge with its moment, at most N | what was charged in the last W + c is at most N | N in any window, never more |
//! | [`Gcra`], the token bucket and the leaky bucket as a meter | one moment, when the bucket is full (the meter empty) | c tokens are there, of B at most; one comes back every T | B + the whole part of W / T |
//! | [`LeakyQueue`] | the moment of the next free turn, and places that were given up | it has room for c: Q wait and one goes | never two within T |
//! | [`InFlight`] | a count | count + c is at most N | N at the same time |
//!
//! A window does not contain its end: what was charged at t counts while less than W has passed since.
//!
//! # What holds for all of them
//!
//! - A refusal changes no state, and [`Wait::For`] is exact: the same cost is refused until then and admitted from
//!   then on, if nothing else is charged.
//! - A cost of 0 is admitted without delay, whatever was used, and charges nothing. A cost above
//!   [`quota`](Algorithm::quota) is never admitted.
//! - A charge without a check, of a cost that is known only afterwards, may exceed the limit. It is a debt: it has to
//!   drain (bucket, queue) or to leave its window before anything else is admitted. Sums stop at what a `u64` holds.
//! - A `now` before the latest that a state has seen, as of a thread that read its clock and then waited for the lock,
//!   counts as that: it frees nothing, and a wait is longer by the step back and no more. A jump forward frees what
//!   would have been free by then.
//! - A refund takes back what one charge used, as far as that still counts: in the window or in the entry of the
//!   charge; of the bucket, whose tokens look alike, always, but it never gets more than full. So what was charged and
//!   not refunded stays within B and one more every T from the start, but a refund of an old charge adds to what may
//!   come in one window.

mod exact;
mod fixed_window;
mod gcra;
mod in_flight;
mod leaky_queue;
mod sliding_log;
mod sliding_window;

pub(crate) use self::{
    fixed_window::FixedWindow, gcra::Gcra, in_flight::InFlight, leaky_queue::LeakyQueue,
    sliding_log::SlidingLog, sliding_window::SlidingWindow,
};

/// How a limit counts, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    FixedWindow(FixedWindow),
    SlidingWindow(SlidingWindow),
    SlidingLog(SlidingLog),
    Bucket(Gcra),
    Queue(LeakyQueue),
    InFlight(InFlight),
}

/// What one key has used of a limit.
///
/// A state belongs to the algorithm that made it. To one of another kind it is as good as [`Algorithm::fresh`]:
/// [`Algorithm::adopt`] is for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    FixedWindow(fixed_window::Count),
    SlidingWindow(sliding_window::Counts),
    SlidingLog(sliding_log::Log),
    Bucket(exact::Exact),
    Queue(leaky_queue::Line),
    InFlight(u64),
}

/// Whether a cost may pass now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// After so many microseconds: 0 but for the queue.
    Admitted {
        delay: u64,
    },
    Refused(Wait),
}

/// How long a refused cost stays refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// So many microseconds, more than 0.
    For(u64),
    /// Until something else ends.
    Unknown,
    /// It is more than the limit ever has.
    Never,
}

/// Calls a method of the kind that an algorithm and a state are both of.
macro_rules! of_one_kind {
    ($algorithm:expr, $state:expr, $method:ident($($argument:expr),*), InFlight($n:pat, $count:pat) => $in_flight:expr, _ => $other:expr) => {
        match ($algorithm, $state) {
            (Algorithm::FixedWindow(limit), State::FixedWindow(count)) => limit.$method(count, $($argument),*),
            (Algorithm::SlidingWindow(limit), State::SlidingWindow(counts)) => limit.$method(counts, $($argument),*),
            (Algorithm::SlidingLog(limit), State::SlidingLog(log)) => limit.$method(log, $($argument),*),
            (Algorithm::Bucket(limit), State::Bucket(tat)) => limit.$method(tat, $($argument),*),
            (Algorithm::Queue(limit), State::Queue(line)) => limit.$method(line, $($argument),*),
            (Algorithm::InFlight($n), State::InFlight($count)) => $in_flight,
            _ => $other,
        }
    };
}

/// The same for what no state is needed for.
macro_rules! of_each_kind {
    ($algorithm:expr, $limit:ident => $do:expr, InFlight($n:pat) => $in_flight:expr) => {
        match $algorithm {
            Algorithm::FixedWindow($limit) => $do,
            Algorithm::SlidingWindow($limit) => $do,
            Algorithm::SlidingLog($limit) => $do,
            Algorithm::Bucket($limit) => $do,
            Algorithm::Queue($limit) => $do,
            Algorithm::InFlight($n) => $in_flight,
        }
    };
}

impl Algorithm {
    /// Nothing used.
    pub(crate) fn fresh(&self) -> State {
        match self {
            Self::FixedWindow(_) => State::FixedWindow(fixed_window::Count::default()),
            Self::SlidingWindow(_) => State::SlidingWindow(sliding_window::Counts::default()),
            Self::SlidingLog(_) => State::SlidingLog(sliding_log::Log::default()),
            Self::Bucket(_) => State::Bucket(exact::Exact::default()),
            Self::Queue(_) => State::Queue(leaky_queue::Line::default()),
            Self::InFlight(_) => State::InFlight(0),
        }
    }

    /// Whether a cost may pass now.
    #[inline]
    pub(crate) fn check(&self, state: &State, now: u64, cost: u64) -> Verdict {
        if cost == 0 {
            return Verdict::Admitted { delay: 0 };
        }
        of_one_kind!(self, state, check(now, cost),
            InFlight(limit, count) => limit.check(*count, cost),
            _ => self.check(&self.fresh(), now, cost))
    }

    /// Uses a cost, whether there is room for it or not.
    #[inline]
    pub(crate) fn charge(&self, state: &mut State, now: u64, cost: u64) {
        if cost == 0 {
            return;
        }
        of_one_kind!(self, &mut *state, charge(now, cost),
        InFlight(_, count) => *count = count.saturating_add(cost),
        _ => {
            *state = self.fresh();
            self.charge(state, now, cost);
        });
    }

    /// Takes back a charge, as far as it still counts. That of a queue was made at its turn: at the `now` of the charge
    /// and the delay that it got.
    pub(crate) fn refund(&self, state: &mut State, charged_at: u64, now: u64, cost: u64) {
        self.give_back(state, charged_at, now, cost, true);
    }

    /// The same of a charge for what did not happen in the end: the turn in a queue was not taken.
    pub(crate) fn forgo(&self, state: &mut State, charged_at: u64, now: u64, cost: u64) {
        self.give_back(state, charged_at, now, cost, false);
    }

    fn give_back(&self, state: &mut State, charged_at: u64, now: u64, cost: u64, taken: bool) {
        if cost == 0 {
            return;
        }
        match (self, state) {
            (Self::FixedWindow(_), State::FixedWindow(count)) => {
                FixedWindow::refund(count, charged_at, cost);
            }
            (Self::SlidingWindow(limit), State::SlidingWindow(counts)) => {
                limit.refund(counts, charged_at, now, cost);
            }
            (Self::SlidingLog(limit), State::SlidingLog(log)) => {
                limit.refund(log, charged_at, now, cost);
            }
            (Self::Bucket(limit), State::Bucket(tat)) => limit.refund(tat, now, cost),
            (Self::Queue(limit), State::Queue(line)) => {
                limit.refund(line, charged_at, now, cost, taken);
            }
            (Self::InFlight(_), State::InFlight(count)) => *count = count.saturating_sub(cost),
            _ => {}
        }
    }

    /// Takes back so much of what was charged last, whatever that was. Turns that were given, and what is in flight,
    /// are as they are.
    pub(crate) fn restore(&self, state: &mut State, now: u64, cost: u64) {
        match (self, state) {
            (Self::SlidingLog(_), State::SlidingLog(log)) => SlidingLog::restore(log, cost),
            (Self::Queue(_) | Self::InFlight(_), _) => {}
            (_, state) => self.refund(state, now.max(Self::latest(state)), now, cost),
        }
    }

    /// The time that a state counts from: a charge whose `now` is before that counts as of then, and is refunded as of
    /// then.
    #[inline]
    pub(crate) fn latest(state: &State) -> u64 {
        match state {
            State::FixedWindow(count) => FixedWindow::latest(count),
            State::SlidingWindow(counts) => SlidingWindow::latest(counts),
            _ => 0,
        }
    }

    /// What a state takes at most besides itself.
    pub(crate) fn most_bytes(&self) -> usize {
        match self {
            Self::SlidingLog(limit) => limit.most_bytes(),
            Self::Queue(limit) => limit.most_bytes(),
            _ => 0,
        }
    }

    /// The largest cost that would be admitted now.
    pub(crate) fn remaining(&self, state: &State, now: u64) -> u64 {
        of_one_kind!(self, state, remaining(now),
            InFlight(limit, count) => limit.remaining(*count),
            _ => self.quota())
    }

    /// Microseconds until the full quota is back. At 0 the state says no more than a fresh one. For requests in flight
    /// nobody knows when they end: `u64::MAX`.
    pub(crate) fn reset(&self, state: &State, now: u64) -> u64 {
        of_one_kind!(self, state, reset(now),
            InFlight(_, count) => if *count == 0 { 0 } else { u64::MAX },
            _ => 0)
    }

    /// The state of a key whose limit has changed: what was used stays used, but no more than the whole of the new
    /// limit.
    ///
    /// Of another kind of limit, or of windows of another length, what was used counts as used now. Two are different:
    /// what waits in a queue keeps its turn, also where the new queue is shorter or faster, and what is in flight
    /// stays so until it ends, and nothing else is.
    pub(crate) fn adopt(&self, old: &Self, state: &State, now: u64) -> State {
        let adopted = match (self, old, state) {
            _ if self == old => Some(state.clone()),
            (
                Self::SlidingWindow(limit),
                Self::SlidingWindow(old),
                State::SlidingWindow(counts),
            ) => limit.adopt(old, counts, now).map(State::SlidingWindow),
            (Self::SlidingLog(limit), Self::SlidingLog(old), State::SlidingLog(log)) => {
                limit.adopt(old, log).map(State::SlidingLog)
            }
            (Self::Bucket(limit), Self::Bucket(old), State::Bucket(tat)) => {
                Some(State::Bucket(limit.adopt(old, tat, now)))
            }
            (Self::Queue(_), Self::Queue(_), State::Queue(line)) => {
                Some(State::Queue(LeakyQueue::adopt(line, now)))
            }
            (Self::InFlight(_), Self::InFlight(_), State::InFlight(count)) => {
                Some(State::InFlight(*count))
            }
            (Self::InFlight(_), _, _) => Some(self.fresh()),
            _ => None,
        };
        adopted.unwrap_or_else(|| self.used(old.quota() - old.remaining(state, now), now))
    }

    /// The largest cost that can ever be admitted.
    pub(crate) fn quota(&self) -> u64 {
        of_each_kind!(self, limit => limit.quota(), InFlight(limit) => limit.quota())
    }

    /// Microseconds in which the whole quota comes back; 0 for what does not come back with time.
    pub(crate) fn window(&self) -> u64 {
        of_each_kind!(self, limit => limit.window(), InFlight(_) => 0)
    }

    /// A state in which so much, at most all, was used now.
    fn used(&self, cost: u64, now: u64) -> State {
        let mut state = self.fresh();
        self.charge(&mut state, now, cost.min(self.quota()));
        state
    }
}

#[cfg(test)]
mod tests;
