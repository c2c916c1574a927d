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

// RFC 5861 3: it counted as stale only since its arrival, and was served stale for that much longer.
#[test]
fn what_is_softly_purged_on_its_way_is_stale_since_then() {
    let softly = Purging {
        instance: 0,
        target: Target::Url(0),
        soft: true,
        lost: false,
    };
    let stale_for_5_s = Answer {
        kind: Kind::Content,
        tags: 0,
        group: false,
        varies: false,
        times: [60, 5, 0],
        whole: true,
    };
    let answered = Act::Answer(true, stale_for_5_s);
    for place in [Place::Memory(1), Place::Remote(0)] {
        runs(
            place,
            &[GET, Act::Purge(softly), Act::Tick(11_000), answered, GET],
        );
    }
}
