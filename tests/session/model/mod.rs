//! Random runs of several requests of one session at the same time, against what has to be left of them.
//!
//! Every part of what a request changes has a value of its own name, and adds to a count that all share. Afterwards
//! the values tell which parts are in the session, and the count has to be theirs, exactly. Requests are polled one step
//! at a time, when they were woken, in a drawn order; some are dropped; the store fails or loses its answers.
//!
//! `PROPTEST_RNG_SEED` repeats a run, `PROPTEST_CASES` makes it longer.

mod case;
mod check;
mod world;

use proptest::{prelude::*, test_runner::TestRunner};

use self::{
    case::{Case, Mode, cases},
    world::World,
};

fn for_all(mode: Mode, fails: bool) {
    let config = ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ran = TestRunner::new(config).run(&cases(mode, fails), |case| {
        let ran = runtime.block_on(World::run(&case));
        ran.map_err(TestCaseError::fail)
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// Nobody ends it.
#[test]
fn no_change_is_lost_and_none_is_made_twice() {
    for_all(Mode::Merging, false);
}

#[test]
fn no_change_is_lost_and_none_is_made_twice_while_the_store_fails() {
    for_all(Mode::Merging, true);
}

#[test]
fn nothing_revives_a_session() {
    for_all(Mode::Ending, false);
}

#[test]
fn nothing_revives_a_session_while_the_store_fails() {
    for_all(Mode::Ending, true);
}

#[test]
fn a_user_never_keeps_more_sessions_than_allowed() {
    for_all(Mode::LoggingIn, false);
}

#[test]
fn a_value_that_is_lost_is_found_to_be() {
    let case = Case::of_two_writers();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(World::run(&case)), Ok(()));
    let lost = runtime.block_on(World::run_and_lose(&case, "k0x0"));
    assert!(lost.unwrap_err().contains("k0x0"));
    let doubled = runtime.block_on(World::run_and_double(&case));
    assert!(doubled.unwrap_err().contains("count"));
}
