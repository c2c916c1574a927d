//! The most that each algorithm admits in a window, and that its states take: stated, never exceeded, and reached.

use proptest::prelude::*;

use super::{
    Algorithm, State, Verdict, bucket, delayed, fixed_window, in_flight, queue, request,
    sliding_log, sliding_window,
};

/// Moments and costs of what was admitted, or of its turns.
fn admitted(
    algorithm: &Algorithm,
    requests: impl IntoIterator<Item = (u64, u64)>,
) -> Vec<(u64, u64)> {
    let (mut state, mut now) = (algorithm.fresh(), 0);
    let mut admitted = Vec::new();
    for (passes, cost) in requests {
        now += passes;
        if let Verdict::Admitted { delay } = request(algorithm, &mut state, now, cost) {
            admitted.push((now + delay, cost));
        }
    }
    admitted
}

/// The largest sum in any half-open window.
fn most(admitted: &[(u64, u64)], window: u64) -> u64 {
    let from = |index: usize| {
        let start = admitted[index].0;
        admitted[index..]
            .iter()
            .take_while(|(at, _)| at - start < window)
            .map(|(_, cost)| cost)
            .sum()
    };
    (0..admitted.len()).map(from).max().unwrap_or(0)
}

/// One request at each moment.
fn each_moment(moments: std::ops::Range<u64>) -> impl Iterator<Item = (u64, u64)> {
    let first = moments.start;
    moments.map(move |at| (if at == first { at } else { 1 }, 1))
}

fn requests() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0_u64..8, 1_u64..4), 1..200)
}

proptest! {
    #[test]
    fn a_fixed_window_admits_at_most_2n(n in 1_u64..20, window in 1_u64..40, requests in requests()) {
        prop_assert!(most(&admitted(&fixed_window(n, window), requests), window) <= 2 * n);
    }

    #[test]
    fn a_sliding_window_admits_at_most_one_less_than_2n(n in 1_u64..20, window in 1_u64..40, requests in requests()) {
        prop_assert!(most(&admitted(&sliding_window(n, window), requests), window) < 2 * n);
    }

    #[test]
    fn a_sliding_log_admits_at_most_n(n in 1_u64..20, window in 1_u64..40, requests in requests()) {
        prop_assert!(most(&admitted(&sliding_log(n, window), requests), window) <= n);
    }

    /// In a half-open span, which does not contain the token that comes at its end.
    #[test]
    fn a_bucket_admits_at_most_its_burst_and_what_comes_back(
        n in 1_u64..9, period in 1_u64..40, burst in 1_u64..20, span in 1_u64..100, requests in requests(),
    ) {
        let admitted = admitted(&bucket(n, period * 1_000, burst), requests);
        prop_assert!(most(&admitted, span) <= burst + (span - 1) * n / period);
    }

    #[test]
    fn turns_of_a_queue_are_never_closer_than_the_interval(
        interval in 1_u64..20, waiting in 0_u64..9, requests in requests(),
    ) {
        let turns = admitted(&queue(1, interval * 1_000, waiting), requests);
        for pair in turns.windows(2) {
            prop_assert!(pair[1].0 - pair[0].0 >= interval * pair[0].1);
        }
    }

    /// Each that is given up is given to another one, or to nobody.
    #[test]
    fn turns_of_a_queue_that_clients_leave_are_not_closer_either(
        interval in 1_u64..20, waiting in 0_u64..9,
        requests in prop::collection::vec((0_u64..8, 1_u64..4, any::<prop::sample::Index>(), any::<bool>()), 1..200),
    ) {
        let queue = queue(1, interval * 1_000, waiting);
        let (mut line, mut now, mut turns) = (queue.fresh(), 0, Vec::new());
        for (passes, cost, leaves, does) in requests {
            now += passes;
            if let Verdict::Admitted { delay } = request(&queue, &mut line, now, cost) {
                turns.push((now + delay, cost));
            }
            let index = leaves.index(turns.len().max(1));
            if let Some((turn, cost)) = turns.get(index).copied().filter(|(turn, _)| does && *turn > now) {
                queue.refund(&mut line, turn, now, cost);
                turns.remove(index);
            }
        }
        turns.sort_unstable();
        for pair in turns.windows(2) {
            prop_assert!(pair[1].0 - pair[0].0 >= interval * pair[0].1);
        }
    }
}

