//! The effect of unsafe requests on what is stored (RFC 9111 4.4).

use std::sync::Arc;

use http::{HeaderMap, StatusCode, Uri, request::Parts};

use crate::{
    key::{Key, TargetUri, hosts},
    ledger::{Event, Subject},
    response_cache::{
        core::Core,
        policy::invalidation,
        purge::apply,
        request::{cache_key::Extra, plan::effective_uri},
        stored::tags,
    },
};

/// What an unsafe request will invalidate. Unless it is told that nothing changed, it takes effect: when
/// the outcome is known, or when it is dropped because nobody will ever know it (a cancelled call, a panic).
pub(crate) struct Invalidation {
    core: Arc<Core>,
    parts: Parts,
    /// The changed resources; none once it took effect.
    uris: Vec<Uri>,
    groups: Vec<String>,
}

impl Invalidation {
    /// The invalidation that a request causes; `None` for a safe one.
    pub(crate) fn of_request(core: &Arc<Core>, parts: &Parts) -> Option<Self> {
        invalidation::is_unsafe(&parts.method).then(|| Self {
            core: Arc::clone(core),
            uris: vec![effective_uri(parts).clone()],
            groups: Vec::new(),
            parts: parts.clone(),
        })
    }

    /// Takes effect if the response to the request says so. Returns at which position.
    pub(crate) async fn settle(mut self, status: StatusCode, headers: &HeaderMap) -> Option<u64> {
        self.groups = tags::invalidated_groups(headers);
        if !invalidation::changes_target(status) {
            self.uris.clear();
        } else if let Ok(target) = TargetUri::of(effective_uri(&self.parts), &self.parts.headers) {
            let also = invalidation::also_changed(&target, headers);
            self.uris.extend(also.iter().filter_map(TargetUri::to_uri));
        }
        if self.uris.is_empty() && self.groups.is_empty() {
            return None;
        }
        Some(self.run().await)
    }

    /// Takes effect. Returns at which position.
    pub(crate) async fn run(mut self) -> u64 {
        let (position, named, keys) = self.take_effect();
        apply::free(&self.core, &keys, named).await;
        position
    }

    /// What is stored counts as gone when this returns; its memory is left to be freed.
    fn take_effect(&mut self) -> (u64, Option<u64>, Vec<Key>) {
        let mut event = Event::by_write();
        let mut keys = Vec::new();
        for uri in std::mem::take(&mut self.uris) {
            keys.extend(keys_of(&self.core, &self.parts, &uri));
        }
        for key in &keys {
            event.add(self.core.place_of(key).subject());
        }
        if !self.groups.is_empty()
            && let Ok(own) =
                self.core
                    .key_of(&self.parts, effective_uri(&self.parts), Extra::default())
        {
            let origin = self.core.place_of(&own.key);
            for group in std::mem::take(&mut self.groups) {
                event.add(Subject::Group {
                    origin: origin.origin().into(),
                    name: group.into(),
                });
            }
        }
        let appended = apply::invalidate(&self.core, &event, &keys);
        (appended.position, appended.named, keys)
    }
}

/// The keys under which a resource may lie: by each host that the request names, with and without the default
/// port.
fn keys_of(core: &Core, parts: &Parts, uri: &Uri) -> Vec<Key> {
    let key = |host: &Vec<u8>| {
        let extra = Extra {
            host: Some(host.as_slice()),
            ..Extra::default()
        };
        core.key_of(parts, uri, extra).ok().map(|keyed| keyed.key)
    };
    hosts(uri, &parts.headers).iter().filter_map(key).collect()
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if self.uris.is_empty() {
            return;
        }
        let (_, named, keys) = self.take_effect();
        let core = Arc::clone(&self.core);
        self.core
            .background
            .run(async move { apply::free(&core, &keys, named).await });
    }
}
