//! The least that a cache has to do: what one would write by hand for one handler.

use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;
use http::{HeaderMap, Response};
use http_body_util::Full;
use quick_cache::{UnitWeighter, sync::Cache};

use crate::subject::{Asked, Handler};

/// About as many as the layer's store of 64 MiB holds.
const ENTRIES: usize = 28_000;

struct Stored {
    headers: HeaderMap,
    body: Bytes,
}

/// A table of responses by path, without any rule about what may be stored and for how long.
pub(crate) struct Floor {
    cache: Cache<Box<str>, Arc<Stored>, UnitWeighter, FixedState>,
    handler: Handler,
}

impl Floor {
    pub(crate) fn new(handler: Handler) -> Self {
        let hash = FixedState::default();
        Self {
            cache: Cache::with(
                ENTRIES,
                ENTRIES as u64,
                UnitWeighter,
                hash,
                Default::default(),
            ),
            handler,
        }
    }

    /// The stored answer.
    pub(crate) fn hit(&self, asked: &Asked) -> Response<Full<Bytes>> {
        let stored = self.cache.get(asked.uri().path());
        let stored = stored.expect("it was stored before");
        let mut response = Response::new(Full::new(stored.body.clone()));
        *response.headers_mut() = stored.headers.clone();
        response
    }

    /// The handler's answer, which is stored.
    pub(crate) fn miss(&self, asked: &Asked) -> Response<Full<Bytes>> {
        let path = asked.uri().path();
        assert!(self.cache.get(path).is_none(), "{path} was stored before");
        let (parts, body) = self.handler.answer().into_parts();
        let stored = Stored {
            headers: parts.headers.clone(),
            body: body.clone(),
        };
        self.cache.insert(path.into(), Arc::new(stored));
        Response::from_parts(parts, Full::new(body))
    }
}
