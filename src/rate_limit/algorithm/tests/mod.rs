//! Each algorithm against the vectors, against a naive reference, against governor, and at its worst.

mod adoption;
mod announced;
mod bounds;
mod given_back;
mod naive;
mod oracle;
mod properties;
mod settled;
mod vectors;

use super::{
    Algorithm, FixedWindow, Gcra, InFlight, LeakyQueue, SlidingLog, SlidingWindow, State, Verdict,
    Wait,
};

/// A moment of our days, in microseconds.
const TODAY: u64 = 1_800_000_000_000_003;

const ADMITTED: Verdict = Verdict::Admitted { delay: 0 };

fn bucket(n: u64, period_ns: u64, burst: u64) -> Algorithm {
    Algorithm::Bucket(Gcra::new(n, period_ns, burst).unwrap())
}

fn queue(n: u64, period_ns: u64, waiting: u64) -> Algorithm {
    Algorithm::Queue(LeakyQueue::new(n, period_ns, waiting).unwrap())
}

fn fixed_window(n: u64, window: u64) -> Algorithm {
    Algorithm::FixedWindow(FixedWindow::new(n, window))
}

fn sliding_window(n: u64, window: u64) -> Algorithm {
    Algorithm::SlidingWindow(SlidingWindow::new(n, window))
}

fn sliding_log(n: u64, window: u64) -> Algorithm {
    Algorithm::SlidingLog(SlidingLog::new(n, window))
}

fn in_flight(n: u64) -> Algorithm {
    Algorithm::InFlight(InFlight::new(n))
}

/// Charges what is admitted.
fn request(algorithm: &Algorithm, state: &mut State, now: u64, cost: u64) -> Verdict {
    let verdict = algorithm.check(state, now, cost);
    if matches!(verdict, Verdict::Admitted { .. }) {
        algorithm.charge(state, now, cost);
    }
    verdict
}

fn delayed(delay: u64) -> Verdict {
    Verdict::Admitted { delay }
}

fn wait(us: u64) -> Verdict {
    Verdict::Refused(Wait::For(us))
}
