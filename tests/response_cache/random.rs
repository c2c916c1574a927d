//! What the random runs share: drawing cases, shrinking those that fail, and noticing who was woken.

use std::{
    fmt::{Debug, Display},
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Wake,
};

use proptest::{
    prelude::*,
    test_runner::{RngSeed, TestError, TestRunner},
};

/// Runs all cases. A failure panics with what `run` said of the shortest case, that case, and the seed.
pub(crate) fn for_all<C: Debug + Display>(
    cases: impl Strategy<Value = C>,
    run: impl Fn(&C) -> Result<(), String>,
) {
    let mut config = ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(RandomState::new().build_hasher().finish());
    }
    let seed = config.rng_seed;
    let mut runner = TestRunner::new(config);
    match runner.run(&cases, |case| run(&case).map_err(TestCaseError::fail)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{reason}\n{case}\nseed: {seed:?}"),
        Err(error) => panic!("{error}, seed: {seed:?}"),
    }
}

/// Lines of a case, one below the other.
pub(crate) fn list<T: Debug>(lines: &[T]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
    lines.join("\n  ")
}

/// Whether somebody who is polled by hand was woken.
#[derive(Default)]
pub(crate) struct Woken(pub(crate) AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
