//! Random runs of the whole cache against a naive reference: a log of everything that the origin has said, and
//! the rules of RFC 9111 applied to it.
//!
//! Each answer says by its serial numbers which exchanges with the origin it was made of, so that the check
//! is whether those may answer that request: where several requests are under way at once there is more than
//! one right answer. A failure prints the seed, the shortest case and what happened in it.
//!
//! `PROPTEST_RNG_SEED` repeats a run, `PROPTEST_CASES` makes it longer.

mod check;
mod driver;
mod end;
mod found;
mod origin;
mod pending;
mod reference;
mod resource;
mod respond;
mod steps;
mod world;

use self::{driver::Driver, steps::Case, world::Shared};
use crate::random::for_all;

/// Runs a case to its end; the error is what went wrong and all that happened before.
fn run(case: &Case, sequential: bool) -> Result<(), String> {
    let world = Shared::new(&case.resources);
    let mut driver = Driver::new(world.clone(), sequential);
    let mut steps = case.steps.iter();
    let ended = steps
        .try_for_each(|step| driver.step(*step))
        .and_then(|()| driver.end());
    ended.map_err(|complaint| {
        let trace = world.lock().trace.join("\n  ");
        format!("{complaint}\n  {trace}")
    })
}

#[test]
fn every_answer_is_one_that_the_rfc_allows_whatever_happens_at_the_same_time() {
    for_all(steps::concurrent(), |case| run(case, false));
}

#[test]
fn one_request_after_the_other_gets_what_is_stored_and_nothing_else() {
    for_all(steps::sequential(), |case| run(case, true));
}
