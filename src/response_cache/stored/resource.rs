//! A resource in the store: changing what is there.

use std::sync::Arc;

use super::{
    entry::{CachedResponse, Entry, Kept},
    variants::{Variant, Variants},
};
use crate::{
    clock::Moment,
    key::Key,
    ledger::{Began, Cause, Departure},
    response_cache::{core::Core, policy::vary::Selecting},
    store::{Change, Store, StoreError, Updated},
};

/// Stores a response under its resource's key, or as a variant of the resource if that varies.
///
/// A failing store costs the response its place and nobody else anything; it is counted.
pub(crate) async fn store(core: &Core, key: &Key, entry: Entry, selecting: &Selecting) {
    let result = if entry.vary.is_empty() {
        store_plain(core, key, entry, selecting).await
    } else {
        store_variant(core, key, entry, selecting).await
    };
    core.stats.written(result.as_ref().ok());
    tracing::debug!(?result, "stored a response");
}

/// Whether what is there was asked for later than what is to take its place.
fn is_newer(existing: Option<&CachedResponse>, than: Began) -> bool {
    match existing.map(|existing| &existing.0) {
        Some(Kept::Response(entry)) => entry.held.began().is_after(than),
        Some(Kept::Variants(variants)) => variants.since.is_some_and(|since| since.is_after(than)),
        Some(Kept::Search(_)) | None => false,
    }
}

/// Puts a response there, joined with what is there where both are parts of one representation.
fn put(entry: &Arc<Entry>, existing: Option<&CachedResponse>) -> Change<CachedResponse> {
    let entry = match existing {
        Some(CachedResponse(Kept::Response(old))) if entry.parts.is_some() => {
            match entry.in_place_of(old) {
                Some(entry) => Arc::new(entry),
                None => return Change::Keep,
            }
        }
        _ => Arc::clone(entry),
    };
    Change::Put {
        retain: entry.retention(),
        value: CachedResponse(Kept::Response(entry)),
    }
}

async fn store_plain(
    core: &Core,
    key: &Key,
    entry: Entry,
    selecting: &Selecting,
) -> Result<Updated, StoreError> {
    let mut varies = false;
    let entry = Arc::new(entry);
    let stored = core
        .store
        .update(key, |existing| {
            varies = matches!(existing, Some(CachedResponse(Kept::Variants(_))));
            if varies || is_newer(existing, entry.held.began()) || entry.is_gone(&core.ledger) {
                return Change::Keep;
            }
            put(&entry, existing)
        })
        .await?;
    if !varies {
        return Ok(stored);
    }
    let entry = Arc::unwrap_or_clone(entry);
    store_variant(core, key, entry, selecting).await
}

/// Writes the variant first and the list that names it second: a reader never finds a name without its
/// response, save one that was evicted.
async fn store_variant(
    core: &Core,
    key: &Key,
    mut entry: Entry,
    selecting: &Selecting,
) -> Result<Updated, StoreError> {
    let variant = Variant::new(key, &entry, selecting);
    entry.key = variant.key.as_bytes().into();
    let entry = Arc::new(entry);
    let began = entry.held.began();
    let stored = core
        .store
        .update(&variant.key, |existing| match is_newer(existing, began) {
            true => Change::Keep,
            false => put(&entry, existing),
        })
        .await?;
    if stored != Updated::Stored {
        return Ok(stored);
    }
    let listed = list(core, key, &variant, began).await?;
    if listed != Updated::Stored {
        remove_variants(core, &[variant]).await;
    }
    Ok(listed)
}

/// Names a variant in its resource's list, and removes those that have to go for it.
async fn list(
    core: &Core,
    key: &Key,
    variant: &Variant,
    began: Began,
) -> Result<Updated, StoreError> {
    let mut gone = Vec::new();
    let now = core.settings.clock.now();
    let listed = core
        .store
        .update(key, |existing| {
            if is_newer(existing, began) {
                return Change::Keep;
            }
            let (variants, dropped) =
                with_variant(existing, key, variant, core.settings.max_variants, now);
            gone = dropped;
            let retain = variants.over().duration_since(now);
            Change::Put {
                value: CachedResponse(Kept::Variants(Arc::new(variants))),
                retain,
            }
        })
        .await?;
    remove_variants(core, &gone).await;
    Ok(listed)
}

/// The list with one more variant, in place of the one that the same requests select; and those that have
/// to go.
fn with_variant(
    existing: Option<&CachedResponse>,
    key: &Key,
    new: &Variant,
    max: usize,
    now: Moment,
) -> (Variants, Vec<Variant>) {
    let (old, since) = match existing.map(|existing| &existing.0) {
        Some(Kept::Variants(variants)) => (variants.list.as_slice(), variants.since),
        // It did not vary yet: what was asked for before it is older.
        Some(Kept::Response(entry)) => (&[][..], Some(entry.held.began())),
        Some(Kept::Search(_)) | None => (&[][..], None),
    };
    let others = old.iter().filter(|variant| variant.key != new.key);
    let (mut list, mut gone): (Vec<Variant>, Vec<Variant>) =
        others.cloned().partition(|variant| variant.over > now);
    let surplus = (list.len() + 1).saturating_sub(max.max(1));
    gone.extend(list.drain(..surplus));
    // An exact allocation, as long as the list lives.
    list.reserve_exact(1);
    list.push(new.clone());
    list.shrink_to_fit();
    (
        Variants {
            key: key.as_bytes().into(),
            list,
            since,
        },
        gone,
    )
}

