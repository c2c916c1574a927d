//! Sessions: what an application remembers of its visitors between requests, and who of them has logged in.
//!
//! [`SessionLayer`] gives every request a [`Session`]. It costs next to nothing until a handler looks at it, and a
//! visitor gets a cookie only when something is written for them.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::{get, post}};
//! use tower_keep::{SessionLayer, session::{RequireSession, Session, SessionError}};
//!
//! async fn visits(session: Session) -> Result<String, SessionError> {
//!     session.update("visits", |visits: &mut u32| *visits += 1).await?;
//!     let visits: Option<u32> = session.get("visits").await?;
//!     Ok(format!("visit {}", visits.unwrap_or_default()))
//! }
//!
//! async fn login(session: Session) -> Result<&'static str, SessionError> {
//!     // ... once it is proven who comes:
//!     session.login("u1").await?;
//!     Ok("welcome")
//! }
//!
//! async fn logout(session: Session) -> Result<&'static str, SessionError> {
//!     session.destroy().await?;
//!     Ok("good bye")
//! }
//!
//! let app: Router = Router::new()
//!     .route("/account", get(|| async { "yours alone" }))
//!     .route_layer(RequireSession::logged_in())
//!     .route("/", get(visits))
//!     .route("/login", post(login))
//!     .route("/logout", post(logout))
//!     .layer(SessionLayer::new());
//! # let _ = app;
//! # }
//! ```
//!
//! # What holds
//!
//! - **Nobody chooses an id.** It is 160 random bits of the operating system's; what a client presents that the store
//!   does not know is never taken for a session, whatever handlers do. The store has only its hash, and so do logs,
//!   lists and `Debug` (a hash of that).
//! - **Login changes it**, [`rotate`](Session::rotate) does, and [time](SessionLayer::renew_every) can. After a login the
//!   old id is dead. The new one is stored before the old one is retired, when the response begins: a handler that
//!   fails, and a client that hangs up until then, leave everything as it was. If the response gets lost on its way, a
//!   session that was renewed by time is still found by its old id; after a login or a rotation one has to log in again.
//! - **Logout ends it** in the store, before [`destroy`](Session::destroy) returns. A slow request that has loaded it
//!   before cannot bring it back: what it saves is an exchange for a version that is gone.
//! - **Nobody's change is lost.** Requests that change one session at the same time make their changes one after the
//!   other, again where another one was faster: different names both win, and [`update`](Session::update)s of one name
//!   add up. After five times in vain the answer is 503.
//! - **It ends** after 30 minutes without activity and after 24 hours, by the store's clock.
//! - **A store that is down is no empty session**: who needs one is answered 503, who does not is served.
//! - **Caches keep nothing of it**: see [below](#caches).
//! - **What is written too late is refused.** When the head of the response is on its way, changes are an error, as
//!   nobody would save them, and so is the first look at the session, as the head did not say that the response is
//!   personal.
//!
//! # Where the id is
//!
//! In the cookie `__Host-id`, with `Secure`, `HttpOnly`, `Path=/` and `SameSite=Lax`, for as long as the browser runs:
//! [`SessionCookie`] changes that, signs it or encrypts it. Over plain HTTP, browsers keep such a cookie for `localhost`
//! at best; [`danger_insecure`](SessionCookie::danger_insecure) is for development elsewhere. In place of the cookie it
//! may be in a [field](SessionLayer::header) of its own, or a [bearer token](SessionLayer::bearer). Only what is chosen
//! is read.
//!
//! # Users and their devices
//!
//! [`login`](Session::login) makes a session a user's: then [`Devices`] lists it, and ends it: one, all, all but this, all
//! of a tenant. [`max_per_user`](SessionLayer::max_per_user) is how many a user may have. [`Binding`] ties a session to
//! the network or the browser that began it.
//!
//! [`RequireSession`] keeps those out who have none, [`CsrfLayer`] those whom another site has sent.
//!
//! # Caches
//!
//! The first look at a session marks the response as one person's ([`Personal`](crate::Personal)): a
//! [response cache](crate::ResponseCacheLayer) of this crate does not store it for others, whether it is inside the
//! sessions or outside. Other caches are told by `Cache-Control: private` and `Vary`, whatever the handler has said, and
//! by `no-store` where the response has an id in it. The cookie alone does not keep a cache inside from answering.
//!
//! With [`identify`](SessionLayer::identify) the layers further in know who comes ([`Principal`](crate::Principal)):
//! limits per user, and pages that are cached for one user each.
//!
//! # Where it is kept
//!
//! In [`MemorySessions`], in 64 MiB of this process: when that is full, anonymous visitors go first, the least recently
//! active of them. Other stores implement [`SessionStore`], and `test_util::sessions` holds them to its rules.
//! [`stateless`] sessions are in the cookie itself: they need no store, and cannot be ended, listed or merged.
//!
//! # What it tells
//!
//! [`SessionLayer::stats`] counts what was created, ended and refused; [`on_event`](SessionLayer::on_event) tells of each.
//! The feature `metrics` has `tower_keep_sessions_created_total`, `tower_keep_sessions_renewed_total`,
//! `tower_keep_sessions_ended_total`, `tower_keep_session_ids_refused_total`, `tower_keep_session_saves_failed_total`,
//! `tower_keep_session_saves_total` and `tower_keep_session_requests_refused_total`.
//!
//! # Sources
//!
//! The OWASP Session Management Cheat Sheet; OWASP ASVS 5.0, chapter 7; draft-ietf-httpbis-rfc6265bis for cookies; RFC 6750
//! for bearer tokens; RFC 9111, section 7.3, for caches.

mod begun;
mod binding;
mod change;
mod commit;
mod core;
mod csrf;
mod devices;
mod error;
mod event;
mod exchange;
#[cfg(feature = "axum")]
mod extract;
mod finish;
mod guard;
mod handle;
mod id;
mod job;
mod layer;
mod record;
mod refusal;
mod renew;
mod require;
mod response;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod sample;
mod service;
mod state;
pub mod stateless;
mod stats;
mod store;
mod sweeper;
mod time;
mod transport;
mod user;
mod values;

#[cfg(feature = "axum")]
pub use self::extract::NoSessionLayer;
pub use self::{
    binding::{Binding, Mismatch},
    csrf::{Csrf, CsrfLayer, CsrfToken, InvalidOrigin},
    devices::Devices,
    error::SessionError,
    event::{Absence, Ending, SessionEvent, SessionEventKind},
    guard::GuardFuture,
    handle::{Named, Session, SessionInfo},
    id::{InvalidHandle, SessionHandle, SessionKey},
    layer::SessionLayer,
    record::{Device, Record},
    refusal::SessionRefusal,
    require::{InvalidRedirect, RequireSession, SessionRequired},
    service::{ResponseFuture, Sessions},
    stats::Stats,
    store::{
        Admission, Created, InvalidCapacity, Loaded, MemorySessions, MemorySessionsStats,
        Population, SessionStore, Swapped, UsersAsked,
    },
    time::Timestamp,
    transport::{InvalidCookie, InvalidKey, Keys, RefusedId, SameSite, SessionCookie},
    user::UserId,
};
pub use crate::{error::StoreError, head::RequestHead, wire::body::ResponseBody};
