//! A resource in the store: finding the response that a request selects.

use std::sync::Arc;

use http::HeaderMap;

use super::{
    entry::{CachedResponse, Entry, Kept},
    variants::Variants,
};
use crate::{
    key::Key,
    ledger::Departure,
    response_cache::core::Core,
    store::{BoxStore, Lookup, Store, StoreError},
};

/// What a request selects.
#[derive(Debug)]
pub(crate) enum Selection {
    /// A stored response.
    Response(Arc<Entry>),
    /// None of the stored variants (RFC 9111 4.1).
    OtherVariants(Arc<Variants>),
    /// The variant at this place of the list, which is not there any more.
    LostVariant(Arc<Variants>, usize),
    /// Nothing is stored.
    Nothing,
}

/// Where to look after a first look.
enum Next {
    Done(Selection),
    /// At this place of the list.
    Variant(Arc<Variants>, usize),
}

type Responses = BoxStore<CachedResponse>;

fn follow(found: CachedResponse, headers: &HeaderMap) -> Next {
    match found.0 {
        Kept::Response(entry) => Next::Done(Selection::Response(entry)),
        Kept::Variants(variants) => match variants.select(headers) {
            Some(place) => Next::Variant(variants, place),
            None => Next::Done(Selection::OtherVariants(variants)),
        },
        Kept::Search(_) => Next::Done(Selection::Nothing),
    }
}

fn response(found: Option<CachedResponse>) -> Option<Arc<Entry>> {
    match found?.0 {
        Kept::Response(entry) => Some(entry),
        Kept::Variants(_) | Kept::Search(_) => None,
    }
}

fn selected(found: Option<CachedResponse>, variants: Arc<Variants>, place: usize) -> Selection {
    response(found).map_or(Selection::LostVariant(variants, place), Selection::Response)
}

/// Selects without waiting; [`Lookup::Remote`] if the store has to be waited for.
pub(crate) fn select_now(store: &Responses, key: &Key, headers: &HeaderMap) -> Lookup<Selection> {
    match store.lookup(key) {
        Lookup::Remote => Lookup::Remote,
        Lookup::Absent => Lookup::Absent,
        Lookup::Found(found) => match follow(found, headers) {
            Next::Done(selection) => Lookup::Found(selection),
            Next::Variant(variants, place) => match store.lookup(&variants.list[place].key) {
                Lookup::Remote => Lookup::Remote,
                Lookup::Absent => Lookup::Found(Selection::LostVariant(variants, place)),
                Lookup::Found(found) => Lookup::Found(selected(Some(found), variants, place)),
            },
        },
    }
}

/// Selects, waiting for the store.
pub(crate) async fn select(
    core: &Core,
    key: &Key,
    headers: &HeaderMap,
) -> Result<Selection, StoreError> {
    let Some(found) = get(core, key).await? else {
        return Ok(Selection::Nothing);
    };
    match follow(found, headers) {
        Next::Done(selection) => Ok(selection),
        Next::Variant(variants, place) => {
            let found = get(core, &variants.list[place].key).await?;
            Ok(selected(found, variants, place))
        }
    }
}

async fn get(core: &Core, key: &Key) -> Result<Option<CachedResponse>, StoreError> {
    match core.store.lookup(key) {
        Lookup::Found(found) => Ok(Some(found)),
        Lookup::Absent => Ok(None),
        Lookup::Remote => match core.store.get(key).await? {
            Some(CachedResponse(Kept::Response(entry))) => adopted(core, key, entry).await,
            other => Ok(other),
        },
    }
}

/// What a response that another process may have stored is here.
async fn adopted(
    core: &Core,
    key: &Key,
    entry: Arc<Entry>,
) -> Result<Option<CachedResponse>, StoreError> {
    let entry = match core.ledger.adopt(&entry.held).await? {
        None => entry,
        Some(Ok((held, since))) => Arc::new(entry.with_names(held, since)),
        Some(Err(cause)) => {
            let departures = core.ledger.departures();
            departures.note(key.fingerprint(), Departure::Invalidated(cause));
            return Ok(None);
        }
    };
    Ok(Some(CachedResponse(Kept::Response(entry))))
}

/// The list of a resource's variants, if it varies and the store can be asked.
pub(crate) async fn variants(core: &Core, key: &Key) -> Option<Arc<Variants>> {
    match get(core, key).await.ok()??.0 {
        Kept::Variants(variants) => Some(variants),
        Kept::Response(_) | Kept::Search(_) => None,
    }
}

/// The stored variants of a resource, as far as they can be had.
pub(crate) async fn all(core: &Core, variants: &Variants) -> Vec<Arc<Entry>> {
    let mut entries = Vec::with_capacity(variants.list.len());
    for variant in variants.list.iter().rev() {
        let found = get(core, &variant.key).await;
        entries.extend(found.ok().and_then(response));
    }
    entries
}
