//! `No-Vary-Search`: query parameters that a resource says do not matter
//! (draft-ietf-httpbis-no-vary-search).
//!
//! What a response says holds for the path that it came from: the rule is kept in the store under a key of
//! its own, and requests to the path are looked up by their query as the rule normalises it. The rule is
//! part of that key, so responses that came under different rules never answer for one another.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, request::Parts};

use super::{
    cache_key::Extra,
    core::Core,
    entry::{CachedResponse, Kept},
    plan::{Asked, effective_uri},
};
use crate::{
    header::no_vary_search::{self, NoVarySearch},
    key::{Key, path_and_query},
    store::{Change, Lookup, Store, StoreError},
};

/// The rule of a path.
#[derive(Debug)]
pub(super) struct SearchRule {
    pub(super) key: Box<[u8]>,
    rule: NoVarySearch,
}

impl SearchRule {
    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.rule.weight()
    }
}

/// Lets a request be looked up under the rule that is known for its path.
pub(super) async fn rekey(core: &Core, parts: &Parts, asked: &mut Asked) -> Result<(), StoreError> {
    if core.settings.no_vary_search
        && !asked.facts.body_in_key
        && let Some(key) = known(core, parts, effective_uri(parts)).await?
    {
        asked.key = key;
    }
    Ok(())
}

/// The key of a URI under the rule that is known for its path; `None` where none is.
pub(super) async fn known(
    core: &Core,
    parts: &Parts,
    uri: &http::Uri,
) -> Result<Option<Key>, StoreError> {
    let Some(place) = place(core, parts, uri) else {
        return Ok(None);
    };
    let found = match core.store.lookup(&place) {
        Lookup::Found(found) => Some(found),
        Lookup::Absent => None,
        Lookup::Remote => core.store.get(&place).await?,
    };
    Ok(match found {
        Some(CachedResponse(Kept::Search(known))) => under(core, parts, uri, &known.rule),
        _ => None,
    })
}

/// Under which key a response belongs by the rule that it brings, and what it teaches about its path.
pub(super) fn learn(core: &Core, parts: &Parts, response: &HeaderMap) -> Option<(Key, Learnt)> {
    let uri = effective_uri(parts);
    let place = place(core, parts, uri)?;
    let rule = no_vary_search::parse(response);
    let key = match &rule {
        Some(rule) => under(core, parts, uri, rule)?,
        None => {
            core.settings
                .key
                .of(parts, uri, &Extra::default())
                .ok()?
                .key
        }
    };
    Some((key, Learnt { place, rule }))
}

/// Whether two heads bring the same rule.
pub(super) fn same_rule(one: &HeaderMap, two: &HeaderMap) -> bool {
    no_vary_search::parse(one) == no_vary_search::parse(two)
}

/// What a response taught about its path.
pub(super) struct Learnt {
    place: Key,
    rule: Option<NoVarySearch>,
}

impl Learnt {
    /// Keeps the newest rule of a path, and none where the newest response had none.
    pub(super) async fn keep(self, core: &Core, retain: Duration) -> Result<(), StoreError> {
        let Self { place, rule } = self;
        let rule = rule.map(|rule| {
            Arc::new(SearchRule {
                key: place.as_bytes().into(),
                rule,
            })
        });
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
fn place(core: &Core, parts: &Parts, uri: &http::Uri) -> Option<Key> {
    let extra = Extra {
        search: Some((String::new(), "path".into())),
        digest: None,
    };
    core.settings
        .key
        .of(parts, uri, &extra)
        .ok()
        .map(|keyed| keyed.key)
}

fn under(core: &Core, parts: &Parts, uri: &http::Uri, rule: &NoVarySearch) -> Option<Key> {
    let query = path_and_query(uri)
        .split_once('?')
        .map_or("", |(_, query)| query);
    let search = (no_vary_search::normalise(query, rule), format!("{rule:?}"));
    let extra = Extra {
        search: Some(search),
        digest: None,
    };
    core.settings
        .key
        .of(parts, uri, &extra)
        .ok()
        .map(|keyed| keyed.key)
}
