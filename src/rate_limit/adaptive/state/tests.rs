use proptest::prelude::*;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn gradient() -> Algorithm {
    Algorithm::Gradient(Gradient::new())
}

fn aimd(threshold: Duration) -> Algorithm {
    Algorithm::Aimd(Aimd::new(threshold))
}

fn bounds(initial: u32, min: u32, max: u32) -> Bounds {
    Bounds::new(initial, min, max).unwrap()
}

/// A limit before a service that is simulated.
struct Simulated {
    state: State,
    now: Duration,
}

impl Simulated {
    fn new(algorithm: Algorithm, bounds: Bounds) -> Self {
        Self {
            state: State::new(algorithm, bounds),
            now: Duration::ZERO,
        }
    }

    /// As many of `wanted` requests as are admitted, all at once, and all answered after a latency that depends on
    /// how many they are.
    fn round(&mut self, wanted: usize, latency: impl Fn(usize) -> Duration) {
        let beside: Vec<usize> = (0..wanted).map_while(|_| self.state.admit()).collect();
        let began = self.now;
        self.now += latency(beside.len());
        for beside in beside {
            self.state.learn(&Sample {
                began,
                now: self.now,
                beside,
                ending: Ending::Measured,
            });
            self.state.leave();
        }
    }

    fn rounds(&mut self, count: usize, wanted: usize, latency: impl Fn(usize) -> Duration) {
        for _ in 0..count {
            self.round(wanted, &latency);
        }
    }

    fn drop_one(&mut self, began: Duration) {
        let beside = self.state.admit().unwrap();
        self.state.learn(&Sample {
            began,
            now: self.now,
            beside,
            ending: Ending::Dropped,
        });
        self.state.leave();
    }

    fn limit(&self) -> usize {
        self.state.limit()
    }
}

/// A service that works on 50 requests at once, a second on each.
fn fifty_at_once(in_flight: usize) -> Duration {
    let waiting = u32::try_from(in_flight.max(50)).unwrap();
    SECOND * waiting / 50
}

#[test]
fn no_more_are_admitted_than_the_limit_and_who_leaves_makes_room() {
    let mut state = State::new(gradient(), bounds(3, 1, 9));
    let admitted: Vec<Option<usize>> = (0..4).map(|_| state.admit()).collect();
    assert_eq!(admitted, [Some(1), Some(2), Some(3), None]);
    state.leave();
    assert_eq!((state.in_flight(), state.admit()), (2, Some(3)));
}

#[test]
fn it_falls_when_latency_doubles_and_grows_back_when_that_is_over() {
    let mut sim = Simulated::new(gradient(), bounds(100, 5, 200));
    sim.rounds(20, 200, |_| 10 * MILLISECOND);
    let before = sim.limit();
    assert!(before > 100, "{before}");
    sim.rounds(20, 200, |_| 20 * MILLISECOND);
    let slow = sim.limit();
    assert!(slow < before / 2, "{before} -> {slow}");
    sim.rounds(100, 200, |_| 10 * MILLISECOND);
    assert!(sim.limit() >= before, "{slow} -> {}", sim.limit());
}

#[test]
fn latency_within_the_tolerance_is_no_reason_to_fall() {
    let mut sim = Simulated::new(gradient(), bounds(100, 5, 200));
    sim.rounds(5, 200, |_| 10 * MILLISECOND);
    let before = sim.limit();
    sim.rounds(5, 200, |_| 14 * MILLISECOND);
    assert!(sim.limit() > before);
    sim.rounds(5, 200, |_| 16 * MILLISECOND);
    let grown = sim.limit();
    sim.rounds(5, 200, |_| 16 * MILLISECOND);
    assert!(sim.limit() < grown);
}

#[test]
fn it_settles_near_what_the_service_can_do_also_after_hours_of_overload() {
    let mut sim = Simulated::new(gradient(), bounds(20, 5, 1000));
    sim.rounds(300, 1000, fifty_at_once);
    assert!((50..=90).contains(&sim.limit()), "{}", sim.limit());
    sim.rounds(5_000, 1000, fifty_at_once);
    assert!(sim.now > Duration::from_secs(3600));
    assert!((50..=90).contains(&sim.limit()), "{}", sim.limit());
}

#[test]
fn a_service_that_has_become_slower_for_good_is_found_out_at_the_minimum() {
    let mut sim = Simulated::new(gradient(), bounds(100, 5, 200));
    sim.rounds(20, 200, |_| 10 * MILLISECOND);
    let least = |sim: &mut Simulated| {
        let limits = (0..400).map(|_| {
            sim.round(200, |_| 30 * MILLISECOND);
            sim.limit()
        });
        limits.min()
    };
    assert_eq!(least(&mut sim), Some(5));
    assert!(sim.limit() > 100, "{}", sim.limit());
}

#[test]
fn what_is_faster_is_the_baseline_at_once() {
    let mut sim = Simulated::new(gradient(), bounds(100, 5, 200));
    sim.rounds(5, 200, |_| 20 * MILLISECOND);
    sim.rounds(20, 200, |_| 10 * MILLISECOND);
    let before = sim.limit();
    sim.rounds(5, 200, |_| 20 * MILLISECOND);
    assert!(sim.limit() < before, "{before} -> {}", sim.limit());
}

