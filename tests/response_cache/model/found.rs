//! What the random runs have found, each as the shortest run that shows it.

use super::{
    resource::{Policy, Shape, Tag},
    run,
    steps::{Act, Ask, Case, Directives, RESOURCES, Step, Verb},
};

/// A resource 0 that is fresh for so long, with an entity tag, and what happens to it.
fn runs(policy: Policy, steps: Vec<Step>) {
    let shape = Shape {
        tag: Tag::Weak,
        ..Shape::default()
    };
    let case = Case {
        resources: vec![(policy, shape); RESOURCES],
        steps,
    };
    for sequential in [false, true] {
        let concurrent = case.steps.iter().any(|step| matches!(step, Step::Next(..)));
        if !(sequential && concurrent) {
            run(&case, sequential).unwrap_or_else(|complaint| panic!("{complaint}"));
        }
    }
}

fn minute() -> Policy {
    Policy {
        max_age: Some(60),
        ..Policy::default()
    }
}

fn of(verb: Verb) -> Ask {
    Ask {
        verb,
        ..Ask::get(0)
    }
}

#[test]
fn a_validation_that_is_not_stored_still_tells_the_age_of_what_was_validated() {
    let policy = Policy {
        age: Some(4),
        ..Policy::default()
    };
    let no_store = Directives {
        no_store: true,
        ..Directives::default()
    };
    let again = Ask {
        directives: no_store,
        ..Ask::get(0)
    };
    runs(policy, vec![Step::Ask(Ask::get(0)), Step::Ask(again)]);
}

// RFC 9111 4.4: the second write was over when the first one's response came to be stored.
#[test]
fn the_response_to_a_write_is_not_stored_if_another_write_overtakes_it() {
    let steps = vec![
        Step::Next(0, Act::WaitLast),
        Step::Ask(of(Verb::PostShow)),
        Step::Ask(of(Verb::Put)),
        Step::Release(0),
        Step::Poll(0, 9),
        Step::Ask(Ask::get(0)),
    ];
    runs(minute(), steps);
}
