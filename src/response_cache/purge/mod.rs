//! Invalidating what is stored, by whoever knows that it has changed: [`Purger`].

pub(super) mod apply;
mod by_route;
mod listen;
mod purger;
mod request;

pub use self::{
    by_route::{
        InvalidRule, Invalidate, InvalidateFuture, InvalidateLayer, InvalidateRule, InvalidateStats,
    },
    listen::{Missed, Purged, Purges},
    purger::{Named, Purger, Receipt},
    request::Purge,
};
pub(super) use self::{listen::Announcements, purger::group_of};