#[test]
fn one_window_takes_half_at_most() {
    let abrupt = Gradient::new().smoothing(1.0).unwrap();
    let mut sim = Simulated::new(Algorithm::Gradient(abrupt), bounds(100, 5, 100));
    sim.rounds(5, 100, |_| MILLISECOND);
    assert_eq!(sim.limit(), 100);
    // Its first latency ends a window, and the others fill the next one.
    sim.round(100, |_| SECOND);
    assert_eq!(sim.limit(), 50);
    sim.round(50, |_| SECOND);
    assert_eq!(sim.limit(), 25);
}

#[test]
fn a_service_with_little_to_do_may_become_slower_over_minutes() {
    let mut sim = Simulated::new(gradient(), bounds(100, 5, 200));
    sim.rounds(20, 200, |_| SECOND);
    let before = sim.limit();
    sim.rounds(20_000, 2, |_| 2 * SECOND);
    sim.rounds(3, 200, |_| 2 * SECOND);
    assert!(sim.limit() >= before, "{before} -> {}", sim.limit());
}

#[test]
fn idle_it_does_not_grow() {
    for algorithm in [gradient(), aimd(SECOND)] {
        let mut sim = Simulated::new(algorithm, bounds(20, 5, 200));
        sim.rounds(500, 9, |_| MILLISECOND);
        assert_eq!(sim.limit(), 20);
        sim.rounds(500, 10, |_| MILLISECOND);
        assert!(sim.limit() > 20, "half of it is in use");
    }
}

#[test]
fn a_window_is_ten_requests_and_a_round_trip() {
    let mut sim = Simulated::new(gradient(), bounds(20, 5, 200));
    sim.round(20, |_| MILLISECOND);
    assert_eq!(sim.limit(), 20, "no time has passed since the first");
    sim.round(20, |_| MILLISECOND);
    assert!(sim.state.baseline.is_some());
    let mut few = Simulated::new(gradient(), bounds(5, 5, 200));
    few.rounds(1, 5, |_| MILLISECOND);
    few.rounds(1, 4, |_| MILLISECOND);
    assert!(few.state.baseline.is_none(), "nine");
    few.rounds(1, 1, |_| MILLISECOND);
    assert!(few.state.baseline.is_some(), "ten");
}

#[test]
fn aimd_adds_one_per_round_trip_while_the_limit_is_in_use() {
    let mut sim = Simulated::new(aimd(SECOND), bounds(20, 5, 200));
    sim.rounds(10, 200, |_| SECOND);
    assert!((29..=30).contains(&sim.limit()), "{}", sim.limit());
}

#[test]
fn above_aimds_threshold_the_limit_falls_once_per_round_trip() {
    let mut sim = Simulated::new(aimd(SECOND), bounds(100, 5, 200));
    sim.round(100, |_| SECOND + Duration::from_nanos(1));
    assert_eq!(sim.limit(), 90);
    sim.round(100, |_| SECOND * 2);
    assert_eq!(sim.limit(), 81);
}

#[test]
fn a_drop_lowers_the_limit_once_for_all_that_began_before() {
    for algorithm in [gradient(), aimd(SECOND)] {
        let mut sim = Simulated::new(algorithm, bounds(100, 5, 200));
        sim.now = SECOND;
        sim.drop_one(Duration::ZERO);
        assert_eq!(sim.limit(), 90);
        sim.now = SECOND * 2;
        sim.drop_one(SECOND - MILLISECOND);
        assert_eq!(sim.limit(), 90, "it began before");
        sim.drop_one(SECOND);
        assert_eq!(sim.limit(), 81);
    }
}

#[test]
fn aimd_settles_around_its_threshold() {
    let mut sim = Simulated::new(aimd(SECOND * 2), bounds(20, 5, 1000));
    sim.rounds(2_000, 1000, fifty_at_once);
    assert!((85..=101).contains(&sim.limit()), "{}", sim.limit());
}

fn samples() -> impl Strategy<Value = Vec<(u64, u64, usize, bool)>> {
    let latency = prop_oneof![0..10_u64, 0..10_000_000_000_u64, Just(u64::MAX / 4)];
    let sample = (
        latency,
        0..20_000_000_000_u64,
        1..2_000_usize,
        any::<bool>(),
    );
    prop::collection::vec(sample, 0..300)
}

proptest! {
    #[test]
    fn whatever_happens_the_limit_stays_within_its_bounds(
        samples in samples(),
        (min, initial, max) in (1..50_u32, 0..50_u32, 0..500_u32)
            .prop_map(|(min, more, most)| (min, min + more, min + more + most)),
        by_gradient in any::<bool>(),
    ) {
        let algorithm = if by_gradient { gradient() } else { aimd(SECOND) };
        let mut state = State::new(algorithm, bounds(initial, min, max));
        let mut now = Duration::ZERO;
        for (latency, passed, beside, dropped) in samples {
            now += Duration::from_nanos(passed);
            let ending = if dropped { Ending::Dropped } else { Ending::Measured };
            let began = now.saturating_sub(Duration::from_nanos(latency));
            state.learn(&Sample { began, now, beside, ending });
            prop_assert!(state.limit.is_finite());
            prop_assert!((min as usize..=max as usize).contains(&state.limit()));
        }
    }
}
