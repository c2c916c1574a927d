//! What is announced holds, with numbers as limits have them.

use proptest::prelude::*;

use super::{
    Algorithm, TODAY, Verdict, Wait, bucket, fixed_window, queue, request, sliding_log,
    sliding_window,
};

const HOUR: u64 = 3_600_000_000;

fn algorithm() -> impl Strategy<Value = Algorithm> {
    let n = || prop_oneof![1_u64..10, 1_u64..10_000, 1_u64..10_000_000_000];
    let window = || prop_oneof![1_u64..1_000_000, 1_u64..24 * HOUR];
    prop_oneof![
        (n(), window()).prop_map(|(n, us)| fixed_window(n, us)),
        (n(), window()).prop_map(|(n, us)| sliding_window(n, us)),
        (n(), window()).prop_map(|(n, us)| sliding_log(n, us)),
        (n(), window(), 1_u64..10_000).prop_map(|(n, us, burst)| bucket(n, us * 1_000, burst)),
        (n(), window(), 1_u64..10_000).prop_map(|(n, us, waiting)| queue(n, us * 1_000, waiting)),
    ]
}

/// Which thousandth of the window passes, and which of the quota is asked for then.
fn requests() -> impl Strategy<Value = Vec<(u64, u64)>> {
    prop::collection::vec((0_u64..700, 1_u64..=1_000), 1..20)
}

fn share(of: u64, thousandths: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(thousandths) / 1_000).unwrap()
}

proptest! {
    #[test]
    fn a_cost_is_refused_until_exactly_the_announced_moment(
        algorithm in algorithm(), requests in requests(),
    ) {
        let (mut state, mut now) = (algorithm.fresh(), TODAY);
        for (passes, asks) in requests {
            now += share(algorithm.window(), passes);
            let cost = share(algorithm.quota(), asks).max(1);
            if let Verdict::Refused(wait) = request(&algorithm, &mut state, now, cost) {
                let Wait::For(wait) = wait else { panic!("a cost of at most the quota") };
                prop_assert!(wait > 0);
                let before = algorithm.check(&state, now + wait - 1, cost);
                let then = algorithm.check(&state, now + wait, cost);
                prop_assert!(matches!(before, Verdict::Refused(Wait::For(1))), "{before:?}");
                prop_assert!(matches!(then, Verdict::Admitted { .. }), "{then:?}");
            }
        }
    }

    #[test]
    fn what_remains_is_admitted_and_not_one_more_and_all_of_it_is_back_at_the_reset(
        algorithm in algorithm(), requests in requests(),
    ) {
        let (mut state, mut now) = (algorithm.fresh(), TODAY);
        let passes_at = |state: &_, now, cost| matches!(algorithm.check(state, now, cost), Verdict::Admitted { .. });
        for (passes, asks) in requests {
            now += share(algorithm.window(), passes);
            request(&algorithm, &mut state, now, share(algorithm.quota(), asks));
            let remaining = algorithm.remaining(&state, now);
            prop_assert!(passes_at(&state, now, remaining));
            prop_assert!(!passes_at(&state, now, remaining + 1));
            let reset = algorithm.reset(&state, now);
            prop_assert_eq!(algorithm.remaining(&state, now + reset), algorithm.quota());
            if reset > 0 {
                prop_assert!(algorithm.remaining(&state, now + reset - 1) < algorithm.quota());
            }
        }
    }
}
