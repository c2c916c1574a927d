//! Limits on how often, how much and how many at once, in front of any HTTP service: [`RateLimitLayer`]; the same
//! decisions for anything else: [`RateLimiter`].
//!
//! ```
//! use std::net::SocketAddr;
//!
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use tower::ServiceExt;
//! use tower_keep::{PeerAddr, RateLimitLayer, minutes, rate_limit::{Limit, Refusal}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limit = Limit::token_bucket(100).per(minutes(1)).burst(2).build()?;
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(RateLimitLayer::new(limit));
//!
//! // What the server does for each request of a connection.
//! let peer = PeerAddr(SocketAddr::from(([203, 0, 113, 9], 4711)));
//! let ask = || Request::get("/").extension(peer).body(Body::empty());
//!
//! let first = app.clone().oneshot(ask()?).await?;
//! assert_eq!(first.headers()["ratelimit-policy"], "\"default\";q=2;w=2");
//! assert_eq!(first.headers()["ratelimit"], "\"default\";r=1;t=1");
//!
//! app.clone().oneshot(ask()?).await?;
//! let third = app.oneshot(ask()?).await?;
//! assert_eq!(third.status(), 429);
//! assert_eq!(third.headers()["retry-after"], "1");
//! assert!(third.extensions().get::<Refusal>().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! With axum's own server the feature `axum` finds the peer in
//! `app.into_make_service_with_connect_info::<SocketAddr>()`; [`PeerAddr`](crate::PeerAddr) has the same for hyper. If
//! neither is there, all clients share one limit.
//!
//! # What it does
//!
//! - **Whom.** Each client by its address, IPv6 by the first 64 bits, unless [`key`](RateLimitLayer::key) says
//!   otherwise: [`ClientIp`](crate::ClientIp) behind trusted proxies, [`HeaderKey`], [`UserKey`], [`SessionKey`],
//!   [`PathKey`], [`MethodKey`], `RouteKey` with the feature `axum`, [`Everyone`], tuples of these, and any closure,
//!   [at once](from_fn) or [after a wait](RateLimitLayer::key_async). Fields that say where a request comes from are
//!   believed of nobody until a proxy is trusted by name.
//! - **Without a key**, a request shares one limit with all others that have none; [`WithoutKey`] has the other
//!   choices: refuse it with 400, or let it pass. It is never an error of the server.
//! - **How much.** One per request, or what [`cost`](RateLimitLayer::cost) says in advance. What is known only
//!   afterwards is settled then: [`cost_after`](RateLimitLayer::cost_after),
//!   [`cost_of_bytes_sent`](RateLimitLayer::cost_of_bytes_sent), [`count_only`](RateLimitLayer::count_only).
//! - **Several limits on one subject** ([`Limits::all`]) are decided in one step: a request is charged to all of them
//!   or to none. **Several subjects** ([`and`](RateLimitLayer::and)) are asked in order, and if one refuses, what those
//!   before it have charged is refunded. That is several steps: a request in between may be refused for what comes
//!   back a moment later. Between layers nothing is refunded, unless the outer one
//!   [is to](RateLimitLayer::refund_what_is_refused_inside).
//! - **A refusal** is a response with 429 (RFC 6585, section 4), `Retry-After` and `Cache-Control: no-store`, and has a
//!   [`Refusal`] in its extensions. The body is problem details in JSON (RFC 9457), another [`RefusalBody`], or
//!   [what a closure makes](RateLimitLayer::refuse_with). To gRPC it is the status `RESOURCE_EXHAUSTED`. It does not
//!   reach the inner service and changes no state. If nothing else is charged, it holds until exactly the moment that
//!   [`Refusal::retry_after`] says, and no longer.
//! - **Who leaves**: a request that is dropped while it waits for its key or its turn is refunded; one that has reached
//!   the inner service stays charged, but is no longer in flight.
//! - **Memory is bounded**: [`max_keys`](RateLimiter::max_keys), 100 000 if nothing is said, in 8 MiB with
//!   one limit, twice that while it grows ([`memory_bound`](RateLimiter::memory_bound)), sliding logs apart. New keys do not push
//!   out those that are being limited: if there is no room, they share a limit. What was forgotten, and who had to
//!   share, is [counted](Stats::forgotten). Nothing has to be swept.
//! - **Time** is monotonic: a wall clock that is set frees and blocks nobody. It only says where windows begin, once.
//! - Before it goes live, a layer can [look on](RateLimitLayer::shadow), and count what it would have refused.
//!
//! # Algorithms
//!
//! With N per window W. "At worst" is what is admitted in any time of length W, wherever it begins, if clients do
//! their worst; refunds and debts apart.
//!
//! | limit | remembers for each key | at worst | use it |
//! |---|---|---|---|
//! | [`fixed_window`](Limit::fixed_window) | a count | 2 N, around the border of two windows | for quotas by the calendar (UTC): "1 000 an hour, from the full hour on" |
//! | [`sliding_window`](Limit::sliding_window) | two counts | 2 N - 1, if all of the window before came at its end; about N under a steady load | for large N: N in W, nearly |
//! | [`sliding_log`](Limit::sliding_log) | the moment of each request, 16 bytes, N at most | N | for small N where that is a promise: failed logins |
//! | [`token_bucket`](Limit::token_bucket) that holds B | a moment | B + N | for most: bursts, and a rate in the long run |
//! | [`leaky_bucket`](Limit::leaky_bucket) that holds B | a moment | B + N | where one thinks of filling rather than of taking: it is the token bucket seen from the other side |
//! | [`leaky_queue`](Limit::leaky_queue) | a moment, and places given up | N, equally spaced, if each costs one | for what cannot take bursts: requests wait for their turn |
//! | [`concurrency`](Limit::concurrency) | a count | N at the same time, however many in a time | for what is long: downloads, streams |
//!
//! Only the sliding log keeps "never more than N in W". Turns of a leaky queue are no closer than its rate, for one key
//! of one limiter and requests of one cost; what else keeps a request waiting comes on top. The same 75 requests under limits of ten in
//! ten seconds:
//!
#![doc = include_str!("limits.svg")]
//!
//! The first burst lies on both sides of a window's border: the fixed window admits all of it. The sliding window is at
//! its worst when it has seen a burst at the end of a window, and another comes at the end of the next. The log is the
//! most exact and the least forgiving: the last burst, nine seconds after the one before it, finds nothing left.
//! `examples/plot_limits` draws it.
//!
//! For a whole service, whoever asks, [`ServiceLimitLayer`] counts with one number, without looking up a key. How much
//! a service can bear is what [`AdaptiveConcurrencyLayer`] finds out by itself.
//!
//! # Presets
//!
//! By address, each; as any layer they can be changed.
//!
//! | preset | limit | numbers |
//! |---|---|---|
//! | [`api`](RateLimitLayer::api) | sliding window | 100 a minute |
//! | [`auth`](RateLimitLayer::auth) | sliding log | 5 failures (4xx) in 15 minutes |
//! | [`upload`](RateLimitLayer::upload) | token bucket | 10 at once, 2 a second |
//! | [`search`](RateLimitLayer::search) | leaky bucket | 30 at once, 1 in 2 seconds |
//!
//! # Failed logins
//!
//! By address alone, many addresses together guess as often as they like; by account alone, one address tries all
//! accounts. So by both. The account is in the body: a layer further out reads it, bounds and folds it as the look-up
//! does, and puts it into the extensions (`examples/rate_limits` has all of that).
//!
//! ```
//! use std::sync::Arc;
//!
//! use tower_keep::{
//!     RateLimitLayer, minutes,
//!     rate_limit::{self, Limit, RequestHead, ResponseHead, Secret, WithoutKey},
//! };
//!
//! /// The name of the account, as it is looked up.
//! #[derive(Clone)]
//! struct Account(Arc<str>);
//!
//! fn account(head: &RequestHead<'_>) -> Option<Secret<String>> {
//!     let Account(name) = head.extensions().get()?;
//!     Some(Secret(name.to_string()))
//! }
//!
//! fn failed(response: &ResponseHead<'_>) -> bool {
//!     response.status() == 401
//! }
//!
//! # fn main() -> Result<(), rate_limit::InvalidLimit> {
//! let by_address = Limit::sliding_log(20).per(minutes(15)).name("address").build()?;
//! let by_account = Limit::sliding_log(10).per(minutes(15)).name("account").build()?;
//! let login = RateLimitLayer::new(by_address)
//!     .count_only(failed)
//!     .and(by_account)
//!     .key(rate_limit::from_fn(account))
//!     .without_key(WithoutKey::Refuse)
//!     .count_only(failed);
//! # let _ = login;
//! # Ok(())
//! # }
//! ```
//!
//! All attempts are charged before the call, or guesses made at the same time would all be admitted; those that do not
//! fail are refunded. Whoever knows an account's name can use up its attempts and keep the owner out: let the limit by
//! account be the wider one.
//!
//! # Plans
//!
//! ```
//! use tower_keep::{
//!     RateLimitLayer, hours, minutes, seconds,
//!     rate_limit::{HeaderKey, InvalidLimit, Limit, Limits, WithoutKey},
//! };
//! # fn pays(_: Option<&http::HeaderValue>) -> bool { true }
//!
//! # fn main() -> Result<(), InvalidLimit> {
//! let free = Limit::sliding_window(60).per(minutes(1)).name("free").build()?;
//! // Made once: counters are kept of these limits, not of ones like them.
//! let pro = Limits::all([
//!     Limit::token_bucket(50).per(seconds(1)).name("pro").build()?,
//!     Limit::sliding_window(100_000).per(hours(1)).name("pro-hourly").build()?,
//! ])?;
//! let layer = RateLimitLayer::new(free)
//!     .key(HeaderKey::api_key())
//!     .without_key(WithoutKey::Refuse)
//!     .plan(move |head| pays(head.headers().get("x-api-key")).then(|| pro.clone()));
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! A key whose plan changes keeps what it has used, also when it comes back to one that it has had before.
//!
//! # Without HTTP
//!
//! ```
//! use tower_keep::{RateLimiter, minutes, seconds, rate_limit::Limit};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A partner's service takes two requests a second; jobs wait for their turn, up to a hundred.
//! let partner = RateLimiter::new(Limit::leaky_queue(2).per(seconds(1)).waiting(100).build()?);
//! partner.acquire("partner.example").await?;
//!
//! // An export costs what it has come to.
//! let exports = RateLimiter::new(Limit::token_bucket(10_000).per(minutes(1)).name("rows").build()?);
//! let export = exports.check_cost("ada", 1)?;
//! let rows = 4_000;
//! export.settle(rows);
//! assert!(exports.peek("ada").iter().all(|limit| limit.remaining < 6_100));
//!
//! // A handle decides elsewhere too.
//! exports.block("mallory", minutes(10));
//! assert!(exports.check("mallory").is_err());
//! exports.reset("mallory");
//! # Ok(())
//! # }
//! ```
//!
//! A layer hands out its own with [`limiter`](RateLimitLayer::limiter) and [`limiters`](RateLimitLayer::limiters).
//!
//! # Fields
//!
//! Of responses that are admitted and of refusals. A response cache of this crate does not store them.
//!
//! | [`RateLimitHeaders`] | fields |
//! |---|---|
//! | [`Draft11`](RateLimitHeaders::Draft11), the default | `RateLimit-Policy: "default";q=100;w=60` and `RateLimit: "default";r=50;t=30` (draft-ietf-httpapi-ratelimit-headers-11), of all limits: what can be had at once, the seconds in which that comes back; what remains, the seconds until all is back |
//! | [`XRateLimit`](RateLimitHeaders::XRateLimit) | `X-RateLimit-Limit`, `-Remaining` and `-Reset`, of the limit of which the least remains, `-Reset` in the unit that is said |
//! | [`None`](RateLimitHeaders::None) | none; also the fastest |
//!
//! A refusal has `Retry-After` in any case, in whole seconds, rounded up, at least 1; unless the request can never pass.
//!
//! # Statistics
//!
//! [`RateLimiter::stats`]: admitted, delayed, blocked, refused and shadowed by limit, and the keys that are refused
//! most. What was decided under a plan's limits is in [`Limits::stats`]. With the feature `metrics` the counter
//! `tower_keep_rate_limit_requests_total` has them too, by `outcome` (`admitted`, `delayed`, `blocked`, `without-key`,
//! `forgotten`, `overflowed`, `refused`, `shadowed`) and `limit`.
//!
//! # Where to put it
//!
//! - Outside of a response cache, hits count as well; inside, only what is forwarded does, and the fields reach the
//!   client whose request that was.
//! - Inside of whatever knows the key: a session or an authentication for [`UserKey`] and [`SessionKey`], axum's router
//!   (`route_layer`) for `RouteKey`.
//! - Outside of what is expensive: an authentication that asks a database is worth a limit by address in front.
//! - Routes share a limit if clones of one layer, or layers of one [`RateLimiter`], are around them.
//! - It is ready when the inner service is, so a service that makes others wait for its readiness also delays refusals.
//!
//! # Caveats
//!
//! - Each process counts for itself: behind a balancer, each of n instances admits what the limit says, and all are
//!   back in full after a restart.
//! - A refund gives a bucket its tokens back when it comes: what was charged and not refunded stays within the limit in
//!   the long run, but more may pass in one window than the table says.
//! - A cost that is settled afterwards may exceed the limit; later requests wait until the debt is paid off.
//! - Whoever chooses keys freely (made-up API keys, paths) has a limit for each: check the key further out, or limit by
//!   the address as well.
//! - `X-Forwarded-For` is what the client says, up to the first proxy that is [trusted](crate::ClientIp::trust). One
//!   that is not trusted is itself the client, and all behind it share its limit.
//! - A handle that is given an IPv6 address means that address; requests are limited by its network. Ask
//!   [`ClientIp::of`](crate::ClientIp::of) for what they are limited by.
//! - Many people may share an address (mobile networks, offices), and one person may have many.
//! - Keys are told apart by 64 bits under a random seed: two of a million keys share their limits in one process of some
//!   thirty million.

