//! Sessions.

mod id;
mod record;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod sample;
mod store;
mod time;
mod transport;
mod user;
mod values;

pub use self::{
    id::{InvalidHandle, SessionHandle, SessionKey},
    record::{Device, Record},
    store::{
        Admission, Created, InvalidCapacity, Loaded, MemorySessions, MemorySessionsStats,
        Population, SessionStore, Swapped, UsersAsked,
    },
    time::Timestamp,
    transport::{InvalidCookie, InvalidKey, Keys, RefusedId, SameSite, SessionCookie},
    user::UserId,
};
pub use crate::error::StoreError;
