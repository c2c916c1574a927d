//! Values that were decoded in this request.

use std::{any::Any, fmt, sync::Arc};

use serde::de::DeserializeOwned;
use smallvec::SmallVec;

use crate::session::error::SessionError;

/// A text of JSON, and what it means. What is changed is another text, so that what was decoded is never out of date.
struct Decoded {
    json: Arc<str>,
    value: Box<dyn Any + Send + Sync>,
}

/// Those of a request: few are read.
#[derive(Debug, Default)]
pub(in crate::session) struct AllDecoded(SmallVec<[Decoded; 1]>);

impl AllDecoded {
    /// What this text means, decoded once.
    pub(super) fn decode<T>(&mut self, json: &Arc<str>) -> Result<T, SessionError>
    where
        T: DeserializeOwned + Clone + Send + Sync + 'static,
    {
        self.decode_as(json, |value: &T| value.clone(), |value| value)
    }

    /// The same for what is kept as another type than it is decoded as.
    pub(super) fn decode_as<T, K, R>(
        &mut self,
        json: &Arc<str>,
        read: impl Fn(&K) -> R,
        keep: impl FnOnce(T) -> K,
    ) -> Result<R, SessionError>
    where
        T: DeserializeOwned,
        K: Send + Sync + 'static,
    {
        let known = |decoded: &Decoded| {
            let same = Arc::ptr_eq(&decoded.json, json);
            let value = same.then(|| decoded.value.downcast_ref());
            value.flatten().map(&read)
        };
        if let Some(value) = self.0.iter().find_map(known) {
            return Ok(value);
        }
        let kept = keep(serde_json::from_str(json).map_err(SessionError::read)?);
        let value = read(&kept);
        self.0.push(Decoded {
            json: Arc::clone(json),
            value: Box::new(kept),
        });
        Ok(value)
    }
}

impl fmt::Debug for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoded").finish_non_exhaustive()
    }
}
