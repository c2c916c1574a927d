//! Invalidating: in the ledger, among what is on its way, and in the store's memory.

use std::time::Duration;

use crate::{
    key::Key,
    ledger::{Appended, Departure, Event},
    response_cache::{
        core::Core,
        stored::{
            entry::{CachedResponse, Kept},
            resource,
        },
    },
    store::Store,
};

/// How long what was invalidated for good may still take memory.
const SWEPT_AFTER: Duration = Duration::from_secs(1);

/// Invalidates what an event names. `keys` are those of the resources among that, as far as they are known.
pub(crate) fn invalidate(core: &Core, event: &Event, keys: &[Key]) -> Appended {
    for key in keys {
        core.in_flight.invalidates(key);
    }
    let appended = core.ledger.append(event, core.settings.clock.now());
    for key in keys {
        // Whoever comes from now on does not wait for what was asked for before.
        core.flights.close(key);
    }
    tracing::debug!(?event, ?appended, "invalidated");
    core.stats.invalidated(appended.met, appended.unmet_tags);
    core.purged.tell(event, appended);
    appended
}

/// Frees the memory of what was invalidated for good: that under these keys now, and the rest of the `named` soon.
pub(crate) async fn free(core: &Core, keys: &[Key], named: Option<u64>) {
    let mut freed = 0;
    for key in keys {
        match resource::free(core, key).await {
            Ok(count) => freed += count,
            Err(error) => {
                tracing::debug!(%error, "an invalidated resource could not be removed");
                core.stats.store_failed();
            }
        }
    }
    if named.is_none_or(|named| named > freed) {
        sweep_soon(core);
    }
}

/// Lets what was invalidated for good be removed from the store, once for all that is invalidated within a second,
/// and what is past all use with it. Without timers it is done at once.
pub(super) fn sweep_soon(core: &Core) {
    let Some(claim) = core.ledger.claim_sweep() else {
        return;
    };
    let (store, ledger) = (core.store.clone(), core.ledger.clone());
    let clock = core.settings.clock.clone();
    let sweep = move || {
        let now = clock.now();
        // What is invalidated from here on is for the next one.
        drop(claim);
        store.sweep(&mut |stored: &CachedResponse| {
            let Kept::Response(entry) = &stored.0 else {
                return false;
            };
            let departure = match entry.gone(&ledger) {
                Some(cause) => Some(Departure::Invalidated(cause)),
                None => entry.is_over(now).then_some(Departure::Expired),
            };
            if let Some(departure) = departure {
                let key = Key::new(&entry.key);
                ledger.departures().note(key.fingerprint(), departure);
            }
            departure.is_some()
        });
    };
    let clock = &core.settings.clock;
    if !clock.has_timers() {
        sweep();
        return;
    }
    let sleep = clock.sleep(SWEPT_AFTER);
    core.background.later(sleep, sweep);
}