pub mod adaptive;
mod admission;
mod algorithm;
mod core;
mod decision;
mod grants;
mod held;
mod layer;
mod limit;
mod limiter;
mod presets;
mod refuse;
mod service;
mod settings;
mod stats;
mod subject;
mod table;
mod time;
pub mod whole;
mod wire;

pub use self::{
    adaptive::AdaptiveConcurrencyLayer,
    admission::Admission,
    decision::{Reason, Refusal, Standing, Standings},
    layer::RateLimitLayer,
    limit::{
        Concurrency, InvalidLimit, LeakyBucket, LeakyQueue, Limit, LimitBuilder, Limits,
        TokenBucket, Window,
    },
    limiter::RateLimiter,
    service::{RateLimit, ResponseFuture},
    stats::{LimitStats, Stats, TopKey},
    subject::WithoutKey,
    whole::ServiceLimitLayer,
    wire::{
        fields::{RateLimitHeaders, ResetUnit},
        refusal::RefusalBody,
    },
};
#[cfg(feature = "axum")]
pub use crate::request_key::RouteKey;
pub use crate::{
    head::{RequestHead, ResponseHead},
    request_key::{
        Everyone, FromFn, HeaderKey, HostKey, KeyExtractor, KeyWriter, LimitKey, MethodKey,
        MissingKey, PathKey, Secret, SessionKey, UserKey, from_fn,
    },
    wire::body::ResponseBody,
};
