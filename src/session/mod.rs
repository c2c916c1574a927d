//! Sessions.

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
mod layer;
mod record;
mod refusal;
mod renew;
mod require;
mod response;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod sample;
mod service;
pub mod stateless;
mod stats;
mod store;
mod sweeper;
mod time;
mod transport;
mod user;
mod values;

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
