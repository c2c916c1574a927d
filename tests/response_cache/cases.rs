//! What tables of cases have in common.

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use http::StatusCode;
use tower_keep::response_cache::ResponseCacheLayer;

use super::support::{Cache, Origin, respond};

/// Header fields, or those of a request with the pseudo-field `:uri`.
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

/// One hour in seconds.
pub(crate) const HOUR: i64 = 3600;

/// An origin that always answers so, with a body that counts: "1", "2", ...
pub(crate) fn answering(status: u16, fields: Fields<'_>) -> Origin {
    let status = StatusCode::from_u16(status).expect("a status");
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let count = std::sync::atomic::AtomicUsize::new(0);
    Origin::new(move |_| {
        let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        respond(status, &fields, &count.to_string())
    })
}

/// A cache around an origin that always answers 200 with these fields.
pub(crate) fn caching(fields: Fields<'_>) -> Cache {
    Cache::new(answering(200, fields))
}

/// Whether a second GET, at once, is answered without the origin.
pub(crate) async fn is_reused(status: u16, fields: Fields<'_>) -> bool {
    is_reused_with(status, fields, |layer| layer).await
}

/// The same with settings.
pub(crate) async fn is_reused_with(
    status: u16,
    fields: Fields<'_>,
    set: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
) -> bool {
    let cache = Cache::with(answering(status, fields), set);
    asked_twice(&cache, &[], &[]).await == 1
}

/// Sends two GETs and says how many of them the origin saw.
pub(crate) async fn asked_twice(cache: &Cache, first: Fields<'_>, second: Fields<'_>) -> usize {
    let before = cache.origin.calls();
    cache.get(first).await;
    cache.get(second).await;
    cache.origin.calls() - before
}

/// For how many seconds a GET is answered without the origin, as one of these numbers: the first, in
/// rising order, at which the origin is asked. `None` if it never is.
pub(crate) async fn asks_again_at(cache: &Cache, seconds: &[u64]) -> Option<u64> {
    cache.get(&[]).await;
    let calls = cache.origin.calls();
    let mut now = 0;
    for &second in seconds {
        cache.advance(second - now);
        now = second;
        cache.get(&[]).await;
        if cache.origin.calls() > calls {
            return Some(second);
        }
    }
    None
}

/// The date so many seconds after the start of the clock, 2026-01-01T00:00:00Z.
pub(crate) fn date(seconds: i64) -> String {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let distance = Duration::from_secs(seconds.unsigned_abs());
    httpdate::fmt_http_date(if seconds < 0 {
        start - distance
    } else {
        start + distance
    })
}

/// What a future answers without waiting.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it does not wait for more")
}
