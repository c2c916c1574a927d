use proptest::prelude::*;

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const FIRST: Duration = Duration::ZERO;

fn delays(backoff: Backoff, draws: &[f64]) -> Vec<Duration> {
    let mut previous = Duration::ZERO;
    (0..)
        .zip(draws)
        .map(|(n, &u)| {
            previous = backoff.delay(n, previous, u);
            previous
        })
        .collect()
}

#[test]
fn a_quarter_of_the_fourth_ceiling_is_200_ms() {
    let backoff = Backoff::exponential().cap(ms(10_000));
    assert_eq!(backoff.delay(3, FIRST, 0.25), ms(200));
}

#[test]
fn ceilings_double_up_to_the_cap() {
    let ceilings = |backoff: Backoff| (0..9).map(move |n| backoff.delay(n, FIRST, 0.0).as_millis());
    let exact = Backoff::exponential().jitter(Jitter::None);
    assert!(ceilings(exact).eq([100, 200, 400, 800, 1600, 2000, 2000, 2000, 2000]));
    let up_to_10_seconds = exact.cap(ms(10_000));
    assert!(ceilings(up_to_10_seconds).eq([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]));
}

#[test]
fn four_attempts_wait_100_200_and_400_ms_without_jitter() {
    let exact = Backoff::default().jitter(Jitter::None);
    assert_eq!(delays(exact, &[0.3; 3]), [ms(100), ms(200), ms(400)]);
}

#[test]
fn decorrelated_waits_grow_from_one_another() {
    let decorrelated = Backoff::exponential().jitter(Jitter::Decorrelated);
    let micros = |draws: &[f64]| {
        let delays = delays(decorrelated, draws);
        delays.iter().map(Duration::as_micros).collect::<Vec<_>>()
    };
    let halves = [200_000, 350_000, 575_000, 912_500, 1_418_750];
    assert_eq!(micros(&[0.5; 5]), halves);
    let mixed = [280_000, 174_000, 311_000, 924_670, 100_000];
    assert_eq!(micros(&[0.9, 0.1, 0.5, 0.99, 0.0]), mixed);
}

#[test]
fn the_cap_comes_before_the_jitter() {
    let backoff = Backoff::exponential();
    assert_eq!(backoff.delay(30, FIRST, 0.5), ms(1000));
    assert_eq!(backoff.delay(u32::MAX, FIRST, 0.5), ms(1000));
}

#[test]
fn a_factor_that_is_none_keeps_the_base() {
    for factor in [f64::NAN, 0.5, 0.0, -3.0, f64::NEG_INFINITY] {
        let backoff = Backoff::exponential().factor(factor).jitter(Jitter::None);
        assert_eq!(backoff.delay(7, FIRST, 0.5), ms(100), "{factor}");
    }
    let endless = Backoff::exponential().factor(f64::INFINITY);
    assert_eq!(endless.delay(1, FIRST, 0.5), ms(1000));
}

#[test]
fn no_base_is_no_wait() {
    for jitter in [Jitter::Full, Jitter::Decorrelated, Jitter::None] {
        let backoff = Backoff::exponential().base(Duration::ZERO).jitter(jitter);
        assert_eq!(backoff.delay(u32::MAX, FIRST, 0.9), Duration::ZERO);
    }
}

#[test]
fn a_draw_that_is_no_number_waits_for_the_ceiling() {
    let backoff = Backoff::exponential();
    assert_eq!(backoff.delay(0, FIRST, f64::NAN), ms(100));
    assert_eq!(backoff.delay(0, FIRST, -1.0), Duration::ZERO);
    assert_eq!(backoff.delay(0, FIRST, 7.0), ms(100));
}

#[test]
fn clones_draw_for_themselves_also_whole_seconds() {
    let seconds = Backoff::exponential().base(ms(1000)).cap(ms(60_000));
    let draw = |_| seconds.clone().draw(4, FIRST);
    let drawn: std::collections::HashSet<_> = (0..20).map(draw).collect();
    assert!(drawn.len() > 15, "{drawn:?}");
}

#[test]
fn draws_fill_the_range() {
    let backoff = Backoff::exponential();
    let drawn: Vec<_> = (0..1000).map(|_| backoff.draw(0, FIRST)).collect();
    assert!(drawn.iter().any(|wait| *wait < ms(10)));
    assert!(drawn.iter().any(|wait| *wait > ms(90)));
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0_u64..10_000).prop_map(Duration::from_millis),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(s, ns)| Duration::new(s, ns)),
    ]
}

fn any_jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::Full),
        Just(Jitter::Decorrelated),
        Just(Jitter::None)
    ]
}

proptest! {
    #[test]
    fn no_wait_is_beyond_the_cap(
        base in any_duration(),
        factor in any::<f64>(),
        cap in any_duration(),
        jitter in any_jitter(),
        n in any::<u32>(),
        previous in any_duration(),
        u in any::<f64>(),
    ) {
        let backoff = Backoff::exponential().base(base).factor(factor).cap(cap).jitter(jitter);
        prop_assert!(backoff.delay(n, previous, u) <= cap);
    }

    #[test]
    fn waits_grow_with_the_draw(n in 0_u32..40, u in 0.0..1.0_f64, more in 0.0..1.0_f64) {
        let backoff = Backoff::exponential().cap(ms(30_000));
        let (less, more) = (u.min(more), u.max(more));
        prop_assert!(backoff.delay(n, FIRST, less) <= backoff.delay(n, FIRST, more));
        prop_assert!(backoff.delay(n, FIRST, u) <= backoff.jitter(Jitter::None).delay(n, FIRST, u));
    }
}
