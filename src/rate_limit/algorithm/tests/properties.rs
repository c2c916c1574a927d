//! On random traces the algorithms and their references say the same of everything.

use proptest::{collection::vec, prelude::*};

use super::{
    Algorithm, State, TODAY, Verdict, Wait, bucket, fixed_window, in_flight,
    naive::{AllOfThem, Fixed, Naive, Sliding, Tokens, Turns},
    queue, sliding_log, sliding_window,
};

#[derive(Clone, Debug)]
enum Step {
    Forward(u64),
    Back(u64),
    Request(u64),
    /// Charged without a check.
    Debt(u64),
    /// Of one of the charges so far.
    Refund(prop::sample::Index),
}

/// Both, and what was charged: the turn and the cost, where it was not taken back.
struct Pair<N> {
    algorithm: Algorithm,
    state: State,
    naive: N,
    now: u64,
    charges: Vec<Option<(u64, u64)>>,
}

impl<N: Naive> Pair<N> {
    fn new(algorithm: Algorithm, naive: N, now: u64) -> Self {
        Self {
            state: algorithm.fresh(),
            algorithm,
            naive,
            now,
            charges: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Forward(us) => self.now += us,
            Step::Back(us) => self.now = self.now.saturating_sub(*us),
            Step::Request(cost) => self.request(*cost)?,
            Step::Debt(cost) => self.charge(*cost, None),
            Step::Refund(index) => self.refund(index),
        }
        prop_assert_eq!(
            self.algorithm.remaining(&self.state, self.now),
            self.naive.remaining(self.now)
        );
        prop_assert_eq!(
            self.algorithm.reset(&self.state, self.now),
            self.naive.reset(self.now)
        );
        Ok(())
    }

    fn request(&mut self, cost: u64) -> Result<(), TestCaseError> {
        let verdict = self.algorithm.check(&self.state, self.now, cost);
        let expected = match self.naive.admits(self.now, cost) {
            Some(delay) => Verdict::Admitted { delay },
            None if cost > self.naive.quota() => Verdict::Refused(Wait::Never),
            None => Verdict::Refused(Wait::For(self.naive.wait(self.now, cost))),
        };
        prop_assert_eq!(verdict, expected);
        if let Verdict::Admitted { delay } = verdict {
            self.charge(cost, Some(delay));
        }
        Ok(())
    }

    /// What was not admitted had no turn to take back.
    fn charge(&mut self, cost: u64, delay: Option<u64>) {
        self.algorithm.charge(&mut self.state, self.now, cost);
        if cost == 0 {
            return;
        }
        self.naive.charge(self.now, cost);
        let queued = matches!(self.algorithm, Algorithm::Queue(_));
        let delay = delay.or((!queued).then_some(0));
        self.charges
            .push(delay.map(|delay| (self.now + delay, cost)));
    }

    fn refund(&mut self, index: &prop::sample::Index) {
        if self.charges.is_empty() {
            return;
        }
        let charge = index.index(self.charges.len());
        if let Some((turn, cost)) = self.charges[charge].take() {
            self.algorithm.refund(&mut self.state, turn, self.now, cost);
            self.naive.refund(charge, self.now, cost);
        }
    }
}

fn agree(
    algorithm: Algorithm,
    naive: impl Naive,
    origin: u64,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(algorithm, naive, origin);
    steps.iter().try_for_each(|step| pair.step(step))
}

fn origin() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(TODAY)]
}

/// The clock goes forward only.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..12).prop_map(Step::Forward),
        1 => (0_u64..90).prop_map(Step::Forward),
        8 => (0_u64..5).prop_map(Step::Request),
        1 => (0_u64..15).prop_map(Step::Request),
        1 => (1_u64..9).prop_map(Step::Debt),
        3 => any::<prop::sample::Index>().prop_map(Step::Refund),
    ];
    vec(step, 1..50)
}

/// Threads come late with what they read of the clock.
fn steps_of_a_shaky_clock() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..12).prop_map(Step::Forward),
        3 => (0_u64..6).prop_map(Step::Back),
        8 => (0_u64..5).prop_map(Step::Request),
    ];
    vec(step, 1..50)
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![steps(), steps_of_a_shaky_clock()]
}

proptest! {
    #[test]
    fn a_fixed_window_does_what_its_reference_does(
        n in 1_u64..12, window in 1_u64..40, origin in origin(), steps in any_steps(),
    ) {
        agree(fixed_window(n, window), Fixed::new(n, window), origin, &steps)?;
    }

    #[test]
    fn a_sliding_window_does_what_its_reference_does(
        n in 1_u64..12, window in 1_u64..40, origin in origin(), steps in any_steps(),
    ) {
        agree(sliding_window(n, window), Sliding(Fixed::new(n, window)), origin, &steps)?;
    }

    #[test]
    fn a_sliding_log_does_what_its_reference_does(
        n in 1_u64..12, window in 1_u64..40, origin in origin(), steps in any_steps(),
    ) {
        agree(sliding_log(n, window), AllOfThem::new(n, window), origin, &steps)?;
    }

    #[test]
    fn a_bucket_does_what_its_reference_does(
        n in 1_u64..30, period_ns in 1_u64..60_000, burst in 1_u64..12, origin in origin(), steps in any_steps(),
    ) {
        agree(bucket(n, period_ns, burst), Tokens::new(n, period_ns, burst), origin, &steps)?;
    }

    /// Turns of less than a microsecond are told as the same.
    #[test]
    fn a_queue_does_what_its_reference_does(
        n in 1_u64..12, period_ns in 12_000_u64..60_000, waiting in 0_u64..8, origin in origin(), steps in any_steps(),
    ) {
        agree(queue(n, period_ns, waiting), Turns::new(n, period_ns, waiting), origin, &steps)?;
    }

    #[test]
    fn in_flight_is_what_was_admitted_and_has_not_ended(n in 1_u64..12, steps in steps()) {
        let limit = in_flight(n);
        let (mut state, mut live) = (limit.fresh(), Vec::new());
        for step in steps {
            let count: u64 = live.iter().sum();
            match step {
                Step::Request(cost) if cost > 0 => {
                    let admitted = limit.check(&state, 0, cost) == super::ADMITTED;
                    prop_assert_eq!(admitted, count + cost <= n);
                    if admitted {
                        limit.charge(&mut state, 0, cost);
                        live.push(cost);
                    }
                }
                Step::Refund(index) if !live.is_empty() => {
                    limit.refund(&mut state, 0, 0, live.swap_remove(index.index(live.len())));
                }
                _ => {}
            }
            let count: u64 = live.iter().sum();
            prop_assert_eq!(limit.remaining(&state, 0), n - count);
            prop_assert_eq!(limit.reset(&state, 0) == 0, count == 0);
        }
    }
}
