//! Retries for HTTP, safe by default: [`RetryLayer`], around clients and around services that call others.
//!
//! ```
//! use std::{io, sync::atomic::{AtomicUsize, Ordering}};
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{Empty, Full};
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_keep::retry::{ReplayBody, RetryLayer, RetryOutcome};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! static CALLS: AtomicUsize = AtomicUsize::new(0);
//! // In the place of a client: its first connection breaks.
//! let client = service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| async {
//!     match CALLS.fetch_add(1, Ordering::Relaxed) {
//!         0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
//!         _ => Ok(Response::new(Full::new(Bytes::from("hello")))),
//!     }
//! });
//!
//! let client = RetryLayer::new().layer(client);
//! let response = client.oneshot(Request::get("/").body(Empty::new())?).await?;
//! let outcome = response.extensions().get::<RetryOutcome>().unwrap();
//! assert_eq!(outcome.attempts(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # What is retried
//!
//! - **Statuses** 408, 429, 502, 503 and 504, and **errors** that pass by themselves, told by their types through the
//!   whole chain of sources ([`Failure::of`]). Not 500, which says nothing of another attempt, and not 501. A
//!   [classifier](RetryLayer::classify) of your own takes the place of that. Services with boxed errors take
//!   [`RetryLayer::boxed_errors`].
//! - **Idempotent methods** only (RFC 9110, section 9.2.2): a POST may have been processed although its answer is lost.
//!   A request can say otherwise by its [`RetryPolicy`], a layer by a [rule](RetryLayer::idempotent). What has certainly
//!   not been processed, as the connection was refused, is retried whatever the method. A client of `hyper-util` sends
//!   what was cancelled before it was sent once more by itself.
//! - **Bodies** are kept while the first attempt streams them, up to [64 KiB](RetryLayer::max_replay), with their
//!   trailers. A longer one streams on, and the request is not retried any more. Neither is one that was answered before
//!   its body was read.
//! - **At most three times**, after waits with full jitter ([`Backoff`]), and within a [`RetryBudget`] that all clones
//!   of the layer share: a fifth of the requests, and ten a second. Where all fails, that is what the origin sees on top,
//!   and not four times the load.
//! - **`Retry-After`** is kept to, up to [ten seconds](RetryLayer::max_retry_after); beyond that, or past the
//!   [deadline](RetryLayer::deadline), the response is returned at once.
//! - **gRPC** by its status, in the head or in trailers that come first, and `grpc-retry-pushback-ms` (proposal A6). Its
//!   calls are POSTs: they have to say that they may be repeated.
//!
//! # Hedging
//!
//! A few answers take much longer than most, for reasons that have nothing to do with the request. With
//! [`hedge`](RetryLayer::hedge), which is off by default, a second attempt is made when the first one has had no head
//! of a response for a time, such as what 95 % of the answers take: the first head to come wins, and the other attempt
//! is dropped. That is what Dean and Barroso call hedged requests ("The Tail at Scale", CACM 56(2), 2013).
//!
//! - Of safe methods only (GET, HEAD, OPTIONS and TRACE; RFC 9110, section 9.2.1), as both attempts may be processed.
//!   A [`RetryPolicy`] can tell another time or forbid it, and not allow it to other methods.
//! - Without a body, or when the first attempt has read all of it and it was kept.
//! - One at most, beside the first attempt; retries are made one at a time.
//! - A second attempt is **a retry in every count**: it takes one of the [retries](RetryLayer::retries) and one from the
//!   budget, has a number, and the backoff goes on behind it. Without the budget's leave there is none.
//! - Nobody waits for the service: if it is not ready there is none.
//! - What has failed, by an error or with what would be retried, does not win as long as the other one goes on. If both
//!   fail, the later one decides how it goes on, also by its `Retry-After` or pushback; but an answer does before an
//!   error. The timeout of an attempt holds for each of them, from its own beginning.
//!
//! The answers are those of all requests of safe methods that go through the clones of a layer. Where some take a
//! millisecond and others a second, give each kind a layer of its own, with a common [budget](RetryLayer::budget).
//!
//! # Readiness
//!
//! A retry that is due finds the service ready, or the earlier answer is returned rather than anybody made to wait. An
//! error of readiness is a failed attempt. The first attempt is made by the service that was readied, the others by
//! that as well.
//!
//! Who wants nothing but tower's own layer takes these rules there, with the feature `tower`: `TowerPolicy`, whose
//! documentation says what it cannot do.
//!
//! # What it tells
//!
//! A response that took more than one attempt has a [`RetryOutcome`] in its extensions; [`RetryLayer::stats`] counts
//! retries by reason, what was given up and why, and what a retry has saved, and so does the feature `metrics`
//! (`tower_keep_retries_total`, `tower_keep_retries_given_up_total`, `tower_keep_retries_succeeded_total`, `tower_keep_hedges_total`). An answer
//! that did not come in time is a 504 with [`TimedOut`] in its extensions.
//!
//! # Where to put it
//!
//! Around the client: inside of a response cache, which then fetches more surely, and outside of whatever sees single
//! attempts, such as a limit on what is sent to one origin. One layer of it, near the origin: two multiply.
//!
//! A channel of `tonic` and a client of `reqwest` take only bodies of their own: the module `adapter`, with the features
//! of these names, has a layer to put between.

mod answer;
mod attempt;
mod body;
mod budget;
mod classifier;
mod core;
mod flow;
mod general;
mod grpc;
mod hedge;
mod judge;
mod layer;
mod outcome;
mod policy;
mod service;
mod slot;
mod stats;
#[cfg(feature = "tower")]
mod tower_policy;

#[cfg(feature = "tower")]
pub use self::tower_policy::TowerPolicy;
pub use self::{
    answer::RetryBody,
    body::ReplayBody,
    budget::{BudgetCounts, InvalidBudget, RetryBudget},
    classifier::{Attempt, Classify, Transient, TransientBoxed},
    general::{Attempts, retry},
    hedge::{Hedge, InvalidHedge},
    judge::{Reason, Verdict},
    layer::RetryLayer,
    outcome::{RetryOutcome, TimedOut},
    policy::RetryPolicy,
    service::{ResponseFuture, Retry},
    stats::Stats,
};
pub use crate::{
    backoff::{Backoff, Jitter},
    classify::{AttemptTimeout, Failure, GaveUp, RetryError},
    head::ResponseHead,
};
