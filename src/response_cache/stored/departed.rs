//! Why nothing is stored for a request, as far as that is remembered.

use crate::{
    ledger::{Cause, Departure},
    response_cache::policy::Rule,
};

/// The rule by which something is not there any more.
pub(crate) fn rule(departure: Departure) -> Rule {
    match departure {
        Departure::Evicted => Rule::Evicted,
        Departure::Expired => Rule::Expired,
        Departure::Invalidated(cause) => invalidated(cause),
    }
}

pub(crate) fn invalidated(cause: Cause) -> Rule {
    match cause {
        Cause::Write => Rule::InvalidatedByWrite,
        Cause::Resource => Rule::InvalidatedByUri,
        Cause::Tag => Rule::InvalidatedByTag,
        Cause::Group => Rule::InvalidatedByGroup,
        Cause::Pattern => Rule::InvalidatedByPattern,
        Cause::All => Rule::InvalidatedAll,
    }
}
