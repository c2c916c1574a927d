//! A ledger, and what is asked for, stored and invalidated in it.

mod forgetting;
#[cfg(shuttle)]
mod interleavings;
mod journal;
mod marks;
mod model;
mod patterns;
mod random;
mod receipts;
mod ring;

use std::time::Duration;

use super::{
    Appended, Cause, Effect, Event, Held, Ledger, Name, Opening, Pattern, Standing, Subject,
};
use crate::clock::Moment;

const A: &str = "a.example/a";
const B: &str = "a.example/b";

/// So many seconds after the beginning of time.
fn at(seconds: u64) -> Moment {
    Moment::BEGINNING + Duration::from_secs(seconds)
}

fn tag(tag: &str) -> Subject {
    Subject::Tag(tag.into())
}

fn resource(place: &str) -> Subject {
    Subject::Resource(place.as_bytes().into())
}

fn below(prefix: &str) -> Subject {
    Subject::Pattern(Pattern::prefix(prefix))
}

fn everything() -> Subject {
    Subject::Pattern(Pattern::all())
}

fn event(effect: Effect, subjects: impl IntoIterator<Item = Subject>) -> Event {
    let mut event = Event::new(effect);
    subjects.into_iter().for_each(|subject| event.add(subject));
    event
}

impl Ledger {
    /// Takes the names of what has arrived, as far as that is allowed.
    fn arrived(&self, opening: &Opening, place: &str, tags: &[&str]) -> Option<Held> {
        let tags = tags.iter().map(|tag| Name::tag(tag.as_bytes()));
        let place = place.as_bytes();
        self.hold(opening, Name::resource(place), place, tags)
    }

    /// Asks for something and has it at once.
    fn stored(&self, place: &str, tags: &[&str]) -> Held {
        let held = self.arrived(&self.begin(), place, tags);
        held.expect("nothing happened meanwhile")
    }

    fn hard(&self, subject: Subject) -> Appended {
        self.append(&event(Effect::Hard, [subject]), at(0))
    }

    fn soft(&self, subject: Subject, seconds: u64) -> Appended {
        self.append(&event(Effect::Soft, [subject]), at(seconds))
    }
}

fn gone(cause: Cause) -> Standing {
    Standing::Gone(cause)
}

fn stale(seconds: u64, cause: Cause) -> Standing {
    Standing::Stale(at(seconds), cause)
}
