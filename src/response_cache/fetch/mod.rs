//! Asking the inner service, and keeping what it says.

pub(super) mod accept;
pub(super) mod admission;
pub(super) mod collapse;
pub(super) mod exchange;
pub(super) mod fill;
pub(super) mod freshen;
pub(super) mod in_flight;
pub(super) mod invalidate;
pub(super) mod news;
pub(super) mod refresh;
pub(super) mod share;
pub(super) mod uncacheable;
