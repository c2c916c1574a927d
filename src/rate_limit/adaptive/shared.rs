//! What the services of one layer share: the limit and who is in flight.

use std::{sync::Arc, time::Duration};

use http::Response;

use super::{
    outcome::{Judging, Verdict},
    refusal::Overloaded,
    state::{Ending, Sample, State},
};
use crate::{
    clock::{Clock, Moment},
    head::Outcome,
    sync::{Mutex, lock},
};

/// What an adaptive limit is at and has done. See `AdaptiveConcurrencyLayer::stats`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdaptiveStats {
    /// How many requests may be in flight now.
    pub limit: usize,
    /// How many are.
    pub in_flight: usize,
    /// How many were let in so far.
    pub admitted: u64,
    /// How many were refused so far.
    pub refused: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    counted: Mutex<Counted>,
    clock: Clock,
    began: Moment,
    judging: Judging,
}

#[derive(Debug)]
struct Counted {
    state: State,
    admitted: u64,
    refused: u64,
}

impl Shared {
    pub(super) fn new(state: State, clock: Clock, judging: Judging) -> Self {
        let counted = Counted {
            state,
            admitted: 0,
            refused: 0,
        };
        Self {
            counted: Mutex::new(counted),
            began: clock.now(),
            clock,
            judging,
        }
    }

    pub(super) fn admit(self: &Arc<Self>) -> Result<Permit, Overloaded> {
        let beside = self.count_admission()?;
        Ok(Permit {
            shared: Arc::clone(self),
            began: self.now(),
            beside,
        })
    }

    fn count_admission(&self) -> Result<usize, Overloaded> {
        let mut counted = lock(&self.counted);
        let admitted = counted.state.admit();
        match admitted {
            Some(beside) => {
                counted.admitted += 1;
                Ok(beside)
            }
            None => {
                counted.refused += 1;
                Err(Overloaded {
                    limit: counted.state.limit(),
                })
            }
        }
    }

    fn now(&self) -> Duration {
        self.clock.now().duration_since(self.began)
    }

    pub(super) fn stats(&self) -> AdaptiveStats {
        let counted = lock(&self.counted);
        AdaptiveStats {
            limit: counted.state.limit(),
            in_flight: counted.state.in_flight(),
            admitted: counted.admitted,
            refused: counted.refused,
        }
    }
}

/// A request in flight, until it is dropped: whatever ends a request drops this.
#[derive(Debug)]
pub(super) struct Permit {
    shared: Arc<Shared>,
    began: Duration,
    beside: usize,
}

impl Permit {
    /// Learns from a head that has arrived, or an error.
    pub(super) fn learn<R, E: 'static>(&self, result: &Result<Response<R>, E>) {
        let ending = match self.shared.judging.of(&Outcome::of(result)) {
            Verdict::Measured => Ending::Measured,
            Verdict::Dropped => Ending::Dropped,
            Verdict::Ignored => return,
        };
        let sample = Sample {
            began: self.began,
            now: self.shared.now(),
            beside: self.beside,
            ending,
        };
        lock(&self.shared.counted).state.learn(&sample);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.shared.counted).state.leave();
    }
}
