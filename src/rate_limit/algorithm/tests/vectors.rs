//! Traces worked out by hand. Times are milliseconds.

use super::{
    Algorithm, State, Verdict, Wait, delayed, fixed_window, in_flight, queue, request, sliding_log,
    sliding_window, wait,
};

const MS: u64 = 1_000;

struct Trace {
    algorithm: Algorithm,
    state: State,
}

/// What one request met: with what is left and the time to full where it was admitted.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    Admitted { remaining: u64, reset: u64 },
    Refused { for_ms: u64 },
    Never,
}

impl Trace {
    fn new(algorithm: Algorithm) -> Self {
        Self {
            state: algorithm.fresh(),
            algorithm,
        }
    }

    fn at(&mut self, ms: u64, cost: u64) -> Met {
        let now = ms * MS;
        let before = self.state.clone();
        match self.algorithm.check(&self.state, now, cost) {
            Verdict::Admitted { delay } => {
                assert_eq!(delay, 0);
                self.algorithm.charge(&mut self.state, now, cost);
                let reset = self.algorithm.reset(&self.state, now) / MS;
                Met::Admitted {
                    remaining: self.algorithm.remaining(&self.state, now),
                    reset,
                }
            }
            Verdict::Refused(wait) => {
                assert_eq!(self.state, before);
                match wait {
                    Wait::For(us) => {
                        assert_eq!(us % MS, 0);
                        Met::Refused { for_ms: us / MS }
                    }
                    Wait::Never => Met::Never,
                    Wait::Unknown => panic!("not in flight"),
                }
            }
        }
    }

    fn admits(&mut self, ms: u64, cost: u64) -> Option<u64> {
        match self.at(ms, cost) {
            Met::Admitted { remaining, .. } => Some(remaining),
            Met::Refused { .. } | Met::Never => None,
        }
    }
}

const fn ok(remaining: u64, reset: u64) -> Met {
    Met::Admitted { remaining, reset }
}

const fn no(for_ms: u64) -> Met {
    Met::Refused { for_ms }
}

fn bucket(n: u64, period_ms: u64, burst: u64) -> Algorithm {
    super::bucket(n, period_ms * 1_000_000, burst)
}

#[test]
fn fixed_window_of_5_per_10_s() {
    let mut trace = Trace::new(fixed_window(5, 10_000 * MS));
    assert_eq!(trace.at(0, 1), ok(4, 10_000));
    assert_eq!(trace.at(1_000, 1), ok(3, 9_000));
    assert_eq!(trace.at(2_000, 1), ok(2, 8_000));
    assert_eq!(trace.at(3_000, 1), ok(1, 7_000));
    assert_eq!(trace.at(9_999, 1), ok(0, 1));
    assert_eq!(trace.at(9_999, 1), no(1));
    assert_eq!(trace.at(10_000, 1), ok(4, 10_000));
    assert_eq!(trace.at(10_000, 4), ok(0, 10_000));
    assert_eq!(trace.at(10_000, 1), no(10_000));
    assert_eq!(trace.at(25_000, 3), ok(2, 5_000));
    assert_eq!(trace.at(25_000, 3), no(5_000));
    assert_eq!(trace.at(25_000, 6), Met::Never);
}

#[test]
fn sliding_log_of_3_per_10_s() {
    let mut trace = Trace::new(sliding_log(3, 10_000 * MS));
    assert_eq!(trace.at(0, 1), ok(2, 10_000));
    assert_eq!(trace.at(4_000, 1), ok(1, 10_000));
    assert_eq!(trace.at(6_000, 1), ok(0, 10_000));
    assert_eq!(trace.at(9_999, 1), no(1));
    assert_eq!(trace.at(10_000, 1), ok(0, 10_000));
    assert_eq!(trace.at(10_001, 1), no(3_999));
    assert_eq!(trace.at(14_000, 1), ok(0, 10_000));
    assert_eq!(trace.at(16_000, 2), no(4_000));
    assert_eq!(trace.at(20_000, 2), ok(0, 10_000));
}

#[test]
fn sliding_window_of_10_per_10_s() {
    let mut trace = Trace::new(sliding_window(10, 10_000 * MS));
    assert_eq!(trace.at(9_900, 10), ok(0, 10_100));
    assert_eq!(trace.at(9_900, 1), no(1_100));
    assert_eq!(trace.at(10_000, 1), no(1_000));
    assert_eq!(trace.at(11_000, 1), ok(0, 19_000));
    assert_eq!(trace.at(11_500, 1), no(500));
    assert_eq!(trace.at(12_000, 1), ok(0, 18_000));
    assert_eq!(trace.at(15_000, 3), ok(0, 15_000));
    assert_eq!(trace.at(15_000, 1), no(1_000));
    assert_eq!(trace.at(45_000, 11), Met::Never);
    assert_eq!(trace.at(45_000, 10), ok(0, 15_000));
}

