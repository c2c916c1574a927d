//! A shared HTTP cache (RFC 9111) around any service: [`ResponseCacheLayer`].
//!
//! # What it does
//!
//! - It stores what may be stored and serves what may be served, as RFC 9111 says: `Cache-Control` with all
//!   its directives, `Expires`, `Age`, `Vary`, `Authorization`, heuristic freshness, invalidation by unsafe
//!   methods; targeted fields (RFC 9213), `immutable` (RFC 8246), `Cache-Status` (RFC 9211).
//! - It validates what became stale (`If-None-Match`, `If-Modified-Since`) and answers the same conditions of
//!   clients from store, as it does with `Range`.
//! - It streams: a miss reaches the client while it is recorded, and what cannot be stored (an event stream, a
//!   large download) passes without being collected. What was cut short is never stored.
//! - It asks once. Requests that come while the same is being fetched wait for it and read its body while it
//!   arrives, whoever of them leaves meanwhile; the rules for every end of the one that goes ahead are with
//!   [`Collapsing`].
//! - It does not leak. Responses that set cookies are refused, default lifetimes never apply to requests with
//!   credentials, and whoever knows that a response is personal says so with [`Personal`](crate::Personal),
//!   inside or outside of the cache.
//! - It serves stale responses where that is allowed (RFC 5861): at once, while they are validated in the
//!   [background](Background), and in place of an error.
//! - It says why: each decision names the [`Rule`] that it rests on, in the [`Stats`], in the log (`tracing`,
//!   level debug), in `Cache-Status` where `hit` or `fwd` do not say it already, and, if
//!   [asked for](ResponseCacheLayer::outcome), in an [`Outcome`].
//!
//! # Example
//!
//! ```
//! use std::convert::Infallible;
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Empty, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_keep::ResponseCacheLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let origin = service_fn(|_: Request<_>| async {
//!     let response = Response::builder().header("cache-control", "max-age=60");
//!     Ok::<_, Infallible>(response.body(Full::new(Bytes::from("hello"))).expect("a valid response"))
//! });
//! let cached = ResponseCacheLayer::new().layer(origin);
//!
//! let get = || Request::get("http://example.test/").body(Empty::<Bytes>::new());
//! let miss = cached.clone().oneshot(get()?).await?;
//! assert_eq!(miss.headers()["cache-status"], "tower-keep; fwd=uri-miss; fwd-status=200; ttl=60; stored");
//! miss.into_body().collect().await.map_err(|error| error.to_string())?;
//!
//! let hit = cached.oneshot(get()?).await?;
//! assert_eq!(hit.headers()["cache-status"], "tower-keep; hit; ttl=60");
//! assert_eq!(hit.headers()["age"], "0");
//! # Ok(())
//! # }
//! ```
//!
//! # Why
//!
//! [`explain`](ResponseCacheLayer::explain) says what would become of a request, and
//! [`explain_response`](ResponseCacheLayer::explain_response) of a response: the verdict, the rules that it rests
//! on with the sections where they are written, for how long it holds, and what to change. Both ask what the
//! cache itself asks, and change nothing.
//!
//! Why is my response not stored?
//!
//! ```
//! # use bytes::Bytes;
//! # use http_body_util::{Empty, Full};
//! use http::{Request, Response};
//! use tower_keep::ResponseCacheLayer;
//!
//! # fn main() -> Result<(), http::Error> {
//! let request = Request::get("http://example.test/").header("cookie", "id=1");
//! let request = request.body(Empty::<Bytes>::new())?;
//! let response = Response::builder().header("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT");
//! let response = response.body(Full::new(Bytes::from("hello")))?;
//!
//! let why = ResponseCacheLayer::new().explain_response(&request, &response).to_string();
//! assert!(why.starts_with(
//!     "not stored: cookie (setting). The request has a cookie that is not part of the key, and only a default \
//!      made the response fresh.\n\
//!      also heuristic (RFC 9111 4.2.2). A share of the time since Last-Modified gave the lifetime.\n\
//!      to change cookie: Let the response say how long it is fresh, with `max-age`."
//! ));
//! # Ok(())
//! # }
//! ```
//!
//! Why was this no hit?
//!
//! ```
//! # use std::convert::Infallible;
//! # use bytes::Bytes;
//! # use http::Response;
//! # use http_body_util::{BodyExt, Empty, Full};
//! # use tower::{Layer, ServiceExt, service_fn};
//! use http::Request;
//! use tower_keep::{ResponseCacheLayer, response_cache::{Rule, Verdict}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let origin = service_fn(|_: Request<_>| async {
//! #     let response = Response::builder().header("cache-control", "max-age=60").header("vary", "accept");
//! #     Ok::<_, Infallible>(response.body(Full::new(Bytes::from("hello"))).expect("a valid response"))
//! # });
//! let layer = ResponseCacheLayer::new();
//! let get = |accept| Request::get("http://example.test/").header("accept", accept).body(Empty::<Bytes>::new());
//! # let response = layer.layer(origin).oneshot(get("text/html")?).await?;
//! # response.into_body().collect().await.map_err(|error| error.to_string())?;
//! // The response to the first varies on Accept.
//! assert_eq!(layer.explain(get("text/html")?).await?.verdict, Verdict::Serve);
//! let why = layer.explain(get("text/plain")?).await?;
//! assert_eq!(why.reason, Rule::VaryMismatch);
//! assert!(why.to_string().contains("to change vary-mismatch: Let Vary name fewer fields"));
//! # Ok(())
//! # }
//! ```
//!
//! # Settings, three ways
//!
//! The nearest wins:
//!
//! 1. What the response itself says: the handler's [`CachePolicy`] first, then its fields.
//! 2. What the route says: a clone of the layer around it, which shares the store and the counters, or, where no
//!    layer can be put around a route, a rule for its [`path`](ResponseCacheLayer::path).
//! 3. What the layer says.
//!
//! Nothing nearer loosens what forbids to store a response (`no-store`, `private`) or to serve it stale
//! (`must-revalidate`, `proxy-revalidate`, `no-cache`, `s-maxage`). What a response depends on adds up: the key,
//! its Vary, and the names in its policy.
//!
//! ```
//! use tower_keep::{
//!     ResponseCacheLayer, hours, minutes, seconds,
//!     response_cache::{CacheKey, SetCookie},
//!     store::MemoryStore,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::builder().capacity(256 << 20).max_entry(8 << 20).build()?;
//! let api = ResponseCacheLayer::with_store(store)
//!     .default_ttl(seconds(30))
//!     .default_ttl_for(http::StatusCode::NOT_FOUND, seconds(5));
//! let pages = api
//!     .clone()
//!     .default_ttl(minutes(10))
//!     .keep(hours(6))
//!     .set_cookie(SetCookie::Strip)
//!     .key(CacheKey::new().ignore_parameters(["utm_*"]));
//! let proxy = api
//!     .clone()
//!     .path("/feeds/{*name}", |route| route.default_ttl(minutes(2)))?;
//! # let _ = (api, pages, proxy);
//! # Ok(())
//! # }
//! ```
//!
//! Before it goes live, a cache can [look on](ResponseCacheLayer::shadow): it answers nobody and counts what it
//! would have answered.
//!
//! # Invalidation
//!
//! What is stored stops being used before its time in three ways:
//!
//! - By itself: an unsafe request (`PUT`, `POST`, ...) that succeeds, or whose outcome nobody knows, invalidates its
//!   own URI and those that the response names in Location and Content-Location (RFC 9111 4.4), and the cache groups
//!   in `Cache-Group-Invalidation` (RFC 9875).
//! - By whoever knows of the change: a [`Purger`] invalidates URLs, paths, patterns, cache groups, and tags, which
//!   responses are given in [`CachePolicy::tags`], `Cache-Tag` or `Surrogate-Key`.
//! - By rules: an [`InvalidateLayer`] says for methods and routes what else their requests change, so that handlers
//!   need no cache code.
//!
//! A hard invalidation removes. A soft one ([`Purge::soft`]) makes stale: what is stored is validated at its next use,
//! and may answer meanwhile where stale responses may (RFC 5861).
//!
//! When the call returns, or the head of the response that changed something leaves, it has taken effect: nothing
//! that was asked for before is served as fresh to who comes after it, not even what was still on its way. How long
//! it takes does not depend on how much is stored. The memory of what was removed by its URL is freed at once, that of
//! the rest within a second or so, outside of a tokio runtime at once too.
//!
//! ```
//! use http::Method;
//! use tower_keep::{
//!     CachePolicy, ResponseCacheLayer, hours,
//!     response_cache::{InvalidateLayer, InvalidateRule, Purge},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What the handler of a page says of its response:
//! let policy = CachePolicy::new().ttl(hours(24)).tags(["product:7", "products"]);
//!
//! // What a webhook or another task does:
//! let cache = ResponseCacheLayer::new();
//! let purger = cache.purger();
//! purger.tag("product:7");
//! purger.purge(&Purge::new().prefix("/products/").tag("prices").soft());
//!
//! // What a PUT changes, beside the page that it is sent to:
//! let rule = InvalidateRule::on([Method::PUT], "/products/{id}").tag("product:{id}").path("/products");
//! let invalidate = InvalidateLayer::new(purger).rule(rule)?;
//! # let _ = (policy, invalidate);
//! # Ok(())
//! # }
//! ```
//!
//! Why a request found nothing to use is in [`Stats::misses`] and in `Cache-Status`; tags that nothing carried when
//! they were purged, misspelt ones perhaps, in [`Stats::unmet_tags`].
//!
//! # Metrics
//!
//! With the feature `metrics` what is in the [`Stats`] goes to the recorder of the `metrics` crate too, summed over
//! all caches of the process. Install the recorder before the first request: each counter keeps what it finds when it
//! first counts.
//!
//! | counter | labels | [`Stats`] |
//! |---|---|---|
//! | `tower_keep_response_cache_requests_total` | `outcome` (`hit`, `forwarded`), `reason` | [`hits`](Stats::hits), [`forwarded`](Stats::forwarded) |
//! | `tower_keep_response_cache_not_stored_total` | `reason` | [`not_stored`](Stats::not_stored) |
//! | `tower_keep_response_cache_stored_total` | | [`stored`](Stats::stored) |
//! | `tower_keep_response_cache_refused_total` | | [`refused`](Stats::refused) |
//! | `tower_keep_response_cache_store_errors_total` | | [`store_errors`](Stats::store_errors) |
//! | `tower_keep_response_cache_validated_total` | | [`validated`](Stats::validated) |
//! | `tower_keep_response_cache_invalidated_total` | | [`invalidated`](Stats::invalidated) |
//! | `tower_keep_response_cache_unmet_tags_total` | | [`unmet_tags`](Stats::unmet_tags) |
//! | `tower_keep_response_cache_refreshed_total` | | [`refreshed`](Stats::refreshed) |
//! | `tower_keep_response_cache_collapsed_total` | | [`collapsed`](Stats::collapsed) |
//! | `tower_keep_response_cache_not_collapsed_total` | `reason` | [`not_collapsed`](Stats::not_collapsed) |
//! | `tower_keep_response_cache_shadowed_total` | `reason` | [`shadowed`](Stats::shadowed) |
//! | `tower_keep_response_cache_shadow_differed_total` | | [`shadow_differed`](Stats::shadow_differed) |
//!
//! Each `reason` is the [name of a rule](Rule::name).
//!
//! # Where to put it
//!
//! Around anything that is a `Service<Request<..>> + Clone`: an axum router or route, a bare hyper service, a
//! tonic server (whose gRPC calls are POSTs, and pass), or an HTTP client
//! ([`private`](ResponseCacheLayer::private) where it acts for one user). The inner service gets a
//! [`RequestBody`]; the response has a [`ResponseBody`].
//!
//! - The inner service takes a `Request<RequestBody<..>>`: write `|request: Request<_>|` in closures, and put
//!   axum's `middleware::from_fn`, which insists on its own body, into a `Router::layer` of its own, further out.
//! - A compression layer may stand on either side. Inside, each coding is stored (it adds Vary); outside, one
//!   response is stored and compressed for each client anew.
//! - A layer that authenticates may stand on either side too. Outside, it decides who gets to the cache at all;
//!   inside, only misses reach it, so use it there only for what it says with `Cache-Control` or `Personal`.
//! - Response extensions do not survive in the store: a hit has the fields, the body and the trailers.
//! - A layer that limits rates belongs outside if hits count too, and inside if only what is forwarded does. There,
//!   its fields (`RateLimit`, `X-RateLimit-Remaining`, ...) reach the client whose request was forwarded and are not
//!   stored: a quota is nobody else's.
//! - The cache is always ready. It calls the inner service only when it has to, and awaits its readiness then.
//!
//! # Caveats
//!
//! - A key without all that the response depends on mixes responses up. By default it is authority, path and
//!   query, plus what the response names in `Vary`; see [`CacheKey`].
//! - Rules for paths see paths as clients write them: see [`path`](ResponseCacheLayer::path).
//! - An invalidation reaches all layers that share the store, in one process: another process has another store.
//! - A client that leaves ends the recording of the response that it was reading, unless others read it too.
//! - A request may wait for another one, and for one that hangs as long as [`Collapsing::leader_time`] says. Time
//!   limits need tokio's timers: outside of a runtime there are none.
//! - Without the feature `axum`, a layer inside of axum's `nest` sees paths without their prefix: two nested
//!   routers that share a store would answer for each other.
//! - An entry is 2 MiB at most by default; set [`max_entry`](crate::store::MemoryStoreBuilder::max_entry) of the
//!   store for more.
//! - Outside of a tokio runtime there are no refreshes in the background: what is stale is validated before it
//!   is served. What a remote store leaves to the background is dropped.

mod answer;
mod background;
mod cache_policy;
mod collapsing;
mod core;
mod explain;
mod fetch;
mod flow;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod inspect;
mod layer;
mod paths;
mod policy;
mod purge;
mod request;
mod service;
mod settings;
mod shadow;
mod stats;
mod stored;

pub use self::{
    answer::{body::ResponseBody, body_error::BodyError, refusal::Refusal, report::Outcome},
    background::Background,
    cache_policy::CachePolicy,
    collapsing::Collapsing,
    explain::{Explanation, Freshness, Verdict},
    inspect::Inspection,
    layer::ResponseCacheLayer,
    paths::InvalidPath,
    policy::{Rule, SetCookie, Trail},
    purge::{
        InvalidRule, Invalidate, InvalidateFuture, InvalidateLayer, InvalidateRule,
        InvalidateStats, Missed, Named, Purge, Purged, Purger, Purges, Receipt,
    },
    request::{body::RequestBody, cache_key::CacheKey},
    service::{ResponseCache, ResponseFuture},
    stats::Stats,
    stored::{entity_tag::EntityTags, entry::CachedResponse},
};
pub use crate::header::cache_status::InvalidName;
