//! `No-Vary-Search`: query parameters that a resource says do not matter
//! (draft-ietf-httpbis-no-vary-search).
//!
//! What a response says holds for the path that it came from: the rule is kept in the store under a key of
//! its own, and requests to the path are looked up by their query as the rule normalises it. The rule is
//! part of that key, so responses that came under different rules never answer for one another.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, request::Parts};

use super::entry::{CachedResponse, Kept};
use crate::{
    header::no_vary_search::{self, NoVarySearch},
    key::Key,
    response_cache::{
        core::Core,
        fetch::in_flight::next_id,
        request::{
            cache_key::Extra,
            plan::{Asked, effective_uri},
        },
    },
    store::{Change, Lookup, Store, StoreError},
};

/// The rule of a path.
#[derive(Debug)]
pub(crate) struct SearchRule {
    pub(crate) key: Box<[u8]>,
    rule: NoVarySearch,
    /// Differs from one time that the rule was learnt to the next: what was stored under it before it changed
    /// is out of reach, also for invalidations, and stays so.
    generation: u64,
}

impl SearchRule {
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.rule.weight()
    }
}

/// Lets a request be looked up under the rule that is known for its path.
pub(crate) async fn rekey(core: &Core, parts: &Parts, asked: &mut Asked) -> Result<(), StoreError> {
    if core.settings.no_vary_search
        && !asked.facts.body_in_key
        && let Some(key) = known(core, parts, effective_uri(parts), None).await?
    {
        asked.key = key;
    }
    Ok(())
}

/// The key of a URI under the rule that is known for its path; `None` where none is.
pub(crate) async fn known(
    core: &Core,
    parts: &Parts,
    uri: &http::Uri,
    host: Option<&[u8]>,
) -> Result<Option<Key>, StoreError> {
    let known = rule_of(core, parts, uri, host).await?;
    Ok(known.and_then(|known| under(core, parts, uri, host, &known)))
}

async fn rule_of(
    core: &Core,
    parts: &Parts,
    uri: &http::Uri,
    host: Option<&[u8]>,
) -> Result<Option<Arc<SearchRule>>, StoreError> {
    let Some(place) = place(core, parts, uri, host) else {
        return Ok(None);
    };
    let found = match core.store.lookup(&place) {
        Lookup::Found(found) => Some(found),
        Lookup::Absent => None,
        Lookup::Remote => core.store.get(&place).await?,
    };
    Ok(match found {
        Some(CachedResponse(Kept::Search(known))) => Some(known),
        _ => None,
    })
}

/// Under which key a response belongs by the rule that it brings, and what it teaches about its path.
pub(crate) async fn learn(
    core: &Core,
    parts: &Parts,
    response: &HeaderMap,
) -> Option<(Key, Learnt)> {
    let uri = effective_uri(parts);
    let place = place(core, parts, uri, None)?;
    let known = rule_of(core, parts, uri, None).await.ok().flatten();
    let rule = no_vary_search::parse(response).map(|rule| match known {
        Some(known) if known.rule == rule => known,
        _ => Arc::new(SearchRule {
            key: place.as_bytes().into(),
            rule,
            generation: next_id(),
        }),
    });
    let normalised = rule
        .as_ref()
        .and_then(|rule| under(core, parts, uri, None, rule));
    let key = match normalised {
        Some(key) => key,
        None => core.key_of(parts, uri, Extra::default()).ok()?.key,
    };
    Some((key, Learnt { place, rule }))
}

/// Whether two heads bring the same rule.
pub(crate) fn same_rule(one: &HeaderMap, two: &HeaderMap) -> bool {
    no_vary_search::parse(one) == no_vary_search::parse(two)
}

/// What a response taught about its path.
pub(crate) struct Learnt {
    place: Key,
    rule: Option<Arc<SearchRule>>,
}

impl Learnt {
    /// Keeps the newest rule of a path, and none where the newest response had none.
    pub(crate) async fn keep(self, core: &Core, retain: Duration) -> Result<(), StoreError> {
        let Self { place, rule } = self;
        core.store
            .update(&place, |existing| match (existing, &rule) {
                (None, None) => Change::Keep,
                (Some(_), None) => Change::Remove,
                (Some(CachedResponse(Kept::Search(known))), Some(new))
                    if known.rule == new.rule =>
                {
                    Change::Keep
                }
                (_, Some(new)) => Change::Put {
                    value: CachedResponse(Kept::Search(Arc::clone(new))),
                    retain,
                },
            })
            .await?;
        Ok(())
    }
}

/// Where the rule of a request's path is kept.
fn place(core: &Core, parts: &Parts, uri: &http::Uri, host: Option<&[u8]>) -> Option<Key> {
    let search = Some((String::new(), "path".to_owned()));
    let extra = Extra {
        search,
        host,
        ..Extra::default()
    };
    core.key_of(parts, uri, extra).ok().map(|keyed| keyed.key)
}

/// The key of a URI under a rule. A query with a `;` is left to itself: some servers take what follows for
/// another parameter, which no rule speaks about.
fn under(
    core: &Core,
    parts: &Parts,
    uri: &http::Uri,
    host: Option<&[u8]>,
    known: &SearchRule,
) -> Option<Key> {
    let query = uri.query().unwrap_or_default();
    if query.contains(';') {
        return None;
    }
    let search = (
        no_vary_search::normalise(query, &known.rule),
        known.generation.to_string(),
    );
    let extra = Extra {
        search: Some(search),
        host,
        ..Extra::default()
    };
    core.key_of(parts, uri, extra).ok().map(|keyed| keyed.key)
}
