//! What happens in a run: requests and how far they get, moves of the clock, changes and faults at the origin.

use std::fmt;

use proptest::{option::weighted, prelude::*, sample::select};

use super::resource::{Policy, Shape, policies, shapes};
use crate::random::list;

/// How many resources there are.
pub(super) const RESOURCES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Head,
    Post,
    /// A POST whose response has the new content, and says so with Content-Location.
    PostShow,
    Put,
    Delete,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post | Self::PostShow => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    pub(super) fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

/// A client's conditions: about what it was last given of the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    NoneMatch,
    ModifiedSince,
    Range,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_cache: bool,
    pub(super) no_store: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<u64>,
    pub(super) min_fresh: Option<u64>,
    pub(super) max_stale: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
}

impl Directives {
    pub(super) fn control(self) -> Option<String> {
        let number = |name, value: Option<u64>| value.map(|value| format!("{name}={value}"));
        let flag = |name: &str, set: bool| set.then(|| name.to_owned());
        let members = [
            flag("no-cache", self.no_cache),
            flag("no-store", self.no_store),
            flag("only-if-cached", self.only_if_cached),
            number("max-age", self.max_age),
            number("min-fresh", self.min_fresh),
            number("max-stale", self.max_stale),
            number("stale-if-error", self.stale_if_error),
        ];
        let members: Vec<String> = members.into_iter().flatten().collect();
        (!members.is_empty()).then(|| members.join(", "))
    }
}

/// A request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) verb: Verb,
    pub(super) uri: usize,
    pub(super) client: u8,
    pub(super) lang: Option<&'static str>,
    pub(super) auth: bool,
    pub(super) cookie: bool,
    pub(super) range: Option<&'static str>,
    pub(super) condition: Option<Condition>,
    pub(super) directives: Directives,
    /// An unsafe request changes the next resource, too, and says so with Location.
    pub(super) also: bool,
}

impl Ask {
    pub(super) fn get(uri: usize) -> Self {
        Self {
            verb: Verb::Get,
            uri,
            client: 0,
            lang: None,
            auth: false,
            cookie: false,
            range: None,
            condition: None,
            directives: Directives::default(),
            also: false,
        }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} /{} c{}", self.verb, self.uri, self.client)?;
        let flag = |set: bool, name| if set { name } else { "" };
        f.write_str(flag(self.auth, " auth"))?;
        f.write_str(flag(self.cookie, " cookie"))?;
        f.write_str(flag(self.also && !self.verb.is_safe(), " also"))?;
        for text in [self.lang, self.range].into_iter().flatten() {
            write!(f, " {text}")?;
        }
        if let Some(condition) = self.condition {
            write!(f, " if-{condition:?}")?;
        }
        self.directives
            .control()
            .map_or(Ok(()), |control| write!(f, " \"{control}\""))
    }
}

/// What the origin does with the next request that reaches it for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It waits for its release, and then looks at what there is.
    WaitFirst,
    /// It looks at what there is, and then waits for its release.
    WaitLast,
    /// An error instead of a response.
    Fail,
    Status(u16),
    /// A body that breaks off with an error,
    Break,
    /// that ends before its length is reached,
    Short,
    /// or that waits for its release in its middle.
    Slow,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A request, driven as far as it goes.
    Ask(Ask),
    /// A request, polled so many times and left there.
    Begin(Ask, usize),
    /// A request that the origin does this with, if it gets there at once.
    With(Act, Ask),
    /// One of the requests that are under way, polled so many times.
    Poll(usize, usize),
    /// One of them is dropped.
    Drop(usize),
    /// What the origin holds back goes on.
    Release(usize),
    /// The clock moves, in milliseconds.
    Tick(u64),
    /// The background runs for some turns.
    Background(usize),
    /// A resource gets new content.
    Publish(usize, Option<Shape>),
    /// A resource's responses may be cached otherwise.
    Policy(usize, Policy),
    /// What the origin does next for a resource.
    Next(usize, Act),
}

/// The resources at first, and what happens then.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) resources: Vec<(Policy, Shape)>,
    pub(super) steps: Vec<Step>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resources, steps) = (list(&self.resources), list(&self.steps));
        write!(f, "resources:\n  {resources}\nsteps:\n  {steps}")
    }
}

fn flag(probability: f64) -> impl Strategy<Value = bool> {
    prop::bool::weighted(probability)
}