#[test]
fn token_bucket_of_5_with_one_per_second() {
    let mut trace = Trace::new(bucket(1, 1_000, 5));
    for used in 1..=5 {
        assert_eq!(trace.at(0, 1), ok(5 - used, used * 1_000));
    }
    assert_eq!(trace.at(0, 1), no(1_000));
    assert_eq!(trace.at(999, 1), no(1));
    assert_eq!(trace.at(1_000, 1), ok(0, 5_000));
    assert_eq!(trace.at(3_500, 1), ok(1, 3_500));
    assert_eq!(trace.at(3_500, 3), no(1_500));
    assert_eq!(trace.at(3_500, 6), Met::Never);
}

#[test]
fn token_bucket_of_10_with_one_per_half_second() {
    let mut trace = Trace::new(bucket(2, 1_000, 10));
    for used in 1..=10 {
        assert_eq!(trace.at(0, 1), ok(10 - used, used * 500));
    }
    assert_eq!(trace.at(0, 1), no(500));
    assert_eq!(trace.at(500, 1), ok(0, 5_000));
}

#[test]
fn leaky_meter_of_3_with_one_per_second() {
    let mut trace = Trace::new(bucket(1, 1_000, 3));
    assert_eq!(trace.admits(0, 1), Some(2));
    assert_eq!(trace.admits(0, 1), Some(1));
    assert_eq!(trace.admits(0, 1), Some(0));
    assert_eq!(trace.at(0, 1), no(1_000));
    assert_eq!(trace.at(500, 1), no(500));
    assert_eq!(trace.admits(1_000, 1), Some(0));
}

#[test]
fn leaky_meter_of_30_with_one_per_two_seconds() {
    let mut trace = Trace::new(bucket(1, 2_000, 30));
    for used in 1..=30 {
        assert_eq!(trace.at(0, 1), ok(30 - used, used * 2_000));
    }
    assert_eq!(trace.at(0, 1), no(2_000));
    assert_eq!(trace.admits(2_000, 1), Some(0));
}

#[test]
fn leaky_queue_of_2_with_one_per_half_second() {
    let queue = queue(2, 1_000_000_000, 2);
    let mut line = queue.fresh();
    let mut at = |ms: u64| request(&queue, &mut line, ms * MS, 1);
    assert_eq!(at(0), delayed(0));
    assert_eq!(at(0), delayed(500 * MS));
    assert_eq!(at(0), delayed(1_000 * MS));
    assert_eq!(at(0), wait(500 * MS));
    assert_eq!(at(400), wait(100 * MS));
    assert_eq!(at(500), delayed(1_000 * MS));
    assert_eq!(at(5_000), delayed(0));
}

#[test]
fn two_buckets_are_charged_together_or_not_at_all() {
    let limits = [bucket(1, 500, 2), bucket(1, 3_333, 3)];
    let mut states = limits.map(|limit| limit.fresh());
    let mut at = |ms: u64| {
        let now = ms * MS;
        let each = limits.iter().zip(&states);
        let wait = each.filter_map(|(limit, state)| match limit.check(state, now, 1) {
            Verdict::Refused(Wait::For(us)) => Some(us / MS),
            _ => None,
        });
        let wait = wait.max();
        if wait.is_none() {
            limits
                .iter()
                .zip(&mut states)
                .for_each(|(limit, state)| limit.charge(state, now, 1));
        }
        wait
    };
    assert_eq!([at(0), at(0), at(0)], [None, None, Some(500)]);
    assert_eq!([at(500), at(1_000), at(3_333)], [None, Some(2_333), None]);
}

#[test]
fn two_in_flight() {
    let limit = in_flight(2);
    let mut count = limit.fresh();
    assert_eq!(limit.reset(&count, 0), 0);
    limit.charge(&mut count, 0, 2);
    assert_eq!(
        limit.check(&count, u64::MAX, 1),
        Verdict::Refused(Wait::Unknown)
    );
    assert_eq!(limit.check(&count, 0, 3), Verdict::Refused(Wait::Never));
    assert_eq!(
        (limit.remaining(&count, 0), limit.reset(&count, 0)),
        (0, u64::MAX)
    );
    limit.refund(&mut count, 0, 5, 1);
    assert_eq!(limit.check(&count, 5, 1), Verdict::Admitted { delay: 0 });
    assert_eq!(
        (limit.remaining(&count, 5), limit.quota(), limit.window()),
        (1, 2, 0)
    );
    limit.refund(&mut count, 0, 5, 7);
    assert_eq!(limit.reset(&count, 5), 0);
}
