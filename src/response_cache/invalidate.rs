//! The effect of unsafe requests on what is stored (RFC 9111 4.4).

use std::sync::Arc;

use http::{HeaderMap, StatusCode, request::Parts};

use super::{background, core::Core, plan::effective_uri, policy::invalidation, resource};
use crate::key::{Key, TargetUri};

/// What an unsafe request will invalidate. Unless it is told that nothing changed, it takes effect: when
/// the outcome is known, or when it is dropped because nobody will ever know it (a cancelled call, a panic).
pub(super) struct Invalidation {
    core: Arc<Core>,
    target: Option<TargetUri>,
    parts: Parts,
    keys: Vec<Key>,
}

impl Invalidation {
    /// The invalidation that a request causes; `None` for a safe one.
    pub(super) fn of_request(core: &Arc<Core>, parts: &Parts) -> Option<Self> {
        if !invalidation::is_unsafe(&parts.method) {
            return None;
        }
        let uri = effective_uri(parts);
        let mut this = Self {
            core: Arc::clone(core),
            target: TargetUri::of(uri, &parts.headers).ok(),
            parts: parts.clone(),
            keys: Vec::new(),
        };
        this.add(uri);
        Some(this)
    }

    fn add(&mut self, uri: &http::Uri) {
        if let Ok(keyed) = self.core.settings.key.of(&self.parts, uri, None) {
            self.keys.push(keyed.key);
        }
    }

    /// Takes effect if the response to the request says so.
    pub(super) async fn settle(mut self, status: StatusCode, headers: &HeaderMap) {
        if !invalidation::changes_target(status) {
            self.keys.clear();
            return;
        }
        let also = self
            .target
            .as_ref()
            .map(|target| invalidation::also_changed(target, headers));
        for uri in also
            .into_iter()
            .flatten()
            .filter_map(|target| target.to_uri())
        {
            self.add(&uri);
        }
        self.run().await;
    }

    /// Takes effect.
    pub(super) async fn run(mut self) {
        // A key is forgotten only once it is done: dropped in between, the rest is done in the background.
        while let Some(key) = self.keys.last() {
            if let Err(error) = resource::remove_all(&self.core, key).await {
                tracing::warn!(%error, "a changed resource could not be removed from the store");
                self.core.stats.store_failed();
            }
            self.keys.pop();
        }
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let (core, keys) = (Arc::clone(&self.core), std::mem::take(&mut self.keys));
        background::run(async move {
            for key in &keys {
                if resource::remove_all(&core, key).await.is_err() {
                    core.stats.store_failed();
                }
            }
        });
    }
}
