//! Random runs of what invalidates, against a log of what was asked when: what was asked for before a purge, an
//! unsafe request, a soft purge or a pattern is never served as fresh after it.
//!
//! Half of the runs have their layers on one store in memory. In the others two instances share a remote store,
//! and hear of each other's invalidations late, in the wrong order, or never.
//!
//! Each answer says by its fields from which exchange with the origin its content is, and which exchanges have
//! confirmed it since; the log has the names that these gave it, and the moments when they were asked for. A failure
//! prints the seed, the shortest case and what happened in it.
//!
//! `PROPTEST_RNG_SEED` repeats a run, `PROPTEST_CASES` makes it longer.

mod check;
mod client;
mod driver;
mod end;
mod found;
mod names;
mod origin;
mod steps;
mod world;

use self::{
    driver::Driver,
    steps::{Case, cases},
    world::Shared,
};
use crate::random::for_all;

/// Runs a case to its end; the error is what went wrong and all that happened before.
fn run(case: &Case) -> Result<(), String> {
    let world = Shared::new(case.place);
    let mut driver = Driver::new(world.clone(), case.place);
    let mut steps = case.steps.iter();
    let ended = steps
        .try_for_each(|step| driver.step(step))
        .and_then(|()| driver.end());
    ended.map_err(|complaint| {
        let trace = world.lock().trace.join("\n  ");
        format!("{complaint}\n  {trace}")
    })
}

#[test]
fn what_was_asked_for_before_an_invalidation_is_never_fresh_after_it() {
    for_all(cases(), run);
}