async fn remove_variants(core: &Core, variants: &[Variant]) {
    for variant in variants {
        // One that stays behind for a failing store is not named any more, and evicted in time.
        let _ = core.store.update(&variant.key, |_| Change::Remove).await;
    }
}

/// Puts `new` in the place of `old`, unless another response stands there by now.
pub(crate) async fn replace(
    core: &Core,
    key: &Key,
    old: &Entry,
    mut new: Entry,
    selecting: &Selecting,
) -> Result<Updated, StoreError> {
    new.key = old.key.clone();
    let (began, retain) = (new.held.began(), new.retention());
    let variant = Variant::new(key, &new, selecting);
    let is_variant = *old.key != *key.as_bytes();
    let value = CachedResponse(Kept::Response(Arc::new(new)));
    let replaced = core
        .store
        .update(&Key::new(&old.key), |existing| match existing {
            Some(CachedResponse(Kept::Response(entry))) if entry.id == old.id => Change::Put {
                value: value.clone(),
                retain,
            },
            _ => Change::Keep,
        })
        .await?;
    if is_variant && replaced == Updated::Stored {
        list(core, key, &variant, began).await?;
    }
    Ok(replaced)
}

/// Removes `old`, unless another response stands in its place by now.
pub(crate) async fn remove(core: &Core, old: &Entry) -> Result<Updated, StoreError> {
    core.store
        .update(&Key::new(&old.key), |existing| match existing {
            Some(CachedResponse(Kept::Response(entry))) if entry.id == old.id => Change::Remove,
            _ => Change::Keep,
        })
        .await
}

/// Frees the memory of a resource that was invalidated, with all its variants. Whoever looks before that is done
/// sees that they are gone. Returns how many responses were there.
pub(crate) async fn free(core: &Core, key: &Key) -> Result<u64, StoreError> {
    let mut variants = Vec::new();
    let alone = free_if_gone(core, key, |listed| variants.clone_from(&listed.list)).await?;
    if variants.is_empty() {
        return Ok(u64::from(alone.is_some()));
    }
    let mut freed = Vec::with_capacity(variants.len());
    let mut by = None;
    for variant in variants {
        if let Some(cause) = free_if_gone(core, &variant.key, |_| {}).await? {
            freed.push(variant.key);
            by = Some(cause);
        }
    }
    let now = core.settings.clock.now();
    let updated = core
        .store
        .update(key, |existing| match existing {
            Some(CachedResponse(Kept::Variants(listed))) => without(listed, &freed, now),
            _ => Change::Keep,
        })
        .await?;
    if let (Updated::Removed, Some(cause)) = (updated, by) {
        let departures = core.ledger.departures();
        departures.note(key.fingerprint(), Departure::Invalidated(cause));
    }
    Ok(freed.len() as u64)
}

/// Removes a response that is gone, notes why, and returns that. A list of variants is shown to `listed`.
async fn free_if_gone(
    core: &Core,
    key: &Key,
    mut listed: impl FnMut(&Variants) + Send,
) -> Result<Option<Cause>, StoreError> {
    let mut gone = None;
    let updated = core
        .store
        .update(key, |existing| {
            match existing.map(|existing| &existing.0) {
                Some(Kept::Response(entry)) => gone = entry.gone(&core.ledger),
                Some(Kept::Variants(variants)) => listed(variants),
                Some(Kept::Search(_)) | None => {}
            }
            if gone.is_some() {
                Change::Remove
            } else {
                Change::Keep
            }
        })
        .await?;
    if let Some(cause) = gone {
        let departures = core.ledger.departures();
        departures.note(key.fingerprint(), Departure::Invalidated(cause));
    }
    Ok(gone.filter(|_| updated == Updated::Removed))
}

/// The list without some variants.
fn without(listed: &Variants, freed: &[Key], now: Moment) -> Change<CachedResponse> {
    let stays = |variant: &&Variant| !freed.contains(&variant.key);
    let list: Vec<Variant> = listed.list.iter().filter(stays).cloned().collect();
    if list.is_empty() {
        return Change::Remove;
    }
    let variants = Variants {
        key: listed.key.clone(),
        list,
        since: listed.since,
    };
    Change::Put {
        retain: variants.over().duration_since(now),
        value: CachedResponse(Kept::Variants(Arc::new(variants))),
    }
}
