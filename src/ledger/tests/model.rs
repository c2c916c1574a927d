//! A naive ledger: everything that ever happened, and a scan of it for every question.

use crate::{
    clock::Moment,
    ledger::{
        Cause, Effect, Standing,
        order::RING,
        rules::{PATHS, RULES},
    },
};

/// How many marks of one effect on one name after the time when something was asked for are certainly told apart;
/// if there are more, it may count as invalidated for longer than it is, never for shorter.
const TOLD_APART: usize = 3;

/// The pattern that is a single path.
pub(super) const SINGLE_PATH: u8 = 0b1010;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// One of the resources.
    Resource(usize),
    Tag(usize),
    /// The resources whose bits are set.
    Pattern(u8),
}

impl Named {
    fn is_pattern(&self) -> bool {
        matches!(self, Self::Pattern(_))
    }

    fn concerns(&self, name: Self) -> bool {
        match (self, name) {
            (Self::Pattern(bits), Self::Resource(number)) => bits >> number & 1 == 1,
            (own, name) => *own == name,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Resource(_) => Cause::Resource,
            Self::Tag(_) => Cause::Tag,
            Self::Pattern(u8::MAX) => Cause::All,
            Self::Pattern(_) => Cause::Pattern,
        }
    }
}

#[derive(Debug)]
pub(super) struct Happened {
    pub(super) position: u64,
    pub(super) effect: Effect,
    pub(super) at: Moment,
    pub(super) named: Vec<Named>,
}

/// A thing that is stored.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) began: u64,
    pub(super) names: Vec<Named>,
}

#[derive(Default, Debug)]
pub(super) struct Model {
    pub(super) history: Vec<Happened>,
    /// How many patterns are kept.
    rules: usize,
    /// How many single paths.
    paths: usize,
    /// The position of the newest pattern that is forgotten.
    settled: u64,
}

impl Model {
    pub(super) fn append(&mut self, happened: Happened) {
        for named in happened.named.iter().filter(|named| named.is_pattern()) {
            match named {
                Named::Pattern(SINGLE_PATH) => self.paths += 1,
                _ => self.rules += 1,
            }
        }
        if self.rules > RULES || self.paths > PATHS {
            (self.rules, self.paths) = (0, 0);
            self.settled = happened.position;
        }
        self.history.push(happened);
    }

    fn after(&self, began: u64) -> impl Iterator<Item = &Happened> {
        let after = self.history.iter();
        after.filter(move |happened| happened.position > began)
    }

    /// Whether what was asked for then has to be refused, as more names were invalidated since than the ring holds,
    /// or as patterns were forgotten. Nothing else is.
    pub(super) fn is_refused(&self, began: u64) -> bool {
        let named = self.after(began).flat_map(|happened| &happened.named);
        let rung = named.filter(|named| !named.is_pattern()).count();
        rung > RING || self.settled > began
    }

    /// What happened to a thing after it was asked for.
    fn concerning(
        &self,
        thing: &Thing,
        effect: Effect,
    ) -> impl Iterator<Item = (&Happened, Cause)> {
        let named = self.after(thing.began).flat_map(|happened| {
            let named = happened.named.iter();
            named.map(move |named| (happened, named))
        });
        named.filter_map(move |(happened, named)| {
            let concerns = |name: &Named| named.concerns(name.clone());
            let concerned = happened.effect == effect && thing.names.iter().any(concerns);
            concerned.then(|| (happened, named.cause()))
        })
    }

    /// Whether all marks after the thing was asked for are told apart.
    fn is_exact(&self, thing: &Thing) -> bool {
        thing.names.iter().all(|name| {
            let alone = Thing {
                began: thing.began,
                names: vec![name.clone()],
            };
            [Effect::Hard, Effect::Soft].iter().all(|effect| {
                let mut marks: Vec<u64> = self
                    .concerning(&alone, *effect)
                    .map(|(happened, _)| happened.position)
                    .collect();
                marks.dedup();
                marks.len() <= TOLD_APART
            })
        })
    }

    pub(super) fn check_standing(&self, thing: &Thing, standing: Standing) {
        let hard: Vec<Cause> = self
            .concerning(thing, Effect::Hard)
            .map(|(_, cause)| cause)
            .collect();
        let soft = self
            .concerning(thing, Effect::Soft)
            .map(|(happened, cause)| (happened.at, cause));
        let soft: Vec<(Moment, Cause)> = soft.collect();
        let earliest = soft.first().map(|(at, _)| *at);
        match (standing, earliest) {
            (Standing::Gone(cause), _) => assert!(hard.contains(&cause), "{hard:?}"),
            _ if !hard.is_empty() => panic!("not gone: {standing:?}"),
            (Standing::Valid, None) => {}
            (Standing::Stale(at, cause), Some(earliest)) => {
                assert!(
                    at <= earliest,
                    "fresh for too long: {at:?}, not {earliest:?}"
                );
                assert!(soft.iter().any(|(_, known)| *known == cause), "{cause:?}");
                let exact = soft.contains(&(at, cause)) && at == earliest;
                assert!(
                    exact || !self.is_exact(thing),
                    "stale for too long: {at:?}, {cause:?}"
                );
            }
            _ => panic!("{standing:?}, not {soft:?}"),
        }
    }

    pub(super) fn check_invalidated_upto(&self, thing: &Thing, position: u64, told: bool) {
        let is_upto = |(happened, _): (&Happened, Cause)| happened.position <= position;
        let effects = [Effect::Hard, Effect::Soft];
        let invalidated = effects
            .iter()
            .any(|effect| self.concerning(thing, *effect).any(is_upto));
        assert!(
            told || !invalidated,
            "not told of what happened up to {position}"
        );
        assert!(
            !told || invalidated || !self.is_exact(thing),
            "nothing happened up to {position}"
        );
    }
}
