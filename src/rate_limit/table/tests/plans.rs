//! What becomes of states when a key goes over to other limits.

use super::{
    super::states::{Parked, States},
    *,
};

/// A key, by its limits alone.
struct Key {
    limits: Limits,
    states: States,
    parked: Parked,
    now: u64,
}

impl Key {
    fn new(limits: Limits) -> Self {
        Self {
            states: States::fresh(&limits),
            limits,
            parked: Parked::default(),
            now: 0,
        }
    }

    fn charge(&mut self, at: usize, cost: u64) {
        let limit = &self.limits.as_slice()[at];
        let state = &mut self.states[at];
        limit.algorithm.charge(state, self.now, cost);
    }

    fn left(&self, at: usize) -> u64 {
        let limit = &self.limits.as_slice()[at];
        limit.algorithm.remaining(&self.states[at], self.now)
    }

    fn go_over(&mut self, limits: Limits) {
        let before = self.limits.as_slice();
        self.states = self.parked.adopt(before, &self.states, &limits, self.now);
        self.limits = limits;
    }
}

fn named(limit: LimitBuilder<Window>, name: &str) -> Limit {
    limit.name(name).build().unwrap()
}

fn an_hour(quota: u64) -> LimitBuilder<Window> {
    Limit::fixed_window(quota).per(seconds(3_600))
}

fn flying(name: &str) -> Limit {
    Limit::concurrency(5).name(name).build().unwrap()
}

#[test]
fn a_limit_without_a_namesake_takes_over_from_the_one_in_its_place() {
    let pair = |a, b| Limits::all([named(fixed(10), a), named(fixed(20), b)]).unwrap();
    let mut key = Key::new(pair("a", "b"));
    key.charge(0, 3);
    key.charge(1, 4);
    key.go_over(pair("c", "d"));
    assert_eq!((key.left(0), key.left(1)), (7, 16));
}

#[test]
fn limits_that_change_places_keep_what_is_theirs() {
    let (a, b) = (named(fixed(10), "a"), named(fixed(20), "b"));
    let mut key = Key::new(Limits::all([a.clone(), b.clone()]).unwrap());
    key.charge(0, 3);
    key.charge(1, 4);
    key.go_over(Limits::all([b, a]).unwrap());
    assert_eq!((key.left(0), key.left(1)), (16, 7));
}

#[test]
fn the_state_of_a_single_limit_is_not_boxed() {
    assert!(matches!(States::fresh(&limits(5)), States::One(_)));
}

#[test]
fn a_limit_that_takes_nobodys_place_is_fresh() {
    let mut key = Key::new(named(fixed(10), "a").into());
    key.charge(0, 3);
    let more = [named(fixed(10), "a"), named(fixed(10), "b")];
    key.go_over(Limits::all(more).unwrap());
    assert_eq!((key.left(0), key.left(1)), (7, 10));
}

#[test]
fn of_what_is_parked_and_what_is_in_its_place_that_with_less_left_counts() {
    // What comes along from the other plan is back after a second.
    for (before, passes, since, left) in [(9, SECOND, 2, 1), (2, 0, 5, 3), (0, 0, 4, 6)] {
        let (pro, free) = (named(an_hour(10), "pro"), named(fixed(100), "free"));
        let mut key = Key::new(pro.clone().into());
        key.charge(0, before);
        key.go_over(free.into());
        key.now += passes;
        key.charge(0, since);
        key.go_over(pro.into());
        assert_eq!(key.left(0), left, "{before} and {since}");
    }
}

#[test]
fn requests_in_flight_are_nobody_elses() {
    let mut key = Key::new(flying("a").into());
    key.charge(0, 2);
    for other in [flying("b"), named(fixed(5), "c")] {
        key.go_over(other.into());
        assert_eq!(key.left(0), 5);
        assert!(key.parked.flies());
    }
    key.go_over(flying("a").into());
    assert_eq!(key.left(0), 3);
    assert!(key.parked.is_empty());
}

#[test]
fn what_is_parked_flies_until_the_last_request_ends() {
    let mut key = Key::new(flying("a").into());
    key.charge(0, 2);
    key.go_over(flying("b").into());
    for flies in [true, false] {
        let (limit, state) = key.parked.named("a").unwrap();
        limit.algorithm.refund(state, 0, 0, 1);
        assert_eq!(key.parked.flies(), flies);
    }
}

#[test]
fn what_is_in_flight_can_be_kept_alone() {
    let mut key = Key::new(Limits::all([named(fixed(5), "a"), flying("b")]).unwrap());
    key.charge(0, 1);
    key.charge(1, 1);
    key.go_over(named(fixed(5), "c").into());
    key.parked.keep_in_flight();
    assert!(key.parked.named("a").is_none() && key.parked.named("b").is_some());
}

#[test]
fn only_what_is_not_back_in_full_is_parked() {
    let mut key = Key::new(named(fixed(10), "a").into());
    key.go_over(named(fixed(10), "b").into());
    assert!(key.parked.is_empty(), "nothing was used");
    key.charge(0, 1);
    key.go_over(named(fixed(10), "c").into());
    assert!(!key.parked.is_empty());
    assert!(!key.parked.is_idle(SECOND - 1) && key.parked.is_idle(SECOND));
    assert!(!key.parked.flies());
    key.now = SECOND;
    key.go_over(named(fixed(10), "d").into());
    assert!(key.parked.is_empty(), "it is back");
}

#[test]
fn of_many_limits_those_are_parked_that_have_the_longest_to_go() {
    let mut key = Key::new(flying("flying").into());
    key.charge(0, 1);
    key.go_over(named(an_hour(9), "hour").into());
    key.charge(0, 3);
    for name in 'a'..='z' {
        key.go_over(named(fixed(100), &name.to_string()).into());
        key.charge(0, 1);
    }
    let parked = ('a'..='z').filter(|name| key.parked.named(&name.to_string()).is_some());
    assert_eq!(parked.count(), 6);
    for (name, left) in [("hour", 6), ("flying", 4)] {
        let (limit, state) = key.parked.named(name).unwrap();
        assert_eq!(limit.algorithm.remaining(state, key.now), left, "{name}");
    }
}
