//! What happens in a run.

use std::fmt;

use proptest::{prelude::*, sample::select};

use super::names::{PATHS, TAGS};
use crate::random::list;

/// What the instances share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// So many layers have one store in memory.
    Memory(usize),
    /// Two instances have a remote store, whose round trips take so many milliseconds.
    Remote(u64),
}

impl Place {
    pub(super) fn instances(self) -> usize {
        match self {
            Self::Memory(layers) => layers,
            Self::Remote(_) => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    /// With `no-cache`.
    Validate,
    Put,
    Post,
}

impl Verb {
    pub(super) fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Validate)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get | Self::Validate => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) verb: Verb,
    pub(super) instance: usize,
    pub(super) path: usize,
    pub(super) lang: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 200 with new content; 204 to an unsafe request.
    Content,
    /// 304 if that is possible; 303 to an unsafe request.
    Confirm,
    /// 503.
    Fail,
    /// No response.
    HangUp,
}

/// What the origin says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) kind: Kind,
    pub(super) tags: u8,
    /// It is in the group; to an unsafe request it is invalidated.
    pub(super) group: bool,
    pub(super) varies: bool,
    /// Seconds: max-age, stale-while-revalidate, stale-if-error.
    pub(super) times: [u64; 3],
    /// All of the body comes at once.
    pub(super) whole: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Url(usize),
    Path(usize),
    Prefix(usize),
    Glob(usize),
    Tags(u8),
    Group,
    /// All that is below the folder,
    Below,
    /// or named one by one.
    Each,
    All,
    /// What nothing carries.
    Unrelated,
    /// One path, by more patterns than are kept.
    Many(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Purging {
    pub(super) instance: usize,
    pub(super) target: Target,
    pub(super) soft: bool,
    /// Other instances do not hear of it.
    pub(super) lost: bool,
}

/// What becomes of a body that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    Chunk,
    End,
    Break,
}

/// What befalls a remote store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    HoldEvents(bool),
    SwapEvents(bool),
    FailEvents(bool),
    FailNext(usize),
    LoseAnswers(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Ask(Ask),
    /// The origin answers the newest request that waits, or the oldest one.
    Answer(bool, Answer),
    Pass(usize, Passing),
    Drop(usize),
    Purge(Purging),
    /// Milliseconds.
    Tick(u64),
    /// Time goes on until the store has done what it was asked for.
    Rest,
    Fault(Fault),
}

/// Something that happens; unless it is `lazy`, all who can go on do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) act: Act,
    pub(super) lazy: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) place: Place,
    pub(super) steps: Vec<Step>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, steps:\n  {}", self.place, list(&self.steps))
    }
}

fn flag(probability: f64) -> impl Strategy<Value = bool> {
    prop::bool::weighted(probability)
}

fn asks() -> impl Strategy<Value = Act> {
    let verb = prop_oneof![
        16 => Just(Verb::Get),
        3 => Just(Verb::Validate),
        2 => Just(Verb::Put),
        1 => Just(Verb::Post),
    ];
    let lang = select(vec!["en", "fr"]);
    (verb, 0..2usize, 0..PATHS.len(), lang).prop_map(|(verb, instance, path, lang)| {
        Act::Ask(Ask {
            verb,
            instance,
            path,
            lang,
        })
    })
}

fn answers() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![
        5 => Just(Kind::Content),
        4 => Just(Kind::Confirm),
        1 => Just(Kind::Fail),
        1 => Just(Kind::HangUp),
    ];
    let seconds = |seconds: &[u64]| select(seconds.to_vec());
    let times = (
        seconds(&[2, 10, 60]),
        seconds(&[0, 5, 30]),
        seconds(&[0, 5, 30]),
    );
    let tags = 0..1u8 << TAGS.len();
    let names = (tags, flag(0.5), flag(0.85));
    (flag(0.5), kind, names, times, flag(0.6)).prop_map(|(newest, kind, names, times, whole)| {
        let answer = Answer {
            kind,
            tags: names.0,
            group: names.1,
            varies: names.2,
            times: times.into(),
            whole,
        };
        Act::Answer(newest, answer)
    })
}

fn purges() -> impl Strategy<Value = Act> {
    let path = || 0..PATHS.len();
    let target = prop_oneof![
        4 => path().prop_map(Target::Url),
        1 => path().prop_map(Target::Path),
        1 => path().prop_map(Target::Prefix),
        1 => path().prop_map(Target::Glob),
        6 => (1..1u8 << TAGS.len()).prop_map(Target::Tags),
        2 => Just(Target::Group),
        1 => Just(Target::Below),
        1 => Just(Target::Each),
        1 => Just(Target::All),
        1 => Just(Target::Unrelated),
        1 => path().prop_map(Target::Many),
    ];
    let how = (flag(0.4), flag(0.3));
    (0..2usize, target, how).prop_map(|(instance, target, (soft, lost))| {
        Act::Purge(Purging {
            instance,
            target,
            soft,
            lost,
        })
    })
}

fn faults() -> impl Strategy<Value = Act> {
    let fault = prop_oneof![
        2 => flag(0.6).prop_map(Fault::HoldEvents),
        1 => flag(0.6).prop_map(Fault::SwapEvents),
        3 => flag(0.5).prop_map(Fault::FailEvents),
        1 => (1..3usize).prop_map(Fault::FailNext),
        1 => flag(0.5).prop_map(Fault::LoseAnswers),
    ];
    fault.prop_map(Act::Fault)
}

fn passing() -> impl Strategy<Value = Act> {
    let passing = prop_oneof![
        2 => Just(Passing::Chunk),
        4 => Just(Passing::End),
        1 => Just(Passing::Break),
    ];
    (0..4usize, passing).prop_map(|(which, passing)| Act::Pass(which, passing))
}

fn steps(remote: bool) -> impl Strategy<Value = Step> {
    let far = u32::from(remote);
    let act = prop_oneof![
        20 => asks(),
        18 => answers(),
        7 => passing(),
        2 => (0..6usize).prop_map(Act::Drop),
        11 => purges(),
        4 => select(vec![1_000, 3_000, 11_000]).prop_map(Act::Tick),
        1 + 8 * far => select(vec![10, 10, 20]).prop_map(Act::Tick),
        1 + 5 * far => Just(Act::Rest),
        1 + 5 * far => faults(),
    ];
    (act, flag(0.15)).prop_map(|(act, lazy)| Step { act, lazy })
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let place = prop_oneof![
        1 => Just(Place::Memory(1)),
        1 => Just(Place::Memory(2)),
        1 => Just(Place::Remote(0)),
        1 => Just(Place::Remote(10)),
    ];
    place.prop_flat_map(|place| {
        let remote = matches!(place, Place::Remote(_));
        let steps = prop::collection::vec(steps(remote), 1..80);
        steps.prop_map(move |steps| Case { place, steps })
    })
}
