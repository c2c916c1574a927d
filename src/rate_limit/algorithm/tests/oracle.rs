//! The bucket and governor's, whose cells take whole nanoseconds.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, FakeRelativeClock},
};
use proptest::prelude::*;

use super::{ADMITTED, TODAY, Verdict, Wait, bucket, request, wait};

proptest! {
    #[test]
    fn a_bucket_does_what_governor_does(
        interval in 1_u32..5_000_000, burst in 1_u32..50,
        requests in prop::collection::vec((0_u64..20_000_000, 1_u32..60), 1..60),
    ) {
        let clock = FakeRelativeClock::default();
        let quota = Quota::with_period(Duration::from_micros(interval.into())).unwrap();
        let theirs = quota.allow_burst(NonZeroU32::new(burst).unwrap());
        let theirs = RateLimiter::direct_with_clock(theirs, clock.clone());
        let ours = bucket(1, u64::from(interval) * 1_000, burst.into());
        let (mut state, mut now) = (ours.fresh(), TODAY);
        for (passes, cost) in requests {
            clock.advance(Duration::from_micros(passes));
            now += passes;
            let expected = match theirs.check_n(NonZeroU32::new(cost).unwrap()) {
                Ok(Ok(())) => ADMITTED,
                Ok(Err(until)) => {
                    let until = until.wait_time_from(clock.now()).as_micros();
                    wait(u64::try_from(until).unwrap())
                }
                Err(_) => Verdict::Refused(Wait::Never),
            };
            prop_assert_eq!(request(&ours, &mut state, now, cost.into()), expected);
        }
    }
}
