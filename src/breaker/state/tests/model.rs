//! Random traces, against a breaker that keeps everything and computes anew each time.

use proptest::prelude::*;

use super::*;
use crate::breaker::window::PARTS;

#[derive(Clone, Debug)]
enum Step {
    Pass {
        tenths: u64,
    },
    Acquire,
    /// The call in flight at that place, modulo how many there are.
    End {
        call: usize,
        outcome: Outcome,
    },
    Cancel {
        call: usize,
    },
    Force(Force),
    Reset,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    (any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(failed, slow)| Outcome { failed, slow })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0u64..80).prop_map(|tenths| Step::Pass { tenths }),
        60 => Just(Step::Acquire),
        60 => (any::<usize>(), outcome()).prop_map(|(call, outcome)| Step::End { call, outcome }),
        10 => any::<usize>().prop_map(|call| Step::Cancel { call }),
        1 => prop_oneof![Just(Force::Open), Just(Force::Closed), Just(Force::Disabled)]
            .prop_map(Step::Force),
        2 => Just(Step::Reset),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let span = prop_oneof![
        (4u32..9).prop_map(Span::Calls),
        (1u64..5).prop_map(|seconds| Span::Time(seconds * SECOND)),
    ];
    let rate = || (1u64..=10).prop_map(|tenths| tenths * MILLION / 10);
    let slow = prop::option::of(rate().prop_map(|rate| Slow {
        longer_than: SECOND,
        rate,
    }));
    (span, 1u64..5, rate(), slow, 1u64..4).prop_map(
        |(span, minimum, failure_rate, slow, probes)| Rules {
            span,
            minimum,
            failure_rate,
            slow,
            wait: 5 * SECOND,
            probes,
        },
    )
}

/// What the naive one is.
#[derive(Clone, Debug)]
enum Naive {
    Closed(Vec<(u64, Outcome)>),
    Open { since: u64 },
    HalfOpen(Vec<Probe>),
    Forced(Force),
}

#[derive(Clone, Debug)]
struct Probe {
    id: usize,
    began: u64,
    outcome: Option<Outcome>,
}

struct Model {
    rules: Rules,
    state: Naive,
    /// Counts calls, and the rounds in which they were let through.
    calls: usize,
    round: usize,
    now: u64,
}

#[derive(Clone, Copy)]
struct Call {
    id: usize,
    round: usize,
}

impl Model {
    fn become_(&mut self, state: Naive) {
        self.state = state;
        self.round += 1;
    }

    fn acquire(&mut self) -> Option<Call> {
        let waited = |since: u64| self.now >= since + self.rules.wait;
        let anew = match &self.state {
            Naive::Open { since } => waited(*since),
            Naive::HalfOpen(probes) => {
                probes.len() as u64 == self.rules.probes
                    && probes.iter().all(|probe| waited(probe.began))
            }
            _ => false,
        };
        if anew {
            self.become_(Naive::HalfOpen(Vec::new()));
        }
        self.calls += 1;
        let (id, began, most) = (self.calls, self.now, self.rules.probes);
        let passes = match &mut self.state {
            Naive::Open { .. } | Naive::Forced(Force::Open) => false,
            Naive::HalfOpen(probes) => {
                let free = (probes.len() as u64) < most;
                if free {
                    probes.push(Probe {
                        id,
                        began,
                        outcome: None,
                    });
                }
                free
            }
            _ => true,
        };
        passes.then_some(Call {
            id,
            round: self.round,
        })
    }

    fn end(&mut self, call: Call, outcome: Outcome) {
        if call.round != self.round {
            return;
        }
        let now = self.now;
        match &mut self.state {
            Naive::Closed(log) => {
                log.push((now, outcome));
                let seen = self.seen();
                if seen.len() as u64 >= self.rules.minimum && self.exceeded(&seen) {
                    self.become_(Naive::Open { since: now });
                }
            }
            Naive::HalfOpen(probes) => {
                let mut probes_in_flight = probes.iter_mut().filter(|probe| probe.id == call.id);
                probes_in_flight.next().expect("it is a probe").outcome = Some(outcome);
                let ended: Vec<Outcome> = probes.iter().filter_map(|probe| probe.outcome).collect();
                if ended.len() as u64 == self.rules.probes {
                    let next = if self.exceeded(&ended) {
                        Naive::Open { since: now }
                    } else {
                        Naive::Closed(Vec::new())
                    };
                    self.become_(next);
                }
            }
            Naive::Open { .. } | Naive::Forced(_) => {}
        }
    }

