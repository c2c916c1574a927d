//! Invalidating what is stored, by whoever knows that it has changed: [`Purger`].

pub(super) mod apply;
mod listen;
mod purger;
mod request;

pub(super) use self::{listen::Announcements, purger::group_of};
pub use self::{
    listen::{Missed, Purged, Purges},
    purger::{Named, Purger, Receipt},
    request::Purge,
};
