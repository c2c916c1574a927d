//! Circuit breaking: a service that fails is left alone for a while, and its callers get an answer at once.
//!
//! Calls to a service that is down cost their callers a timeout each, and keep it from getting up again. A
//! [`CircuitBreakerLayer`] looks at how calls end. When too many of the last ones have failed, or took too long, the
//! circuit opens: requests are answered with 503 without reaching the service. After a wait some are let through as
//! probes, and decide whether it closes. [`Breaker`] does the same for calls of any kind.
//!
//! ```
//! use axum::{Router, body::Body, http::{Request, StatusCode}, routing::get};
//! use tower::ServiceExt;
//! use tower_keep::{circuit_breaker::{BreakerSettings, CircuitBreakerLayer, CircuitOpen}, seconds};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = BreakerSettings::new().last_calls(20).minimum_calls(4).wait(seconds(10));
//! let circuit = CircuitBreakerLayer::with(settings)?;
//! let app: Router = Router::new()
//!     .route("/", get(|| async { StatusCode::BAD_GATEWAY }))
//!     .layer(circuit.clone());
//! let ask = || app.clone().oneshot(Request::new(Body::empty()));
//!
//! for _ in 0..4 {
//!     assert_eq!(ask().await?.status(), 502);
//! }
//! let refused = ask().await?;
//! assert_eq!(refused.status(), 503);
//! assert_eq!(refused.headers()["retry-after"], "10");
//! assert!(refused.extensions().get::<CircuitOpen>().is_some());
//! assert_eq!(circuit.stats().totals.refused, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # States
//!
//! | [`BreakerState`] | calls | becomes another one |
//! |---|---|---|
//! | `Closed` | pass and are counted | open, when a rate is reached and the window has the minimum of calls |
//! | `Open` | are refused | half-open, with the first call after the wait |
//! | `HalfOpen` | some pass, as probes; the others are refused | when all probes have ended: open if a rate is reached, else closed |
//! | `ForcedOpen` | are refused | by hand: [`force_open`](Breaker::force_open) |
//! | `ForcedClosed` | pass and are counted | by hand: [`force_closed`](Breaker::force_closed) |
//! | `Disabled` | pass and are not counted | by hand: [`disable`](Breaker::disable) |
//!
//! [`Breaker::reset`] closes it, whatever it is. Each state begins with nothing counted, and what was let through in an
//! earlier one does not count when it ends. A probe that is cancelled gives its place to another call; probes that have
//! not ended when the wait has passed once more are given up, and others are let through.
//!
//! # Defaults
//!
//! | setting | default | |
//! |---|---|---|
//! | window | the last 100 calls | [`last_calls`](BreakerSettings::last_calls), or of a [time](BreakerSettings::last) |
//! | minimum | 20 calls | [`minimum_calls`](BreakerSettings::minimum_calls) |
//! | rate of failures | 50 % | [`failure_rate`](BreakerSettings::failure_rate) |
//! | rate of slow calls | none is slow | [`slow_calls`](BreakerSettings::slow_calls) |
//! | wait | 30 seconds | [`wait`](BreakerSettings::wait) |
//! | probes | 3 | [`probes`](BreakerSettings::probes) |
//! | failures | errors, 5xx, and what gRPC says of the same kind | [`judge`](CircuitBreakerLayer::judge), [`Verdict::of`] |
//! | key | one circuit for all | [`key`](CircuitBreakerLayer::key), 1 000 at most ([`max_keys`](CircuitBreakerLayer::max_keys)) |
//!
//! An outcome is that of the head. A request whose future is dropped has none, and neither has one that panics.
//!
//! # Keys
//!
//! A client of many hosts wants a circuit for each ([`HostKey`]), a router one for each route (`RouteKey`, feature
//! `axum`, as `route_layer`), or whatever [a closure](from_fn) says. Few things fail separately: a key of the whole path
//! or of the caller has too few calls in each window. Newcomers beyond `max_keys` take the places of circuits that are
//! closed and were not used lately. One that is not closed keeps its place; if a newcomer finds none, its requests share
//! the circuit of those without a key.
//!
//! # Refusals
//!
//! 503 with `Retry-After`, `Cache-Control: no-store` and a problem in JSON (RFC 9457); to gRPC, `UNAVAILABLE` with
//! `grpc-retry-pushback-ms`. The reason is in the response's extensions, as [`CircuitOpen`]. A fallback further out can
//! answer instead.
//!
//! # Seeing and forcing
//!
//! [`CircuitBreakerLayer::breaker`], [`breaker_of`](CircuitBreakerLayer::breaker_of) and
//! [`breakers`](CircuitBreakerLayer::breakers) are handles, [`stats`](CircuitBreakerLayer::stats) the sums of all.
//! [`on_transition`](BreakerSettings::on_transition) tells of changes, which `tracing` has too: a warning when a circuit
//! opens. With the feature `metrics` there are `tower_keep_circuit_breaker_requests_total`, by `outcome` (`success`,
//! `failure`, `uncounted`, `refused`), and `tower_keep_circuit_breaker_transitions_total`, by `to`; both by `circuit`, the
//! layer's [name](CircuitBreakerLayer::name).
//!
//! # Where to put it
//!
//! - **Outside of a timeout**, always: a call that a timeout further out drops has no outcome, and a service that hangs
//!   would never open its circuit.
//! - **Inside of retries**, mostly: each attempt counts and is asked for, so a circuit that opens ends the attempts of
//!   all requests, and those that wait find it closed again or are refused. Outside of retries, a request is one call
//!   however many attempts it takes: the circuit sees what callers see, opens later, and while it is open nobody
//!   retries.
//! - **Inside of a response cache**: what is stored is served though the circuit is open, stale responses too where that
//!   is allowed.
//! - **Inside of a fallback**, which answers refusals and failures alike.
//! - A limit further in answers 429, which is no failure; a 503 of one further in is.
//!
//! # Readiness
//!
//! It is ready when the inner service is, and calls the one that was. While the circuit of the whole service is open it is
//! ready at once, and does not bother the inner one. An inner service that fails to become ready is a failure of the whole
//! service's circuit; with keys, of that of requests without one, as no key is known yet.

mod core;
mod future;
mod layer;
mod outcome;
mod refusal;
mod service;
mod stats;
mod table;

pub use self::{
    future::ResponseFuture, layer::CircuitBreakerLayer, outcome::Verdict, service::CircuitBreaker,
    stats::CircuitStats,
};
#[cfg(feature = "axum")]
pub use crate::request_key::RouteKey;
pub use crate::{
    breaker::{
        Breaker, BreakerSettings, BreakerState, BreakerStatus, CallError, CircuitOpen,
        InvalidSetting, Permit, Totals, Transition,
    },
    head::{Outcome, RequestHead, ResponseHead},
    request_key::{
        Everyone, FromFn, HeaderKey, HostKey, KeyExtractor, KeyWriter, LimitKey, MethodKey,
        MissingKey, PathKey, Secret, SessionKey, UserKey, from_fn,
    },
    wire::body::ResponseBody,
};
