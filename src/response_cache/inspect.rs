//! Looking at what is stored.

use std::time::Duration;

use http::{HeaderMap, Request, StatusCode, request::Parts};

use super::{
    core::Core,
    request::plan,
    stored::{
        entry::{Entry, Kept},
        search,
        select::{self, Selection},
    },
};
use crate::{
    clock::Moment,
    store::{StoreError, Stored},
};

/// What is stored for a request: see [`ResponseCacheLayer::inspect`](super::ResponseCacheLayer::inspect).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The status.
    pub status: StatusCode,
    /// The stored fields.
    pub headers: HeaderMap,
    /// The length of the body, in bytes.
    pub length: usize,
    /// The current age (RFC 9111 4.2.3).
    pub age: Duration,
    /// How long the response is fresh in all (RFC 9111 4.2.1).
    pub lifetime: Duration,
    /// How much longer it is kept, for validation at least.
    pub kept_for: Duration,
    /// Whether it is validated at each use.
    pub always_validated: bool,
    /// The memory that it holds, in bytes.
    pub weight: usize,
}

/// The head of a request.
pub(super) fn head<B>(request: &Request<B>) -> Parts {
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = request.method().clone();
    parts.uri = request.uri().clone();
    parts.headers = request.headers().clone();
    parts.extensions = request.extensions().clone();
    parts
}

pub(super) async fn inspect(core: &Core, parts: &Parts) -> Result<Option<Inspection>, StoreError> {
    let Ok(mut asked) = plan::keyed(core, parts, None) else {
        return Ok(None);
    };
    search::rekey(core, parts, &mut asked).await?;
    let now = core.settings.clock.now();
    Ok(
        match select::select(core, &asked.key, &parts.headers).await? {
            // What is gone stays in the store until somebody frees it.
            Selection::Response(entry) if !(entry.is_over(now) || entry.is_gone(&core.ledger)) => {
                Some(describe(&entry, now))
            }
            _ => None,
        },
    )
}

fn describe(entry: &std::sync::Arc<Entry>, now: Moment) -> Inspection {
    Inspection {
        status: entry.head.status,
        headers: entry.head.fields(),
        length: entry.body.len(),
        age: entry.age(now),
        lifetime: entry.terms.lifetime,
        kept_for: entry.over().duration_since(now),
        always_validated: entry.terms.validate_always,
        weight: super::CachedResponse(Kept::Response(std::sync::Arc::clone(entry))).weight(),
    }
}