#[test]
fn a_fixed_window_admits_2n_around_its_end() {
    let admitted = admitted(&fixed_window(5, 100), [(99, 5), (1, 5)]);
    assert_eq!(most(&admitted, 100), 10);
}

#[test]
fn a_sliding_window_admits_all_but_one_of_2n_where_requests_came_late() {
    let late = [(99, 5)].into_iter().chain(each_moment(1..100));
    assert_eq!(most(&admitted(&sliding_window(5, 100), late), 100), 9);
}

#[test]
fn a_sliding_log_admits_n() {
    let admitted = admitted(&sliding_log(5, 100), each_moment(0..1_000));
    assert_eq!(most(&admitted, 100), 5);
}

#[test]
fn a_bucket_admits_its_burst_and_what_comes_back() {
    let admitted = admitted(
        &bucket(1, 10_000, 5),
        [(0, 5)].into_iter().chain(each_moment(1..100)),
    );
    assert_eq!(most(&admitted, 91), 5 + 9);
}

/// A mebibyte per second comes to 0.95 of a microsecond each, seven per second to no whole number of anything.
#[test]
fn odd_rates_neither_drift_nor_vanish() {
    const DAY: u64 = 86_400_000_000;
    for (n, cost) in [
        (7, 7),
        (1 << 20, 1 << 20),
        (3, 1),
        (999_999_937, 999_999_937),
    ] {
        let algorithm = bucket(n, 1_000_000_000, n);
        let mut state = algorithm.fresh();
        algorithm.charge(&mut state, 0, n);
        // As much as a day gives back, in one debt.
        algorithm.charge(&mut state, 0, 86_400 * n - cost);
        assert_eq!(algorithm.check(&state, DAY - 1, cost), super::wait(1));
        assert_eq!(request(&algorithm, &mut state, DAY, cost), delayed(0));
        assert_eq!(algorithm.reset(&state, DAY), 1_000_000);
    }
}

fn bytes(state: &State) -> usize {
    match state {
        State::SlidingLog(log) => log.bytes(),
        State::Queue(line) => line.bytes(),
        _ => 0,
    }
}

/// Four entries more, where it doubles.
fn assert_bound(algorithm: &Algorithm, state: &State) {
    let (bytes, bound) = (bytes(state), algorithm.most_bytes());
    assert!(bytes > 0);
    assert!(
        (bytes..=bytes + 96).contains(&bound),
        "{bytes} of {bound}: {algorithm:?}"
    );
}

#[test]
fn a_log_takes_no_more_than_is_told() {
    for n in [1, 2, 5, 4_097] {
        let log = sliding_log(n, 10_000);
        let mut state = log.fresh();
        for now in 0..2 * n {
            log.charge(&mut state, now, 1);
        }
        assert_bound(&log, &state);
    }
}

#[test]
fn a_log_that_is_a_copy_takes_no_more_than_is_told() {
    let log = sliding_log(8, 10_000);
    let mut state = log.fresh();
    for now in 0..7 {
        log.charge(&mut state, now, 1);
    }
    let mut copy = state.clone();
    log.charge(&mut copy, 7, 1);
    assert_bound(&log, &copy);
}

/// The first hole is in two parts, and one more that has nothing left is there for a moment.
#[test]
fn holes_in_a_line_take_no_more_than_is_told() {
    for holes in [1, 3, 7, 1_023] {
        let queue = queue(1, 10_000, holes - 1);
        let mut line = queue.fresh();
        for _ in 0..2 * holes + 10 {
            queue.charge(&mut line, 0, 1);
        }
        queue.refund(&mut line, 10, 0, 4);
        for hole in 1..holes {
            queue.refund(&mut line, 40 + 20 * hole, 0, 1);
        }
        for turn in [20, 30] {
            assert_eq!(request(&queue, &mut line, 15, 1), delayed(turn - 15));
        }
        assert_bound(&queue, &line);
    }
}

#[test]
fn others_take_nothing_besides_their_states() {
    for algorithm in [
        fixed_window(9, 100),
        sliding_window(9, 100),
        bucket(9, 100, 9),
        in_flight(9),
    ] {
        assert_eq!(algorithm.most_bytes(), 0, "{algorithm:?}");
    }
}