fn directives() -> impl Strategy<Value = Directives> {
    let seconds = |probability| weighted(probability, select(vec![0, 1, 5, 20]));
    let flags = (flag(0.05), flag(0.04), flag(0.08));
    let times = (seconds(0.08), seconds(0.06), seconds(0.1), seconds(0.06));
    (flags, times).prop_map(|(flags, times)| Directives {
        no_cache: flags.0,
        no_store: flags.1,
        only_if_cached: flags.2,
        max_age: times.0,
        min_fresh: times.1,
        max_stale: times.2,
        stale_if_error: times.3,
    })
}

fn asks(unsafe_weight: u32) -> impl Strategy<Value = Ask> {
    let verb = prop_oneof![
        16 => Just(Verb::Get),
        2 => Just(Verb::Head),
        unsafe_weight => select(vec![Verb::Post, Verb::PostShow, Verb::Put, Verb::Delete]),
    ];
    let ranges = select(vec![
        "bytes=0-9",
        "bytes=5-",
        "bytes=-8",
        "bytes=8-30",
        "bytes=900-",
    ]);
    let conditions = select(vec![
        Condition::NoneMatch,
        Condition::ModifiedSince,
        Condition::Range,
    ]);
    let languages = select(vec![None, Some("en"), Some("fr")]);
    let uris = select(vec![0, 0, 0, 1, 2]);
    let who = (uris, 0..3u8, languages, flag(0.12), flag(0.12));
    let what = (
        weighted(0.12, ranges),
        weighted(0.15, conditions),
        flag(0.3),
    );
    let directives = prop_oneof![3 => Just(Directives::default()), 1 => directives()];
    (verb, who, what, directives).prop_map(|(verb, who, what, directives)| Ask {
        verb,
        uri: who.0,
        client: who.1,
        lang: who.2,
        auth: who.3,
        cookie: who.4,
        range: what.0,
        condition: what.1,
        also: what.2,
        directives,
    })
}

fn ticks() -> impl Strategy<Value = Step> {
    let ticks = vec![400, 1_000, 2_500, 5_000, 9_000, 20_000, 31_000, 61_000];
    select(ticks).prop_map(Step::Tick)
}

fn changes() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..RESOURCES, weighted(0.3, shapes())).prop_map(|(uri, shape)| Step::Publish(uri, shape)),
        (0..RESOURCES, policies()).prop_map(|(uri, policy)| Step::Policy(uri, policy)),
    ]
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::WaitFirst),
        3 => Just(Act::WaitLast),
        2 => Just(Act::Fail),
        1 => select(vec![500, 501, 503]).prop_map(Act::Status),
        1 => Just(Act::Break),
        1 => Just(Act::Short),
        2 => Just(Act::Slow),
    ]
}

fn resources() -> impl Strategy<Value = Vec<(Policy, Shape)>> {
    prop::collection::vec((policies(), shapes()), RESOURCES)
}

fn cases(step: impl Strategy<Value = Step>, steps: usize) -> impl Strategy<Value = Case> {
    let steps = prop::collection::vec(step, 1..steps);
    (resources(), steps).prop_map(|(resources, steps)| Case { resources, steps })
}

/// Everything at once.
pub(super) fn concurrent() -> impl Strategy<Value = Case> {
    let any = 0..6usize;
    let step = prop_oneof![
        22 => asks(2).prop_map(Step::Ask),
        12 => (acts(), asks(5)).prop_map(|(act, ask)| Step::With(act, ask)),
        14 => (asks(2), 1..4usize).prop_map(|(ask, polls)| Step::Begin(ask, polls)),
        8 => (any.clone(), 1..6usize).prop_map(|(which, polls)| Step::Poll(which, polls)),
        5 => any.clone().prop_map(Step::Drop),
        7 => any.prop_map(Step::Release),
        9 => ticks(),
        4 => (1..4usize).prop_map(Step::Background),
        5 => changes(),
        7 => (0..RESOURCES, acts()).prop_map(|(uri, act)| Step::Next(uri, act)),
    ];
    cases(step, 80)
}

/// One request after the other, and an origin without faults.
pub(super) fn sequential() -> impl Strategy<Value = Case> {
    let step = prop_oneof![
        20 => asks(1).prop_map(Step::Ask),
        5 => ticks(),
        2 => changes(),
    ];
    cases(step, 80)
}
