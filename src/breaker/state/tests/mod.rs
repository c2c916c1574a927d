//! The state machine by hand, and against a naive one.

mod model;
mod probes;
mod vectors;

use super::*;
use crate::breaker::window::Span;

const SECOND: u64 = 1_000_000_000;

/// Half of the last ten calls, a wait of a minute, three probes.
const TEN: Rules = Rules {
    span: Span::Calls(10),
    minimum: 10,
    failure_rate: MILLION / 2,
    slow: None,
    wait: 60 * SECOND,
    probes: 3,
};

const GOOD: Outcome = Outcome {
    failed: false,
    slow: false,
};
const BAD: Outcome = Outcome {
    failed: true,
    slow: false,
};
const SLOW: Outcome = Outcome {
    failed: false,
    slow: true,
};

/// A state machine whose calls take no time.
struct Machine(State);

impl Machine {
    fn new(rules: Rules) -> Self {
        Self(State::new(rules))
    }

    /// A call at that second, if it is let through.
    fn call(&mut self, at: f64, outcome: Outcome) -> Result<(), Refused> {
        let now = nanos(at);
        self.0.acquire(now)?;
        self.0.record(self.0.generation(), outcome, || now);
        Ok(())
    }

    /// Calls that are let through, at one second each.
    fn calls(&mut self, seconds: impl IntoIterator<Item = u32>, outcome: Outcome) {
        for second in seconds {
            self.call(second.into(), outcome)
                .expect("it is let through");
        }
    }

    fn refuses(&mut self, at: f64) -> bool {
        self.0.ask(nanos(at)).is_err()
    }

    fn kind(&self) -> BreakerState {
        self.0.kind()
    }
}

/// To the tenth of a second.
fn nanos(seconds: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "tests know no negative times"
    )]
    let tenths = (seconds * 10.0).round() as u64;
    tenths * (SECOND / 10)
}
