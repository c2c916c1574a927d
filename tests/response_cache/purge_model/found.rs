//! What the random runs have found, each as the shortest run that shows it.

use super::{
    run,
    steps::{Act, Answer, Ask, Case, Kind, Place, Purging, Step, Target, Verb},
};

const GET: Act = Act::Ask(Ask {
    verb: Verb::Get,
    instance: 0,
    path: 0,
    lang: "en",
});

fn runs(place: Place, acts: &[Act]) {
    let step = |act: &Act| Step {
        act: *act,
        lazy: false,
    };
    let steps = acts.iter().map(step).collect();
    run(&Case { place, steps }).unwrap_or_else(|complaint| panic!("{complaint}"));
}

const ANSWER: Answer = Answer {
    kind: Kind::Content,
    tags: 0,
    group: false,
    varies: false,
    times: [60, 5, 0],
    whole: true,
};

fn purge(target: Target, soft: bool) -> Act {
    Act::Purge(Purging {
        instance: 0,
        target,
        soft,
        lost: false,
    })
}

// RFC 5861 3: it counted as stale only since its arrival, and was served stale for that much longer.
#[test]
fn what_is_softly_purged_on_its_way_is_stale_since_then() {
    let softly = purge(Target::Url(0), true);
    let answered = Act::Answer(true, ANSWER);
    for place in [Place::Memory(1), Place::Remote(0)] {
        runs(place, &[GET, softly, Act::Tick(11_000), answered, GET]);
    }
}

// Of several purges for good only the last one was remembered, which came after the second client.
#[test]
fn who_comes_between_two_purges_is_not_given_what_the_first_one_removed() {
    let purged = purge(Target::Prefix(0), false);
    let arriving = Act::Answer(
        true,
        Answer {
            whole: false,
            ..ANSWER
        },
    );
    let asked = [GET, Act::Tick(10), arriving];
    let between = [purged, GET, purged, Act::Tick(10)];
    runs(Place::Remote(10), &[&asked[..], &between].concat());
}
