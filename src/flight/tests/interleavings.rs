//! Threads that take part in one flight, in as many orders as a scheduler can think of. See
//! `scripts/interleavings`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use shuttle::{
    future::block_on,
    rand::{Rng, thread_rng},
    thread,
};

use super::{NoTimers, Sky, place, resource};
use crate::{
    clock::Clock,
    flight::{Failure, Flights, Joined, Lead, Limits, Role, Turn},
    sync::{Mutex, lock},
};

/// Tries a test in many orders.
fn check(test: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(test, 2000);
    shuttle::check_pct(test, 500, 3);
}

/// What threads share: a cache with room for one thing.
#[derive(Clone)]
struct Cache {
    flights: Flights<u32>,
    limits: Limits,
    clock: Clock,
    stored: Arc<Mutex<Option<u32>>>,
    fetched: Arc<Mutex<u32>>,
}

impl Cache {
    fn new() -> Self {
        Self {
            flights: Flights::default(),
            limits: Sky::new().limits,
            clock: Clock::from_source(NoTimers),
            stored: Arc::default(),
            fetched: Arc::default(),
        }
    }

    fn join(&self) -> Joined<u32> {
        self.flights
            .join(place(None), Role::Any, self.limits, &self.clock)
    }

    fn turn(&self) -> Turn<u32> {
        match self.join() {
            Joined::Lead(lead) => Turn::Lead(lead),
            Joined::Follow(follower) => block_on(follower),
            Joined::Landed(landed) => Turn::Landed(landed),
            Joined::Alone => Turn::Alone,
        }
    }

    fn look(&self) -> Option<u32> {
        *lock(&self.stored)
    }

    fn fetch(&self) -> u32 {
        let mut fetched = lock(&self.fetched);
        *fetched += 1;
        *fetched
    }

    /// As the response cache does it: look, join, and look again if flights have ended in between.
    fn get(&self, store: fn(&Self, Lead<u32>) -> u32) -> u32 {
        let seen = self.flights.generation(&resource());
        if let Some(found) = self.look() {
            return found;
        }
        match self.turn() {
            Turn::Landed(landed) => *landed,
            Turn::Lead(lead) => {
                if lead.generation() != seen
                    && let Some(found) = self.look()
                {
                    lead.deliver(&Arc::new(found));
                    return found;
                }
                store(self, lead)
            }
            Turn::Failed(_) | Turn::Alone => panic!("there is somebody to lead"),
        }
    }

    fn is_over(&self) {
        assert!(self.flights.is_empty());
    }
}

/// Runs each on a thread of its own, to its end.
fn all<T: Send + 'static, const N: usize>(cache: &Cache, runs: [fn(&Cache) -> T; N]) -> [T; N] {
    let threads = runs.map(|run| {
        let cache = cache.clone();
        thread::spawn(move || run(&cache))
    });
    threads.map(|thread| thread.join().expect("no thread panics"))
}

#[test]
fn of_many_that_want_the_same_one_fetches_it() {
    check(|| {
        let cache = Cache::new();
        let get = |cache: &Cache| {
            cache.get(|cache, lead| {
                let landed = Arc::new(cache.fetch());
                let landing = lead.land(&landed, None).expect("it is for newcomers");
                *lock(&cache.stored) = Some(*landed);
                drop(landing);
                *landed
            })
        };
        assert_eq!(all(&cache, [get; 4]), [1; 4]);
        cache.is_over();
    });
}

/// What landed was let go by all before it was stored, and its landing ended after that.
#[test]
fn what_nobody_holds_while_it_is_stored_is_fetched_again_or_found_but_never_missed_once_stored() {
    check(|| {
        let cache = Cache::new();
        let store = |cache: &Cache, lead: Lead<u32>| {
            let fetched = cache.fetch();
            // Whoever leads at the generation that it saw knows that nothing was stored since.
            assert_eq!(cache.look(), None, "it was there already");
            let landed = Arc::new(fetched);
            let landing = lead.land(&landed, None);
            *lock(&cache.stored) = Some(fetched);
            drop(landed);
            drop(landing);
            fetched
        };
        let first = cache.clone();
        let first = thread::spawn(move || first.get(store));
        let second = cache.clone();
        let second = thread::spawn(move || second.get(store));
        let (first, second) = (first.join(), second.join());
        assert_eq!((first.ok(), second.ok()), (Some(1), Some(1)));
        cache.is_over();
    });
}

#[test]
fn whatever_becomes_of_leaders_nobody_hangs() {
    check(|| {
        let cache = Cache::new();
        let take_part = |cache: &Cache| match cache.turn() {
            Turn::Landed(landed) => assert!(*landed > 0),
            Turn::Lead(lead) => end(cache, lead),
            Turn::Failed(failure) => assert_eq!(failure, Failure::Failed),
            Turn::Alone => panic!("whoever is here may lead"),
        };
        all(&cache, [take_part; 5]);
        cache.is_over();
    });
}

/// Ends a lead, one way or another.
fn end(cache: &Cache, lead: Lead<u32>) {
    match thread_rng().gen_range(0..6) {
        0 => drop(lead),
        1 => lead.failed(Failure::Failed),
        2 => lead.unshared(),
        3 => lead.deliver(&Arc::new(cache.fetch())),
        4 => {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let _lead = lead;
                std::panic::resume_unwind(Box::new("on purpose"));
            }));
            assert!(panicked.is_err());
        }
        _ => {
            let landed = Arc::new(cache.fetch());
            let landing = lead.land(&landed, None);
            thread::yield_now();
            drop(landing);
        }
    }
}

#[test]
fn followers_that_leave_at_any_time_pass_on_what_they_were_given() {
    check(|| {
        let cache = Cache::new();
        let Joined::Lead(lead) = cache.join() else {
            panic!("nothing is in the air");
        };
        let Joined::Follow(leaving) = cache.join() else {
            panic!("there is somebody to follow");
        };
        let Joined::Follow(staying) = cache.join() else {
            panic!("there is somebody to follow");
        };
        let ends = thread::spawn(move || lead.unshared());
        let leaves = thread::spawn(move || drop(leaving));
        match block_on(staying) {
            Turn::Lead(lead) => lead.unshared(),
            _ => panic!("it is the next"),
        }
        ends.join().expect("it ends");
        leaves.join().expect("it leaves");
        cache.is_over();
    });
}

#[test]
fn what_was_in_the_air_when_it_was_closed_is_for_no_newcomer() {
    check(|| {
        let cache = Cache::new();
        let Joined::Lead(lead) = cache.join() else {
            panic!("nothing is in the air");
        };
        let lands = thread::spawn(move || {
            let landed = Arc::new(1);
            let landing = lead.land(&landed, None);
            thread::yield_now();
            drop(landing);
        });
        let closer = cache.clone();
        let closes = thread::spawn(move || {
            closer.flights.close(&resource());
            match closer.turn() {
                Turn::Lead(lead) => lead.deliver(&Arc::new(2)),
                _ => panic!("there is nothing to follow but what was closed"),
            }
        });
        lands.join().expect("it lands");
        closes.join().expect("it leads");
        cache.is_over();
    });
}
