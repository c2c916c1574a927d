//! Sessions.

mod id;
mod record;
mod response;
mod store;
mod time;
mod transport;
mod user;
mod values;

pub use self::{
    id::{InvalidHandle, SessionHandle, SessionKey},
    record::{Device, Record},
    store::{
        Admission, Created, InvalidCapacity, Loaded, MemorySessions, Population, SessionStore,
        Swapped, UsersAsked,
    },
    time::Timestamp,
    transport::{InvalidCookie, InvalidKey, Keys, RefusedId, SameSite, SessionCookie},
    user::UserId,
};
pub use crate::error::StoreError;
