//! The effect of unsafe requests on what is stored (RFC 9111 4.4).

use std::sync::Arc;

use http::{HeaderMap, StatusCode, Uri, request::Parts};

use crate::{
    key::{Key, TargetUri, hosts},
    response_cache::{
        core::Core,
        policy::invalidation,
        request::{cache_key::Extra, plan::effective_uri},
        stored::{resource, search},
    },
};

/// What an unsafe request will invalidate. Unless it is told that nothing changed, it takes effect: when
/// the outcome is known, or when it is dropped because nobody will ever know it (a cancelled call, a panic).
pub(crate) struct Invalidation {
    core: Arc<Core>,
    parts: Parts,
    /// The changed resources. One is forgotten only once it is done.
    uris: Vec<Uri>,
}

impl Invalidation {
    /// The invalidation that a request causes; `None` for a safe one.
    pub(crate) fn of_request(core: &Arc<Core>, parts: &Parts) -> Option<Self> {
        invalidation::is_unsafe(&parts.method).then(|| Self {
            core: Arc::clone(core),
            uris: vec![effective_uri(parts).clone()],
            parts: parts.clone(),
        })
    }

    /// Takes effect if the response to the request says so.
    pub(crate) async fn settle(mut self, status: StatusCode, headers: &HeaderMap) {
        if !invalidation::changes_target(status) {
            self.uris.clear();
            return;
        }
        if let Ok(target) = TargetUri::of(effective_uri(&self.parts), &self.parts.headers) {
            let also = invalidation::also_changed(&target, headers);
            self.uris.extend(also.iter().filter_map(TargetUri::to_uri));
        }
        self.run().await;
    }

    /// Takes effect.
    pub(crate) async fn run(mut self) {
        while let Some(uri) = self.uris.last() {
            remove(&self.core, &self.parts, uri).await;
            self.uris.pop();
        }
    }
}

async fn remove(core: &Core, parts: &Parts, uri: &Uri) {
    for key in keys(core, parts, uri).await {
        core.in_flight.invalidates(&key);
        if let Err(error) = resource::remove_all(core, &key).await {
            tracing::warn!(%error, "a changed resource could not be removed from the store");
            core.stats.store_failed();
        }
    }
}

/// The keys under which a resource may lie: by each host that the request names, with and without the default
/// port, and by what its path says of its query.
async fn keys(core: &Core, parts: &Parts, uri: &Uri) -> Vec<Key> {
    let mut keys = Vec::new();
    for host in hosts(uri, &parts.headers) {
        let host = Some(host.as_slice());
        let extra = Extra {
            host,
            ..Extra::default()
        };
        keys.extend(core.key_of(parts, uri, extra).map(|keyed| keyed.key));
        if core.settings.no_vary_search {
            keys.extend(search::known(core, parts, uri, host).await.ok().flatten());
        }
    }
    keys
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if self.uris.is_empty() {
            return;
        }
        let (core, parts) = (Arc::clone(&self.core), self.parts.clone());
        let uris = std::mem::take(&mut self.uris);
        self.core.background.run(async move {
            for uri in &uris {
                remove(&core, &parts, uri).await;
            }
        });
    }
}
