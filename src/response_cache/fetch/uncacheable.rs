//! Which resources have responses that cannot be shared: requests for them do not wait for one another.

use std::{fmt, sync::Arc};

use foldhash::fast::RandomState;
use quick_cache::sync::Cache;

use crate::{
    clock::Moment,
    flight::Place,
    response_cache::policy::{Rule, request::RequestFacts},
};

/// How many resources are remembered.
const CAPACITY: usize = 8192;

/// What is remembered of resources. To forget one, or to take one for another, costs a wait or an extra request
/// and nothing else, so they are told apart by hashes and the memory is small.
#[derive(Clone)]
pub(crate) struct Uncacheable(Arc<Cache<u64, Memory, quick_cache::UnitWeighter, RandomState>>);

#[derive(Clone, Copy)]
struct Memory {
    reason: Rule,
    until: Moment,
}

impl Default for Uncacheable {
    fn default() -> Self {
        Self(Arc::new(Cache::with(
            CAPACITY,
            CAPACITY as u64,
            quick_cache::UnitWeighter,
            RandomState::default(),
            quick_cache::sync::DefaultLifecycle::default(),
        )))
    }
}

impl Uncacheable {
    /// Why responses to requests like this cannot be shared, if that is known.
    pub(crate) fn reason(
        &self,
        place: &Place,
        request: &RequestFacts,
        now: Moment,
    ) -> Option<Rule> {
        let memory = self.0.get(&mark(place, request))?;
        (now < memory.until).then_some(memory.reason)
    }

    pub(super) fn remember(
        &self,
        place: &Place,
        request: &RequestFacts,
        reason: Rule,
        until: Moment,
    ) {
        self.0
            .insert(mark(place, request), Memory { reason, until });
    }

    pub(super) fn forget(&self, place: &Place, request: &RequestFacts) {
        self.0.remove(&mark(place, request));
    }
}

/// What is shared among requests without credentials may be out of reach for those with some, so what is learnt
/// from the one kind is not held against the other.
fn mark(place: &Place, request: &RequestFacts) -> u64 {
    let place = place.variant.as_ref().unwrap_or(&place.resource);
    let kind = u64::from(request.authorization) | u64::from(request.unkeyed_cookie) << 1;
    place.fingerprint() ^ kind
}

/// Whether it is worth remembering: what a single request caused is not, nor what passes.
pub(super) fn is_lasting(reason: Rule) -> bool {
    !matches!(
        reason,
        Rule::RequestNoStore
            | Rule::Personal
            | Rule::VaryTooLong
            | Rule::NotComplete
            | Rule::Incomplete
            | Rule::FillBudget
            | Rule::SearchChanged
            | Rule::Overtaken
            | Rule::RequestNoCache
            | Rule::RequestMaxAge
            | Rule::RequestMinFresh
            | Rule::Method
    )
}

impl fmt::Debug for Uncacheable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uncacheable")
            .field("resources", &self.0.len())
            .finish()
    }
}
