//! The effect of unsafe requests on what is stored (RFC 9111 4.4).

use std::sync::Arc;

use http::{HeaderMap, StatusCode, Uri, request::Parts};

use crate::{
    key::{Key, TargetUri, hosts},
    ledger::Event,
    response_cache::{
        core::Core,
        policy::invalidation,
        purge::{apply, group_of},
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
    /// What took effect and still takes memory.
    unfreed: Option<Unfreed>,
}

/// The keys under which something may lie that is gone, and how many responses there are, as far as that is known.
struct Unfreed {
    keys: Vec<Key>,
    named: Option<u64>,
}

impl Invalidation {
    /// The invalidation that a request causes; `None` for a safe one.
    pub(crate) fn of_request(core: &Arc<Core>, parts: &Parts) -> Option<Box<Self>> {
        let this = || Self {
            core: Arc::clone(core),
            uris: vec![effective_uri(parts).clone()],
            groups: Vec::new(),
            unfreed: None,
            parts: parts.clone(),
        };
        invalidation::is_unsafe(&parts.method).then(|| Box::new(this()))
    }

    /// Takes effect if the response to the request says so. Returns at which position.
    pub(crate) async fn settle(
        mut self: Box<Self>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Option<u64> {
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
    pub(crate) async fn run(mut self: Box<Self>) -> u64 {
        let position = self.take_effect();
        if let Some(Unfreed { keys, named }) = &self.unfreed {
            apply::free(&self.core, keys, *named).await;
        }
        self.unfreed = None;
        position
    }

    /// What is stored counts as gone when this returns; its memory is left to be freed.
    fn take_effect(&mut self) -> u64 {
        let mut event = Event::by_write();
        let mut keys = Vec::new();
        for uri in std::mem::take(&mut self.uris) {
            for host in hosts(&uri, &self.parts.headers) {
                // Whatever else tells keys apart: it is the resource that has changed.
                let (key, resource) = self.core.resource(&uri, &host);
                event.add(resource.subject());
                let own = self.key_of(&uri, &host).filter(|own| *own != key);
                keys.extend(own.into_iter().chain([key]));
            }
        }
        if !self.groups.is_empty() {
            let uri = effective_uri(&self.parts);
            for host in hosts(uri, &self.parts.headers) {
                let (_, origin) = self.core.resource(uri, &host);
                let groups = self.groups.iter();
                groups.for_each(|group| event.add(group_of(&origin, group)));
            }
        }
        self.groups.clear();
        let appended = apply::invalidate(&self.core, &event, &keys);
        let named = appended.named;
        self.unfreed = Some(Unfreed { keys, named });
        appended.position
    }

    /// The key of a resource for requests like this one.
    fn key_of(&self, uri: &Uri, host: &[u8]) -> Option<Key> {
        let extra = Extra {
            host: Some(host),
            ..Extra::default()
        };
        let keyed = self.core.key_of(&self.parts, uri, extra).ok()?;
        Some(keyed.key)
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if !self.uris.is_empty() {
            self.take_effect();
        }
        let Some(Unfreed { keys, named }) = self.unfreed.take() else {
            return;
        };
        let core = Arc::clone(&self.core);
        self.core
            .background
            .run(async move { apply::free(&core, &keys, named).await });
    }
}
