//! Whatever happens, in whatever order: every thing stands as the [`Model`] says.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, subsequence},
};

use super::{
    at, event, everything,
    model::{Happened, Model, Named, SINGLE_PATH, Thing},
    resource, tag,
};
use crate::ledger::{Effect, Held, Ledger, Opening, Pattern, Subject};

const PLACES: [&str; 4] = [
    "h.example/p",
    "h.example/p/a",
    "h.example/p/b",
    "i.example/p/a",
];
const TAGS: [&str; 4] = ["0", "1", "2", "3"];

#[derive(Clone, Debug)]
enum Step {
    Begin,
    Hold(Index, usize, Vec<usize>),
    /// An opening is closed.
    Close(Index),
    /// Asks for something that arrives at once.
    Store(usize, Vec<usize>),
    Append(Effect, Vec<Named>),
    /// Something is stored no more.
    Drop(Index),
    /// Something counts as asked for at the position of what happened last.
    Since(Index, usize, Vec<usize>),
}

fn tags() -> impl Strategy<Value = Vec<usize>> {
    subsequence(vec![0, 1, 2, 3], 0..=3)
}

fn named() -> impl Strategy<Value = Named> {
    prop_oneof![
        3 => (0..PLACES.len()).prop_map(Named::Resource),
        4 => (0..TAGS.len()).prop_map(Named::Tag),
        2 => prop_oneof![Just(0b0110), Just(0b1010), Just(0b0001), Just(0b1111), Just(0), Just(u8::MAX)]
            .prop_map(Named::Pattern),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let effect = prop_oneof![1 => Just(Effect::Hard), 3 => Just(Effect::Soft)];
    let place = || 0..PLACES.len();
    let any = any::<Index>;
    prop_oneof![
        4 => Just(Step::Begin),
        6 => (any(), place(), tags()).prop_map(|(index, place, tags)| Step::Hold(index, place, tags)),
        3 => any().prop_map(Step::Close),
        4 => (place(), tags()).prop_map(|(place, tags)| Step::Store(place, tags)),
        6 => (effect, vec(named(), 0..4)).prop_map(|(effect, named)| Step::Append(effect, named)),
        5 => any().prop_map(Step::Drop),
        1 => (any(), place(), tags()).prop_map(|(index, place, tags)| Step::Since(index, place, tags)),
    ]
}

/// Which places each pattern of the model matches.
fn pattern(bits: u8) -> Subject {
    let glob = |text| Subject::Pattern(Pattern::glob(text).expect("a glob"));
    match bits {
        0b0110 => Subject::Pattern(Pattern::prefix("h.example/p/")),
        SINGLE_PATH => Subject::Pattern(Pattern::path("/p/a")),
        0b0001 => glob("h.example/*"),
        0b1111 => Subject::Pattern(Pattern::prefix("/p")),
        0 => glob("/q/**"),
        _ => everything(),
    }
}

fn subject(named: &Named) -> Subject {
    match named {
        Named::Resource(number) => resource(PLACES[*number]),
        Named::Tag(number) => tag(TAGS[*number]),
        Named::Pattern(bits) => pattern(*bits),
    }
}

#[derive(Default)]
struct Run {
    ledger: Ledger,
    model: Model,
    open: Vec<Opening>,
    stored: Vec<(Held, Thing)>,
    steps: u64,
}

impl Run {
    fn apply(&mut self, step: &Step) {
        self.steps += 1;
        match step {
            Step::Begin => self.open.push(self.ledger.begin()),
            Step::Hold(index, place, tags) => self.hold(index, *place, tags),
            Step::Close(index) => {
                if !self.open.is_empty() {
                    self.open.swap_remove(index.index(self.open.len()));
                }
            }
            Step::Store(place, tags) => {
                let opening = self.ledger.begin();
                let stored = self.arrived(&opening, *place, tags);
                self.stored
                    .push(stored.expect("nothing happened meanwhile"));
            }
            Step::Append(effect, named) => self.append(*effect, named),
            Step::Drop(index) => {
                if !self.stored.is_empty() {
                    self.stored.swap_remove(index.index(self.stored.len()));
                }
            }
            Step::Since(index, place, tags) => self.since(index, *place, tags),
        }
        self.check();
    }

    /// `None` if it is refused.
    fn arrived(&self, opening: &Opening, place: usize, tags: &[usize]) -> Option<(Held, Thing)> {
        let texts: Vec<&str> = tags.iter().map(|tag| TAGS[*tag]).collect();
        let held = self.ledger.arrived(opening, PLACES[place], &texts);
        let refused = self.model.is_refused(opening.position);
        assert_eq!(held.is_none(), refused, "asked for at {}", opening.position);
        let tags = tags.iter().map(|tag| Named::Tag(*tag));
        let thing = Thing {
            began: opening.position,
            names: std::iter::once(Named::Resource(place))
                .chain(tags)
                .collect(),
        };
        Some((held?, thing))
    }

    fn hold(&mut self, index: &Index, place: usize, tags: &[usize]) {
        if !self.open.is_empty() {
            let opening = &self.open[index.index(self.open.len())];
            let arrived = self.arrived(opening, place, tags);
            self.stored.extend(arrived);
        }
    }

    fn since(&mut self, index: &Index, place: usize, tags: &[usize]) {
        let last = self.model.history.last().map(|last| last.position);
        if let Some(last) = last
            && !self.open.is_empty()
        {
            let opening = &self.open[index.index(self.open.len())];
            let arrived = self.arrived(opening, place, tags);
            let later = arrived.filter(|(held, _)| held.began().position < last);
            self.stored.extend(later.map(|(held, thing)| {
                let thing = Thing {
                    began: last,
                    ..thing
                };
                (held.since(last), thing)
            }));
        }
    }

    fn append(&mut self, effect: Effect, named: &[Named]) {
        let mut once: Vec<Named> = Vec::new();
        for named in named {
            if !once.contains(named) {
                once.push(named.clone());
            }
        }
        let at = at(self.steps);
        let event = event(effect, once.iter().map(subject));
        let position = self.ledger.append(&event, at).position;
        self.model.append(Happened {
            position,
            effect,
            at,
            named: once,
        });
    }

    fn check(&self) {
        let now = self.ledger.position();
        for (number, (held, thing)) in self.stored.iter().enumerate() {
            // Some are used rarely: patterns are applied to them late.
            if number % 3 == 1 && !self.steps.is_multiple_of(16) {
                continue;
            }
            self.model
                .check_standing(thing, held.standing(&self.ledger));
            for position in (thing.began..=now).rev().take(8) {
                let told = held.is_invalidated_upto(&self.ledger, position);
                self.model.check_invalidated_upto(thing, position, told);
            }
        }
    }

    fn over(mut self) {
        self.open.clear();
        assert_eq!(self.ledger.order().in_ring(), 0);
        self.stored.clear();
        assert_eq!(self.ledger.names(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_thing_stands_as_the_model_says(steps in vec(step(), 1..300)) {
        let mut run = Run::default();
        steps.iter().for_each(|step| run.apply(step));
        run.over();
    }
}
