//! The state machine: a function of what it is, the time and what happens. Times are nanoseconds of one clock.

use super::{
    status::{BreakerState, Totals},
    window::{Outcome, Span, Tally, Window},
};

const MILLION: u64 = 1_000_000;
/// Who is refused while probes are out is told this, in nanoseconds: they may end in the next moment.
const SOON: u64 = 1_000_000_000;

/// The settings, as numbers that can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) span: Span,
    pub(super) minimum: u64,
    /// In millionths.
    pub(super) failure_rate: u64,
    pub(super) slow: Option<Slow>,
    pub(super) wait: u64,
    pub(super) probes: u64,
}

/// Which calls are slow, and how many of them are too many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slow {
    pub(super) longer_than: u64,
    /// In millionths.
    pub(super) rate: u64,
}

impl Rules {
    /// Whether calls that ended like this are reason to open.
    fn are_exceeded(&self, tally: Tally) -> bool {
        let exceeds =
            |part: u64, rate: u64| part.saturating_mul(MILLION) >= rate.saturating_mul(tally.calls);
        exceeds(tally.failures, self.failure_rate)
            || self.slow.is_some_and(|slow| exceeds(tally.slow, slow.rate))
    }
}

/// What decides until somebody takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    Open,
    Closed,
    Disabled,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: u64 },
    HalfOpen(Probes),
    Forced(Force),
}

#[derive(Clone, Copy, Debug)]
struct Probes {
    in_flight: u64,
    ended: Tally,
    /// When the last one was let through.
    last: u64,
}

/// A call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) state: BreakerState,
    /// Nanoseconds.
    pub(super) retry_after: u64,
}

#[derive(Debug)]
pub(super) struct State {
    rules: Rules,
    phase: Phase,
    /// Counts the phases. What was let through in another one does not count in this one.
    generation: u64,
    window: Window,
    totals: Totals,
}

impl State {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            phase: Phase::Closed,
            generation: 0,
            window: Window::new(rules.span),
            totals: Totals::default(),
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether all are let through, as long as the generation is the same.
    pub(super) fn passes_all(&self) -> bool {
        matches!(
            self.phase,
            Phase::Closed | Phase::Forced(Force::Closed | Force::Disabled)
        )
    }

    pub(super) fn kind(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen(_) => BreakerState::HalfOpen,
            Phase::Forced(Force::Open) => BreakerState::ForcedOpen,
            Phase::Forced(Force::Closed) => BreakerState::ForcedClosed,
            Phase::Forced(Force::Disabled) => BreakerState::Disabled,
        }
    }

    /// The calls that it is judging by: those of the window, or the probes that have ended.
    pub(super) fn tally(&mut self, now: u64) -> Tally {
        match self.phase {
            Phase::HalfOpen(probes) => probes.ended,
            _ => self.window.tally(now),
        }
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Lets a call through as one of the generation that is then, or refuses it.
    pub(super) fn acquire(&mut self, now: u64) -> Result<(), Refused> {
        let asked = self.ask(now);
        self.totals.refused += u64::from(asked.is_err());
        if asked.is_ok() && !self.passes_all() {
            self.probe(now);
        }
        asked
    }

    /// What an asker would be told. Changes nothing.
    pub(super) fn ask(&self, now: u64) -> Result<(), Refused> {
        let retry_after = match self.phase {
            Phase::Closed | Phase::Forced(Force::Closed | Force::Disabled) => return Ok(()),
            Phase::Forced(Force::Open) => self.rules.wait,
            Phase::Open { until } => match until.saturating_sub(now) {
                0 => return Ok(()),
                rest => rest,
            },
            Phase::HalfOpen(probes) => {
                let again = probes.last.saturating_add(self.rules.wait);
                if self.has_probes(probes) || now >= again {
                    return Ok(());
                }
                SOON.min(again - now)
            }
        };
        Err(Refused {
            state: self.kind(),
            retry_after,
        })
    }

    fn has_probes(&self, probes: Probes) -> bool {
        probes.in_flight + probes.ended.calls < self.rules.probes
    }

    /// One probe more. If all were let through and some have not ended for as long as it had been open before, they
    /// begin anew: a call that never ends does not keep it half-open for good.
    fn probe(&mut self, now: u64) {
        let probes = match self.phase {
            Phase::HalfOpen(probes) if self.has_probes(probes) => probes,
            _ => {
                self.generation += 1;
                Probes {
                    in_flight: 0,
                    ended: Tally::default(),
                    last: now,
                }
            }
        };
        self.phase = Phase::HalfOpen(Probes {
            in_flight: probes.in_flight + 1,
            last: now.max(probes.last),
            ..probes
        });
    }

    /// A call of that generation has ended. The time is asked for only where it matters.
    pub(super) fn record(&mut self, generation: u64, outcome: Outcome, now: impl Fn() -> u64) {
        self.totals.count(outcome);
        if generation != self.generation {
            self.totals.late += 1;
            return;
        }
        match &mut self.phase {
            Phase::Closed => {
                let tally = self.window.record(outcome, &now);
                if tally.calls >= self.rules.minimum && self.rules.are_exceeded(tally) {
                    self.open(now());
                }
            }
            Phase::Forced(Force::Closed) => {
                self.window.record(outcome, &now);
            }
            Phase::HalfOpen(probes) => {
                probes.in_flight -= 1;
                probes.ended.add(outcome);
                let ended = probes.ended;
                self.judge(ended, now);
            }
            // Nothing is let through as one of these, or nothing of it counts.
            Phase::Open { .. } | Phase::Forced(Force::Open | Force::Disabled) => {}
        }
    }

    fn judge(&mut self, ended: Tally, now: impl Fn() -> u64) {
        if ended.calls < self.rules.probes {
            return;
        }
        if self.rules.are_exceeded(ended) {
            self.open(now());
        } else {
            self.close();
        }
    }

    /// A call of that generation has ended without an outcome that counts.
    pub(super) fn give_back(&mut self, generation: u64) {
        self.totals.uncounted += 1;
        if let Phase::HalfOpen(probes) = &mut self.phase
            && generation == self.generation
        {
            probes.in_flight -= 1;
        }
    }

    fn open(&mut self, now: u64) {
        self.generation += 1;
        self.totals.opened += 1;
        self.phase = Phase::Open {
            until: now.saturating_add(self.rules.wait),
        };
    }

    /// As new, but for the totals.
    pub(super) fn close(&mut self) {
        self.generation += 1;
        self.window.clear();
        self.phase = Phase::Closed;
    }

    pub(super) fn force(&mut self, force: Force) {
        self.close();
        self.phase = Phase::Forced(force);
    }
}

#[cfg(test)]
mod tests;
