//! Random steps beside a map that forgets nobody.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::rate_limit::algorithm::{Algorithm, State, Verdict as One};

#[derive(Clone, Debug)]
enum Step {
    Take { key: u64, cost: u64 },
    Refund { nth: usize },
    Settle { nth: usize, cost: u64 },
    Reset { key: u64 },
    Block { key: u64, time: u64 },
    Wait { time: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0u64..4, 0u64..5).prop_map(|(key, cost)| Step::Take { key, cost }),
        2 => (0usize..8).prop_map(|nth| Step::Refund { nth }),
        2 => (0usize..8, 0u64..9).prop_map(|(nth, cost)| Step::Settle { nth, cost }),
        1 => (0u64..4).prop_map(|key| Step::Reset { key }),
        1 => (0u64..4, 1..SECOND).prop_map(|(key, time)| Step::Block { key, time }),
        4 => (1..SECOND).prop_map(|time| Step::Wait { time }),
    ];
    prop::collection::vec(step, 1..80)
}

/// What a key has, in a world of unlimited room.
#[derive(Default)]
struct Known {
    states: Vec<State>,
    since: u64,
    blocked_until: u64,
}

struct Model {
    algorithms: Vec<Algorithm>,
    keys: HashMap<u64, Known>,
}

impl Model {
    fn known(&mut self, key: u64, now: u64) -> &mut Known {
        let algorithms = &self.algorithms;
        self.keys.entry(key).or_insert_with(|| Known {
            states: algorithms.iter().map(Algorithm::fresh).collect(),
            since: now,
            blocked_until: 0,
        })
    }

    fn take(&mut self, key: u64, cost: u64, now: u64) -> bool {
        let algorithms = self.algorithms.clone();
        let known = self.known(key, now);
        let all = || algorithms.iter().zip(&known.states);
        let admits = known.blocked_until <= now
            && all().all(|(a, state)| matches!(a.check(state, now, cost), One::Admitted { .. }));
        if admits {
            for (algorithm, state) in algorithms.iter().zip(&mut known.states) {
                algorithm.charge(state, now, cost);
            }
        }
        admits
    }

    fn settle(&mut self, key: u64, charge: Charge, cost: u64, now: u64) {
        let algorithms = self.algorithms.clone();
        let known = self.known(key, now);
        for (algorithm, state) in algorithms.iter().zip(&mut known.states) {
            if cost > charge.cost {
                algorithm.charge(state, now, cost - charge.cost);
            } else if charge.at >= known.since {
                algorithm.refund(state, charge.at, now, charge.cost - cost);
            }
        }
    }

    fn reset(&mut self, key: u64, now: u64) {
        self.keys.remove(&key);
        self.known(key, now);
    }
}

proptest! {
    #[test]
    fn with_room_for_all_it_decides_as_a_map_that_forgets_nobody(steps in steps()) {
        let all = [
            fixed(7).name("fixed").build().unwrap(),
            Limit::sliding_window(9).per(seconds(2)).name("sliding").build().unwrap(),
            Limit::sliding_log(8).per(seconds(1)).name("log").build().unwrap(),
            Limit::token_bucket(3).per(seconds(1)).burst(6).name("bucket").build().unwrap(),
        ];
        let algorithms = all.iter().map(|limit| limit.algorithm).collect();
        let mut model = Model { algorithms, keys: HashMap::new() };
        let mut caller = Caller::new(1_000, Limits::all(all).unwrap());
        let mut charges: Vec<(u64, Charge)> = Vec::new();
        for step in steps {
            let now = caller.now;
            match step {
                Step::Take { key, cost } => {
                    let taken = caller.take(key, cost);
                    prop_assert_eq!(taken.is_ok(), model.take(key, cost, now));
                    charges.extend(taken.ok().map(|charge| (key, charge)));
                }
                Step::Refund { nth } if nth < charges.len() => {
                    let (key, charge) = charges.swap_remove(nth);
                    caller.refund(charge);
                    model.settle(key, charge, 0, now);
                }
                Step::Settle { nth, cost } if nth < charges.len() => {
                    let (key, charge) = charges.swap_remove(nth);
                    caller.table.settle(charge, caller.asked(cost));
                    model.settle(key, charge, cost, now);
                }
                Step::Refund { .. } | Step::Settle { .. } => {}
                Step::Reset { key } => {
                    caller.table.reset(spread(key), now);
                    model.reset(key, now);
                }
                Step::Block { key, time } => {
                    caller.table.block(spread(key), caller.asked(0), now + time);
                    model.known(key, now).blocked_until = now + time;
                }
                Step::Wait { time } => caller.now += time,
            }
        }
    }
}
