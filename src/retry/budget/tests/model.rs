//! The budget beside what a naive reading of its rules comes to, on random traces.

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Requests(usize),
    Retry,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0_u64..2500).prop_map(Step::Wait),
        1 => (0_usize..20).prop_map(Step::Requests),
        4 => Just(Step::Retry),
    ];
    vec(step, 0..200)
}

fn budgets() -> impl Strategy<Value = (u64, u32, f64)> {
    let ttl = prop_oneof![Just(1000_u64), Just(1700), Just(10_000), Just(60_000)];
    let ratio = prop_oneof![Just(0.0), Just(0.1), Just(0.3), Just(0.7), Just(2.5)];
    (ttl, 0_u32..4, ratio)
}

/// When each request and each retry was, in nanoseconds.
#[derive(Default)]
struct Naive {
    requests: Vec<u64>,
    retries: Vec<u64>,
}

fn since(events: &[u64], first: impl Fn(u64) -> bool) -> u64 {
    events.iter().filter(|at| first(**at)).count() as u64
}

/// What a request brings, what a retry costs, and what the reserve is.
fn worth(ttl: u64, min_per_second: u32, ratio: f64) -> (u64, u64, u64) {
    let (deposit, cost) = match ratio {
        0.1 => (1000, 10_000),
        0.3 => (1000, 3333),
        0.7 => (1000, 1428),
        2.5 => (1000, 400),
        _ => (0, 1),
    };
    let reserve = u64::from(min_per_second) * ttl / 1000 * cost;
    (deposit, cost, reserve)
}

proptest! {
    #[test]
    fn it_allows_what_the_naive_reading_allows_and_no_span_more_than_it_pays_for(
        (ttl, min_per_second, ratio) in budgets(),
        steps in steps(),
    ) {
        let budget = budget(ms(ttl), min_per_second, ratio);
        let (deposit, cost, reserve) = worth(ttl, min_per_second, ratio);
        let (window, step) = (ttl * 1_000_000, ttl * 1_000_000 / 32);
        let mut naive = Naive::default();
        let mut now = NOW;
        for taken in steps {
            let at = now.as_nanos();
            match taken {
                Step::Wait(wait) => now = now + ms(wait),
                Step::Requests(requests) => {
                    super::deposit(&budget, requests, now);
                    naive.requests.extend(vec![at; requests]);
                }
                Step::Retry => {
                    let steps_ago = |then: u64| at / step - then / step;
                    let paid_in = since(&naive.requests, |then| steps_ago(then) < 32) * deposit;
                    let spent = since(&naive.retries, |then| steps_ago(then) <= 32) * cost;
                    let left = (paid_in + reserve).saturating_sub(spent) / cost;
                    prop_assert_eq!(budget.balance(now), left);
                    prop_assert_eq!(budget.withdraw(now), left > 0);
                    if left == 0 {
                        continue;
                    }
                    naive.retries.push(at);
                    let in_span = |then: u64| at - then < window;
                    let (spent, paid_in) = (since(&naive.retries, in_span), since(&naive.requests, in_span));
                    prop_assert!(spent * cost <= reserve + paid_in * deposit);
                }
            }
        }
    }
}