    fn cancel(&mut self, call: Call) {
        if let Naive::HalfOpen(probes) = &mut self.state
            && call.round == self.round
        {
            probes.retain(|probe| probe.id != call.id);
        }
    }

    /// What is in the window.
    fn seen(&self) -> Vec<Outcome> {
        let Naive::Closed(log) = &self.state else {
            return Vec::new();
        };
        let seen: Vec<Outcome> = match self.rules.span {
            Span::Calls(calls) => {
                let last = log.len().saturating_sub(calls as usize);
                log[last..].iter().map(|(_, outcome)| *outcome).collect()
            }
            Span::Time(time) => {
                let part = |at: u64| at * PARTS / time;
                let old = |at: u64| part(self.now) - part(at) >= PARTS;
                let log = log.iter().filter(|(at, _)| !old(*at));
                log.map(|(_, outcome)| *outcome).collect()
            }
        };
        seen
    }

    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    fn exceeded(&self, outcomes: &[Outcome]) -> bool {
        let rate = |is: fn(&Outcome) -> bool| {
            outcomes.iter().filter(|outcome| is(outcome)).count() as f64 / outcomes.len() as f64
        };
        let least = |millionths: u64| millionths as f64 / 1e6 - 1e-9;
        rate(|outcome| outcome.failed) >= least(self.rules.failure_rate)
            || (self.rules.slow)
                .is_some_and(|slow| rate(|outcome| outcome.slow) >= least(slow.rate))
    }

    fn kind(&self) -> BreakerState {
        match self.state {
            Naive::Closed(_) => BreakerState::Closed,
            Naive::Open { .. } => BreakerState::Open,
            Naive::HalfOpen(_) => BreakerState::HalfOpen,
            Naive::Forced(Force::Open) => BreakerState::ForcedOpen,
            Naive::Forced(Force::Closed) => BreakerState::ForcedClosed,
            Naive::Forced(Force::Disabled) => BreakerState::Disabled,
        }
    }
}

/// A call that both have let through.
type Both = (Call, u64);

fn take(calls: &mut Vec<Both>, at: usize) -> Option<Both> {
    (!calls.is_empty()).then(|| calls.swap_remove(at % calls.len()))
}

fn run(machine: &mut State, model: &mut Model, calls: &mut Vec<Both>, step: &Step) {
    match step {
        Step::Pass { tenths } => model.now += tenths * SECOND / 10,
        Step::Acquire => {
            let expected = model.acquire();
            assert_eq!(machine.ask(model.now).is_ok(), expected.is_some());
            let got = machine.acquire(model.now);
            assert_eq!(got.is_ok(), expected.is_some());
            calls.extend(expected.map(|call| (call, machine.generation())));
        }
        Step::End { call, outcome } => {
            if let Some((call, generation)) = take(calls, *call) {
                model.end(call, *outcome);
                machine.record(generation, *outcome, || model.now);
            }
        }
        Step::Cancel { call } => {
            if let Some((call, generation)) = take(calls, *call) {
                model.cancel(call);
                machine.give_back(generation);
            }
        }
        Step::Force(force) => {
            model.become_(Naive::Forced(*force));
            machine.force(*force);
        }
        Step::Reset => {
            model.become_(Naive::Closed(Vec::new()));
            machine.close();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_does_what_a_naive_one_does(
        rules in rules(),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut machine = State::new(rules);
        let mut model = Model {
            rules,
            state: Naive::Closed(Vec::new()),
            calls: 0,
            round: 0,
            now: 1000 * SECOND,
        };
        let mut calls = Vec::new();
        for step in &steps {
            run(&mut machine, &mut model, &mut calls, step);
            prop_assert_eq!(machine.kind(), model.kind(), "after {:?}", step);
            if matches!(model.state, Naive::Closed(_)) {
                let mut expected = Tally::default();
                model.seen().into_iter().for_each(|outcome| expected.add(outcome));
                prop_assert_eq!(machine.tally(model.now), expected, "after {:?}", step);
            }
        }
    }
}
