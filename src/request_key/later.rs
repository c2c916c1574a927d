//! Keys that have to be waited for.

use std::future::Future;

use futures_util::future::BoxFuture;

use super::LimitKey;
use crate::head::RequestHead;

/// A key that has to be waited for.
pub(crate) type AsyncKey = Option<Box<dyn LimitKey + Send>>;

/// A closure that finds keys, for example in a database.
pub(crate) trait AsyncKeyExtractor: Send + Sync + 'static {
    fn extract(&self, head: &RequestHead<'_>) -> BoxFuture<'static, AsyncKey>;
}

impl<F, R, K> AsyncKeyExtractor for F
where
    F: Fn(&RequestHead<'_>) -> R + Send + Sync + 'static,
    R: Future<Output = Option<K>> + Send + 'static,
    K: LimitKey + Send + 'static,
{
    fn extract(&self, head: &RequestHead<'_>) -> BoxFuture<'static, AsyncKey> {
        let found = self(head);
        Box::pin(async move {
            let key = found.await?;
            Some(Box::new(key) as Box<dyn LimitKey + Send>)
        })
    }
}
