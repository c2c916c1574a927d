//! What threads do to one key at once, in all orders that the scheduler tries.

use std::sync::Arc;

use shuttle::thread;

use super::*;

const ORDERS: usize = 1_000;

/// What each of two threads comes to.
fn both(
    caller: &Arc<Caller>,
    act: impl Fn(&Caller) -> usize + Copy + Send + Sync + 'static,
) -> usize {
    let threads = [0, 1].map(|_| {
        let caller = Arc::clone(caller);
        thread::spawn(move || act(&caller))
    });
    threads
        .map(|thread| thread.join().unwrap())
        .into_iter()
        .sum()
}

#[test]
fn threads_together_are_admitted_exactly_as_often_as_one_would_be() {
    shuttle::check_random(
        || {
            let caller = Arc::new(Caller::new(10, limits(5)));
            assert_eq!(both(&caller, |caller| caller.admitted(1)), 5);
        },
        ORDERS,
    );
}

#[test]
fn newcomers_at_the_same_time_have_one_slot() {
    shuttle::check_random(
        || {
            let caller = Arc::new(Caller::new(10, limits(5)));
            both(&caller, |caller| usize::from(caller.take(1, 2).is_ok()));
            assert_eq!(caller.remaining(1), 1);
            assert_eq!(caller.table.counts().keys, 1);
        },
        ORDERS,
    );
}

#[test]
fn refunds_lose_nothing_that_others_charge() {
    shuttle::check_random(
        || {
            let caller = Arc::new(Caller::new(10, limits(5)));
            let kept = both(&caller, |caller| {
                let (refunded, kept) = (caller.take(1, 1), caller.take(1, 1));
                if let Ok(charge) = refunded {
                    caller.refund(charge);
                }
                usize::from(kept.is_ok())
            });
            assert_eq!(caller.remaining(1), 5 - kept as u64);
        },
        ORDERS,
    );
}

#[test]
fn never_more_are_in_flight_than_there_may_be() {
    shuttle::check_random(
        || {
            let flying = Limit::concurrency(1).build().unwrap();
            let caller = Arc::new(Caller::new(10, flying.into()));
            let entered = Arc::new(shuttle::sync::atomic::AtomicUsize::new(0));
            let threads = [0, 1].map(|_| {
                let (caller, entered) = (Arc::clone(&caller), Arc::clone(&entered));
                thread::spawn(move || {
                    let Ok(charge) = caller.take(1, 1) else {
                        return;
                    };
                    let order = shuttle::sync::atomic::Ordering::SeqCst;
                    assert_eq!(entered.fetch_add(1, order), 0, "alone");
                    entered.fetch_sub(1, order);
                    caller.release(charge);
                })
            });
            threads.map(|thread| thread.join().unwrap());
            assert_eq!(caller.remaining(1), 1);
        },
        ORDERS,
    );
}
